//! A ledger that decides votes and stores nothing: what is left of a vote's cost without a disk.

use std::sync::Arc;

use capvote::election::{
    BallotBox, BallotNumber, ElectionId, Grants, Outcome, Receipt, Refusal, Standing, Timestamp,
    Verdict, Vote,
};
use capvote::ledger::{Act, Ledger, LedgerError, LedgerReader, Report, SheetPart, SheetPlace};

/// One election in memory.
#[derive(Default)]
pub(super) struct Forgetful {
    election: Option<BallotBox>,
    ballots: u64,
}

impl Ledger for Forgetful {
    fn commit(&mut self, votes: &[Vote], now: Timestamp) -> Result<Vec<Outcome>, LedgerError> {
        let Some(election) = &mut self.election else { return Ok(Vec::new()) };
        let mut outcomes = Vec::with_capacity(votes.len());
        for vote in votes {
            outcomes.push(match election.judge(vote.number, vote.choice, now) {
                Verdict::Count(place) => {
                    self.ballots += 1;
                    let ballot = BallotNumber::new(self.ballots).expect("a benchmark is short");
                    election.count(place, vote.choice, ballot);
                    let definition = election.definition();
                    let name = definition.slate.name(vote.choice).unwrap_or_default();
                    Outcome::Recorded(Receipt::new(&definition.id, name, &vote.nonce))
                }
                Verdict::Voted(_) => Outcome::Refused(Refusal::AlreadyVoted),
                Verdict::Refuse(refusal) => Outcome::Refused(refusal),
            });
        }
        Ok(outcomes)
    }

    fn administer(&mut self, acts: &[Act]) -> Result<(), LedgerError> {
        for act in acts {
            let done = match (act, &mut self.election) {
                (Act::Create(definition), election) => {
                    *election = Some(BallotBox::new(definition.clone()));
                    Ok(())
                }
                (Act::Issue(_, numbers), Some(election)) => election.issue(numbers.clone()),
                (Act::Open(_), Some(election)) => election.open(),
                _ => Ok(()),
            };
            done.map_err(|refusal| LedgerError::NotStored(refusal.to_string()))?;
        }
        Ok(())
    }

    fn tidy(&mut self) {}

    fn standings(&self) -> Vec<Arc<Standing>> {
        self.election.iter().map(|election| Arc::new(election.standing())).collect()
    }

    fn grants(&self) -> Arc<Grants> {
        Arc::default()
    }

    fn reader(&self) -> Arc<dyn LedgerReader> {
        Arc::new(Nothing)
    }
}

/// There is nothing to read.
#[derive(Debug)]
struct Nothing;

impl LedgerReader for Nothing {
    fn check(&self, election: &ElectionId) -> Result<Report, LedgerError> {
        Err(LedgerError::NoSuchElection(election.clone()))
    }

    fn sheet(&self, id: &ElectionId, _: SheetPlace, _: usize) -> Result<SheetPart, LedgerError> {
        Err(LedgerError::NoSuchElection(id.clone()))
    }
}
