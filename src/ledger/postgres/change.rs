//! Changes: what an act made of the elections and grants, as the chain of acts has them.
//!
//! Numbers stand beside the change, in the table of rolls; the change has their digest. An
//! election is named by its key, which counts from 1 in the order of creation.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::chain::{ChainHead, Head};
use super::code::{self, Reader, put_length, put_option, put_u64};
use crate::election::{Definition, Grant, GrantId, VoterNumber};

/// Voter numbers in one row of the table of rolls.
pub(super) const ROW_NUMBERS: usize = 8_192;

/// One change, and the election that it is about; 0 for none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) election: i32,
    pub(super) what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// With what tells the key of its ballots from others.
    Created(Arc<Definition>, Head),
    /// Numbers joined the roll, under this grant.
    Issued(Listed, Option<GrantId>),
    /// Numbers left the roll of a draft.
    Revoked(Listed),
    /// Numbers that had not voted left the roll; whether they had been issued while it was open.
    Voided(Listed, bool),
    Opened,
    /// No vote counts any more. The sheet follows.
    Closing,
    Closed(Closed),
    Granted(Grant),
    Spent(GrantId),
    Ended(GrantId),
}

/// Numbers in ascending order, by their count and their digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) count: u64,
    pub(super) digest: Head,
}

/// The end of an election.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Closed {
    /// The last entry of every chain of ballots, by their numbers.
    pub(super) chains: Vec<ChainHead>,
    pub(super) ballots: u64,
    /// The digest of the tally sheet.
    pub(super) sheet: Head,
}

impl Listed {
    /// These numbers, which are in ascending order.
    pub(super) fn of<'a>(rows: impl Iterator<Item = &'a [VoterNumber]>) -> Self {
        let mut hash = Sha256::new_with_prefix(b"capvote acts: numbers 1\0");
        let mut count = 0;
        for number in rows.flatten() {
            hash.update(number.get().to_le_bytes());
            count += 1;
        }
        Self { count, digest: hash.finalize().into() }
    }

    fn put(&self, into: &mut Vec<u8>) {
        put_u64(self.count, into);
        into.extend(self.digest);
    }

    fn read(bytes: &mut Reader<'_>) -> Option<Self> {
        Some(Self { count: bytes.u64()?, digest: bytes.array()? })
    }
}

impl What {
    /// The number of its kind, which is stored and hashed, so its meaning never changes.
    pub(super) fn kind(&self) -> i16 {
        match self {
            Self::Created(..) => 1,
            Self::Issued(..) => 2,
            Self::Revoked(_) => 3,
            Self::Voided(..) => 4,
            Self::Opened => 5,
            Self::Closing => 6,
            Self::Closed(_) => 7,
            Self::Granted(_) => 8,
            Self::Spent(_) => 9,
            Self::Ended(_) => 10,
        }
    }

    /// Its numbers, if it has any.
    pub(super) fn listed(&self) -> Option<Listed> {
        match self {
            Self::Issued(listed, _) | Self::Revoked(listed) | Self::Voided(listed, _) => {
                Some(*listed)
            }
            _ => None,
        }
    }

    /// The bytes of the column `what`.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut into = Vec::new();
        match self {
            Self::Created(definition, commitment) => {
                code::put_definition(definition, &mut into);
                into.extend(commitment);
            }
            Self::Issued(listed, issuer) => {
                listed.put(&mut into);
                put_option(*issuer, &mut into, |issuer, into| put_u64(issuer.0, into));
            }
            Self::Revoked(listed) => listed.put(&mut into),
            Self::Voided(listed, added) => {
                listed.put(&mut into);
                into.push(u8::from(*added));
            }
            Self::Opened | Self::Closing => {}
            Self::Closed(closed) => {
                put_length(closed.chains.len(), &mut into);
                for ChainHead { chain, seq, head } in &closed.chains {
                    into.extend(chain.to_le_bytes());
                    into.extend(seq.to_le_bytes());
                    into.extend(head);
                }
                put_u64(closed.ballots, &mut into);
                into.extend(closed.sheet);
            }
            Self::Granted(grant) => code::put_grant(grant, &mut into),
            Self::Spent(id) | Self::Ended(id) => put_u64(id.0, &mut into),
        }
        into
    }

    /// Reads what [`kind`](Self::kind) and [`bytes`](Self::bytes) say.
    pub(super) fn read(kind: i16, bytes: &[u8]) -> Option<Self> {
        let mut bytes = Reader(bytes);
        let what = match kind {
            1 => Self::Created(Arc::new(code::definition(&mut bytes)?), bytes.array()?),
            2 => {
                let listed = Listed::read(&mut bytes)?;
                Self::Issued(listed, bytes.option(Reader::u64)?.map(GrantId))
            }
            3 => Self::Revoked(Listed::read(&mut bytes)?),
            4 => Self::Voided(Listed::read(&mut bytes)?, bytes.bool()?),
            5 => Self::Opened,
            6 => Self::Closing,
            7 => {
                let chains = bytes.length()?;
                let mut chain = || {
                    let (chain, seq) = (bytes.array()?, bytes.array()?);
                    let (chain, seq) = (i64::from_le_bytes(chain), i32::from_le_bytes(seq));
                    Some(ChainHead { chain, seq, head: bytes.array()? })
                };
                let chains = (0..chains).map(|_| chain()).collect::<Option<_>>()?;
                Self::Closed(Closed { chains, ballots: bytes.u64()?, sheet: bytes.array()? })
            }
            8 => Self::Granted(code::grant(&mut bytes)?),
            9 => Self::Spent(GrantId(bytes.u64()?)),
            10 => Self::Ended(GrantId(bytes.u64()?)),
            _ => return None,
        };
        bytes.end(what)
    }
}

impl Change {
    /// The head of the chain of acts after this one.
    pub(super) fn head(&self, previous: &Head, version: i64) -> Head {
        let what = self.what.bytes();
        let mut hash = Sha256::new_with_prefix(b"capvote acts 1\0");
        hash.update(previous);
        hash.update(version.to_le_bytes());
        hash.update(self.what.kind().to_le_bytes());
        hash.update(self.election.to_le_bytes());
        hash.update((what.len() as u64).to_le_bytes());
        hash.update(what);
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::election::{Role, TokenHash, Uses};

    #[test]
    fn every_change_reads_back_and_a_longer_one_does_not() {
        let names = vec!["Ada".to_string()];
        let definition = Definition::new("board".parse().unwrap(), "x".into(), names).unwrap();
        let listed = Listed::of([[1.into(), 7.into()].as_slice()].into_iter());
        let chain = ChainHead { chain: 7, seq: 9, head: [3; 32] };
        let closed = Closed { chains: vec![chain, chain], ballots: 5, sheet: [4; 32] };
        let (role, uses) = (Role::ReturningOfficer, Uses::Any);
        let token = TokenHash::from([1; 32]);
        let grant = Grant { id: GrantId(1), parent: None, role, token, uses };
        let all = [
            What::Created(Arc::new(definition), [5; 32]),
            What::Issued(listed, Some(GrantId(4))),
            What::Revoked(listed),
            What::Voided(listed, true),
            What::Opened,
            What::Closing,
            What::Closed(closed),
            What::Granted(grant),
            What::Spent(GrantId(2)),
            What::Ended(GrantId(3)),
        ];
        for (kind, what) in (1..).zip(all) {
            assert_eq!(what.kind(), kind);
            let mut bytes = what.bytes();
            assert_eq!(What::read(kind, &bytes), Some(what));
            bytes.push(0);
            assert_eq!(What::read(kind, &bytes), None);
        }
        assert_eq!(What::read(11, &[]), None);
    }
}
