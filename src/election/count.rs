//! The count of an election while voting: all of it, and what is published of a live one.

use std::collections::VecDeque;

use super::{Choice, ElectionState, Nonce, Publication, Slate};

/// Ballots in one batch of a live count.
///
/// Who knows when somebody votes, and sees the count before and after, would know the choice. So a
/// live count that is published has whole batches only, and leaves out at least one more batch:
/// whatever two counts of an election are compared, the final one included, they are equal or
/// differ by at least this many ballots.
pub const LIVE_BATCH_BALLOTS: usize = 10;

/// A ballot as its voter knows it.
pub type OwnBallot = (Choice, Nonce);

/// The votes of an election, counted in the order in which they are recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// The votes for each choice but for the recent ones.
    votes: Vec<u64>,
    /// The ballots that are not published, or not stored, oldest first.
    recent: VecDeque<OwnBallot>,
}

impl Count {
    /// No votes for each choice of a slate.
    pub fn new(slate: &Slate) -> Self {
        Self { votes: vec![0; slate.choices()], recent: VecDeque::new() }
    }

    /// Counts a ballot, unless no such choice is on the slate.
    pub fn add(&mut self, choice: Choice, nonce: Nonce) -> bool {
        let on_slate = choice.index() < self.votes.len();
        if on_slate {
            self.recent.push_back((choice, nonce));
        }
        on_slate
    }

    /// Undoes the last [`add`](Self::add) since [`publish`](Self::publish).
    pub fn undo(&mut self) {
        self.recent.pop_back();
    }

    /// Counts a vote of a closed election, unless no such choice is on the slate.
    pub fn add_final(&mut self, choice: Choice) -> bool {
        let votes = self.votes.get_mut(choice.index());
        votes.map(|votes| *votes += 1).is_some()
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
        self.votes.iter().sum::<u64>() + self.recent.len() as u64
    }

    /// The votes for each choice but for the recent ones.
    pub(super) fn votes(&self) -> &[u64] {
        &self.votes
    }

    /// The ballots that are not published, oldest first.
    pub(super) fn recent(&self) -> impl Iterator<Item = OwnBallot> {
        self.recent.iter().copied()
    }

    fn settle(&mut self, ballots: usize) {
        for (choice, _) in self.recent.drain(..ballots.min(self.recent.len())) {
            if let Some(votes) = self.votes.get_mut(choice.index()) {
                *votes += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BATCH: usize = LIVE_BATCH_BALLOTS;

    fn slate() -> Slate {
        Slate::new(["Ada", "Grace", "Edsger"].map(String::from).to_vec()).unwrap()
    }

    fn choice(ballot: usize) -> Choice {
        Choice::from_index(ballot * 7 % 5 % 3).unwrap()
    }

    /// Counts this many ballots, in groups of this many that are stored together.
    fn count(ballots: usize, group: usize) -> Count {
        let mut count = Count::new(&slate());
        for ballot in 0..ballots {
            assert!(count.add(choice(ballot), Nonce::from([ballot as u8; 16])));
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
        (0..BATCH * 4).for_each(|ballot| assert!(after.add(choice(ballot), [9; 16].into())));
        (0..BATCH * 4).for_each(|_| after.undo());
        after.publish(Publication::Live, ElectionState::Open);
        assert_eq!(after, before);
        assert!(!after.add(Choice::from_index(3).unwrap(), [9; 16].into()), "it is on no slate");
        assert_eq!(after, before);
    }

    #[test]
    fn a_sealed_election_keeps_no_recent_ballots() {
        let mut sealed = Count::new(&slate());
        for ballot in 0..BATCH + 3 {
            assert!(sealed.add(choice(ballot), [1; 16].into()));
            sealed.publish(Publication::Sealed, ElectionState::Open);
            assert_eq!((sealed.recent().count(), sealed.ballots()), (0, ballot as u64 + 1));
        }
    }
}
