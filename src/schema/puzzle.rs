//! `Puzzle`, as a plain value.

use capnp::Error;

use crate::election::Puzzle;
use crate::schema::election_capnp::puzzle;

pub(crate) fn write_puzzle(puzzle: &Puzzle, mut builder: puzzle::Builder<'_>) {
    builder.set_challenge(&puzzle.challenge);
    builder.set_bits(puzzle.bits);
}

/// Reads a puzzle. `None` for one that only newer clients can solve.
pub(crate) fn read_puzzle(puzzle: puzzle::Reader<'_>) -> Result<Option<Puzzle>, Error> {
    let challenge = puzzle.get_challenge()?.try_into();
    Ok(challenge.ok().map(|challenge| Puzzle { challenge, bits: puzzle.get_bits() }))
}
