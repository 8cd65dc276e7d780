//! The count of an election while voting: all of it, and what is published of a live one.

use std::collections::VecDeque;

use super::{Ballot, ElectionState, Nonce, Publication, Slate};

/// Ballots in one batch of a live count.
///
/// Who knows when somebody votes, and sees the count before and after, would know the choice. So a
/// live count that is published has whole batches only, and leaves out at least one more batch:
/// whatever two counts of an election are compared, the final one included, they are equal or
/// differ by at least this many ballots.
pub const LIVE_BATCH_BALLOTS: usize = 10;

/// A ballot as its voter knows it.
pub type OwnBallot = (Ballot, Nonce);

/// The votes of an election, counted in the order in which they are recorded: by a ranked method,
/// the first preferences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The votes for each choice but for the recent ones.
    votes: Vec<u64>,
    /// How many ballots they are of.
    settled: u64,
    /// The ballots that are not published, or not stored, oldest first.
    recent: VecDeque<OwnBallot>,
}

impl Tally {
    /// No votes for each choice of a slate.
    pub fn new(slate: &Slate) -> Self {
        Self { votes: vec![0; slate.choices()], settled: 0, recent: VecDeque::new() }
    }

    /// A tally that was stored: the [votes](Self::votes) for each choice, of so many ballots, and
    /// the [recent](Self::recent) ones.
    #[cfg(feature = "postgres")]
    pub(crate) fn stored(votes: Vec<u64>, settled: u64, recent: VecDeque<OwnBallot>) -> Self {
        Self { votes, settled, recent }
    }

    /// How many ballots the [votes](Self::votes) are of.
    #[cfg(feature = "postgres")]
    pub(crate) fn settled(&self) -> u64 {
        self.settled
    }

    /// Counts a ballot, which [fits](Ballot::fits) the slate.
    pub fn add(&mut self, ballot: Ballot, nonce: Nonce) {
        self.recent.push_back((ballot, nonce));
    }

    /// Undoes the last [`add`](Self::add) since [`publish`](Self::publish).
    pub fn undo(&mut self) {
        self.recent.pop_back();
    }

    /// Counts a ballot of a closed election, which [fits](Ballot::fits) the slate.
    pub fn add_final(&mut self, ballot: &Ballot) {
        for choice in ballot.first() {
            if let Some(votes) = self.votes.get_mut(choice.index()) {
                *votes += 1;
            }
        }
        self.settled += 1;
    }

    /// Adds so many ballots that nobody can open. They are no votes for any choice.
    pub fn add_unread(&mut self, ballots: u64) {
        self.settled += ballots;
    }

    /// Publishes what may be, once every ballot is stored: the whole batches of a live election but
    /// for the last one, or everything after the close. A sealed election has no recent ballots.
    pub fn publish(&mut self, publication: Publication, state: ElectionState) {
        let live = publication == Publication::Live && state != ElectionState::Closed;
        let keep = if live { LIVE_BATCH_BALLOTS } else { 0 };
        while self.recent.len() >= keep + LIVE_BATCH_BALLOTS {
            self.settle(LIVE_BATCH_BALLOTS);
        }
        if !live {
            self.settle(self.recent.len());
        }
    }

    /// How many ballots there are.
    pub fn ballots(&self) -> u64 {
        self.settled + self.recent.len() as u64
    }

    /// The votes for each choice but for the recent ones.
    pub(crate) fn votes(&self) -> &[u64] {
        &self.votes
    }

    /// The ballots that are not published, oldest first.
    pub(crate) fn recent(&self) -> impl Iterator<Item = &OwnBallot> {
        self.recent.iter()
    }

    fn settle(&mut self, ballots: usize) {
        for _ in 0..ballots {
            let Some((ballot, _)) = self.recent.pop_front() else { return };
            self.add_final(&ballot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::election::Choice;

    const BATCH: usize = LIVE_BATCH_BALLOTS;

    fn slate() -> Slate {
        Slate::new(["Ada", "Grace", "Edsger"].map(String::from).to_vec()).unwrap()
    }

    fn choice(ballot: usize) -> Ballot {
        Choice::from_index(ballot * 7 % 5 % 3).unwrap().into()
    }

    /// Counts this many ballots, in groups of this many that are stored together.
    fn count(ballots: usize, group: usize) -> Tally {
        let mut count = Tally::new(&slate());
        for ballot in 0..ballots {
            count.add(choice(ballot), Nonce::from([ballot as u8; 16]));
            if (ballot + 1) % group == 0 {
                count.publish(Publication::Live, ElectionState::Open);
            }
        }
        count.publish(Publication::Live, ElectionState::Open);
        count
    }

    #[test]
    fn two_published_counts_differ_by_no_ballot_or_by_a_batch() {
        for ballots in 0..BATCH * 6 {
            let before = count(ballots, 1).votes().iter().sum::<u64>() as usize;
            assert!(before.is_multiple_of(BATCH), "{before} of {ballots}");
            let mut closed = count(ballots, 1);
            closed.publish(Publication::Live, ElectionState::Closed);
            let last = closed.votes().iter().sum::<u64>() as usize;
            assert_eq!(last, ballots);
            assert!(before == 0 || last - before >= BATCH, "{before} of {last}");
        }
    }

    #[test]
    fn what_is_published_depends_on_the_order_of_the_ballots_alone() {
        for ballots in [BATCH, BATCH * 2 - 1, BATCH * 2, BATCH * 5 + 3] {
            let expected = count(ballots, 1);
            for group in [2, 3, BATCH + 1, BATCH * 4, 1_000] {
                assert_eq!(count(ballots, group), expected, "{ballots} in groups of {group}");
            }
        }
    }

    #[test]
    fn what_is_undone_leaves_no_trace() {
        let before = count(BATCH * 3 + 2, 1);
        let mut after = before.clone();
        (0..BATCH * 4).for_each(|ballot| after.add(choice(ballot), [9; 16].into()));
        (0..BATCH * 4).for_each(|_| after.undo());
        after.publish(Publication::Live, ElectionState::Open);
        assert_eq!(after, before);
    }

    #[test]
    fn a_sealed_election_keeps_no_recent_ballots() {
        let mut sealed = Tally::new(&slate());
        for ballot in 0..BATCH + 3 {
            sealed.add(choice(ballot), [1; 16].into());
            sealed.publish(Publication::Sealed, ElectionState::Open);
            assert_eq!((sealed.recent().count(), sealed.ballots()), (0, ballot as u64 + 1));
        }
    }
}
