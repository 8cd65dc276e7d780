//! Under which grant the numbers of a roll were issued, and the grants that have ended since.
//!
//! A grant that is revoked is kept while numbers issued under it may still vote, so that they can
//! be voided by its token.

use std::collections::HashSet;
use std::sync::Arc;

use super::chain::{Kind, Rows};
use super::elections::Elections;
use crate::election::{ElectionId, ElectionState, Grant, GrantId, Role, TokenHash};
use crate::ledger::{ActRefusal, Authorization};

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

/// Who issues numbers: a grant, with its role, or the server itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Issuer {
    pub(super) grant: Option<GrantId>,
    pub(super) role: Option<Role>,
}

impl Issuer {
    /// The kind of entry in which it issues numbers.
    pub(super) fn kind(&self) -> Kind {
        match self.role {
            None | Some(Role::ReturningOfficer) => Kind::IssuedByOfficer,
            Some(_) => Kind::IssuedByLink,
        }
    }
}

impl Elections {
    /// Who acts under this authorization, which is in force.
    pub(super) fn issuer(&self, under: Option<&Authorization>) -> Issuer {
        let grant = under.map(|under| under.grant);
        let held = grant.and_then(|id| self.grants.iter().find(|grant| grant.id == id));
        Issuer { grant, role: held.map(|grant| grant.role.clone()) }
    }

    /// Revokes a grant and those derived from it. Keeps those under which numbers were issued, and
    /// the grants that those were derived from.
    pub(super) fn revoke_grant(&mut self, id: GrantId) {
        let before = self.grants.clone();
        Arc::make_mut(&mut self.grants).revoke(id);
        let in_force: HashSet<_> = self.grants.iter().map(|grant| grant.id).collect();
        let issuers: HashSet<_> = self
            .list
            .iter()
            .flat_map(|election| election.issues.iter().map(|issued| issued.issuer))
            .collect();
        let ended: Vec<_> = before.iter().filter(|it| !in_force.contains(&it.id)).collect();
        let mut kept = HashSet::new();
        for grant in ended.iter().filter(|grant| issuers.contains(&grant.id)) {
            let mut next = Some(grant.id);
            while let Some(grant) = next.and_then(|id| ended.iter().find(|it| it.id == id)) {
                kept.insert(grant.id);
                next = grant.parent;
            }
        }
        if !kept.is_empty() {
            let kept = ended.into_iter().filter(|grant| kept.contains(&grant.id)).cloned();
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
        let unknown = || ActRefusal::UnknownLink(election.clone());
        let in_force = self.grants.find(token);
        let of_it = |grant: &&Grant| grant.role.election().is_none_or(|it| it == election);
        let ended = || self.ended.iter().find(|grant| grant.token == *token);
        let root = in_force.or_else(ended).filter(of_it).ok_or_else(unknown)?;
        if in_force.is_some() && root.role == Role::ReturningOfficer {
            return Err(ActRefusal::OfficersLink);
        }
        let all: Vec<_> = self.grants.iter().chain(self.ended.iter()).collect();
        let mut lineage = HashSet::from([root.id]);
        let mut parents = vec![root.id];
        while let Some(parent) = parents.pop() {
            let children = all.iter().filter(|grant| grant.parent == Some(parent));
            parents.extend(children.map(|grant| grant.id).filter(|id| lineage.insert(*id)));
        }
        Ok((root.id, lineage))
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
