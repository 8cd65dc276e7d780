//! Watching: an observer gets the newest results, one call at a time.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use capvote::client::{Client, Error, WATCH_WAIT_MAX};
use capvote::net::connection::IDLE_WAIT_MAX;
use capvote::net::transport::DEFERRED_WAIT_MAX;
use capvote::schema::election_capnp::{handle, result_observer};
use capvote::service::{QUIET_WAIT_MAX, WATCHES_MAX};
use tokio::sync::{Semaphore, mpsc};

use crate::harness::{ballot, board, harness, soon};

/// Sends the number of ballots of each call to `seen`, and answers it once it gets a permit of
/// `pace`.
struct Observer {
    seen: mpsc::UnboundedSender<u64>,
    pace: Rc<Semaphore>,
    busy: RefCell<bool>,
}

impl result_observer::Server for Observer {
    async fn changed(self: Rc<Self>, params: result_observer::ChangedParams) -> capnp::Result<()> {
        assert!(!self.busy.replace(true), "called before it answered the call before");
        self.seen.send(params.get()?.get_results()?.get_turnout()?.get_ballots()).unwrap();
        self.pace.acquire().await.unwrap().forget();
        self.busy.replace(false);
        Ok(())
    }
}

async fn watch(client: &Client, observer: Observer) -> capnp::Result<handle::Client> {
    let mut request = client.election("board").capability().watch_request();
    request.get().set_observer(capnp_rpc::new_client(observer));
    soon(request.send().promise).await?.get()?.get_subscription()
}

fn observer(permits: usize) -> (Observer, mpsc::UnboundedReceiver<u64>, Rc<Semaphore>) {
    let (seen, receiver) = mpsc::unbounded_channel();
    let pace = Rc::new(Semaphore::new(permits));
    (Observer { seen, pace: pace.clone(), busy: RefCell::new(false) }, receiver, pace)
}

#[tokio::test(flavor = "local")]
async fn an_observer_gets_the_current_results_and_then_the_newest() {
    let harness = board().await;
    let client = harness.connect();
    let (observer, mut seen, pace) = observer(0);
    let subscription = watch(&client, observer).await.unwrap();
    assert_eq!(soon(seen.recv()).await, Some(0));
    // While it has not answered the first call, twenty votes follow: it gets only the last results.
    for number in 1..=20 {
        client.election("board").vote(&ballot("Ada", number), |_| {}).await.unwrap();
    }
    pace.add_permits(100);
    assert_eq!(soon(seen.recv()).await, Some(20));
    client.election("board").vote(&ballot("Ada", 21), |_| {}).await.unwrap();
    assert_eq!(soon(seen.recv()).await, Some(21));
    // Dropping the handle releases the observer: each side tells the other within a second.
    let dropped = Instant::now();
    drop(subscription);
    assert_eq!(soon(seen.recv()).await, None);
    assert!(dropped.elapsed() < 3 * DEFERRED_WAIT_MAX, "{:?}", dropped.elapsed());
}

#[tokio::test(flavor = "local")]
async fn watches_are_bounded_and_a_dropped_one_makes_room() {
    let harness = board().await;
    let client = harness.connect();
    let mut watches = Vec::new();
    for _ in 0..WATCHES_MAX {
        let (observer, seen, _) = observer(100);
        watches.push((watch(&client, observer).await.unwrap(), seen));
    }
    let error = watch(&client, observer(1).0).await.err().unwrap();
    assert!(error.extra.contains("at most 64 watches"), "{error}");
    let (dropped, mut seen) = watches.pop().unwrap();
    drop(dropped);
    while soon(seen.recv()).await.is_some() {}
    watch(&client, observer(1).0).await.unwrap();
}

/// Watches "board", which has no votes, and pauses the clock after the observer's first call. It
/// answers this many calls.
async fn quiet_watch(
    client: &Client,
    answers: usize,
) -> ((handle::Client, Rc<Semaphore>), mpsc::UnboundedReceiver<u64>) {
    let (observer, mut seen, pace) = observer(answers);
    let subscription = watch(client, observer).await.unwrap();
    assert_eq!(soon(seen.recv()).await, Some(0));
    tokio::time::pause();
    ((subscription, pace), seen)
}

#[tokio::test(flavor = "local")]
async fn an_observer_of_a_quiet_election_is_called_regularly_and_kept_if_it_answers() {
    let server = board().await;
    let client = server.connect();
    let (_watch, mut seen) = quiet_watch(&client, 2).await;
    let begun = tokio::time::Instant::now();
    assert_eq!(seen.recv().await, Some(0));
    assert!(begun.elapsed() >= QUIET_WAIT_MAX);
    assert!(QUIET_WAIT_MAX < IDLE_WAIT_MAX, "an observer that answers stays connected");
}

#[tokio::test(flavor = "local")]
async fn an_observer_is_called_regularly_also_while_another_election_is_busy() {
    let server = harness(&[("board", &["Ada"], 1_000), ("other", &["Ada"], 1_000)]).await;
    let client = server.connect();
    let (_watch, mut seen) = quiet_watch(&client, 2).await;
    let begun = tokio::time::Instant::now();
    let voter = server.connect();
    let mut number = 0;
    while seen.try_recv().is_err() {
        assert!(begun.elapsed() < QUIET_WAIT_MAX * 2, "the observer was not called");
        tokio::time::sleep(QUIET_WAIT_MAX / 10).await;
        number += 1;
        // The ledger thread works in real time.
        tokio::time::resume();
        voter.election("other").vote(&ballot("Ada", number), |_| ()).await.unwrap();
        tokio::time::pause();
    }
}

#[tokio::test(flavor = "local")]
async fn a_watch_ends_if_the_server_vanishes_without_closing_the_connection() {
    let server = board().await;
    let (here, mut relayed) = tokio::io::duplex(64 * 1024);
    let mut stream = server.stream();
    let (gone, is_gone) = tokio::sync::oneshot::channel::<()>();
    tokio::task::spawn_local(async move {
        tokio::select! {
            _ = tokio::io::copy_bidirectional(&mut relayed, &mut stream) => {}
            _ = is_gone => {}
        }
        // Forwards nothing, but keeps both connections open.
        std::future::pending::<()>().await;
        drop((relayed, stream));
    });
    let mut gone = Some(gone);
    let election = Client::over(here).election("board");
    let watched = election.watch(|_| {
        drop(gone.take());
        tokio::time::pause();
        Ok(())
    });
    let watched = tokio::time::timeout(Duration::from_secs(15), watched).await.unwrap();
    assert!(matches!(watched, Err(Error::NoAnswer(_))), "{watched:?}");
}

#[tokio::test(flavor = "local")]
async fn a_watch_of_a_quiet_election_goes_on() {
    let server = board().await;
    let client = server.connect();
    let mut changes = 0;
    let election = client.election("board");
    let watched = election.watch(|_| {
        if changes == 0 {
            tokio::time::pause();
        }
        changes += 1;
        if changes == 3 { Err("enough".into()) } else { Ok(()) }
    });
    let watched = watched.await;
    assert!(matches!(watched, Err(Error::Callback(_))), "{watched:?}");
    assert!(WATCH_WAIT_MAX > QUIET_WAIT_MAX, "a running server calls the observer before that");
}

#[tokio::test(flavor = "local")]
async fn a_client_whose_observer_does_not_answer_is_disconnected() {
    let server = board().await;
    let client = server.connect();
    let _watch = quiet_watch(&client, 0).await;
    tokio::time::timeout(IDLE_WAIT_MAX * 3, client.closed()).await.unwrap();
}
