//! Calls, cancellations and releases in any order and at any time, over streams of any size.

use capvote::net::connection;
use capvote::net::transport::{ANONYMOUS_QUESTIONS_MAX, DEFERRED_WAIT_MAX};
use capvote::schema::election_capnp::{directory, election};
use futures::future::join_all;
use tokio::io::BufWriter;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::deferred::Silent;
use super::*;

struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % most
    }
}

/// An election, which comes soon enough.
async fn election_of(answer: impl Future<Output = capnp::Result<Answer>>) -> election::Client {
    let begun = Instant::now();
    let answer = timeout(TIMEOUT, answer).await.unwrap().unwrap();
    let waited = begun.elapsed();
    assert!(waited <= DEFERRED_WAIT_MAX + Duration::from_millis(200), "{waited:?}");
    answer.get().unwrap().get_election().unwrap()
}

type Answer = capnp::capability::Response<directory::election_results::Owned>;

async fn act(make: Make, server: Make, seed: u64) {
    let mut random = Random(seed);
    let (near, far) = duplex([16, 100, 1_000, 64 * 1024][random.below(4) as usize]);
    let far = Choppy::new(far, [30, 200, usize::MAX][random.below(3) as usize]);
    let ended: Rc<Cell<Option<Instant>>> = Rc::default();
    let over = ended.clone();
    let network = server(Box::new(far), Side::Server);
    let bootstrap = |_| new_client::<directory::Client, _>(Silent).client;
    spawn_local(async move {
        connection::serve_over(network, bootstrap, CancellationToken::new()).await;
        over.set(Some(Instant::now()));
    });
    let near: Box<dyn Stream> =
        if random.below(2) == 0 { Box::new(near) } else { Box::new(BufWriter::new(near)) };
    let mut system = RpcSystem::new(make(near, Side::Client), None);
    let remote: directory::Client = system.bootstrap(Side::Server);
    let disconnector = system.get_disconnector();
    spawn_local(system);
    let (mut held, mut unanswered, mut coming) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..random.below(60) {
        match random.below(7) {
            0 => coming.push(spawn_local(election_of(remote.election_request().send().promise))),
            1 => {
                let call = remote.election_request().send();
                unanswered.push(call.pipeline.get_election().info_request().send().promise);
                coming.push(spawn_local(election_of(call.promise)));
            }
            2 => drop(unanswered.pop()),
            3 => drop(held.pop()),
            4 => sleep(Duration::from_millis(random.below(1_500))).await,
            5 => drop(remote.election_request().send()),
            _ => {
                for election in join_all(coming.drain(..)).await {
                    held.push(election.unwrap());
                }
            }
        }
    }
    join_all(coming).await.into_iter().for_each(|election| drop(election.unwrap()));
    sleep(Duration::from_millis(random.below(2_000))).await;
    let left = Instant::now();
    drop((held, unanswered, remote));
    timeout(TIMEOUT, disconnector).await.unwrap().unwrap();
    sleep(Duration::from_millis(1_500)).await;
    let ended = ended.get().unwrap_or_else(|| panic!("the server goes on, {seed}"));
    assert!(ended - left < Duration::from_millis(200), "{:?} {seed}", ended - left);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn every_answer_comes_within_a_second_whatever_else_happens() {
    for seed in 0..1_500 {
        let (client, server) =
            [(ours as Make, ours as Make), (stock, ours), (ours, stock)][seed % 3];
        act(client, server, seed as u64).await;
    }
}

struct Quick;

impl directory::Server for Quick {}

/// All at once, again and again, as many as an anonymous client may: those before are finished.
#[tokio::test(flavor = "local", start_paused = true)]
async fn finished_questions_do_not_count_although_that_they_are_is_told_later() {
    for make in [ours as Make, stock] {
        let (near, far) = duplex(64 * 1024);
        let bootstrap = |_| new_client::<directory::Client, _>(Quick).client;
        spawn_local(connection::serve(far, bootstrap, CancellationToken::new()));
        let remote: directory::Client = connect(make, near);
        for _ in 0..5 {
            let calls = (0..ANONYMOUS_QUESTIONS_MAX - 2).map(|_| remote.election_request().send());
            let answers = join_all(calls.map(|call| call.promise).collect::<Vec<_>>());
            for answer in timeout(TIMEOUT, answers).await.unwrap() {
                assert_eq!(answer.err().unwrap().kind, ErrorKind::Unimplemented);
            }
        }
    }
}
