//! Moving a ledger from a data directory (SQLite) into a database (PostgreSQL), and back.
//!
//! A ledger moves as its `Past` and a stream of `Step`s, in an order in which all of it could
//! have happened. Either store reads itself as steps, and is made of steps: what is in memory at a
//! time are the rolls and some thousand ballots.
//!
//! **The two never both serve.** Everything is copied, and read back, before anything is changed in
//! the source. Then the source is marked as moved, durably, and only then does the target come to
//! be, in one step: a commit of the database, or a file that gets its name. Between the two neither
//! serves. Whoever repeats the move then finishes it, as the mark names the target: to another one
//! nothing is moved. Whoever moves the other way takes it back.
//!
//! **The ballots that can be opened are opened, and sealed again with a new key.** So the old key,
//! which is destroyed once the target is there, and whatever somebody has kept of it, opens nothing
//! of what is voted later. Sealed ballots of closed elections, which nobody can open, stay as they
//! are: they say who voted. The hash chains begin anew, and tell the heads that were.

mod to_database;
mod to_directory;

use std::sync::Arc;

pub use self::to_database::to_database;
pub use self::to_directory::to_directory;
use super::run::Run;
use super::{OpenError, Snapshot};
use crate::election::{
    Definition, ElectionId, ElectionState, Grant, GrantId, LedgerId, Standing, Timestamp,
    VoterNumber,
};

/// Ballots, or lines of a sheet, in one step at most.
pub(super) const STEP_ROWS_MAX: usize = 4_096;

/// What was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The ledger: the same as before.
    pub ledger: LedgerId,
    /// The elections, oldest first. None if an earlier try had moved them, and the rest was done.
    pub elections: Vec<MovedElection>,
    /// The servers of the database, besides the one with this data directory, that have not said
    /// that they destroyed their halves of keys. With one of those and the old database, what was
    /// voted before the move can be opened.
    pub holders: u64,
    /// Whether the ledger had left the directory, and did not reach the database: it is in the
    /// directory as it was.
    pub is_taken_back: bool,
}

/// An election that was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedElection {
    /// Its id.
    pub id: ElectionId,
    /// Its state.
    pub state: ElectionState,
    /// How many ballots it has.
    pub ballots: u64,
    /// The head of its hash chain, as `check` told it before.
    pub before: [u8; 32],
    /// As it tells it now.
    pub after: [u8; 32],
}

/// What a target is told of a ledger before the steps.
#[derive(Debug, Clone)]
pub(super) struct Past {
    pub(super) ledger: LedgerId,
    pub(super) origins: Origins,
    /// The elections, oldest first.
    pub(super) elections: Vec<PastElection>,
    /// The grants in force, each after its parent.
    pub(super) grants: Vec<Grant>,
    /// Those that have ended, and under which numbers were issued that may vote.
    pub(super) ended: Vec<Grant>,
}

/// An election of the past.
#[derive(Debug, Clone)]
pub(super) struct PastElection {
    pub(super) is_closed: bool,
    /// How many ballots it has.
    pub(super) ballots: u64,
}

/// What a ledger tells of where it was before: the target's chain has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Origins {
    /// The epochs of the ledger in a data directory.
    pub(super) epochs: Vec<PastEpoch>,
    /// For each election, its head there, and in which epoch it was restored.
    pub(super) elections: Vec<ElectionOrigin>,
}

/// An epoch: its number, when it began, and when the backup was taken that it began with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PastEpoch {
    pub(super) epoch: u64,
    pub(super) begun: Timestamp,
    pub(super) taken: Option<Timestamp>,
}

/// Where an election was before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ElectionOrigin {
    pub(super) id: ElectionId,
    pub(super) head: [u8; 32],
    pub(super) restored: Option<u64>,
}

impl Origins {
    /// Where an election was before, if it was not created since.
    pub(super) fn find(&self, id: &ElectionId) -> Option<&ElectionOrigin> {
        self.elections.iter().find(|origin| origin.id == *id)
    }
}

/// A ballot under its number: opened, followed by its nonce, or as it is stored, if its election is
/// closed.
pub(super) type NumberedBallot = (VoterNumber, Vec<u8>);

/// Something that happened. Elections are named by their places, from 0.
#[derive(Debug)]
pub(super) enum Step {
    Created(Arc<Definition>),
    Issued {
        election: usize,
        numbers: Run,
        issuer: Option<GrantId>,
        /// Whether the issuer was a link of the election.
        by_link: bool,
    },
    Revoked(usize, Run),
    /// Whether the numbers had been issued while the election was open.
    Voided(usize, Run, bool),
    Opened(usize),
    /// Those of an election are in the order in which a live count has them.
    Ballots(usize, Vec<NumberedBallot>),
    /// Lines of the sheet of an election that is about to be closed, one after the other.
    Lines(usize, Vec<u8>),
    Closed(usize),
}

/// A ledger that is read.
pub(super) trait Source {
    async fn next(&mut self) -> Result<Option<Step>, OpenError>;
}

/// A ledger that is made.
pub(super) trait Target {
    async fn take(&mut self, step: Step) -> Result<(), OpenError>;
}

/// Takes every step.
pub(super) async fn pour(from: &mut impl Source, into: &mut impl Target) -> Result<(), OpenError> {
    while let Some(step) = from.next().await? {
        into.take(step).await?;
    }
    Ok(())
}

/// Compares what is shown of the target with what was shown of the source. The counts of open
/// elections are compared only where the ballots have one order in both: see
/// [`Standing::of_tallies`].
pub(super) fn check_same(
    before: &Snapshot,
    after: &Snapshot,
    has_one_order: impl Fn(&Standing) -> bool,
) -> Result<(), OpenError> {
    let same = |before: &Standing, after: &Standing| {
        let facts = |it: &Standing| {
            let (definition, origin) = (it.definition.clone(), it.origin);
            let numbers = (it.voters, it.added_while_open, it.ballots);
            (definition, it.state, numbers, origin.ledger, origin.restored, it.count().cloned())
        };
        let same_votes = || before.clone().with_origin(after.origin) == *after;
        facts(before) == facts(after) && (!has_one_order(before) || same_votes())
    };
    let pairs = before.elections.iter().zip(&after.elections);
    let differing = pairs.filter(|(before, after)| !same(before, after)).map(|(it, _)| it);
    let differing = differing.map(|it| it.definition.id.as_str()).next();
    if before.elections.len() == after.elections.len()
        && differing.is_none()
        && before.grants == after.grants
    {
        return Ok(());
    }
    let what =
        differing.map_or_else(|| "the list of elections".into(), |id| format!("election {id}"));
    Err(OpenError::NotMoved(format!("what was copied of {what} is not what was there")))
}

/// The elections that were moved.
pub(super) fn moved(
    after: &Snapshot,
    origins: &Origins,
    heads: Vec<[u8; 32]>,
) -> Vec<MovedElection> {
    let election = |(standing, head): (&Arc<Standing>, [u8; 32])| {
        let id = standing.definition.id.clone();
        let before = origins.find(&id).map_or([0; 32], |origin| origin.head);
        let (state, ballots) = (standing.state, standing.ballots);
        MovedElection { id, state, ballots, before, after: head }
    };
    after.elections.iter().zip(heads).map(election).collect()
}
