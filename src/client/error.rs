//! What can go wrong between a client and a server.

use std::io;
use std::time::Duration;

use crate::net::fault;
use crate::net::link::Link;

/// A fault. A vote that the server refuses is none: that is a [`VoteOutcome`](super::VoteOutcome).
///
/// What lies behind a fault is its [`source`](std::error::Error::source), and not part of its text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no connection to be had.
    #[error("cannot reach {link:?}")]
    Unreachable {
        /// Where the server was looked for.
        link: Box<Link>,
        /// Why it was not reached.
        source: io::Error,
    },
    /// The connection broke. Whether the server did what it was asked is not known.
    #[error("the connection to the server was lost")]
    Disconnected,
    /// The server did not answer. Whether it did what it was asked is not known.
    #[error("the server did not answer within {} seconds", .0.as_secs())]
    NoAnswer(Duration),
    /// The server could not do what it was asked, and says why. Where it does not know whether it did, it says so:
    /// then, and wherever the text leaves it open, that is not known here either.
    #[error("{0}")]
    Remote(String),
    /// The server has enough to do for this connection, this address or altogether, or is stopping, and says so. It did not
    /// begin what it was asked, or did not go on with a count of lines. Ask again later, over a new connection.
    #[error("{0}")]
    Overloaded(String),
    /// An answer to a vote was lost, and no later try found out what it was: the last ended with the source of
    /// this. Send the same vote again, with the same nonce: that counts once. From [`cast`](super::cast).
    #[error("it is not known whether the vote was recorded")]
    Uncertain(#[source] Box<Error>),
    /// The capability does not have the method: it is one of another role, or the server an older one.
    #[error("the server does not offer this: {0}")]
    Unimplemented(String),
    /// The server answered something that makes no sense. Whether it did what it was asked is not known.
    #[error("this is not what a capvote server says: {0}")]
    Protocol(String),
    /// The machine has no more threads.
    #[error("cannot start to read the file")]
    NoThread(#[source] io::Error),
    /// The callback returned an error.
    #[error("{0}")]
    Callback(String),
    /// The operating system gives no random numbers.
    #[error("the operating system gives no random numbers")]
    Random(#[from] getrandom::Error),
}

impl From<capnp::Error> for Error {
    fn from(error: capnp::Error) -> Self {
        match error.kind {
            // A server that closes a connection says so with an exception of its own.
            capnp::ErrorKind::Disconnected => Self::Disconnected,
            capnp::ErrorKind::Unimplemented => {
                Self::Unimplemented(fault::reason(&error).to_string())
            }
            capnp::ErrorKind::Overloaded => Self::Overloaded(fault::reason(&error).to_string()),
            _ if fault::is_remote(&error) => Self::Remote(fault::reason(&error).to_string()),
            _ => Self::Protocol(fault::reason(&error).to_string()),
        }
    }
}

impl From<capnp::NotInSchema> for Error {
    fn from(error: capnp::NotInSchema) -> Self {
        Self::Protocol(format!("it uses a value that this client does not know ({error})"))
    }
}

impl From<std::str::Utf8Error> for Error {
    fn from(error: std::str::Utf8Error) -> Self {
        Self::Protocol(format!("a text is not UTF-8 ({error})"))
    }
}
