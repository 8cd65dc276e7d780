//! Reading the values of columns.

use rusqlite::types::{Type, ValueRef};

use crate::election::{Ballot, Choice, Definition, Nonce, VoterNumber};

/// Reads a stored choice.
pub(super) fn choice(stored: i64) -> rusqlite::Result<Choice> {
    let choice = usize::try_from(stored).ok().and_then(Choice::from_index);
    choice.ok_or_else(|| invalid(format!("choice {stored} is out of range")))
}

/// Reads a row of voter numbers.
pub(super) fn numbers(stored: ValueRef<'_>) -> rusqlite::Result<Vec<VoterNumber>> {
    let bytes = stored.as_blob().map_err(|error| invalid(error.to_string()))?;
    let (chunks, rest) = bytes.as_chunks::<8>();
    if !rest.is_empty() {
        return Err(invalid("a row of voter numbers is cut short".into()));
    }
    Ok(chunks.iter().map(|&number| VoterNumber::from(u64::from_le_bytes(number))).collect())
}

/// Reads a stored ballot and its nonce.
pub(super) fn ballot(
    Definition { slate, rules, .. }: &Definition,
    stored: &[u8],
    nonce: &[u8],
) -> rusqlite::Result<(Ballot, Nonce)> {
    let ballot = Ballot::from_stored(slate, rules, stored);
    ballot.zip(Nonce::try_from(nonce).ok()).ok_or_else(no_ballot)
}

/// The error for what is stored as a ballot, and is none.
pub(super) fn no_ballot() -> rusqlite::Error {
    invalid("a ballot is none by the rules of its election".into())
}

/// The error for a stored value that is invalid.
pub(super) fn invalid(what: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Null, what.into())
}
