//! A disk that is really full.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use capvote::client::{Ballot, Client, Error, VoteOutcome};
use capvote_soak::server::{ANY_PORT, BOARD, Server};

/// The disk: little, but enough for an election.
const DISK: &str = "size=1m";

/// Where the server's view of the file system can be looked at from here.
fn seen_by(server: &Server, folder: &Path) -> PathBuf {
    let root = PathBuf::from(format!("/proc/{}/root", server.id()));
    root.join(folder.strip_prefix("/").unwrap())
}

/// A server whose data are on a disk of their own, in a file system that only it and who asks for it see.
fn serve(data: &Path) -> Option<Server> {
    // Not everywhere may one mount something of one's own.
    let may = Command::new("unshare").args(["--map-root-user", "--mount", "true"]).output();
    if !may.is_ok_and(|may| may.status.success()) {
        assert!(std::env::var_os("CI").is_none(), "here the test has to run: see unshare(1)");
        println!("left out: no file system can be mounted here");
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
async fn a_full_disk_refuses_votes_in_so_many_words_and_takes_them_when_there_is_room() {
    let data = tempfile::tempdir().unwrap();
    let Some(server) = serve(data.path()) else { return };
    let folder = seen_by(&server, data.path());
    let numbers = fs::read_to_string(folder.join("board.numbers.csv")).unwrap();
    let mut numbers = numbers.lines().skip(1).map(|number| number.parse().unwrap());
    let client = Client::connect(&server.link.parse().unwrap()).await.unwrap();
    let election = client.election("board");
    // Somebody else fills the disk.
    let filler = folder.join("filler");
    let full = fs::write(&filler, vec![0; 2 << 20]).unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);

    let mut recorded = 0;
    let (lost, why) = loop {
        let ballot = Ballot::new("Ada", numbers.next().expect("a disk that gets full")).unwrap();
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
