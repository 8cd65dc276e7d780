//! Benchmarks of single parts of capvote: `cargo bench -p capvote-bench`.

use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use capnp_rpc::RpcSystem;
use capnp_rpc::rpc_twoparty_capnp::Side;
use capvote::election::{Choice, Definition, ElectionId, Nonce, Timestamp, Vote, VoterNumber};
use capvote::ledger::sqlite::{Roll, SqliteLedger, Store};
use capvote::ledger::{Act, Ledger, system_clock};
use capvote::net::connection;
use capvote::net::transport;
use capvote::schema::election_capnp::message_sink;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures::future::join_all;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::task::spawn_local;
use tokio_util::sync::CancellationToken;

/// The allocator of capvote's programs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The voter number with this index. The multiplier is odd, so numbers do not repeat.
fn number(index: u64) -> VoterNumber {
    (index + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).into()
}

fn numbers(count: u64) -> Vec<VoterNumber> {
    (0..count).map(number).collect()
}

/// Creates and opens an election with these voter numbers.
fn open_election(store: &mut Store, numbers: Vec<VoterNumber>) -> (ElectionId, Choice) {
    let id: ElectionId = "board".parse().expect("an id");
    let candidates = vec!["Ada".to_string(), "Grace".to_string()];
    let definition = Definition::new(id.clone(), String::new(), candidates).expect("a slate");
    let ada = definition.slate.choice("Ada").expect("a candidate");
    let create = Act::Create(Arc::new(definition));
    let acts = [create, Act::Issue(id.clone(), numbers), Act::Open(id.clone())];
    store.act(&acts, None).expect("an open election");
    (id, ada)
}

fn roll(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("roll");
    for count in [10_000, 1_000_000] {
        let mut roll = Roll::default();
        assert!(roll.add(numbers(count)));
        let mut index = 0;
        group.bench_function(BenchmarkId::new("find", count), |bencher| {
            bencher.iter(|| {
                index += 1;
                black_box(roll.find(number(index % (2 * count))))
            });
        });
    }
    group.throughput(Throughput::Elements(1_000_000));
    group.sample_size(10).bench_function("add a million", |bencher| {
        bencher.iter_batched(
            || numbers(1_000_000),
            |numbers| assert!(Roll::default().add(numbers)),
            BatchSize::LargeInput,
        );
    });
}

fn ledger(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ledger");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    for votes in [1, 32, 1_024] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = Store::open(folder.path()).expect("a ledger");
        let (id, ada) = open_election(&mut store, numbers(4_000_000));
        let mut next = 0;
        group.throughput(Throughput::Elements(votes));
        group.bench_function(BenchmarkId::new("commit", votes), |bencher| {
            bencher.iter_batched(
                || {
                    next += votes;
                    let indexes = next - votes..next;
                    indexes.map(|index| vote(&id, ada, index)).collect::<Vec<_>>()
                },
                |votes| store.vote(&votes, Timestamp(0)).expect("a commit"),
                BatchSize::PerIteration,
            );
        });
    }
}

fn vote(id: &ElectionId, choice: Choice, index: u64) -> Vote {
    let mut nonce = [0; Nonce::BYTES];
    nonce[..8].copy_from_slice(&index.to_le_bytes());
    Vote { election: id.clone(), ballot: choice.into(), number: number(index), nonce: nonce.into() }
}

/// The cost of a retry in the ledger: the queue, the ledger thread and a lookup, without a write.
fn queue(criterion: &mut Criterion) {
    const BALLOTS: u64 = 100_000;
    let mut group = criterion.benchmark_group("queue");
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(folder.path()).expect("a ledger");
    let (id, ada) = open_election(&mut store, numbers(BALLOTS));
    for first in (0..BALLOTS).step_by(1_000) {
        let votes: Vec<_> = (first..first + 1_000).map(|index| vote(&id, ada, index)).collect();
        store.vote(&votes, Timestamp(0)).expect("a commit");
    }
    let ledger = SqliteLedger::start(store, system_clock()).expect("a thread");
    let runtime = runtime();
    for votes in [1, 32] {
        group.throughput(Throughput::Elements(votes));
        group.bench_function(BenchmarkId::new("retries", votes), |bencher| {
            bencher.iter_custom(|rounds| {
                runtime.block_on(async {
                    let begun = Instant::now();
                    for round in 0..rounds {
                        let index = |retry| (round * votes + retry) % BALLOTS;
                        let batch = (0..votes).map(|it| vote(&id, ada, index(it))).collect();
                        black_box(ledger.vote(batch).await.expect("outcomes"));
                    }
                    begun.elapsed()
                })
            });
        });
    }
}

struct Sink;

impl message_sink::Server for Sink {
    async fn message(
        self: Rc<Self>,
        params: message_sink::MessageParams,
        _: message_sink::MessageResults,
    ) -> capnp::Result<()> {
        black_box(params.get()?.get_text()?);
        Ok(())
    }
}

/// Calls with a short text and no result over an in-memory stream, both ends on this thread.
fn transport(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("transport");
    let runtime = runtime();
    for at_once in [1, 64] {
        group.throughput(Throughput::Elements(at_once));
        group.bench_function(BenchmarkId::new("calls at once", at_once), |bencher| {
            bencher.iter_custom(|rounds| runtime.block_on(calls(rounds, at_once)));
        });
    }
}

async fn calls(rounds: u64, at_once: u64) -> Duration {
    let (here, there) = tokio::io::duplex(64 * 1024);
    let sink: message_sink::Client = capnp_rpc::new_client(Sink);
    spawn_local(connection::serve(there, |_| sink.client, CancellationToken::new()));
    let mut system = RpcSystem::new(transport::network(here, Side::Client), None);
    let sink: message_sink::Client = system.bootstrap(Side::Server);
    let task = spawn_local(system);
    let call = || {
        let mut request = sink.message_request();
        request.get().set_text("Your vote is recorded.");
        request.send().promise
    };
    call().await.expect("an answer");
    let begun = Instant::now();
    for _ in 0..rounds {
        for answer in join_all((0..at_once).map(|_| call())).await {
            answer.expect("an answer");
        }
    }
    let took = begun.elapsed();
    task.abort();
    took
}

fn runtime() -> LocalRuntime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().build_local(LocalOptions::default()).expect("a runtime")
}

criterion_group!(parts, roll, ledger, queue, transport);
criterion_main!(parts);
