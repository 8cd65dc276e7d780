//! The PostgreSQL clusters of a ledger: one, or several among which the voter numbers are divided.
//!
//! The first has the acts, the rolls, the sheets and the keys. Each has the ballots of its numbers,
//! with their chains, and a row for each election that says whether chains may be begun there. A
//! vote is decided in one cluster, and no transaction spans two: see [`align`](super::align) for
//! how the rows of the others follow the acts.

use std::iter;
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Arc, PoisonError};

use tokio::sync::{Mutex, mpsc};

use super::Options;
use super::connection::{Fault, Hosts, Link};
use super::lease::Seen;
use super::look::LOOKS_WAITING_MAX;
use super::shared::LookReply;
use crate::election::VoterNumber;
use crate::ledger::OpenError;

/// The most clusters of one ledger.
pub const CLUSTERS_MAX: usize = 64;

/// One cluster, as this server uses it.
pub(super) struct Cluster {
    pub(super) hosts: Hosts,
    /// Its place among those of the ledger, from 0.
    pub(super) index: usize,
    /// How many the ledger has.
    count: usize,
    /// Held while a new connection is looked at, and what is gone there is offered again.
    pub(super) looking: Mutex<()>,
    /// The timeline on which everything that this server knows was looked for; 0 for none.
    pub(super) looked_on: AtomicU32,
    /// Whether commits wait for a second copy, as far as the last look saw.
    pub(super) is_replicated: AtomicBool,
    pub(super) looks: mpsc::Sender<LookReply>,
    /// The other servers, as this one saw them there.
    seen: std::sync::Mutex<Seen>,
}

/// Those who ask for a look at a cluster.
pub(super) type Asked = mpsc::Receiver<LookReply>;

/// All clusters of a ledger.
#[derive(Clone)]
pub(super) struct Clusters {
    pub(super) first: Arc<Cluster>,
    pub(super) others: Vec<Arc<Cluster>>,
}

impl Clusters {
    /// Those that these options name, and for each who asks for looks.
    pub(super) fn of(options: &Options) -> Result<(Self, Vec<Asked>), OpenError> {
        let hosts = Hosts::all(options)?;
        let count = hosts.len();
        let one = |(index, hosts)| {
            let (looks, asked) = mpsc::channel(LOOKS_WAITING_MAX);
            let cluster = Cluster {
                hosts,
                index,
                count,
                looking: Mutex::default(),
                looked_on: AtomicU32::new(0),
                is_replicated: AtomicBool::new(true),
                looks,
                seen: std::sync::Mutex::default(),
            };
            (Arc::new(cluster), asked)
        };
        let (mut all, asked): (Vec<_>, _) = hosts.into_iter().enumerate().map(one).unzip();
        let others = all.split_off(1.min(count));
        let first = all.pop().ok_or_else(|| OpenError::Database("no database is named".into()))?;
        Ok((Self { first, others }, asked))
    }

    /// Each of them, in their order.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Cluster>> {
        iter::once(&self.first).chain(&self.others)
    }

    /// The index of the one that decides on a number.
    pub(super) fn of_number(&self, number: VoterNumber) -> usize {
        index_of(number, 1 + self.others.len())
    }
}

/// The index of the cluster that decides on a number, of so many.
fn index_of(number: VoterNumber, count: usize) -> usize {
    // The remainder is less than the count.
    (number.get() % count as u64) as usize
}

impl Cluster {
    /// Connects to its primary.
    pub(super) async fn connect(self: &Arc<Self>) -> Result<Link, Fault> {
        let connected = self.hosts.connect(self).await;
        connected.map_err(|fault| match fault {
            Fault::Gone(why) if self.count > 1 => {
                Fault::Gone(format!("cluster {} of {}: {why}", self.index + 1, self.count))
            }
            fault => fault,
        })
    }

    /// Reads or changes what is known of the other servers there.
    pub(super) fn seen<T>(&self, change: impl FnOnce(&mut Seen) -> T) -> T {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether it has the acts.
    pub(super) fn is_first(&self) -> bool {
        self.index == 0
    }

    /// What it says of itself in its ledger's row: its place, and how many there are.
    pub(super) fn place(&self) -> (i16, i16) {
        // There are at most [`CLUSTERS_MAX`].
        (self.index as i16, self.count as i16)
    }

    /// Refuses a ballot whose number this cluster does not decide on: it would be one more.
    pub(super) fn check_number(&self, number: VoterNumber) -> Result<(), Fault> {
        if index_of(number, self.count) != self.index {
            return Err(Fault::damaged("a ballot is in another cluster than its number's"));
        }
        Ok(())
    }

    /// Whether a chain is one of this cluster: they count in steps of how many clusters there are.
    pub(super) fn has_chain(&self, chain: i64) -> bool {
        (chain - 1).rem_euclid(self.count as i64) == self.index as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_chain_tell_their_cluster() {
        let address = "postgres://me@127.0.0.1/db";
        let options = Options::new(address, "data").unwrap();
        let one = Clusters::of(&options).unwrap().0;
        let options = options.and_cluster(address).unwrap().and_cluster(address).unwrap();
        let three = Clusters::of(&options).unwrap().0;
        let numbers = [0, 1, 2, 3, u64::MAX - 1, u64::MAX];
        assert_eq!(numbers.map(|number| three.of_number(number.into())), [0, 1, 2, 0, 2, 0]);
        assert_eq!(numbers.map(|number| one.of_number(number.into())), [0; 6]);
        for chain in 1..=9 {
            let has = three.all().filter(|it| it.has_chain(chain)).map(|it| it.index);
            assert_eq!(has.collect::<Vec<_>>(), [(chain as usize - 1) % 3]);
            assert!(one.first.has_chain(chain));
        }
    }
}
