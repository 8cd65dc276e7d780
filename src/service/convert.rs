//! Outcomes of votes and acts as schema types, and faults as exceptions.

use std::fmt::Display;
use std::time::Duration;

use capnp::Error;

use super::decided::{Answer, Decided, Spoken};
use crate::election::{Receipt, Refusal};
use crate::ledger::LedgerError;
use crate::schema::election_capnp::{receipt, vote_outcome};
use crate::schema::officer_capnp::act_outcome;
use crate::schema::puzzle::write_puzzle;
use crate::schema::values::{length, marks_padding, padding, write_marks, write_names};

/// A fault as an exception.
pub(super) fn exception(fault: impl Display) -> Error {
    Error::failed(fault.to_string())
}

/// Writes the outcome of an act. Returns whether it was done.
///
/// # Errors
/// The exception for a fault.
pub(super) fn write_act(
    done: Result<(), LedgerError>,
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
        Err(LedgerError::Stopped) => {
            Err(Error::overloaded("the server is stopping: nothing was changed".into()))
        }
        Err(error) if error.is_certain() => {
            Err(Error::failed(format!("nothing was changed: {error}")))
        }
        Err(error) => Err(Error::failed(format!("it is not known whether it was done: {error}"))),
    }
}

/// Writes the outcome of a vote.
pub(super) fn write_outcome(decided: &Decided, mut builder: vote_outcome::Builder<'_>) {
    match &decided.answer {
        Answer::Recorded(receipt) => write_receipt(decided, receipt, builder.init_recorded()),
        Answer::Refused(Refusal::AlreadyVoted) => builder.set_already_voted(()),
        Answer::Refused(Refusal::UnknownVoterNumber) => builder.set_unknown_voter_number(()),
        Answer::Refused(Refusal::UnknownCandidate) => {
            let names = decided.standing.definition.slate.names();
            write_names(names, builder.init_unknown_candidate(length(names.len())));
        }
        Answer::Refused(Refusal::InvalidBallot(why)) => {
            builder.set_invalid_ballot(why.to_string().as_str());
        }
        Answer::Refused(Refusal::NotOpen) => builder.set_not_open(()),
        Answer::Refused(Refusal::Unconfirmed) => {
            builder.set_not_open(());
            builder.set_unconfirmed(true);
        }
        Answer::Refused(Refusal::Closed) => builder.set_closed(()),
        Answer::Throttled(throttled) => {
            builder.set_throttled(milliseconds(throttled.wait));
            if let Some(puzzle) = throttled.puzzle {
                write_puzzle(&puzzle, builder.init_puzzle());
            }
        }
    }
}

/// A wait in milliseconds, rounded up.
fn milliseconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX)
}

fn write_receipt(decided: &Decided, receipt: &Receipt, mut builder: receipt::Builder<'_>) {
    let definition = &decided.standing.definition;
    if let Spoken::Ballot(ballot) = &decided.spoken {
        let slate = &definition.slate;
        match ballot.choice() {
            Some(choice) => {
                let name = slate.name(choice).unwrap_or_default();
                builder.set_candidate(name);
                builder.set_padding(padding(name.len(), slate.longest()));
            }
            None => {
                let marks = ballot.as_marks(slate);
                builder.set_padding(marks_padding(marks.len(), slate.names().len()));
                write_marks(&marks, builder.reborrow().init_marks(length(marks.len())));
            }
        }
    }
    builder.set_commitment(receipt.text().as_str());
    builder.set_election(definition.id.as_str());
    builder.set_nonce(decided.nonce.as_bytes());
    let origin = &decided.standing.origin;
    builder.set_ledger(origin.ledger.as_bytes());
    builder.set_epoch(origin.epoch);
}
