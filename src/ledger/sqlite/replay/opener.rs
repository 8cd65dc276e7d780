//! Opening and counting sealed ballots on a thread of their own, while the file is read.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::{io, mem, thread};

use crate::election::{Definition, ElectionState, Tally, VoterNumber};
use crate::ledger::keys::BallotKey;
use crate::ledger::sqlite::close;

/// Ballots that are passed to the thread at a time.
const BATCH_BALLOTS: usize = 4_096;

/// Batches that wait for the thread. Reading waits for a place.
const BATCHES_MAX: usize = 16;

/// The tallies of the elections whose ballots are opened, by their indexes.
pub(super) type Tallies = HashMap<usize, Tally>;

/// A ballot that cannot be opened.
pub(super) struct Unopened {
    /// The election's index.
    pub(super) election: usize,
    /// Its row in the table of ballots.
    pub(super) ballot: i64,
    /// Whether it was not sealed with this key.
    pub(super) by_key: bool,
}

/// The thread. What is passed to it is counted in that order.
pub(super) struct Opener {
    batch: Batch,
    /// Until it is finished.
    running: Option<Running>,
}

struct Running {
    batches: SyncSender<Batch>,
    thread: thread::JoinHandle<Result<Tallies, Unopened>>,
}

/// Ballots of the thread's elections, and elections that come before them.
#[derive(Default)]
struct Batch {
    elections: Vec<(usize, Opened)>,
    ballots: Vec<Sealed>,
    /// The sealed ballots, one after the other.
    bytes: Vec<u8>,
}

struct Sealed {
    election: usize,
    /// Its row in the table of ballots.
    id: i64,
    number: VoterNumber,
    /// Where it ends among the bytes.
    end: usize,
}

/// An election whose ballots are opened.
struct Opened {
    definition: Arc<Definition>,
    key: BallotKey,
    tally: Tally,
}

impl Opener {
    pub(super) fn start() -> io::Result<Self> {
        let (batches, queue) = sync_channel(BATCHES_MAX);
        let thread = thread::Builder::new().name("opener".into());
        let thread = thread.spawn(move || open_all(&queue))?;
        Ok(Self { batch: Batch::default(), running: Some(Running { batches, thread }) })
    }

    /// Adds an election, before its ballots.
    pub(super) fn election(&mut self, index: usize, definition: Arc<Definition>, key: BallotKey) {
        let tally = Tally::new(&definition.slate);
        self.batch.elections.push((index, Opened { definition, key, tally }));
    }

    /// Adds a ballot.
    pub(super) fn ballot(&mut self, election: usize, id: i64, number: VoterNumber, sealed: &[u8]) {
        self.batch.bytes.extend(sealed);
        let end = self.batch.bytes.len();
        self.batch.ballots.push(Sealed { election, id, number, end });
        if self.batch.ballots.len() >= BATCH_BALLOTS {
            self.send();
        }
    }

    fn send(&mut self) {
        let batch = mem::take(&mut self.batch);
        // If the thread has ended, `finish` says why.
        let _ = self.running.as_ref().map(|running| running.batches.send(batch));
    }

    /// Waits for the thread.
    ///
    /// # Errors
    /// The first ballot that cannot be opened.
    ///
    /// # Panics
    /// If the thread has.
    pub(super) fn finish(&mut self) -> Result<Tallies, Unopened> {
        self.send();
        let Some(Running { batches, thread }) = self.running.take() else {
            return Ok(HashMap::new());
        };
        drop(batches);
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

fn open_all(batches: &Receiver<Batch>) -> Result<Tallies, Unopened> {
    let mut elections: HashMap<usize, Opened> = HashMap::new();
    let mut bytes = Vec::new();
    for batch in batches {
        elections.extend(batch.elections);
        let mut begin = 0;
        for Sealed { election, id, number, end } in batch.ballots {
            let unopened = |by_key| Unopened { election, ballot: id, by_key };
            let opened = elections.get_mut(&election).ok_or_else(|| unopened(false))?;
            bytes.clear();
            bytes.extend(batch.bytes.get(begin..end).unwrap_or_default());
            begin = end;
            let Opened { definition, key, tally } = opened;
            if !key.open(number, &mut bytes) {
                return Err(unopened(true));
            }
            let read = close::stored(definition, &bytes);
            let (ballot, nonce) = read.map_err(|_| unopened(false))?;
            tally.add(ballot, nonce);
            // An election whose ballots are opened is not closed.
            tally.publish(definition.publication, ElectionState::Open);
        }
    }
    Ok(elections.into_iter().map(|(index, opened)| (index, opened.tally)).collect())
}
