//! One election of the ledger in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use capvote::election::{
    Ballot, ChangeRefusal, Count, Definition, ElectionState, GrantId, Nonce, Receipt, SheetCount,
    Standing, Tally, VoterNumber,
};
use capvote::ledger::{Act, ActRefusal};

#[derive(Debug, Clone)]
pub(super) struct Election {
    pub(super) definition: Arc<Definition>,
    pub(super) state: ElectionState,
    pub(super) roll: BTreeMap<VoterNumber, Option<(Ballot, Nonce)>>,
    pub(super) tally: Tally,
    pub(super) added_while_open: u64,
    /// Numbers issued under a grant: the grant, and whether the election was open.
    pub(super) issued: BTreeMap<VoterNumber, (GrantId, bool)>,
    pub(super) link_numbers: u64,
    /// How many numbers were on the roll at the opening.
    pub(super) at_opening: u64,
}

impl Election {
    pub(super) fn new(definition: Arc<Definition>) -> Self {
        let (state, roll, issued) = (ElectionState::Draft, BTreeMap::new(), BTreeMap::new());
        let tally = Tally::new(&definition.slate);
        let (added_while_open, link_numbers, at_opening) = (0, 0, 0);
        Self { definition, state, roll, tally, added_while_open, issued, link_numbers, at_opening }
    }

    pub(super) fn standing(&self) -> Standing {
        let (definition, voters) = (self.definition.clone(), self.roll.len() as u64);
        let added = match self.definition.roll {
            Some(_) if self.state == ElectionState::Draft => 0,
            Some(_) => voters.saturating_sub(self.at_opening),
            None => self.added_while_open,
        };
        let count = (self.state == ElectionState::Closed).then(|| Arc::new(self.count()));
        Standing::new(definition, self.state, voters, added, self.tally.clone()).with_count(count)
    }

    pub(super) fn ballots(&self) -> impl Iterator<Item = (Ballot, Nonce)> {
        self.roll.values().filter_map(|ballot| ballot.clone())
    }

    /// The ballots in the order of their receipts.
    pub(super) fn sheet(&self) -> Vec<(Ballot, Nonce)> {
        let mut sheet: Vec<_> = self.ballots().collect();
        sheet.sort_by_key(|(ballot, nonce)| Receipt::of(&self.definition, ballot, nonce));
        sheet
    }

    pub(super) fn count(&self) -> Count {
        let mut count = SheetCount::new(&self.definition);
        for (ballot, nonce) in self.sheet() {
            count.add(&ballot, &Receipt::of(&self.definition, &ballot, &nonce));
        }
        count.finish(&self.definition, self.roll.len() as u64)
    }

    pub(super) fn change(&mut self, act: &Act) -> Result<(), ActRefusal> {
        use ChangeRefusal::{NothingToConfirm, NumberTaken, NumberUnknown, SharedRoll};
        let changed = match act {
            Act::Issue(..) | Act::Revoke(..) if self.definition.roll.is_some() => Err(SharedRoll),
            Act::Issue(_, numbers) => {
                self.state.may_issue(self.roll.len(), numbers.len()).and_then(|()| {
                    let open = self.state == ElectionState::Open;
                    self.added_while_open += if open { numbers.len() as u64 } else { 0 };
                    let mut added = numbers.iter().map(|number| self.roll.insert(*number, None));
                    if added.all(|taken| taken.is_none()) { Ok(()) } else { Err(NumberTaken) }
                })
            }
            Act::Revoke(_, numbers) => self.state.may_revoke().and_then(|()| {
                let mut removed = numbers.iter().map(|number| self.roll.remove(number));
                if removed.all(|found| found.is_some()) { Ok(()) } else { Err(NumberUnknown) }
            }),
            Act::Open(_) => self.state.opened().map(|state| {
                self.state = state;
                self.at_opening = self.roll.len() as u64;
            }),
            Act::Close(_) => self.state.closed().map(|state| self.state = state),
            // It is never restored.
            Act::Confirm(_) => Err(NothingToConfirm),
            _ => Ok(()),
        };
        let election = self.definition.id.clone();
        changed.map_err(|refusal| ActRefusal::NotAllowed { election, refusal })
    }
}
