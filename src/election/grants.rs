//! Saved capabilities: tokens, grants, and what revoking a grant ends.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::{Choice as ConstantTime, ConstantTimeEq};

use super::ElectionId;

/// The most grants on one server. Finding a token compares its hash with that of every grant.
pub const GRANTS_MAX: usize = 10_000;

/// The most grants derived, directly or not, from a grant for one election. Bounds how many of a
/// server's [`GRANTS_MAX`] the holder of such a link can use up.
pub const DERIVED_GRANTS_MAX: usize = 64;

/// What a grant allows, and in which election.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// May create and administer every election on the server.
    ReturningOfficer,
    /// May open and close one election, and share its registrar and auditor.
    Administration(ElectionId),
    /// May put voter numbers on the roll of one election, and take them off the roll of a draft.
    Registrar(ElectionId),
    /// May read turnout and tally sheet of one election, and check its ledger.
    Auditor(ElectionId),
}

impl Role {
    /// The election that the role is in, unless it is in all of them.
    pub fn election(&self) -> Option<&ElectionId> {
        match self {
            Self::ReturningOfficer => None,
            Self::Administration(id) | Self::Registrar(id) | Self::Auditor(id) => Some(id),
        }
    }
}

/// Identifies a grant. Random, so several servers can draw them without coordination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GrantId(pub u64);

/// The secret in a link that restores a saved capability: 32 random bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; Token::BYTES]);

/// The SHA-256 hash of a token. The token itself is not stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

/// How often a token opens its grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Uses {
    /// As often as it is presented.
    #[default]
    Any,
    /// Once: it is [spent](Grants::spend) by that.
    Once,
    /// Not again. What it opened stays in force.
    Spent,
}

/// One saved capability.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// The grant it was derived from, and is revoked with.
    pub parent: Option<GrantId>,
    /// What it allows.
    pub role: Role,
    /// The hash of its token.
    pub token: TokenHash,
    /// How often the token opens it.
    pub uses: Uses,
}

/// The grants in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants(Vec<Grant>);

impl Token {
    /// The length of a token, in bytes.
    pub const BYTES: usize = 32;

    /// The token as bytes.
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// Its hash, which is what a ledger stores.
    pub fn hash(&self) -> TokenHash {
        TokenHash(
            Sha256::new_with_prefix(b"capvote token 1\0").chain_update(self.0).finalize().into(),
        )
    }
}

impl From<[u8; Token::BYTES]> for Token {
    fn from(bytes: [u8; Token::BYTES]) -> Self {
        Self(bytes)
    }
}

impl TryFrom<&[u8]> for Token {
    type Error = ();

    fn try_from(bytes: &[u8]) -> Result<Self, ()> {
        bytes.try_into().map(Self).map_err(|_| ())
    }
}

/// Hides the token: `Debug` output ends up in logs.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(..)")
    }
}

impl TokenHash {
    /// The hash as bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for TokenHash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl Grants {
    /// The grant with this token hash. Compares in constant time, and always with every grant.
    pub fn find(&self, hash: &TokenHash) -> Option<&Grant> {
        let mut found = None;
        for grant in &self.0 {
            let same: ConstantTime = grant.token.0.ct_eq(&hash.0);
            if same.into() {
                found = Some(grant);
            }
        }
        found
    }

    /// Whether a grant is in force.
    pub fn holds(&self, id: GrantId) -> bool {
        self.0.iter().any(|grant| grant.id == id)
    }

    /// Every grant in force.
    pub fn iter(&self) -> impl Iterator<Item = &Grant> {
        self.0.iter()
    }

    /// Whether one more grant may be derived from this one: neither it nor any grant it was derived
    /// from has reached [`DERIVED_GRANTS_MAX`]. A returning officer's grant has no such limit.
    pub fn may_save_from(&self, parent: GrantId) -> bool {
        let named = |id: GrantId| self.0.iter().find(|grant| grant.id == id);
        let mut lineage =
            std::iter::successors(named(parent), |grant| grant.parent.and_then(named));
        lineage.all(|grant| {
            grant.role == Role::ReturningOfficer
                || self.derived_from(grant.id).nth(DERIVED_GRANTS_MAX - 1).is_none()
        })
    }

    /// Every grant derived from this one, directly or not.
    fn derived_from(&self, id: GrantId) -> impl Iterator<Item = GrantId> {
        let children = move |parent| self.0.iter().filter(move |it| it.parent == Some(parent));
        let mut parents = vec![id];
        std::iter::from_fn(move || {
            let parent = parents.pop()?;
            parents.extend(children(parent).map(|grant| grant.id));
            Some(parent)
        })
        .skip(1)
    }

    /// Puts a grant in force. Returns `false`, and changes nothing, if its parent is not in force,
    /// its id is taken, or there are [`GRANTS_MAX`] already.
    #[must_use]
    pub fn add(&mut self, grant: Grant) -> bool {
        let rooted = grant.parent.is_none_or(|parent| self.holds(parent));
        let possible = rooted && !self.holds(grant.id) && self.0.len() < GRANTS_MAX;
        if possible {
            self.0.push(grant);
        }
        possible
    }

    /// Spends the token of a grant that it opens once. Returns `false`, and changes nothing, if
    /// there is no such grant, or the token is spent.
    #[must_use]
    pub fn spend(&mut self, id: GrantId) -> bool {
        let grant = self.0.iter_mut().find(|grant| grant.id == id && grant.uses == Uses::Once);
        grant.map(|grant| grant.uses = Uses::Spent).is_some()
    }

    /// Revokes a grant and every grant derived from it.
    pub fn revoke(&mut self, id: GrantId) {
        let ended: Vec<_> = self.derived_from(id).chain([id]).collect();
        self.0.retain(|grant| !ended.contains(&grant.id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(id: u64, parent: Option<u64>) -> Grant {
        let token = Token::from([id as u8; 32]).hash();
        let (parent, role) = (parent.map(GrantId), Role::ReturningOfficer);
        Grant { id: GrantId(id), parent, role, token, uses: Uses::Any }
    }

    #[test]
    fn a_token_is_spent_once() {
        let mut grants = Grants::default();
        assert!(grants.add(grant(1, None)));
        assert!(grants.add(Grant { uses: Uses::Once, ..grant(2, Some(1)) }));
        assert!(!grants.spend(GrantId(1)), "it opens as often as one likes");
        assert!(grants.spend(GrantId(2)));
        assert!(!grants.spend(GrantId(2)) && !grants.spend(GrantId(3)));
        assert!(grants.holds(GrantId(2)), "what it opened stays in force");
    }

    #[test]
    fn a_token_opens_its_own_grant_and_no_other() {
        let mut grants = Grants::default();
        assert!(grants.add(grant(1, None)) && grants.add(grant(2, Some(1))));
        assert_eq!(grants.find(&Token::from([2; 32]).hash()).unwrap().id, GrantId(2));
        assert_eq!(grants.find(&Token::from([3; 32]).hash()), None);
    }

    #[test]
    fn grants_derived_from_one_for_an_election_are_bounded() {
        let mut grants = Grants::default();
        let auditor = |id, parent| Grant {
            role: Role::Auditor("board".parse().unwrap()),
            ..grant(id, Some(parent))
        };
        assert!(
            grants.add(grant(1, None)) && grants.add(auditor(2, 1)) && grants.add(auditor(3, 2))
        );
        for id in 4..DERIVED_GRANTS_MAX as u64 + 3 {
            assert!(grants.may_save_from(GrantId(2)) && grants.may_save_from(GrantId(3)));
            assert!(grants.add(auditor(id, 2 + id % 2)));
        }
        assert!(!grants.may_save_from(GrantId(2)), "it has as many as it may");
        assert!(!grants.may_save_from(GrantId(3)), "so has its parent");
        assert!(grants.may_save_from(GrantId(1)), "a returning officer has no such limit");
        grants.revoke(GrantId(9));
        assert!(grants.may_save_from(GrantId(2)));
    }

    #[test]
    fn revoking_a_grant_revokes_what_was_derived_from_it() {
        let mut grants = Grants::default();
        for (id, parent) in [(1, None), (2, Some(1)), (3, Some(2)), (4, Some(1)), (5, None)] {
            assert!(grants.add(grant(id, parent)));
        }
        assert!(!grants.add(grant(5, None)), "its id is taken");
        assert!(!grants.add(grant(6, Some(7))), "its parent is not in force");
        grants.revoke(GrantId(2));
        let left: Vec<_> = grants.iter().map(|grant| grant.id.0).collect();
        assert_eq!(left, [1, 4, 5]);
        grants.revoke(GrantId(1));
        assert!(grants.holds(GrantId(5)) && grants.iter().count() == 1);
    }
}
