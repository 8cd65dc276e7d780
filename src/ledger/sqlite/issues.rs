//! Under which grant the numbers of a roll were issued, and the grants that have ended since.

use std::collections::HashSet;
use std::sync::Arc;

use super::chain::{Kind, Rows};
use super::elections::Elections;
use crate::election::{ElectionId, ElectionState, Grant, GrantId, TokenHash};
pub(super) use crate::ledger::links::Issuer;
use crate::ledger::{ActRefusal, Authorization, links};

/// Numbers that were issued in one act.
#[derive(Debug, Clone, Copy)]
pub(super) struct IssuedRows {
    /// The grant that they were issued under, if any.
    pub(super) issuer: GrantId,
    /// Whether the election was open.
    pub(super) added: bool,
    /// Their rows in the table of the roll.
    pub(super) rows: Rows,
}

impl IssuedRows {
    /// The rows that someone issued, unless there are none or it was the server.
    pub(super) fn of(issuer: &Issuer, added: bool, rows: Option<Rows>) -> Option<Self> {
        Some(Self { issuer: issuer.grant?, added, rows: rows? })
    }
}

impl Issuer {
    /// The kind of entry in which it issues numbers.
    pub(super) fn kind(&self) -> Kind {
        if self.is_link() { Kind::IssuedByLink } else { Kind::IssuedByOfficer }
    }
}

impl Elections {
    /// Who acts under this authorization, which is in force.
    pub(super) fn issuer(&self, under: Option<&Authorization>) -> Issuer {
        Issuer::of(&self.grants, under)
    }

    /// Revokes a grant and those derived from it. Keeps those under which numbers were issued, and
    /// the grants that those were derived from.
    pub(super) fn revoke_grant(&mut self, id: GrantId) {
        let before = self.grants.clone();
        Arc::make_mut(&mut self.grants).revoke(id);
        let issued = self.list.iter().flat_map(|election| &election.issues);
        let issuers = issued.map(|issued| issued.issuer).collect();
        let kept = links::kept(&before, &self.grants, &issuers);
        if !kept.is_empty() {
            Arc::make_mut(&mut self.ended).extend(kept);
        }
    }

    /// Forgets the ended grants of an election that is closed.
    pub(super) fn forget_ended(&mut self, election: &ElectionId) {
        let of_it = |grant: &Grant| grant.role.election() == Some(election);
        if self.ended.iter().any(of_it) {
            Arc::make_mut(&mut self.ended).retain(|grant| !of_it(grant));
        }
    }

    /// The grant with this token, in force or ended, if numbers of the election can be voided by
    /// it; and the set of it and those derived from it.
    pub(super) fn link(
        &self,
        election: &ElectionId,
        token: &TokenHash,
    ) -> Result<(GrantId, HashSet<GrantId>), ActRefusal> {
        links::link(&self.grants, &self.ended, election, token)
    }

    /// How many numbers the rolls of all elections have that are not closed.
    pub(super) fn numbers(&self) -> usize {
        self.list.iter().map(|election| election.ballot_box.roll_numbers()).sum()
    }

    /// Merges the runs of one roll a little. Returns whether there is more to merge.
    pub(super) fn settle_step(&mut self) -> bool {
        let Some(&index) = self.unsettled.last() else { return false };
        let more = self.list.get_mut(index).is_some_and(|it| it.ballot_box.settle_step());
        if !more {
            self.unsettled.pop();
        }
        !self.unsettled.is_empty()
    }

    /// The rows of the numbers of an election that were issued under these grants.
    pub(super) fn issued_under(&self, index: usize, grants: &HashSet<GrantId>) -> Vec<IssuedRows> {
        let Some(election) = self.list.get(index) else { return Vec::new() };
        if election.ballot_box.state() == ElectionState::Closed {
            return Vec::new();
        }
        election.issues.iter().filter(|it| grants.contains(&it.issuer)).copied().collect()
    }
}
