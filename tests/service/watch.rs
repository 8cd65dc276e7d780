//! Watching: the newest results, and no more than the observer can take.

use std::cell::RefCell;
use std::rc::Rc;

use capvote::client::{Client, Error, WATCH_WAIT_MAX};
use capvote::net::connection::IDLE_WAIT_MAX;
use capvote::schema::election_capnp::{handle, result_observer};
use capvote::service::{QUIET_WAIT_MAX, WATCHES_MAX};
use tokio::sync::{Semaphore, mpsc};

use crate::harness::{ballot, board, harness, soon};

/// Sends on how many ballots it was told of, and answers each call with a permit of `pace`.
struct Observer {
    seen: mpsc::UnboundedSender<u64>,
    pace: Rc<Semaphore>,
    busy: RefCell<bool>,
}

impl result_observer::Server for Observer {
    async fn changed(self: Rc<Self>, params: result_observer::ChangedParams) -> capnp::Result<()> {
        assert!(!self.busy.replace(true), "told of a change while busy with one");
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
async fn an_observer_sees_the_state_and_then_the_newest_change() {
    let harness = board().await;
    let client = harness.connect();
    let (observer, mut seen, pace) = observer(0);
    let subscription = watch(&client, observer).await.unwrap();
    assert_eq!(soon(seen.recv()).await, Some(0));
    // It is busy with the first change while twenty more happen: it skips to the last.
    for number in 1..=20 {
        client.election("board").vote(&ballot("Ada", number), |_| {}).await.unwrap();
    }
    pace.add_permits(100);
    assert_eq!(soon(seen.recv()).await, Some(20));
    client.election("board").vote(&ballot("Ada", 21), |_| {}).await.unwrap();
    assert_eq!(soon(seen.recv()).await, Some(21));
    // With the handle dropped, the observer is let go of, and its end of the channel with it.
    drop(subscription);
    assert_eq!(soon(seen.recv()).await, None);
}

#[tokio::test(flavor = "local")]
async fn watches_are_bounded_and_come_back_when_dropped() {
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

/// Watches "board", in which nobody has voted, and stops the clock once the observer, which answers
/// so many calls, was told so.
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
async fn an_observer_of_a_quiet_election_is_told_now_and_then_and_shows_that_it_is_there() {
    let server = board().await;
    let client = server.connect();
    let (_watch, mut seen) = quiet_watch(&client, 2).await;
    let begun = tokio::time::Instant::now();
    assert_eq!(seen.recv().await, Some(0));
    assert!(begun.elapsed() >= QUIET_WAIT_MAX);
    assert!(QUIET_WAIT_MAX < IDLE_WAIT_MAX, "an observer that answers is not cut");
}

#[tokio::test(flavor = "local")]
async fn an_observer_is_told_now_and_then_also_where_others_vote_all_the_time() {
    let server = harness(&[("board", &["Ada"], 1_000), ("other", &["Ada"], 1_000)]).await;
    let client = server.connect();
    let (_watch, mut seen) = quiet_watch(&client, 2).await;
    let begun = tokio::time::Instant::now();
    let voter = server.connect();
    let mut number = 0;
    while seen.try_recv().is_err() {
        assert!(begun.elapsed() < QUIET_WAIT_MAX * 2, "nothing was told");
        tokio::time::sleep(QUIET_WAIT_MAX / 10).await;
        number += 1;
        // The ledger's thread has its own time.
        tokio::time::resume();
        voter.election("other").vote(&ballot("Ada", number), |_| ()).await.unwrap();
        tokio::time::pause();
    }
}

#[tokio::test(flavor = "local")]
async fn a_watch_ends_where_the_server_is_gone_without_a_word() {
    let server = board().await;
    let (here, mut relayed) = tokio::io::duplex(64 * 1024);
    let mut stream = server.stream();
    let (gone, is_gone) = tokio::sync::oneshot::channel::<()>();
    tokio::task::spawn_local(async move {
        tokio::select! {
            _ = tokio::io::copy_bidirectional(&mut relayed, &mut stream) => {}
            _ = is_gone => {}
        }
        // Nothing is passed on any more, and nobody hangs up.
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
    let watched = tokio::time::timeout(WATCH_WAIT_MAX * 2, watched).await.unwrap();
    assert!(matches!(watched, Err(Error::NoAnswer(WATCH_WAIT_MAX))), "{watched:?}");
    assert!(WATCH_WAIT_MAX > QUIET_WAIT_MAX, "a server that is there has told something by then");
}

#[tokio::test(flavor = "local")]
async fn an_observer_that_does_not_answer_is_cut_with_its_connection() {
    let server = board().await;
    let client = server.connect();
    let _watch = quiet_watch(&client, 0).await;
    tokio::time::timeout(IDLE_WAIT_MAX * 3, client.closed()).await.unwrap();
}
