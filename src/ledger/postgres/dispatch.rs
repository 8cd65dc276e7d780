//! Dispatch: votes that queue up while all writers are busy become one group.

use std::collections::BTreeSet;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::writer::{Group, Reply};
use crate::election::Vote;

/// The writers of one server for each cluster. Each has a connection, and a chain in each election.
pub(super) const WRITERS: usize = 2;

/// Votes in one group. The last batch may exceed it.
pub(super) const GROUP_VOTES_MAX: usize = 4_096;

/// A batch of votes, and who asked for their decisions.
pub(super) struct VoteJob {
    pub(super) votes: Vec<Vote>,
    pub(super) reply: Reply,
}

/// Hands groups to free writers of a cluster, until `stop`, and what is queued then.
pub(super) async fn dispatch(
    mut jobs: mpsc::Receiver<VoteJob>,
    writers: Vec<mpsc::Sender<Group>>,
    mut freed: mpsc::Receiver<usize>,
    stop: CancellationToken,
) {
    let mut free: BTreeSet<usize> = (0..writers.len()).collect();
    loop {
        let first = tokio::select! {
            biased;
            () = stop.cancelled(), if !jobs.is_closed() => {
                jobs.close();
                continue;
            }
            job = jobs.recv() => job,
        };
        let Some(first) = first else { return };
        while let Ok(index) = freed.try_recv() {
            free.insert(index);
        }
        if free.is_empty() {
            free.extend(freed.recv().await);
        }
        let group = gather(first, &mut jobs);
        // The first that is free: a server that has few votes has few chains with recent ballots.
        let Some(writer) = free.pop_first().and_then(|index| writers.get(index)) else { return };
        if writer.send(group).await.is_err() {
            return;
        }
    }
}

fn gather(first: VoteJob, jobs: &mut mpsc::Receiver<VoteJob>) -> Group {
    let mut group = Group { votes: Vec::new(), replies: Vec::new() };
    let mut next = Some(first);
    while let Some(VoteJob { votes, reply }) = next.take() {
        group.replies.push((votes.len(), reply));
        group.votes.extend(votes);
        if group.votes.len() < GROUP_VOTES_MAX {
            next = jobs.try_recv().ok();
        }
    }
    group
}
