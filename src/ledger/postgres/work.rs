//! The tasks of a handle, on the ledger's thread.

use std::time::Duration;

use futures::future::join_all;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::acts::act;
use super::check::check;
use super::close;
use super::cluster::Asked;
use super::connection::{ANSWER_WAIT_MAX, Fault};
use super::dispatch::{VoteJob, WRITERS, dispatch};
use super::lease;
use super::look::keep_looking;
use super::public::Phase;
use super::session::{Session, Sessions};
use super::shared::Shared;
use super::sheet;
use super::void::void;
use super::writer::Writer;
use crate::election::{ElectionId, TokenHash};
use crate::ledger::{Act, ActRefusal, Authorization, LedgerError, Report, SheetCursor, SheetPart};

/// How often closes that were begun are looked for. One that is not finished a round later is
/// finished by this server.
const CLOSE_PAUSE: Duration = Duration::from_secs(5);

/// Where an answer goes.
type Reply<T> = oneshot::Sender<Result<T, LedgerError>>;

/// What officers ask for.
pub(super) enum ActJob {
    Acts(Vec<Act>, Option<Authorization>, Reply<()>),
    Void(ElectionId, TokenHash, Option<Authorization>, Reply<u64>),
}

/// What auditors ask for.
pub(super) enum ReadJob {
    Sheet(ElectionId, SheetCursor, usize, Reply<SheetPart>),
    Check(ElectionId, Reply<Report>),
}

/// The queues, and the connections for acts.
pub(super) struct Work {
    pub(super) sessions: Sessions,
    /// One for each cluster.
    pub(super) vote_jobs: Vec<mpsc::Receiver<VoteJob>>,
    pub(super) act_jobs: mpsc::Receiver<ActJob>,
    pub(super) read_jobs: mpsc::Receiver<ReadJob>,
    /// One for each cluster.
    pub(super) asked: Vec<Asked>,
}

impl Work {
    /// Works until `stop`, and does what is queued then. Returns `false` if a task panicked.
    pub(super) async fn run(self, stop: CancellationToken) -> bool {
        let Self { sessions, vote_jobs, act_jobs, read_jobs, asked } = self;
        let shared = sessions.first.shared.clone();
        let mut tasks = JoinSet::new();
        for (cluster, vote_jobs) in shared.clusters.all().zip(vote_jobs) {
            let (free, freed) = mpsc::channel(WRITERS);
            let mut writers = Vec::with_capacity(WRITERS);
            for index in 0..WRITERS {
                let (groups, taken) = mpsc::channel(1);
                writers.push(groups);
                let writer = Writer::new(shared.clone(), cluster.clone(), index);
                tasks.spawn_local(writer.run(taken, free.clone()));
            }
            tasks.spawn_local(dispatch(vote_jobs, writers, freed, stop.clone()));
        }
        tasks.spawn_local(make_acts(sessions, act_jobs, stop.clone()));
        tasks.spawn_local(keep_finishing(Sessions::new(&shared), stop.clone()));
        tasks.spawn_local(read(Sessions::new(&shared), read_jobs, stop.clone()));
        // They end last: until the others end, they ask for looks.
        let looking = CancellationToken::new();
        let mut lookers = JoinSet::new();
        for (cluster, asked) in shared.clusters.all().zip(asked) {
            let (shared, cluster) = (shared.clone(), cluster.clone());
            lookers.spawn_local(keep_looking(shared, cluster, asked, looking.clone()));
        }
        let mut well = true;
        while let Some(ended) = tasks.join_next().await {
            if ended.is_err() {
                tracing::error!("a task of the ledger failed");
                well = false;
                stop.cancel();
            }
        }
        looking.cancel();
        while let Some(ended) = lookers.join_next().await {
            well &= ended.is_ok();
        }
        join_all(
            shared
                .clusters
                .all()
                .map(|cluster| leave_chains(Session::to(shared.clone(), cluster.clone()))),
        )
        .await;
        well
    }
}

/// Makes acts until `stop`, and those that are queued then.
async fn make_acts(
    mut sessions: Sessions,
    mut jobs: mpsc::Receiver<ActJob>,
    stop: CancellationToken,
) {
    let shared = sessions.first.shared.clone();
    loop {
        let job = tokio::select! {
            biased;
            () = stop.cancelled(), if !jobs.is_closed() => {
                jobs.close();
                continue;
            }
            job = jobs.recv() => job,
        };
        match job {
            Some(ActJob::Acts(acts, under, reply)) => {
                let begun = std::time::Instant::now();
                let done = act(&mut sessions, acts, under).await;
                match &done {
                    Ok(()) => shared.metrics.acted(begun.elapsed()),
                    Err(error @ (LedgerError::NotStored(_) | LedgerError::Unknown(_))) => {
                        tracing::error!(%error, "an act failed");
                    }
                    Err(_) => {}
                }
                let _ = reply.send(done);
            }
            Some(ActJob::Void(election, token, under, reply)) => {
                let done = void(&mut sessions, &election, &token, under.as_ref()).await;
                let _ = reply.send(done);
            }
            None => return,
        }
    }
}

/// Finishes closes that were begun until `stop`: acts do not wait for them.
async fn keep_finishing(mut sessions: Sessions, stop: CancellationToken) {
    let mut round = interval(CLOSE_PAUSE);
    round.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (shared, mut was_closing) = (sessions.first.shared.clone(), false);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = round.tick() => {}
        }
        // One that began since the last round is still its own server's.
        if std::mem::replace(&mut was_closing, is_closing(&shared)) && was_closing {
            tokio::select! {
                () = stop.cancelled() => return,
                () = finish(&mut sessions) => {}
            }
        }
    }
}

fn is_closing(shared: &Shared) -> bool {
    shared.with(|state| {
        state.public.elections.iter().any(|election| election.phase == Phase::Closing)
    })
}

async fn finish(sessions: &mut Sessions) {
    if let Err(error) = close::finish_all(sessions, |_| true).await {
        tracing::error!(%error, "a close that was begun is not finished");
    }
}

/// Reads for auditors until `stop`, one after the other.
async fn read(mut sessions: Sessions, mut jobs: mpsc::Receiver<ReadJob>, stop: CancellationToken) {
    let shared = sessions.first.shared.clone();
    loop {
        let job = tokio::select! {
            biased;
            () = stop.cancelled(), if !jobs.is_closed() => {
                jobs.close();
                continue;
            }
            job = jobs.recv() => job,
        };
        let Sessions { first: session, others } = &mut sessions;
        match job {
            Some(ReadJob::Sheet(id, cursor, lines, reply)) => {
                let election = shared.with(|state| state.public.find(&id).cloned());
                let read = session.until_known(async |link| match &election {
                    Some(election) => sheet::read(&link.client, election, cursor, lines).await,
                    None => Err(Fault::Not(ActRefusal::NoSuchElection(id.clone()).into())),
                });
                let _ = reply.send(read.await.map_err(unreadable));
            }
            Some(ReadJob::Check(id, reply)) => {
                let checked =
                    session.until_known(async |link| check(&shared, link, others, &id).await);
                let _ = reply.send(checked.await.map_err(unreadable));
            }
            None => return,
        }
    }
}

/// The error of what stores nothing.
fn unreadable(error: LedgerError) -> LedgerError {
    match error {
        LedgerError::NotStored(why) | LedgerError::Unknown(why) => LedgerError::Unreadable(why),
        error => error,
    }
}

/// Lets other servers go on with the chains of this one.
async fn leave_chains(mut session: Session) {
    let shared = session.shared.clone();
    let server = shared.server;
    let update = "UPDATE chains SET server = NULL WHERE server = $1";
    let left = session.until_known(async |link| {
        link.client.execute(update, &[&&server[..]]).await?;
        lease::end(&shared, link).await
    });
    match timeout(ANSWER_WAIT_MAX, left).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!(%error, "the chains of this server are not left to others");
        }
        Err(_) => tracing::warn!("the database does not answer at the end"),
    }
}
