//! Acts: the changes that officers make, and the authorization for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::election::{Definition, ElectionId, Grant, GrantId, Grants, VoterNumber};

/// A change to an election, or to the grants.
#[derive(Debug, Clone)]
pub enum Act {
    /// Create an election: a draft with an empty roll.
    Create(Arc<Definition>),
    /// Add voter numbers to the roll of an election. The ledger notes the grant of the
    /// authorization with them.
    Issue(ElectionId, Vec<VoterNumber>),
    /// Take voter numbers off the roll of a draft.
    Revoke(ElectionId, Vec<VoterNumber>),
    /// Open an election.
    Open(ElectionId),
    /// Close an election for good, and separate its ballots from the voter numbers.
    Close(ElectionId),
    /// Let an election take votes again after it was restored from a backup.
    Confirm(ElectionId),
    /// Put a grant in force.
    Grant(Grant),
    /// Put a returning officer's grant in force; refused if there is one already.
    GrantFirst(Grant),
    /// Spend the token of a grant that it opens once; refused if it is spent.
    SpendToken(GrantId),
    /// Revoke a grant and every grant derived from it.
    RevokeGrant(GrantId),
}

/// What acts are authorized by.
#[derive(Debug, Clone)]
pub struct Authorization {
    /// The grant of the restored capability.
    pub grant: GrantId,
    /// The flags of the capabilities reached through it, down to the one in use. Each is set when
    /// its capability is revoked.
    pub revoked: Vec<Arc<AtomicBool>>,
}

impl Authorization {
    /// Whether its grant is among `grants`, and none of its capabilities is revoked.
    pub fn is_in_force(&self, grants: &Grants) -> bool {
        grants.holds(self.grant) && !self.revoked.iter().any(|it| it.load(Ordering::Acquire))
    }
}
