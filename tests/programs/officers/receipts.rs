//! A voter's receipt file, and the tally sheet that it is checked against.

use std::fs;
use std::path::Path;

use capvote::election::{ElectionId, Nonce, Rules, SheetHeader, SheetLine, TallySheet};
use serde_json::Value;

use crate::process::{Ran, Server, board, client, numbers, officer, run, write_private};

/// An election with receipt files in the folder of its server.
struct Election {
    folder: tempfile::TempDir,
    server: Server,
    numbers: Vec<String>,
}

impl Election {
    fn new(voters: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = board(folder.path(), voters);
        let numbers = numbers(folder.path()).iter().map(|number| number.to_string()).collect();
        Self { folder, server, numbers }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_string()
    }

    fn vote(&self, candidate: &str, voter: usize, receipt: &str) -> Ran {
        let number = &self.numbers[voter];
        let vote = ["vote", candidate, "--voter-number", number, "--receipt", &self.file(receipt)];
        client(&self.server.link, &vote)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }

    /// Makes a receipt file as it is before the vote is answered.
    fn write_unanswered(&self, name: &str, answered: &str) {
        let text = self.read(answered);
        let lines: Vec<_> = text.lines().filter(|line| !line.contains("\"receipt\"")).collect();
        write_private(self.file(name), &lines.join("\n").replace("\"board\",", "\"board\""));
    }
}

#[test]
fn a_receipt_file_is_for_one_vote_which_may_be_retried() {
    let election = Election::new(3);
    election.vote("Ada", 0, "receipt.json").done();
    let receipt = election.read("receipt.json");
    assert!(election.vote("Ada", 0, "receipt.json").done().contains("is recorded"));
    assert_eq!(election.read("receipt.json"), receipt);
    election.vote("Grace", 0, "receipt.json").failed(2, "of another vote, for another candidate");
    let (number, file) = (&election.numbers[0], election.file("receipt.json"));
    let elsewhere = ["vote", "Ada", "--voter-number", number, "--receipt", &file];
    client(&election.server.link, &[&elsewhere[..], &["--election", "bored"]].concat())
        .failed(2, "of another vote, in election board");

    // A file that was begun with one number is refused for another, and completed for the first.
    election.write_unanswered("begun.json", "receipt.json");
    election.vote("Ada", 2, "begun.json").failed(2, "under another voter number");
    election.vote("Ada", 0, "begun.json").done();
    assert_eq!(election.read("begun.json"), receipt);

    // A refused vote leaves no file behind.
    election.vote("Grace", 1, "other.json").done();
    election.vote("Ada", 1, "refused.json").failed(3, "has already voted");
    assert!(!Path::new(&election.file("refused.json")).exists());

    // After the close, a recorded vote may be sent again to get its receipt.
    election.write_unanswered("late.json", "receipt.json");
    officer(election.folder.path(), &["close"]).done();
    assert!(election.vote("Ada", 0, "late.json").done().contains("is recorded"));
    assert_eq!(election.read("late.json"), receipt);
}

#[test]
fn a_voter_finds_their_ballot_and_anyone_can_recount() {
    let election = Election::new(30);
    let data = election.folder.path();
    election.vote("Ada", 0, "receipt.json").done();
    for voter in 1..20 {
        election.vote("Grace", voter, &format!("{voter}.json")).done();
    }
    election.write_unanswered("unanswered.json", "receipt.json");
    let (csv, json) = (election.file("sheet.csv"), election.file("sheet.json"));
    officer(data, &["sheet", "--output", &csv]).failed(3, "before the election is closed");
    officer(data, &["close"]).done();
    assert!(officer(data, &["sheet", "--output", &csv]).done().contains("20 ballots"));
    officer(data, &["sheet", "--output", &json]).done();
    officer(data, &["sheet", "--output", &csv]).failed(1, "cannot write");
    officer(data, &["sheet", "--output", &election.file("sheet.xls")]).failed(2, ".csv or .json");
    let counted = client(&election.server.link, &["result", "--json"]);
    let counted: Value = serde_json::from_str(counted.done()).unwrap();

    let Election { folder, server, .. } = election;
    drop(server);
    for sheet in [&csv, &json] {
        check_sheet(folder.path(), sheet, &counted);
    }
    let recounted = alone(&["recount", &csv]);
    assert!(recounted.done().contains("20 ballots of election board; every receipt fits."));
    alone(&["recount", "/no/such/sheet"]).failed(1, "cannot read");
}

#[test]
fn a_sheet_with_added_ballots_is_refused_though_every_receipt_fits() {
    let folder = tempfile::tempdir().unwrap();
    let election: ElectionId = "board".parse().unwrap();
    let line = |name: &str, nonce| SheetLine::new(&election, name.into(), Nonce::from([nonce; 16]));
    let ballots = |count| (0..count).map(|nonce| line("Ada", nonce)).collect::<Vec<_>>();
    let stuffed = [
        (ballots(30), "it has 30 ballots, and the roll has 20 voters"),
        ([ballots(5), vec![line("Eve", 9)]].concat(), "a ballot is for \"Eve\""),
        (vec![line("Ada", 1); 10], "9 of its ballots share their receipt"),
    ];
    for (mut lines, why) in stuffed {
        lines.sort_by_key(|line| line.receipt);
        let (title, candidates) = (String::new(), vec!["Ada".to_string()]);
        let receipt = lines[0].receipt.to_string();
        let header = Some(SheetHeader { title, candidates, voters: 20, rules: Rules::default() });
        let sheet = TallySheet { election: Some(election.clone()), lines, restored: None, header };
        let file = folder.path().join("sheet.json");
        fs::write(&file, sheet.to_json()).unwrap();
        let file = file.to_str().unwrap();
        for command in [&["recount", file][..], &["verify", &receipt, file]] {
            for json in [&[][..], &["--json"]] {
                let ran = alone(&[command, json].concat());
                assert_eq!(ran.code, Some(3), "{}", ran.stdout);
                assert!(ran.stderr.contains(why), "{}", ran.stderr);
            }
        }
    }
}

/// Runs the client without a server.
fn alone(arguments: &[&str]) -> Ran {
    run(env!("CARGO_BIN_EXE_capvote-client"), arguments, b"")
}

fn check_sheet(folder: &Path, sheet: &str, counted: &Value) {
    let file = |name: &str| folder.join(name).to_str().unwrap().to_string();
    let recounted: Value =
        serde_json::from_str(alone(&["recount", sheet, "--json"]).done()).unwrap();
    assert_eq!(recounted["candidates"], counted["candidates"]);
    assert_eq!(recounted["ballots"], counted["turnout"]["ballots"]);
    let receipt = file("receipt.json");
    // A voter whose answer was lost has no receipt, and finds the ballot by its nonce.
    for kept in [&receipt, &file("unanswered.json")] {
        assert!(alone(&["verify", kept, sheet]).done().contains("and for \"Ada\""));
    }
    alone(&["verify", &"AAAA-".repeat(8), sheet]).failed(3, "no ballot with this receipt");
    alone(&["verify", "/no/such/receipt", sheet])
        .failed(2, "there is no file /no/such/receipt, and it is not a receipt");
    alone(&["verify", sheet, &receipt]).failed(2, "the receipt comes first, then the sheet");
    let altered = file("altered");
    fs::write(&altered, fs::read_to_string(sheet).unwrap().replacen("Grace", "Ada", 1)).unwrap();
    alone(&["recount", &altered]).failed(3, "not a valid tally sheet");
}
