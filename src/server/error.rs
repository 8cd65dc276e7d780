//! Why a server does not start, or stops by itself.

use std::io;
use std::path::PathBuf;

use super::Public;
use crate::election::{ElectionId, InvalidDefinition};
use crate::ledger::{LedgerError, OpenError};
use crate::net::link::Link;
use crate::net::loopback::LoopbackAddress;

/// Why a server does not start. The text includes the cause, which is therefore not a
/// [`source`](std::error::Error::source).
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The ledger cannot be opened.
    #[error(transparent)]
    Ledger(#[from] OpenError),
    /// The ledger did not store the election or the returning officer's grant. After
    /// [`LedgerError::Unknown`] it may have them nevertheless; the next start uses what it finds.
    #[error(transparent)]
    Setup(#[from] LedgerError),
    /// An address cannot be listened on.
    #[error("cannot listen on {link:?}: {why}; nothing was started")]
    Listen {
        /// The address.
        link: Box<Link>,
        /// Why not.
        why: io::Error,
    },
    /// The address for metrics cannot be listened on.
    #[error("cannot serve metrics on {address}: {why}; nothing was started")]
    Metrics {
        /// The address.
        address: LoopbackAddress,
        /// Why not.
        why: io::Error,
    },
    /// The data directory is on a network file system.
    #[error(
        "{} is on a network file system ({kind}), which may lose votes that were reported as \
         recorded; choose a directory on a disk of this machine",
        .data.display()
    )]
    NetworkFileSystem {
        /// The data directory.
        data: PathBuf,
        /// Which file system.
        kind: &'static str,
    },
    /// A file with voter numbers or with a link is about something that is not in the ledger.
    #[error(
        "{} is of {what} that is not in this ledger, and is not overwritten; move it away, or bring \
         back its ledger",
        .path.display()
    )]
    UnknownFile {
        /// The file.
        path: PathBuf,
        /// What it is of.
        what: &'static str,
    },
    /// An address without encryption is reachable from other machines.
    #[error(
        "{0:?} would carry votes and links in the clear to where others can read them; listen with \
         capvotes:// or https://, or on a loopback address"
    )]
    Unencrypted(Box<Link>),
    /// There is a public address, and no listener that it could stand for.
    #[error("there is no {} listener that {} could be the address of", .0.listeners(), .0.at())]
    NothingPublic(Public),
    /// A certificate or its key cannot be read, created or used.
    #[error("cannot use the certificate or the key in {}: {why}", .path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The ledger has elections, but not the configured one.
    #[error(
        "{} holds election {found} already, and that is not an election {asked} with the \
         candidates and the number of voters that were asked for",
        .data.display()
    )]
    OtherElection {
        /// The data directory.
        data: PathBuf,
        /// The first election in it.
        found: ElectionId,
        /// The configured election.
        asked: ElectionId,
    },
    /// The configured election is not fit to be created.
    #[error("{0}; nothing was created")]
    Definition(#[from] InvalidDefinition),
    /// The file for the voter numbers cannot be written.
    #[error("cannot write the voter numbers to {}: {why}", .path.display())]
    Numbers {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: io::Error,
    },
    /// A file of a setup cannot get its name or, if another server was first, be removed.
    #[error("cannot rename or remove {}: {why}", .path.display())]
    Secrets {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: io::Error,
    },
    /// The returning officer's link cannot be read or written.
    #[error("cannot read or write the returning officer's link {}: {why}", .path.display())]
    OfficerLink {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: io::Error,
    },
    /// The file has a returning officer's link that works.
    #[error("{} opens the returning officer's authority already", .0.display())]
    OfficerLinkKept(PathBuf),
    /// Others than the owner of a file or directory can read or write it.
    #[error(
        "{} has mode {mode:o}, so others than its owner can use what is in it; if nobody did, say: \
         chmod {should_be} {}",
        .path.display(),
        .path.display()
    )]
    OpenToOthers {
        /// The file or directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// The mode that it should have, in octal.
        should_be: &'static str,
    },
    /// The permissions of a file or directory cannot be read or changed.
    #[error("cannot use {}: {why}", .path.display())]
    Permissions {
        /// The file or directory.
        path: PathBuf,
        /// Why not.
        why: io::Error,
    },
    /// The system has no random numbers, or cannot start a thread.
    #[error("cannot start: {0}")]
    Resources(io::Error),
}

/// Which part of a running server failed. The log has the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The ledger. It is not certain what its last write has stored, or its thread failed and some
    /// votes were not answered. Acknowledged votes are stored: start another server, which finds
    /// out.
    #[error("the ledger failed")]
    Ledger,
    /// The thread of a shard. Its connections ended.
    #[error("a shard's thread failed")]
    Shard,
}

impl From<getrandom::Error> for StartError {
    fn from(error: getrandom::Error) -> Self {
        Self::Resources(io::Error::other(error))
    }
}
