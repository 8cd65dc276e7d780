//! The pages in a real browser: pictures of them for the documentation, how long a voter on a slow
//! telephone waits for a ballot, and votes while the server is killed.

mod kills;
mod palette;
mod pictures;
mod screen;
mod speed;
mod stage;

pub use kills::Arguments as KillsArguments;
pub use pictures::Arguments as PicturesArguments;
pub use speed::Arguments as SpeedArguments;

use anyhow::Context;

use crate::browser::{Browser, Kind, programs};

/// A browser without anything of before.
async fn browser(kind: Kind) -> anyhow::Result<Browser> {
    let missing = || format!("{kind:?} and its driver are not both installed");
    let programs = programs(kind).with_context(missing)?;
    Browser::start(&programs, &[]).await
}
