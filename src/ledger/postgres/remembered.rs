//! What this server has acknowledged, for some minutes: a failover to a standby that lagged loses
//! commits, and what is remembered can be offered again.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::chain::{ChainHead, Head};
use crate::election::Definition;

/// Votes that are remembered: with 34 bytes of a sealed ballot they take 42 MB, and what their
/// batches take. The oldest go first.
pub(super) const REMEMBERED_VOTES_MAX: usize = 1_000_000;

/// How long they are remembered.
const REMEMBERED_WAIT_MAX: Duration = Duration::from_secs(600);

/// Acknowledged batches, oldest first.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    batches: VecDeque<Arc<Acknowledged>>,
    votes: usize,
    /// Whether the log says that there were more than are remembered.
    warned: bool,
}

/// The votes of a batch, in one election, that were answered as recorded.
#[derive(Debug)]
pub(super) struct Acknowledged {
    at: Instant,
    pub(super) election: i32,
    pub(super) definition: Arc<Definition>,
    /// The entry whose commit was waited for.
    pub(super) entry: ChainHead,
    /// The numbers as the database has them, and their sealed ballots, which are equally long.
    numbers: Box<[i64]>,
    sealed: Box<[u8]>,
}

impl Acknowledged {
    pub(super) fn new<'a>(
        election: i32,
        definition: Arc<Definition>,
        entry: ChainHead,
        votes: impl Iterator<Item = (i64, &'a [u8])>,
    ) -> Self {
        let (mut numbers, mut sealed) = (Vec::new(), Vec::new());
        for (number, ballot) in votes {
            numbers.push(number);
            sealed.extend_from_slice(ballot);
        }
        let (numbers, sealed) = (numbers.into_boxed_slice(), sealed.into_boxed_slice());
        Self { at: Instant::now(), election, definition, entry, numbers, sealed }
    }

    /// How many votes it has.
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    pub(super) fn votes(&self) -> impl Iterator<Item = (i64, &[u8])> {
        let bytes = self.sealed.len().checked_div(self.len()).unwrap_or(0).max(1);
        self.numbers.iter().copied().zip(self.sealed.chunks(bytes))
    }
}

impl Remembered {
    /// Remembers a batch, and forgets those that are too old or too many. Returns `true` the first
    /// time that there are too many.
    pub(super) fn add(&mut self, batch: Acknowledged) -> bool {
        let now = batch.at;
        self.votes += batch.len();
        self.batches.push_back(Arc::new(batch));
        let mut crowded = false;
        while let Some(oldest) = self.batches.front() {
            let is_crowded = self.votes > REMEMBERED_VOTES_MAX;
            if !is_crowded && now.duration_since(oldest.at) <= REMEMBERED_WAIT_MAX {
                break;
            }
            crowded |= is_crowded;
            self.votes -= oldest.len();
            self.batches.pop_front();
        }
        crowded && !std::mem::replace(&mut self.warned, true)
    }

    /// Forgets the batches with these entries.
    pub(super) fn forget(&mut self, entries: &HashSet<Head>) {
        self.retain(|batch| !entries.contains(&batch.entry.head));
    }

    /// Forgets an election that is closed: its votes are on the sheet.
    pub(super) fn forget_election(&mut self, election: i32) {
        self.retain(|batch| batch.election != election);
    }

    fn retain(&mut self, is_kept: impl Fn(&Acknowledged) -> bool) {
        self.batches.retain(|batch| is_kept(batch));
        self.votes = self.batches.iter().map(|batch| batch.len()).sum();
    }

    /// The last remembered entry of each chain. Where it is stored, so are those before it.
    pub(super) fn last_entries(&self) -> Vec<ChainHead> {
        let mut last: HashMap<i64, ChainHead> = HashMap::new();
        for batch in &self.batches {
            last.insert(batch.entry.chain, batch.entry);
        }
        last.into_values().collect()
    }

    /// The batches of these chains, oldest first.
    pub(super) fn of_chains(&self, chains: &HashSet<i64>) -> Vec<Arc<Acknowledged>> {
        let of_them = |batch: &&Arc<Acknowledged>| chains.contains(&batch.entry.chain);
        self.batches.iter().filter(of_them).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(seq: i32, votes: usize) -> Acknowledged {
        let names = vec!["Ada".to_string()];
        let definition = Definition::new("board".parse().unwrap(), "x".into(), names).unwrap();
        let entry = ChainHead { chain: i64::from(seq % 2), seq, head: [seq as u8; 32] };
        let votes = (0..votes as i64).map(|number| (number, &b"sealed"[..]));
        Acknowledged::new(1, Arc::new(definition), entry, votes)
    }

    fn seqs(remembered: &Remembered) -> Vec<i32> {
        remembered.batches.iter().map(|batch| batch.entry.seq).collect()
    }

    #[test]
    fn votes_read_back() {
        let batch = batch(1, 3);
        let votes: Vec<_> = batch.votes().collect();
        assert_eq!(votes, [(0, &b"sealed"[..]), (1, b"sealed"), (2, b"sealed")]);
    }

    #[test]
    fn the_oldest_are_forgotten_first_and_that_is_said_once() {
        let mut remembered = Remembered::default();
        let part = REMEMBERED_VOTES_MAX / 2;
        let said: Vec<_> = (1..=4).map(|seq| remembered.add(batch(seq, part))).collect();
        assert_eq!(said, [false, false, true, false]);
        assert_eq!(seqs(&remembered), [3, 4]);
        assert_eq!(remembered.votes, 2 * part);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_old_is_forgotten() {
        let mut remembered = Remembered::default();
        remembered.add(batch(1, 1));
        tokio::time::advance(REMEMBERED_WAIT_MAX).await;
        assert!(!remembered.add(batch(2, 1)));
        assert_eq!(seqs(&remembered), [1, 2]);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!remembered.add(batch(3, 1)));
        assert_eq!(seqs(&remembered), [2, 3]);
    }

    #[test]
    fn batches_are_found_by_their_chains_and_forgotten_by_their_entries() {
        let mut remembered = Remembered::default();
        for seq in 1..=4 {
            remembered.add(batch(seq, 10));
        }
        let mut last: Vec<_> = remembered.last_entries().iter().map(|last| last.seq).collect();
        last.sort_unstable();
        assert_eq!(last, [3, 4]);
        let odd = remembered.of_chains(&HashSet::from([1]));
        assert_eq!(odd.iter().map(|batch| batch.entry.seq).collect::<Vec<_>>(), [1, 3]);
        remembered.forget(&HashSet::from([[2; 32], [3; 32]]));
        assert_eq!((seqs(&remembered), remembered.votes), (vec![1, 4], 20));
        remembered.forget_election(2);
        assert_eq!(remembered.votes, 20);
        remembered.forget_election(1);
        assert_eq!((seqs(&remembered), remembered.votes), (vec![], 0));
    }
}
