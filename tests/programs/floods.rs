//! What a server keeps for clients that release nothing: its resident memory beside what it counts.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use capvote::client::{ActOutcome, Ballot, Client, VoteOutcome};
use capvote::election::Definition;
use capvote::net::budget::{
    CONNECTION_BYTES_MIN, EXHAUSTED_WAIT_MAX, MODEST_BYTES_MAX, PROCESS_BYTES_MAX,
};
use capvote::net::link::Link;
use capvote_soak::hostile::kept::{Flood, Flooding};
use futures::future::join_all;
use tempfile::TempDir;
use tokio::time::sleep;

use crate::process::{self, Server};
use crate::server::fetch;

/// The resident memory of a connection that does nothing, at most, in bytes.
const IDLE_BYTES: usize = 32 << 10;

/// The resident memory that the budget stands for, in bytes: the allocator takes up to a quarter
/// more than is asked for.
const RESIDENT_BYTES_MAX: usize = PROCESS_BYTES_MAX / 4 * 5;

/// The timeout for what must happen. Reached only if a test fails.
const TIMEOUT: Duration = Duration::from_secs(120);

const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The polls of unchanged memory after which a flood has settled.
const QUIET_POLLS: usize = 10;

/// Enough for results that are long: a little above 32 KiB, where the allocator wastes most. And few
/// enough for a client that uses little memory to get them.
const CANDIDATES: usize = 150;

const MIB: f64 = (1 << 20) as f64;

struct Flooded {
    server: Server,
    metrics: String,
    data: TempDir,
    /// Its resident memory without clients.
    before: f64,
}

impl Flooded {
    /// A server with an election of so many candidates.
    fn start(candidates: usize) -> Self {
        let data = tempfile::tempdir().unwrap();
        let names: Vec<_> = (1..candidates).map(|index| format!("{index:0>200}")).collect();
        let mut arguments = vec!["--metrics", "127.0.0.1:0", "--election", "board"];
        arguments.extend(["--voters", "20", "--candidate", "Ada"]);
        arguments.extend(names.iter().flat_map(|name| ["--candidate", name]));
        let mut server = Server::start(data.path(), &arguments);
        let metrics = server.next("figures at ");
        let before = server.memory_mib().0;
        Self { server, metrics, data, before }
    }

    fn address(&self) -> SocketAddr {
        self.server.link.strip_prefix("capvote://").unwrap().parse().unwrap()
    }

    /// The bytes charged to the budget.
    fn charged(&self) -> usize {
        let page = fetch(&self.metrics, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        let bytes = page.lines().find_map(|it| it.strip_prefix("capvote_memory_charged_bytes "));
        bytes.unwrap().parse().unwrap()
    }

    /// Waits until no more than this is charged.
    async fn has_at_most(&self, bytes: usize) {
        let begun = Instant::now();
        while self.charged() > bytes {
            assert!(begun.elapsed() < TIMEOUT, "{} bytes are charged", self.charged());
            sleep(POLL_INTERVAL).await;
        }
    }

    /// The bytes charged once they no longer change.
    async fn settled(&self) -> usize {
        let (mut last, mut quiet) = (0, 0);
        while quiet < QUIET_POLLS {
            sleep(POLL_INTERVAL).await;
            let charged = self.charged();
            quiet = if charged == last { quiet + 1 } else { 0 };
            last = charged;
        }
        last
    }
}

#[tokio::test(flavor = "local")]
async fn what_clients_have_a_server_keep_takes_no_more_memory_than_it_counts() {
    const CONNECTIONS: usize = 12;
    let mut wrong = Vec::new();
    for flood in Flood::ALL {
        // What a watch sends at first is no table's, and is soon gone.
        let candidates = if flood == Flood::Watches { 2 } else { CANDIDATES };
        let flooded = Flooded::start(candidates);
        let entries = flood.entries_max();
        let flooding = Flooding::start(flooded.address(), flood, CONNECTIONS, entries, false);
        let flooding = flooding.await.unwrap();
        let charged = flooded.settled().await;
        let (resident, peak) = flooded.server.memory_mib();
        let grown = (resident - flooded.before) * MIB;
        let allowed = charged + CONNECTIONS * (CONNECTION_BYTES_MIN + IDLE_BYTES);
        let a_connection = |bytes: f64| bytes / CONNECTIONS as f64 / 1024.0;
        let figures = format!(
            "{flood:?}: {:.0} KiB a connection resident (peak {:.0}), {:.0} KiB charged, {} ended, \
             {} unsent",
            a_connection(grown),
            a_connection((peak - flooded.before) * MIB),
            a_connection(charged as f64),
            flooding.ended(),
            flooding.unsent(),
        );
        eprintln!("{figures}");
        if grown > allowed as f64 || flooding.ended() > 0 {
            wrong.push(figures);
        }
        drop(flooding);
        flooded.has_at_most(0).await;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "local")]
async fn floods_that_fill_their_half_of_the_budget_are_cut_and_honest_voters_vote() {
    const CONNECTIONS: usize = 20;
    let flooded = Flooded::start(CANDIDATES);
    let mut floods = Vec::new();
    for flood in Flood::ALL {
        let entries = flood.entries_max();
        let flooding = Flooding::start(flooded.address(), flood, CONNECTIONS, entries, false);
        floods.push(flooding.await.unwrap());
    }
    let begun = Instant::now();
    while flooded.charged() < PROCESS_BYTES_MAX / 2 {
        assert!(begun.elapsed() < TIMEOUT, "{} bytes are charged", flooded.charged());
        sleep(POLL_INTERVAL).await;
    }
    for number in process::numbers(flooded.data.path()).into_iter().take(5) {
        let number = number.to_string();
        let link = flooded.server.link.clone();
        let vote = tokio::task::spawn_blocking(move || {
            let arguments = ["--link", &link, "vote", "Ada", "--voter-number", &number];
            process::run(env!("CARGO_BIN_EXE_capvote-client"), &arguments, b"").code
        });
        assert_eq!(vote.await.unwrap(), Some(0));
    }
    // A busy client as well.
    let election = Client::connect(&flooded.server.link.parse().unwrap()).await.unwrap();
    let election = election.election("board");
    let votes = process::numbers(flooded.data.path()).into_iter().skip(5).map(async |number| {
        let ballot = Ballot::new("Ada", number).unwrap();
        election.vote(&ballot, |_| {}).await.unwrap()
    });
    for outcome in join_all(votes).await {
        assert!(matches!(outcome, VoteOutcome::Recorded(_)), "{outcome:?}");
    }
    let begun = Instant::now();
    // What the last of them has sent may exceed that half a little, if nobody waits for memory.
    flooded.has_at_most(PROCESS_BYTES_MAX / 2 + MODEST_BYTES_MAX).await;
    eprintln!("relieved after {:?}, of {EXHAUSTED_WAIT_MAX:?}", begun.elapsed());
    let connections = Flood::ALL.len() * CONNECTIONS;
    let allowed = RESIDENT_BYTES_MAX + connections * (CONNECTION_BYTES_MIN + IDLE_BYTES);
    let (_, peak) = flooded.server.memory_mib();
    let grown = peak - flooded.before;
    eprintln!("{grown:.0} MiB at the most, of {:.0} MiB", allowed as f64 / MIB);
    assert!(grown * MIB <= allowed as f64, "{grown} MiB");
    drop(floods);
    flooded.has_at_most(0).await;
}

#[tokio::test(flavor = "local")]
async fn lists_of_long_slates_that_nobody_reads_take_no_more_than_the_budget() {
    const CONNECTIONS: usize = 60;
    const ELECTIONS: usize = 50;
    let flooded = Flooded::start(2);
    let officer = std::fs::read_to_string(flooded.data.path().join("officer.link")).unwrap();
    let officer: Link = officer.trim().parse().unwrap();
    let client = Client::connect(&flooded.server.link.parse().unwrap()).await.unwrap();
    let officer = client.restore(&officer.token.unwrap()).returning_officer();
    for election in 0..ELECTIONS {
        let names = (0..1_000).map(|name| format!("{name:0>250}")).collect();
        let id = format!("long-{election}").parse().unwrap();
        let definition = Definition::new(id, String::new(), names).unwrap();
        assert_eq!(officer.create(&definition).await.unwrap(), ActOutcome::Done);
    }
    let before = flooded.server.memory_mib().0;
    let flooding = Flooding::start(flooded.address(), Flood::Lists, CONNECTIONS, 10, false);
    let flooding = flooding.await.unwrap();
    let charged = flooded.settled().await;
    let (resident, peak) = flooded.server.memory_mib();
    let allowed = RESIDENT_BYTES_MAX + CONNECTIONS * (CONNECTION_BYTES_MIN + IDLE_BYTES);
    eprintln!(
        "{} MiB, at most {} MiB; {} charged",
        resident - before,
        peak - before,
        charged >> 20
    );
    assert!((peak - before) * MIB <= allowed as f64, "{} MiB", peak - before);
    // Votes need little memory, and go on.
    let number = process::numbers(flooded.data.path()).remove(0);
    let ballot = Ballot::new("Ada", number).unwrap();
    let voted = client.election("board").vote(&ballot, |_| {}).await.unwrap();
    assert!(matches!(voted, VoteOutcome::Recorded(_)), "{voted:?}");
    drop(flooding);
    assert_eq!(client.elections().await.unwrap().len(), ELECTIONS + 1);
}
