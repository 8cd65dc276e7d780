//! The pages in a real browser: pictures of them for the documentation, and how long a voter on a
//! slow telephone waits for a ballot.

mod palette;
mod pictures;
mod screen;
mod speed;
mod stage;

pub use pictures::Arguments as PicturesArguments;
pub use speed::Arguments as SpeedArguments;

use anyhow::Context;

use crate::browser::{Browser, programs};

/// A browser without anything of before.
async fn browser() -> anyhow::Result<Browser> {
    let programs = programs().context("chromium and chromedriver are not installed")?;
    Browser::start(&programs, &[]).await
}
