//! Under which links numbers are issued, and links that have ended since.
//!
//! A grant that is revoked is kept while numbers issued under it may still vote, so that they can
//! be voided by its token.

use std::collections::HashSet;

use super::{ActRefusal, Authorization};
use crate::election::{ElectionId, Grant, GrantId, Grants, Role, TokenHash};

/// Who issues numbers: a grant, with its role, or the server itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Issuer {
    pub(super) grant: Option<GrantId>,
    pub(super) role: Option<Role>,
}

impl Issuer {
    /// Who acts under this authorization, which is in force.
    pub(super) fn of(grants: &Grants, under: Option<&Authorization>) -> Self {
        let grant = under.map(|under| under.grant);
        let held = grant.and_then(|id| grants.iter().find(|grant| grant.id == id));
        Self { grant, role: held.map(|grant| grant.role.clone()) }
    }

    /// Whether numbers that it issues count as issued by a link of the election.
    pub(super) fn is_link(&self) -> bool {
        !matches!(self.role, None | Some(Role::ReturningOfficer))
    }
}

/// Of the grants in force `before` and not `after`, those that are kept: those under which numbers
/// were issued, and the grants that these were derived from.
pub(super) fn kept(before: &Grants, after: &Grants, issuers: &HashSet<GrantId>) -> Vec<Grant> {
    let in_force: HashSet<_> = after.iter().map(|grant| grant.id).collect();
    let ended: Vec<_> = before.iter().filter(|it| !in_force.contains(&it.id)).collect();
    let mut kept = HashSet::new();
    for grant in ended.iter().filter(|grant| issuers.contains(&grant.id)) {
        let mut next = Some(grant.id);
        while let Some(grant) = next.and_then(|id| ended.iter().find(|it| it.id == id)) {
            kept.insert(grant.id);
            next = grant.parent;
        }
    }
    ended.into_iter().filter(|grant| kept.contains(&grant.id)).cloned().collect()
}

/// The grant with this token, in force or ended, if numbers of the election can be voided by it;
/// and the set of it and those derived from it.
pub(super) fn link(
    grants: &Grants,
    ended: &[Grant],
    election: &ElectionId,
    token: &TokenHash,
) -> Result<(GrantId, HashSet<GrantId>), ActRefusal> {
    let unknown = || ActRefusal::UnknownLink(election.clone());
    let in_force = grants.find(token);
    let of_it = |grant: &&Grant| grant.role.election().is_none_or(|it| it == election);
    let has_ended = || ended.iter().find(|grant| grant.token == *token);
    let root = in_force.or_else(has_ended).filter(of_it).ok_or_else(unknown)?;
    if in_force.is_some() && root.role == Role::ReturningOfficer {
        return Err(ActRefusal::OfficersLink);
    }
    let all: Vec<_> = grants.iter().chain(ended).collect();
    let mut lineage = HashSet::from([root.id]);
    let mut parents = vec![root.id];
    while let Some(parent) = parents.pop() {
        let children = all.iter().filter(|grant| grant.parent == Some(parent));
        parents.extend(children.map(|grant| grant.id).filter(|id| lineage.insert(*id)));
    }
    Ok((root.id, lineage))
}
