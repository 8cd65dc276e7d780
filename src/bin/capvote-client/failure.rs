//! Why a command did not do what it was asked.

use std::error::Error;
use std::io;
use std::process::ExitCode;

use capvote::client;
use capvote::command_line::{self, Exit};

/// A failed command. The text says what happened, what was not lost, and what to try.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something could not be reached, read or written.
    Fault(String),
    /// The server could not do what it was asked, and says why.
    Remote(String),
    /// What was asked for makes no sense.
    Usage(String),
    /// The server refused.
    Refused(String),
    /// The same, where a document has told of it.
    Told(String, Exit),
    /// Whoever reads the output has gone: there is nobody left to tell.
    Unread,
}

impl Failure {
    /// The same, where what makes no sense is `what`.
    pub(crate) fn about(self, what: &str) -> Self {
        match self {
            Self::Usage(why) => Self::Usage(format!("{what}: {why}")),
            other => other,
        }
    }

    /// Says why on stderr, and with `json` as a document too, and returns the code to exit with.
    pub(crate) fn end(self, program: &str, json: bool) -> ExitCode {
        let (why, exit) = match self {
            Self::Fault(why) | Self::Remote(why) => (why, Exit::Fault),
            Self::Usage(why) => (why, Exit::Usage),
            Self::Refused(why) => (why, Exit::Refused),
            Self::Told(why, exit) => return command_line::end(program, why, exit),
            Self::Unread => return Exit::Fault.into(),
        };
        command_line::end_in_json(program, why, exit, json)
    }
}

impl From<client::Error> for Failure {
    fn from(error: client::Error) -> Self {
        if let client::Error::Unimplemented(_) = error {
            let why = "this link does not give the authority for that, and nothing was changed; give --link one \
                       that does, such as the server's officer.link";
            return Self::Refused(why.into());
        }
        if let client::Error::Remote(why) | client::Error::Overloaded(why) = error {
            return Self::Remote(why);
        }
        let hint = match error {
            client::Error::Unreachable { .. } => {
                "; nothing was sent. Is the server running, and is --link right?"
            }
            client::Error::Disconnected | client::Error::NoAnswer(_) => {
                ", so it is not known whether it did what it was asked; look with info or check, and try again"
            }
            _ => "",
        };
        Self::Fault(sentence(error) + hint)
    }
}

/// An error and what lies behind it, in one sentence.
pub(crate) fn sentence(error: client::Error) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// A failure to print.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Unread,
            _ => Self::Fault(format!("cannot print: {error}")),
        }
    }
}
