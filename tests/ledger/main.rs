//! The conformance tests of all ledgers, and tests of the SQLite ledger's file and of the ledger on
//! PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::indexing_slicing, clippy::string_slice)]

mod conformance;
mod damage;
mod fixture;
mod keys;
mod memory;
mod place;
mod postgres;
mod rolls;
mod separation;

use std::sync::Arc;

use capvote::election::{
    Choice, Definition, ElectionId, Nonce, Publication, Timestamp, Vote, VoterNumber,
};
use capvote::ledger::Act;

const ADA: usize = 0;
const GRACE: usize = 1;
const NOW: Timestamp = Timestamp(1_000_000);

fn id(text: &str) -> ElectionId {
    text.parse().unwrap()
}

fn numbers(of: impl IntoIterator<Item = u64>) -> Vec<VoterNumber> {
    of.into_iter().map(VoterNumber::from).collect()
}

/// Creates an election with a live count.
fn create(election: &str) -> Act {
    let candidates = ["Ada", "Grace"].map(String::from).to_vec();
    let definition = Definition::new(id(election), format!("The {election}"), candidates);
    Act::Create(Arc::new(definition.unwrap().with_publication(Publication::Live)))
}

/// Creates and opens an election with the numbers 1 to 1,000.
fn running(election: &str) -> Vec<Act> {
    vec![create(election), Act::Issue(id(election), numbers(1..=1_000)), Act::Open(id(election))]
}

fn vote(election: &str, number: u64, choice: usize, nonce: u8) -> Vote {
    Vote {
        election: id(election),
        ballot: Choice::from_index(choice).unwrap().into(),
        number: number.into(),
        nonce: Nonce::from([nonce; 16]),
    }
}
