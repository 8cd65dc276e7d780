//! A full disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use capvote::client::{Ballot, Client, Error, VoteOutcome};
use capvote_soak::server::{ANY_PORT, BOARD, Server};

/// Mount options of the disk: enough for an election.
const DISK: &str = "size=1m,mode=700";

/// The path of a folder in the server's mount namespace, as this process can open it.
fn seen_by(server: &Server, folder: &Path) -> PathBuf {
    let root = PathBuf::from(format!("/proc/{}/root", server.id()));
    root.join(folder.strip_prefix("/").unwrap())
}

/// A server with its data on a small file system, mounted in a namespace of its own. `None` where
/// mounting is not permitted.
fn serve(data: &Path) -> Option<Server> {
    let may = Command::new("unshare").args(["--map-root-user", "--mount", "true"]).output();
    if !may.is_ok_and(|may| may.status.success()) {
        assert!(std::env::var_os("CI").is_none(), "CI has to permit unshare(1)");
        println!("skipped: no file system can be mounted here");
        return None;
    }
    let script = format!("mount -t tmpfs -o {DISK} none \"$0\" && exec \"$@\"");
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", &script]).arg(data);
    command.arg(env!("CARGO_BIN_EXE_capvote-server")).args(["--listen", ANY_PORT, "--log", "off"]);
    command.arg("--data").arg(data).args(BOARD).args(["--voters", "2000"]);
    Some(Server::spawn(command).unwrap())
}

#[tokio::test(flavor = "local")]
async fn votes_are_refused_while_the_disk_is_full_and_recorded_when_there_is_room() {
    let data = tempfile::tempdir().unwrap();
    let Some(server) = serve(data.path()) else { return };
    let folder = seen_by(&server, data.path());
    let numbers = fs::read_to_string(folder.join("board.numbers.csv")).unwrap();
    let mut numbers = numbers.lines().skip(1).map(|number| number.parse().unwrap());
    let client = Client::connect(&server.link.parse().unwrap()).await.unwrap();
    let election = client.election("board");
    // Another file fills the disk.
    let filler = folder.join("filler");
    let full = fs::write(&filler, vec![0; 2 << 20]).unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);

    let mut recorded = 0;
    let (lost, why) = loop {
        let ballot = Ballot::new(
            "Ada",
            numbers.next().expect("the disk is full before the numbers are used up"),
        )
        .unwrap();
        match election.vote(&ballot, |_| {}).await {
            Ok(VoteOutcome::Recorded(_)) => recorded += 1,
            Err(Error::Remote(why)) => break (ballot, why),
            other => panic!("{other:?}"),
        }
    };
    assert!(why.contains("the vote was not recorded") && why.contains("full"), "{why}");
    assert_eq!(election.results().await.unwrap().ballots, recorded);

    fs::remove_file(&filler).unwrap();
    let outcome = election.vote(&lost, |_| {}).await.unwrap();
    assert!(matches!(outcome, VoteOutcome::Recorded(_)), "{outcome:?}");
    assert_eq!(election.results().await.unwrap().ballots, recorded + 1);
}
