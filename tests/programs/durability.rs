//! Restores, and files that are removed or moved under a server.

use std::fs;
use std::path::Path;
use std::thread;

use serde_json::Value;

use crate::process::{BOARD, Ran, Server, board, client, numbers, officer, run, write_private};

const SERVER: &str = env!("CARGO_BIN_EXE_capvote-server");

fn server(arguments: &[&str]) -> Ran {
    run(SERVER, arguments, b"")
}

/// The command that `board` starts a server with, which is expected to be refused.
fn board_again(data: &Path) -> Ran {
    let data =
        ["--listen", "capvote://127.0.0.1:0", "--log", "error", "--data", data.to_str().unwrap()];
    server(&[&data[..], &BOARD, &["--voters", "3"]].concat())
}

fn vote(link: &str, number: &str, receipt: &Path) -> Ran {
    let receipt = receipt.to_str().unwrap();
    client(link, &["vote", "Ada", "--voter-number", number, "--receipt", receipt])
}

#[test]
fn a_restore_is_seen_by_the_operator_the_officer_and_the_voters() {
    let parent = tempfile::tempdir().unwrap();
    let path = |name: &str| parent.path().join(name);
    let text = |name: &str| path(name).to_str().unwrap().to_string();
    let (data, other) = (path("data"), path("other"));
    let running = board(&data, 3);
    let voters: Vec<_> = numbers(&data).iter().map(ToString::to_string).collect();
    let (early, late) = (path("early.json"), path("late.json"));
    vote(&running.link, &voters[0], &early).done();
    server(&["backup", "--with-keys", &text("data"), &text("copy")]).done();
    vote(&running.link, &voters[1], &late).done();
    officer(&data, &["close"]).done();
    running.kill();

    // A copy that is no backup is not restored.
    fs::copy(data.join("ledger.sqlite"), path("bare")).unwrap();
    server(&["restore", &text("bare"), &text("other")]).failed(3, "it is not a backup");
    let restored = server(&["restore", &text("copy"), &text("other")]);
    let said = restored.done();
    for part in
        ["with 1 votes", "This is epoch 2 of ledger", "Election board: open, 1 votes; takes no"]
    {
        assert!(said.contains(part), "{said}");
    }
    fs::copy(data.join("officer.link"), other.join("officer.link")).unwrap();

    let log = path("log");
    let running = Server::logging(&log, &other, &[]);
    let logged = fs::read_to_string(&log).unwrap();
    assert!(logged.contains("was restored from a backup, and takes no votes"), "{logged}");
    let info = client(&running.link, &["info"]);
    assert!(info.done().contains("Restored from a backup in epoch 2; it takes no votes"));
    // Each voter finds out whether the vote is in the restored ledger.
    let found = vote(&running.link, &voters[0], &early);
    assert!(found.done().contains("it is in the restored ledger, too"), "{}", found.stdout);
    vote(&running.link, &voters[1], &late).failed(3, "the restored ledger has lost it");
    vote(&running.link, &voters[2], &path("new.json")).failed(3, "takes no votes until");
    officer(&other, &["close"]).failed(3, "confirm that first");
    officer(&other, &["confirm"]).done();
    officer(&other, &["confirm"]).failed(3, "there is nothing to confirm");
    vote(&running.link, &voters[1], &late).done();
    officer(&other, &["close"]).done();

    for name in ["sheet.csv", "sheet.json"] {
        officer(&other, &["sheet", "--output", &text(name)]).done();
        let counted = client(&running.link, &["recount", &text(name)]);
        assert!(counted.done().contains("was restored from a backup, in epoch 2"));
        client(&running.link, &["verify", late.to_str().unwrap(), &text(name)]).done();
    }
    let sheet = fs::read_to_string(path("sheet.csv")).unwrap();
    assert!(sheet.starts_with("# restored from a backup: ledger "), "{sheet}");
    // A voter whose ballot is missing is told why that may be.
    let unsent = path("unsent.json");
    let lost = fs::read_to_string(&late).unwrap().replace("\"epoch\": 1", "\"epoch\": 0");
    let mut lost: Value = serde_json::from_str(&lost).unwrap();
    lost["receipt"] = "A".repeat(32).into();
    lost["nonce"] = "0".repeat(32).into();
    write_private(&unsent, &lost.to_string());
    client(&running.link, &["verify", unsent.to_str().unwrap(), &text("sheet.csv")])
        .failed(3, "perhaps after your vote");
}

#[test]
fn a_vote_is_not_acknowledged_after_the_data_directory_was_removed() {
    let refused = |moved| {
        let parent = tempfile::tempdir().unwrap();
        let data = parent.path().join("data");
        let running = board(&data, 3);
        let voters: Vec<_> = numbers(&data).iter().map(ToString::to_string).collect();
        vote(&running.link, &voters[0], &parent.path().join("one.json")).done();
        if moved {
            fs::rename(&data, parent.path().join("elsewhere")).unwrap();
        } else {
            fs::remove_dir_all(&data).unwrap();
        }
        let voted = vote(&running.link, &voters[1], &parent.path().join("two.json"));
        assert_eq!(voted.code, Some(1), "{}", voted.stdout);
    };
    // A client tries for a minute, so both at once.
    thread::scope(|scope| {
        scope.spawn(|| refused(false));
        scope.spawn(|| refused(true));
    });
}

#[test]
fn a_second_server_is_refused_although_the_lock_was_removed() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("data");
    let _running = board(&data, 3);
    fs::remove_file(data.join("lock")).unwrap();
    board_again(&data).failed(3, "is in use by another capvote-server");
}

#[test]
fn a_ledger_that_lost_its_wal_is_refused_and_no_file_of_numbers_is_overwritten() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("data");
    let running = board(&data, 3);
    let issued = fs::read_to_string(data.join("board.numbers.csv")).unwrap();
    let link = fs::read_to_string(data.join("officer.link")).unwrap();
    let number = numbers(&data)[0].to_string();
    vote(&running.link, &number, &parent.path().join("one.json")).done();
    running.kill();
    fs::remove_file(data.join("ledger.sqlite-wal")).unwrap();
    board_again(&data).failed(3, "and 1 of 1 recorded votes");
    fs::remove_file(data.join("ledger.sqlite")).unwrap();
    board_again(&data).failed(3, "and 1 of 1 recorded votes");
    for name in ["ledger.mark", "ledger.sqlite"] {
        let _ = fs::remove_file(data.join(name));
    }
    board_again(&data).failed(3, "is of an election that is not in this ledger");
    assert_eq!(fs::read_to_string(data.join("board.numbers.csv")).unwrap(), issued);
    fs::remove_file(data.join("board.numbers.csv")).unwrap();
    board_again(&data).failed(3, "is of a returning officer that is not in this ledger");
    assert_eq!(fs::read_to_string(data.join("officer.link")).unwrap(), link);
    fs::remove_file(data.join("officer.link")).unwrap();
    fs::remove_dir_all(data.join("keys")).unwrap();
    drop(board(&data, 3));
}

#[test]
fn what_a_killed_first_start_left_is_replaced_or_finished() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("data");
    fs::create_dir(&data).unwrap();
    // Killed before the election was stored.
    fs::write(data.join("board.numbers.csv.pending"), "voter_number\n1\n").unwrap();
    drop(board(&data, 3));
    assert_eq!(numbers(&data).len(), 3);
    assert!(!data.join("board.numbers.csv.pending").exists());
    // Killed after that, and before the files had their names.
    for name in ["board.numbers.csv", "officer.link"] {
        fs::rename(data.join(name), data.join(format!("{name}.pending"))).unwrap();
    }
    let running = board(&data, 3);
    assert_eq!(numbers(&data).len(), 3);
    vote(&running.link, &numbers(&data)[0].to_string(), &parent.path().join("one.json")).done();
    officer(&data, &["turnout"]).done();
}
