//! Two servers of one ledger.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use capvote::client::{Ballot, Client, Servers, VoteOutcome, cast_at};
use capvote::election::{ElectionState, VoterNumber};
use capvote::net::link::Link;
use futures::future::join_all;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::{Builder, LocalOptions};

use crate::cluster::cluster;
use crate::process::{Ran, Server, client, officer, run, write_private};

/// The most that a test waits for what one server has to hear from the other.
const HEARING_WAIT_MAX: Duration = Duration::from_secs(30);

/// Connections that vote under one number at once.
const RIVALS: usize = 50;

/// Two servers with one secret, and an election that is open for the voters of these numbers.
struct Two {
    folder: TempDir,
    address: String,
    servers: Vec<Server>,
    numbers: Vec<VoterNumber>,
}

impl Two {
    fn begin(voters: u32) -> Option<Self> {
        let cluster = cluster()?;
        let folder = tempfile::tempdir().unwrap();
        write_private(folder.path().join("secret"), &format!("{}\n", "s".repeat(32)));
        let address = cluster.address(&cluster.database());
        let mut two = Self { folder, address, servers: Vec::new(), numbers: Vec::new() };
        for index in [0, 1] {
            let server = two.start(index);
            two.servers.push(server);
        }
        let file = two.folder.path().join("numbers.csv");
        two.officer(&["create", "board", "--candidate", "Ada", "--candidate", "Grace"]).done();
        let (count, path) = (voters.to_string(), file.to_str().unwrap().to_string());
        two.officer(&["issue", "--count", &count, "--output", &path]).done();
        // It is refused until the other server has the key, too.
        let opened = until(|| Some(two.officer(&["open"])).filter(|opened| opened.code == Some(0)));
        opened.done();
        let text = fs::read_to_string(file).unwrap();
        two.numbers = text.lines().skip(1).map(|number| number.parse().unwrap()).collect();
        Some(two)
    }

    fn start(&self, index: usize) -> Server {
        let secret = self.folder.path().join("secret");
        let secret = secret.to_str().unwrap();
        let arguments = ["--ledger", &self.address, "--ledger-secret", secret];
        Server::start(&self.data(index), &arguments)
    }

    fn data(&self, index: usize) -> PathBuf {
        self.folder.path().join(format!("data-{index}"))
    }

    fn link(&self, index: usize) -> Link {
        self.servers[index].link.parse().unwrap()
    }

    /// Runs the client with the officer's link, at the first server.
    fn officer(&self, arguments: &[&str]) -> Ran {
        officer(&self.data(0), arguments)
    }

    /// The same authority at the other server.
    fn officer_at_other(&self, arguments: &[&str]) -> Ran {
        let link = fs::read_to_string(self.data(0).join("officer.link")).unwrap();
        let token = link.trim().split_once('#').unwrap().1;
        client(&format!("{}#{token}", self.servers[1].link), arguments)
    }

    fn result(&self, index: usize) -> Value {
        let shown = client(&self.servers[index].link, &["result", "--json"]);
        serde_json::from_str(shown.done()).unwrap()
    }
}

/// Asks until there is an answer.
fn until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + HEARING_WAIT_MAX;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "the servers do not hear of each other");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn run_local<T>(future: impl Future<Output = T>) -> T {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().build_local(LocalOptions::default()).unwrap().block_on(future)
}

/// The servers as an election names them, once it names both.
async fn servers(link: &Link) -> Servers {
    let client = Client::connect(link).await.unwrap();
    let end = Instant::now() + HEARING_WAIT_MAX;
    loop {
        let info = client.election("board").info().await.unwrap();
        if info.servers.len() == 2 {
            let mut servers = Servers::of(link);
            servers.learn(&info);
            return servers;
        }
        assert!(Instant::now() < end, "the election does not name its servers");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn a_client_goes_on_to_the_other_server_and_its_vote_counts_once() {
    let Some(mut two) = Two::begin(3) else { return };
    let ballots: Vec<_> =
        two.numbers.iter().map(|number| Ballot::new("Ada", *number).unwrap()).collect();
    let (first, other) = (two.link(0), two.link(1));
    let recorded = |servers: &Servers, ballot: &Ballot| {
        let (mut servers, ballot) = (servers.clone(), ballot.clone());
        let cast = run_local(async move { cast_at(&mut servers, "board", &ballot, |_| {}).await });
        match cast.unwrap().outcome {
            VoteOutcome::Recorded(vote) => vote.receipt,
            outcome => panic!("{outcome:?}"),
        }
    };
    // Who can write to the database leads no voter elsewhere.
    let database = two.address.rsplit('/').next().unwrap();
    cluster().unwrap().execute(
        database,
        "INSERT INTO leases (server, timeline, seen, link, mac)
         SELECT 'x', timeline, clock_timestamp(), 'capvote://127.0.0.1:9', mac FROM leases LIMIT 1",
    );
    let known = run_local(servers(&first));
    let receipt = recorded(&known, &ballots[0]);
    two.servers.remove(0).kill();
    // The same ballot, and another, at a server that is gone.
    assert_eq!(recorded(&known, &ballots[0]), receipt);
    recorded(&known, &ballots[1]);
    let again = two.start(0);
    two.servers.insert(0, again);
    assert_eq!(
        recorded(&Servers::of(&two.link(0)), &ballots[1]),
        recorded(&Servers::of(&other), &ballots[1])
    );
    recorded(&Servers::of(&other), &ballots[2]);
    until(|| (two.result(0)["turnout"]["ballots"] == 3).then_some(()));
}

#[test]
fn of_fifty_connections_at_two_servers_one_votes_under_a_number() {
    let Some(two) = Two::begin(1) else { return };
    let links = [two.link(0), two.link(1)];
    let number = two.numbers[0];
    let outcomes = run_local(async move {
        let mut clients = Vec::new();
        for index in 0..RIVALS {
            clients.push(Client::connect(&links[index % 2]).await.unwrap());
        }
        let votes = clients.iter().enumerate().map(async |(index, client)| {
            let ballot = Ballot::new(["Ada", "Grace"][index / 2 % 2], number).unwrap();
            client.election("board").vote(&ballot, |_| {}).await.unwrap()
        });
        join_all(votes).await
    });
    let recorded = outcomes.iter().filter(|it| matches!(it, VoteOutcome::Recorded(_))).count();
    let refused = outcomes.iter().filter(|it| **it == VoteOutcome::AlreadyVoted).count();
    assert_eq!((recorded, refused), (1, RIVALS - 1));
    two.officer(&["close"]).done();
    assert_eq!(two.result(0)["turnout"]["ballots"], 1);
}

#[test]
fn what_one_server_was_told_the_other_does() {
    let Some(two) = Two::begin(4) else { return };
    let vote = |server: usize, voter: usize, name: &str| {
        let number = two.numbers[voter].to_string();
        client(&two.servers[server].link, &["vote", name, "--voter-number", &number])
    };
    vote(0, 0, "Ada").done();
    vote(1, 1, "Ada").done();
    vote(1, 0, "Grace").failed(3, "has already voted");
    // A revoked link does nothing at the other server, from the moment it is revoked.
    let shared = two.officer(&["share", "registrar"]).done().trim().to_string();
    let at_other = format!("{}#{}", two.servers[1].link, shared.split_once('#').unwrap().1);
    let file = |name: &str| two.folder.path().join(name).to_str().unwrap().to_string();
    client(&at_other, &["issue", "--count", "1", "--more", "--output", &file("one.csv")]).done();
    let officers = two.data(0).join("officer.link");
    let program = env!("CARGO_BIN_EXE_capvote-client");
    run(program, &["--link", officers.to_str().unwrap(), "revoke", "-"], shared.as_bytes()).done();
    client(&at_other, &["issue", "--count", "1", "--more", "--output", &file("two.csv")])
        .failed(1, "revoked");
    assert_eq!(two.result(1)["turnout"]["voters"], 5);
    // A close at the one counts what both have acknowledged, and neither takes a vote after it.
    vote(0, 2, "Grace").done();
    two.officer_at_other(&["close"]).done();
    for server in [0, 1] {
        vote(server, 3, "Ada").failed(3, "is closed");
    }
    let results = [two.result(0), two.result(1)];
    assert_eq!(results[0], results[1]);
    assert_eq!(results[0]["turnout"]["ballots"], 3);
    two.officer(&["check"]).done();
    two.officer_at_other(&["check"]).done();
    run_local(async {
        let client = Client::connect(&two.link(0)).await.unwrap();
        let info = client.election("board").info().await.unwrap();
        assert_eq!(info.state, Some(ElectionState::Closed));
    });
}
