//! What can go wrong between a client and a server.

use std::io;
use std::time::Duration;

use crate::net::fault;
use crate::net::link::Link;

/// A fault. A vote that the server refuses is not one: that is a
/// [`VoteOutcome`](super::VoteOutcome).
///
/// The text does not include the [`source`](std::error::Error::source).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Connecting failed.
    #[error("cannot reach {link:?}")]
    Unreachable {
        /// The server's link.
        link: Box<Link>,
        /// Why.
        source: io::Error,
    },
    /// The connection was lost. It is not known whether the request was carried out.
    #[error("the connection to the server was lost")]
    Disconnected,
    /// The server did not answer in time. It is not known whether the request was carried out.
    #[error("the server did not answer within {} seconds", .0.as_secs())]
    NoAnswer(Duration),
    /// The server could not carry out the request, for this reason. Unless the text says that
    /// nothing was done, it is not known whether the request was carried out.
    #[error("{0}")]
    Remote(String),
    /// The server is stopping, or too busy: with this connection, with this address, or altogether.
    /// It did not begin the request, or ended a count of lines. Try again later, over a new
    /// connection.
    #[error("{0}")]
    Overloaded(String),
    /// The answer to a vote was lost, and no retry revealed the outcome. The source is the error of
    /// the last try. Send the same vote again, with the same nonce: it counts once. From
    /// [`cast`](super::cast).
    #[error("it is not known whether the vote was recorded")]
    Uncertain(#[source] Box<Error>),
    /// The capability does not have the method: its role is another, or the server is older.
    #[error("the server does not offer this: {0}")]
    Unimplemented(String),
    /// The server's answer is malformed. It is not known whether the request was carried out.
    #[error("this is not what a capvote server says: {0}")]
    Protocol(String),
    /// The thread that reads the file cannot be started.
    #[error("cannot start to read the file")]
    NoThread(#[source] io::Error),
    /// The callback returned an error.
    #[error("{0}")]
    Callback(String),
    /// The operating system has no random bytes.
    #[error("the operating system gives no random numbers")]
    Random(#[from] getrandom::Error),
}

impl From<capnp::Error> for Error {
    fn from(error: capnp::Error) -> Self {
        match error.kind {
            // A server that closes the connection sends an exception of this kind, too.
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
