//! Elections at several servers of one ledger, while something of it is killed: each vote that was
//! answered `recorded` is counted exactly once, and all servers say the same.

mod nodes;
mod running;
mod term;
mod voters;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use capvote::client::Info;
use capvote::net::link::Link;

pub use self::running::{Killed, Programs, Running};
pub use self::term::Term;

/// Several servers of one ledger.
pub trait Cluster {
    /// Where voters reach it: each begins at one of these.
    fn links(&self) -> Vec<Link>;

    /// The returning officer's link, at each of its servers.
    ///
    /// # Errors
    /// If there is none.
    fn officers_links(&self) -> anyhow::Result<Vec<Link>>;

    /// What a voter who begins at one of the links knows of the others.
    fn complete(&self, info: Info) -> Info {
        info
    }
}

/// Totals over all rounds.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Votes that were answered `recorded`.
    pub acknowledged: usize,
    uncertain: usize,
    uncertain_counted: usize,
    /// Those of the acknowledged that are on no tally sheet.
    pub lost: usize,
    /// Numbers of which both votes were recorded, and ballots on a sheet that nobody has cast.
    pub twice: usize,
    /// For each kind of fault, the longest times without an answer.
    pub silences: BTreeMap<String, Vec<Duration>>,
}

impl Figures {
    /// How many rounds there were.
    pub fn rounds(&self) -> usize {
        self.silences.values().map(Vec::len).sum()
    }

    /// Whether every vote is counted exactly once.
    pub fn hold(&self) -> bool {
        self.lost == 0 && self.twice == 0
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rounds, {} votes acknowledged, ", self.rounds(), self.acknowledged)?;
        write!(f, "{} uncertain ({} counted), ", self.uncertain, self.uncertain_counted)?;
        write!(f, "lost {}, counted twice {}; longest silence", self.lost, self.twice)?;
        for (kind, silences) in &self.silences {
            let mut silences = silences.clone();
            silences.sort_unstable();
            if let (Some(longest), Some(median)) =
                (silences.last(), silences.get(silences.len() / 2))
            {
                write!(f, ", {kind} {longest:.2?} (median {median:.2?})")?;
            }
        }
        Ok(())
    }
}
