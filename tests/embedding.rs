//! A server inside another program: failed starts and dropped servers leave nothing behind.
#![allow(clippy::unwrap_used)]

use std::net::TcpListener;
use std::path::Path;

use capvote::election::{Definition, VoterNumber};
use capvote::ledger::sqlite::Store;
use capvote::server::{Config, NewElection, Server, StartError};

/// The configuration of a server with one election of three voters.
fn board(data: &Path) -> Config {
    let candidates = ["Ada", "Grace"].map(String::from).to_vec();
    let definition = Definition::new("board".parse().unwrap(), String::new(), candidates).unwrap();
    Config {
        listen: vec!["capvote://127.0.0.1:0".parse().unwrap()],
        election: Some(NewElection { definition: definition.into(), voters: 3 }),
        ..Config::new(data)
    }
}

#[tokio::test]
async fn a_server_that_does_not_start_creates_nothing_and_leaves_the_folder_free() {
    let data = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let figures = Config { metrics: Some(address.parse().unwrap()), ..board(data.path()) };
    for _ in 0..20 {
        let error = Server::start(figures.clone()).await.unwrap_err();
        assert!(matches!(error, StartError::Metrics { .. }), "{error}");
    }
    assert!(!data.path().join("board.numbers.csv").exists());
    // A folder is in the place of the officer's link.
    std::fs::create_dir(data.path().join("officer.link")).unwrap();
    let error = Server::start(board(data.path())).await.unwrap_err();
    assert!(matches!(error, StartError::OfficerLink { .. }), "{error}");
    assert!(Store::open(data.path()).unwrap().snapshot().elections.is_empty());
}

#[tokio::test]
async fn an_error_names_its_cause_once_and_no_command_line_option() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("file");
    std::fs::write(&file, "").unwrap();
    let everywhere = || vec!["capvote://0.0.0.0:0".parse().unwrap()];
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = vec![format!("capvote://{}", listener.local_addr().unwrap()).parse().unwrap()];
    let (one, two) = (data.path().join("one"), data.path().join("two"));
    drop(Server::start(board(&one)).await.unwrap());
    let mut other = board(&one);
    other.election.as_mut().unwrap().voters = 4;
    let table = [
        (board(&file.join("data")), "cannot use"),
        (Config { listen: everywhere(), ..board(&two) }, "would carry votes"),
        (Config { listen: taken, ..board(&two) }, "cannot listen on"),
        (other, "holds election board already"),
    ];
    for (config, why) in table {
        let error = Server::start(config).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(why) && !text.contains("--"), "{text}");
        assert_eq!(format!("{:#}", anyhow::Error::from(error)), text);
    }
}

#[tokio::test]
async fn a_stopped_server_reports_success() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(board(data.path())).await.unwrap();
    assert_eq!(server.run(std::future::ready(())).await, Ok(()));
}

#[tokio::test]
async fn a_server_that_is_dropped_leaves_its_folder_free() {
    let data = tempfile::tempdir().unwrap();
    let mut config = board(data.path());
    for _ in 0..20 {
        let server = Server::start(config.clone()).await.unwrap();
        config.listen = server.links().cloned().collect();
        drop(server);
    }
    config.listen = board(data.path()).listen;
    for _ in 0..20 {
        let server = Server::start(config.clone()).await.unwrap();
        let mut running = Box::pin(server.run(std::future::pending()));
        assert!(futures::poll!(&mut running).is_pending());
    }
    // The first server created the election; the others found it.
    assert_eq!(Store::open(data.path()).unwrap().snapshot().elections.len(), 1);
    let file = std::fs::read_to_string(data.path().join("board.numbers.csv")).unwrap();
    let (heading, numbers) = file.split_once('\n').unwrap();
    assert_eq!(heading, "voter_number");
    let numbers: Vec<VoterNumber> = numbers.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(numbers.len(), 3);
}

#[tokio::test]
async fn a_start_that_fails_leaves_the_officers_link_and_the_ledger_as_they_were() {
    let data = tempfile::tempdir().unwrap();
    // The file of the numbers cannot be written.
    std::fs::create_dir(data.path().join("board.numbers.csv.pending")).unwrap();
    let error = Server::start(board(data.path())).await.unwrap_err();
    assert!(matches!(error, StartError::Numbers { .. }), "{error}");
    assert!(!data.path().join("officer.link").exists());
    let snapshot = Store::open(data.path()).unwrap().snapshot();
    assert!(snapshot.elections.is_empty() && snapshot.grants.iter().next().is_none());

    std::fs::remove_dir(data.path().join("board.numbers.csv.pending")).unwrap();
    drop(Server::start(board(data.path())).await.unwrap());
    let link = std::fs::read_to_string(data.path().join("officer.link")).unwrap();
    let mut other = board(data.path());
    other.election.as_mut().unwrap().voters = 4;
    let error = Server::start(other).await.unwrap_err();
    assert!(matches!(error, StartError::OtherElection { .. }), "{error}");
    assert_eq!(std::fs::read_to_string(data.path().join("officer.link")).unwrap(), link);
}
