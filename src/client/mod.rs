//! The client: connecting, and the capabilities a client implements.
//!
//! Everything here runs on one thread, in a [`LocalSet`](tokio::task::LocalSet) or a
//! [`LocalRuntime`](tokio::runtime::LocalRuntime), such as that of
//! `#[tokio::main(flavor = "local")]`. **Elsewhere, as under a plain `#[tokio::main]`, connecting
//! panics.**
//!
//! A client and a server in one program:
//!
//! ```
//! use capvote::client::Client;
//! use capvote::server::{Config, Server};
//! use tokio::sync::oneshot;
//!
//! #[tokio::main(flavor = "local")]
//! async fn main() -> anyhow::Result<()> {
//!     let data = tempfile::tempdir()?;
//!     let listen = vec!["capvote://127.0.0.1:0".parse()?];
//!     let config = Config { listen, ..Config::new(data.path()) };
//!     let server = Server::start(config).await?;
//!     let link = server.links().next().expect("it listens at one address").clone();
//!     let (stop, stopped) = oneshot::channel();
//!     let serving = tokio::task::spawn_local(server.run(async move { _ = stopped.await }));
//!
//!     let client = Client::connect(&link).await?;
//!     let mut words = 0;
//!     let file = std::io::Cursor::new("to vote\nor not to vote\n");
//!     let counter = client.line_counter();
//!     let lines = counter.count_lines(file, |line| {
//!         let parts = line.split(|byte| byte.is_ascii_whitespace());
//!         words += parts.filter(|part| !part.is_empty()).count();
//!     });
//!     assert_eq!((lines.await?, words), (2, 6));
//!
//!     drop((client, counter));
//!     _ = stop.send(());
//!     serving.await??;
//!     Ok(())
//! }
//! ```

#![warn(missing_debug_implementations)]

mod callback;
mod cast;
mod connection;
mod election;
mod error;
mod file;
mod line_check;
mod line_counter;
mod message_sink;
mod observer;
mod officer;
mod servers;
mod silence;
mod solve;
mod vote;

pub use callback::CallbackResult;
pub use cast::{CastOutcome, RETRY_WAIT_MAX, cast, cast_at};
pub use connection::{ANSWER_WAIT_MAX, Client, UNANSWERED_VOTES_MAX};
pub use election::{Election, WATCH_WAIT_MAX};
pub use error::Error;
pub use file::READ_BYTES_MAX;
pub use line_counter::LineCounter;
pub use officer::{
    ActOutcome, Administration, Auditor, CountedBallot, LedgerReport, Registrar, Restored,
    ReturningOfficer,
};
pub use servers::Servers;
pub use solve::PUZZLE_BITS_MAX;
pub use vote::{Ballot, Marks, RecordedVote, VoteOutcome};

pub use crate::schema::count::Counted;
pub use crate::schema::election::{Info, Results};

/// `Debug` with the name alone, for types that hold capabilities.
macro_rules! debug_by_name {
    ($($name:ident),+) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )+};
}

debug_by_name!(Client, Election, LineCounter);
debug_by_name!(Restored, ReturningOfficer, Administration, Registrar, Auditor);
