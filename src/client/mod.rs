//! The client: connecting, and the capabilities a client implements.
//!
//! Everything here runs on one thread, in a [`tokio::task::LocalSet`] or a
//! [`LocalRuntime`](tokio::runtime::LocalRuntime).

mod connection;
mod election;
mod error;
mod file;
mod line_counter;
mod message_sink;

pub use connection::{ANSWER_WAIT_MAX, Client};
pub use election::{Ballot, Election, Info, RecordedVote, Results, VoteOutcome};
pub use error::Error;
pub use file::READ_BYTES_MAX;
pub use line_counter::{LineCounter, LineResult};
