//! Reading the values of columns.

use rusqlite::types::{Type, ValueRef};

use crate::election::{Choice, Nonce, VoterNumber};

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

/// Reads a stored nonce.
pub(super) fn nonce(stored: ValueRef<'_>) -> rusqlite::Result<Nonce> {
    Nonce::try_from(stored.as_blob().map_err(|error| invalid(error.to_string()))?)
        .map_err(|error| invalid(error.to_string()))
}

/// The error for a stored value that is invalid.
pub(super) fn invalid(what: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Null, what.into())
}
