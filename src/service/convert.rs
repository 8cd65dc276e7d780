//! An election's types, written as schema types.

use std::time::Duration;

use capnp::{Error, text_list};

use super::election::{Answer, Decided};
use crate::election::{
    self, CANDIDATES_MAX, Definition, ElectionId, InvalidSlate, Receipt, Refusal, Schedule,
    Standing, Timestamp,
};
use crate::ledger::LedgerError;
use crate::schema::election_capnp::{
    ElectionState, Publication, ResultStatus, election_info, receipt, results, turnout,
    vote_outcome,
};
use crate::schema::officer_capnp::{act_outcome, election_spec};

impl From<election::ElectionState> for ElectionState {
    fn from(state: election::ElectionState) -> Self {
        match state {
            election::ElectionState::Draft => Self::Draft,
            election::ElectionState::Open => Self::Open,
            election::ElectionState::Closed => Self::Closed,
        }
    }
}

impl From<election::ResultStatus> for ResultStatus {
    fn from(status: election::ResultStatus) -> Self {
        match status {
            election::ResultStatus::Provisional => Self::Provisional,
            election::ResultStatus::Sealed => Self::Sealed,
            election::ResultStatus::Final => Self::Final,
            election::ResultStatus::UnknownCandidate => Self::UnknownCandidate,
        }
    }
}

impl From<election::Publication> for Publication {
    fn from(publication: election::Publication) -> Self {
        match publication {
            election::Publication::Live => Self::Live,
            election::Publication::Sealed => Self::Sealed,
        }
    }
}

pub(super) fn write_info(standing: &Standing, mut info: election_info::Builder<'_>) {
    let definition = &standing.definition;
    info.set_id(definition.id.as_str());
    info.set_title(definition.title.as_str());
    info.set_state(standing.state.into());
    info.set_voters(standing.voters);
    info.set_added_while_open(standing.added_while_open);
    info.set_blank(definition.slate.blank().is_some());
    info.set_publication(definition.publication.into());
    info.set_opens(definition.schedule.opens.map_or(0, |moment| moment.0));
    info.set_closes(definition.schedule.closes.map_or(0, |moment| moment.0));
    let names = definition.slate.names();
    write_names(names, info.init_candidates(length(names.len())));
}

pub(super) fn write_results(standing: &Standing, mut results: results::Builder<'_>) {
    results.set_election(standing.definition.id.as_str());
    results.set_status(standing.status().into());
    results.set_blank(standing.blank());
    write_turnout(standing, results.reborrow().init_turnout());
    let ranking = standing.ranking();
    let mut candidates = results.init_candidates(length(ranking.len()));
    for (index, (name, votes)) in ranking.into_iter().enumerate() {
        let mut candidate = candidates.reborrow().get(length(index));
        candidate.set_candidate(name);
        candidate.set_votes(votes);
    }
}

pub(super) fn write_turnout(standing: &Standing, mut turnout: turnout::Builder<'_>) {
    turnout.set_ballots(standing.ballots);
    turnout.set_voters(standing.voters);
}

/// What became of an officer's act; whether it was done. A fault stays an exception.
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
        Err(error) if error.is_certain() => {
            Err(Error::failed(format!("nothing was changed: {error}")))
        }
        Err(error) => Err(Error::failed(format!("it is not known whether it was done: {error}"))),
    }
}

/// Reads what is to be elected, or why it cannot be.
pub(super) fn read_spec(
    spec: election_spec::Reader<'_>,
) -> Result<Result<Definition, String>, Error> {
    let no_text = |error| Error::failed(format!("a text is not UTF-8: {error}"));
    let id = spec.get_id()?.to_str().map_err(no_text)?;
    let title = spec.get_title()?.to_string().map_err(no_text)?;
    let names = spec.get_candidates()?;
    if names.len() as usize > CANDIDATES_MAX {
        return Ok(Err(InvalidSlate::TooMany(names.len() as usize).to_string()));
    }
    let mut candidates = Vec::with_capacity(names.len() as usize);
    for name in names.iter() {
        candidates.push(name?.to_string().map_err(no_text)?);
    }
    let moment = |seconds: u64| Some(Timestamp(seconds)).filter(|moment| moment.0 > 0);
    let schedule = Schedule { opens: moment(spec.get_opens()), closes: moment(spec.get_closes()) };
    let publication = match spec.get_publication()? {
        Publication::Unspecified | Publication::Live => election::Publication::Live,
        Publication::Sealed => election::Publication::Sealed,
    };
    let blank = spec.get_blank();
    let define = || -> Result<Definition, String> {
        let id = id.parse::<ElectionId>().map_err(|error| error.to_string())?;
        let definition = Definition::new(id, title, candidates)
            .and_then(|definition| definition.with_schedule(schedule))
            .map_err(|error| error.to_string())?
            .with_publication(publication);
        Ok(if blank { definition.with_blank() } else { definition })
    };
    Ok(define())
}

/// The outcome of a vote.
pub(super) fn write_outcome(decided: &Decided, mut builder: vote_outcome::Builder<'_>) {
    match &decided.answer {
        Answer::Recorded(receipt) => write_receipt(decided, receipt, builder.init_recorded()),
        Answer::Refused(Refusal::AlreadyVoted) => builder.set_already_voted(()),
        Answer::Refused(Refusal::UnknownVoterNumber) => builder.set_unknown_voter_number(()),
        Answer::Refused(Refusal::UnknownCandidate) => {
            let names = decided.standing.definition.slate.names();
            write_names(names, builder.init_unknown_candidate(length(names.len())));
        }
        Answer::Refused(Refusal::NotOpen) => builder.set_not_open(()),
        Answer::Refused(Refusal::Closed) => builder.set_closed(()),
        Answer::Throttled(wait) => builder.set_throttled(milliseconds(*wait)),
    }
}

/// A time to wait in milliseconds, rounded up.
fn milliseconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX)
}

fn write_receipt(decided: &Decided, receipt: &Receipt, mut builder: receipt::Builder<'_>) {
    builder.set_commitment(receipt.to_string().as_str());
    builder.set_election(decided.standing.definition.id.as_str());
    builder.set_candidate(decided.candidate.as_str());
    builder.set_nonce(decided.nonce.as_bytes());
}

fn write_names(names: &[String], mut list: text_list::Builder<'_>) {
    for (index, name) in names.iter().enumerate() {
        list.set(length(index), name.as_str());
    }
}

/// A length as Cap'n Proto counts it. Nothing here is longer than a slate.
fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
