//! Outcomes of acts and votes, written as schema types.

use std::time::Duration;

use capnp::Error;

use crate::election::{Nonce, Outcome, Receipt, Refusal, Standing};
use crate::ledger::ClerkError;
use crate::schema::election_capnp::{receipt, vote_outcome};
use crate::schema::officer_capnp::act_outcome;
use crate::schema::values::{length, write_names};

/// Writes the outcome of an officer's act, and returns whether it was done. A fault is an
/// exception.
pub(super) fn write_act(
    done: Result<(), ClerkError>,
    mut builder: act_outcome::Builder<'_>,
) -> Result<bool, Error> {
    match done {
        Ok(()) => {
            builder.set_done(());
            Ok(true)
        }
        Err(error) if error.is_refusal() => {
            builder.set_refused(error.to_string().as_str());
            Ok(false)
        }
        Err(error) if error.is_certain() => {
            Err(Error::failed(format!("nothing was changed: {error}")))
        }
        Err(error) => Err(Error::failed(format!("it is not known whether it was done: {error}"))),
    }
}

/// Writes a vote's outcome. `candidate` and `nonce` are the vote's.
pub(super) fn write_outcome(
    standing: &Standing,
    candidate: &str,
    nonce: &Nonce,
    outcome: &Outcome,
    mut builder: vote_outcome::Builder<'_>,
) {
    match outcome {
        Outcome::Recorded(receipt) => {
            write_receipt(standing, candidate, nonce, receipt, builder.init_recorded());
        }
        Outcome::Refused(Refusal::AlreadyVoted) => builder.set_already_voted(()),
        Outcome::Refused(Refusal::UnknownVoterNumber) => builder.set_unknown_voter_number(()),
        Outcome::Refused(Refusal::UnknownCandidate) => {
            let names = standing.definition.slate.names();
            write_names(names, builder.init_unknown_candidate(length(names.len())));
        }
        Outcome::Refused(Refusal::NotOpen) => builder.set_not_open(()),
        Outcome::Refused(Refusal::Closed) => builder.set_closed(()),
    }
}

/// A wait in milliseconds, rounded up.
pub(super) fn milliseconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX)
}

fn write_receipt(
    standing: &Standing,
    candidate: &str,
    nonce: &Nonce,
    receipt: &Receipt,
    mut builder: receipt::Builder<'_>,
) {
    builder.set_commitment(receipt.to_string().as_str());
    builder.set_election(standing.definition.id.as_str());
    builder.set_candidate(candidate);
    builder.set_nonce(nonce.as_bytes());
}
