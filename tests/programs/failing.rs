//! The real server with syncs that fail and files that may not grow.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use capvote::client::{Ballot, Client, Error, VoteOutcome};
use rlimit::Resource;

use crate::process::{BOARD, Server, board, client, numbers};

const PROGRAM: &str = env!("CARGO_BIN_EXE_capvote-server");

/// A server whose syncs fail after some. `None` where strace(1) cannot do that.
fn with_failing_syncs(data: &Path, log: &Path) -> Option<Server> {
    let inject = "inject=fsync,fdatasync:error=EIO:when=12+";
    let strace = |program: &str| {
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", inject]);
        command.arg(program);
        command
    };
    if !strace("true").stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
        println!("skipped: no strace(1) that may trace");
        return None;
    }
    let mut command = strace(PROGRAM);
    command.args(["--listen", "capvote://127.0.0.1:0", "--log", "info", "--data"]).arg(data);
    command.stderr(fs::File::create(log).unwrap());
    Some(Server::spawn(command))
}

#[test]
fn a_failed_sync_ends_the_server_with_exit_code_1_and_clients_get_through_to_the_next() {
    const VOTERS: u32 = 30;
    let data = tempfile::tempdir().unwrap();
    drop(board(data.path(), VOTERS));
    let log = data.path().join("log");
    let Some(server) = with_failing_syncs(data.path(), &log) else { return };
    let link = server.link.clone();
    let numbers = numbers(data.path());
    let voting = thread::spawn(move || {
        for number in numbers {
            client(&link, &["vote", "Ada", "--voter-number", &number.to_string()]).done();
        }
    });
    let link = server.link.clone();
    let (code, _) = server.wait();
    assert_eq!(code, Some(1));
    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains("the ledger stops: it is not certain what is on the disk"), "{log}");
    assert!(log.contains("capvote-server: the ledger failed; the log tells why"), "{log}");
    let _server = Server::listen(&link, data.path(), &[]);
    voting.join().unwrap();
    let results = client(&link, &["result", "--json"]);
    let results: serde_json::Value = serde_json::from_str(results.done()).unwrap();
    assert_eq!(results["turnout"]["ballots"], VOTERS, "{results}");
}

#[tokio::test(flavor = "local")]
async fn a_server_whose_files_may_not_grow_refuses_votes_and_lives() {
    let data = tempfile::tempdir().unwrap();
    let server = board(data.path(), 200);
    let mut numbers = numbers(data.path()).into_iter();
    let client = Client::connect(&server.link.parse().unwrap()).await.unwrap();
    let election = client.election("board");
    // As `ulimit -f` for the running process. The soft limit can be raised again.
    let limit = |bytes: u64| {
        let limits = Some((bytes, rlimit::INFINITY));
        rlimit::prlimit(server.id() as i32, Resource::FSIZE, limits, None).unwrap();
    };
    limit(100_000);
    let mut recorded = 0;
    let (lost, why) = loop {
        let ballot = Ballot::new("Ada", numbers.next().expect("the limit is reached")).unwrap();
        match election.vote(&ballot, |_| {}).await {
            Ok(VoteOutcome::Recorded(_)) => recorded += 1,
            Err(Error::Remote(why)) => break (ballot, why),
            other => panic!("{other:?}"),
        }
    };
    assert!(why.starts_with("the vote was not recorded"), "{why}");
    assert_eq!(election.results().await.unwrap().ballots, recorded);
    limit(rlimit::INFINITY);
    let outcome = election.vote(&lost, |_| {}).await.unwrap();
    assert!(matches!(outcome, VoteOutcome::Recorded(_)), "{outcome:?}");
}

#[test]
fn a_start_that_may_not_write_its_files_says_so() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("new");
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -f 1 && exec \"$0\" \"$@\"", PROGRAM, "--data"]).arg(&folder);
    command.args(["--log", "off", "--listen", "capvote://127.0.0.1:0"]).args(BOARD);
    let ran = command.args(["--voters", "3"]).output().unwrap();
    let said = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(ran.status.code(), Some(1), "{said}");
    assert!(said.contains("disk I/O error"), "{said}");
}
