//! What officers ask a ledger to change, and under which authorization.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::election::{Definition, ElectionId, Grant, GrantId, Grants, VoterNumber};

/// A change of an election, or of who may change it.
#[derive(Debug, Clone)]
pub enum Act {
    /// Create an election: a draft with an empty roll.
    Create(Arc<Definition>),
    /// Add voter numbers to the roll of an election.
    Issue(ElectionId, Vec<VoterNumber>),
    /// Take voter numbers off the roll of a draft.
    Revoke(ElectionId, Vec<VoterNumber>),
    /// Begin the voting.
    Open(ElectionId),
    /// End the voting for good, and separate the ballots from the voter numbers.
    Close(ElectionId),
    /// Put a grant in force.
    Grant(Grant),
    /// Put the first returning officer's grant in force; refused if there is one.
    GrantFirst(Grant),
    /// End a grant, and every grant made from it.
    RevokeGrant(GrantId),
}

/// The authority under which acts are made.
#[derive(Debug, Clone)]
pub struct Authorization {
    /// The grant it comes from.
    pub grant: GrantId,
    /// Set when a capability between that grant and the one in use is revoked.
    pub revoked: Vec<Arc<AtomicBool>>,
}

impl Authorization {
    /// Whether it is in force, given the grants in force.
    pub fn is_in_force(&self, grants: &Grants) -> bool {
        grants.holds(self.grant) && !self.revoked.iter().any(|it| it.load(Ordering::Acquire))
    }
}
