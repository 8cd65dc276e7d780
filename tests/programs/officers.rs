//! Running elections with the real programs.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use crate::process::{Ran, Server, board, numbers, run};

/// How long something may take that the server does by itself. Reached only when it does not do it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs the client with the link in a file or a text.
fn client(link: &str, arguments: &[&str]) -> Ran {
    run(env!("CARGO_BIN_EXE_capvote-client"), &[&["--link", link], arguments].concat(), b"")
}

/// Runs the client with the returning officer's link.
fn officer(data: &Path, arguments: &[&str]) -> Ran {
    client(data.join("officer.link").to_str().unwrap(), arguments)
}

fn state(data: &Path) -> String {
    let info = officer(data, &["info", "--json"]);
    let info: Value = serde_json::from_str(info.done()).unwrap();
    info["state"].as_str().unwrap().to_string()
}

#[test]
fn an_election_for_three_people() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let people = data.path().join("people.csv");
    let roll = data.path().join("roll.csv");
    fs::write(&people, "name\nAnn\nBob\nEve\n").unwrap();
    let (people, output) = (people.to_str().unwrap(), roll.to_str().unwrap());
    let create =
        ["create", "board", "--candidate", "Ada", "--candidate", "Grace", "--results", "sealed"];
    assert_eq!(officer(data.path(), &create).done(), "Election board is created.\n");
    officer(data.path(), &create).failed(3, "there is an election board already");
    officer(data.path(), &["issue", "--roll", people, "--output", output]).done();
    officer(data.path(), &["issue", "--count", "1", "--output", output])
        .failed(1, "not overwritten");
    officer(data.path(), &["open"]).done();
    let numbers: Vec<String> = fs::read_to_string(&roll)
        .unwrap()
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(1).unwrap().to_string())
        .collect();
    assert_eq!(numbers.len(), 3);
    for (number, candidate) in numbers.iter().zip(["Grace", "Ada", "Grace"]) {
        client(&server.link, &["vote", candidate, "--voter-number", number]).done();
    }
    assert!(
        client(&server.link, &["result"])
            .done()
            .ends_with("3 of 3 have voted. The count is sealed until the close.\n")
    );
    officer(data.path(), &["close"]).done();
    assert_eq!(client(&server.link, &["result", "Grace"]).done(), "Grace: 2 votes (final)\n");
    assert!(
        officer(data.path(), &["check"])
            .done()
            .contains("3 ballots are stored, and 3 numbers have voted")
    );
}

#[test]
fn a_voter_finds_their_ballot_and_anyone_can_recount() {
    let data = tempfile::tempdir().unwrap();
    let server = board(data.path(), 30);
    let file = |name: &str| data.path().join(name).to_str().unwrap().to_string();
    let receipt = file("receipt.json");
    let numbers: Vec<String> =
        numbers(data.path()).iter().map(|number| number.to_string()).collect();
    let vote = ["vote", "Ada", "--voter-number", &numbers[0], "--receipt", &receipt];
    client(&server.link, &vote).done();
    let kept = fs::read_to_string(&receipt).unwrap();
    // The same vote can be sent again, and another one not.
    assert!(client(&server.link, &vote).done().contains("is recorded"));
    assert_eq!(fs::read_to_string(&receipt).unwrap(), kept);
    let elsewhere = [&vote[..], &["--election", "bored"]].concat();
    client(&server.link, &elsewhere).failed(2, "of another vote, in election board");
    let other = ["vote", "Grace", "--voter-number", &numbers[0], "--receipt", &receipt];
    client(&server.link, &other).failed(2, "of another vote, for another candidate");
    for number in &numbers[1..20] {
        client(&server.link, &["vote", "Grace", "--voter-number", number]).done();
    }
    // A file begun with one number is not taken for another's.
    let begun = file("begun.json");
    let text = fs::read_to_string(&receipt).unwrap();
    let text: Vec<_> = text.lines().filter(|line| !line.contains("\"receipt\"")).collect();
    fs::write(&begun, text.join("\n").replace("\"board\",", "\"board\"")).unwrap();
    let vote = ["vote", "Ada", "--voter-number", &numbers[2], "--receipt", &begun];
    client(&server.link, &vote).failed(2, "under another voter number");
    let unanswered = file("unanswered.json");
    fs::copy(&begun, &unanswered).unwrap();
    let vote = ["vote", "Ada", "--voter-number", &numbers[0], "--receipt", &begun];
    client(&server.link, &vote).done();
    assert_eq!(fs::read_to_string(&begun).unwrap(), fs::read_to_string(&receipt).unwrap());
    // A refused vote leaves no receipt behind.
    let refused = file("refused.json");
    let vote = ["vote", "Ada", "--voter-number", &numbers[1], "--receipt", &refused];
    client(&server.link, &vote).failed(3, "has already voted");
    assert!(!Path::new(&refused).exists());

    let (csv, json) = (file("sheet.csv"), file("sheet.json"));
    officer(data.path(), &["sheet", "--output", &csv]).failed(3, "before the election is closed");
    officer(data.path(), &["close"]).done();
    assert!(officer(data.path(), &["sheet", "--output", &csv]).done().contains("20 ballots"));
    officer(data.path(), &["sheet", "--output", &json]).done();
    officer(data.path(), &["sheet", "--output", &csv]).failed(1, "cannot write");
    officer(data.path(), &["sheet", "--output", &file("sheet.xls")]).failed(2, ".csv or .json");

    // A vote that was counted can be sent again, and its voter gets the receipt.
    let late = file("late.json");
    fs::copy(&unanswered, &late).unwrap();
    let vote = ["vote", "Ada", "--voter-number", &numbers[0], "--receipt", &late];
    assert!(client(&server.link, &vote).done().contains("is recorded"));
    assert_eq!(fs::read_to_string(&late).unwrap(), fs::read_to_string(&receipt).unwrap());

    // From here on without a server.
    let counted = client(&server.link, &["result", "--json"]);
    let counted: Value = serde_json::from_str(counted.done()).unwrap();
    drop(server);
    let alone = |arguments: &[&str]| run(env!("CARGO_BIN_EXE_capvote-client"), arguments, b"");
    for sheet in [&csv, &json] {
        let recounted: Value =
            serde_json::from_str(alone(&["recount", sheet, "--json"]).done()).unwrap();
        assert_eq!(recounted["candidates"], counted["candidates"]);
        assert_eq!(recounted["ballots"], counted["turnout"]["ballots"]);
        // A voter whose answer never came has no receipt, and finds the ballot all the same.
        for kept in [&receipt, &unanswered] {
            assert!(alone(&["verify", kept, sheet]).done().contains("and for \"Ada\""));
        }
        alone(&["verify", &"AAAA-".repeat(8), sheet]).failed(3, "no ballot with this receipt");
        alone(&["verify", "/no/such/receipt", sheet])
            .failed(2, "there is no file /no/such/receipt, and it is not a receipt");
        alone(&["verify", sheet, &receipt]).failed(2, "the receipt comes first, then the sheet");
        let altered = file("altered");
        let text = fs::read_to_string(sheet).unwrap().replacen("Grace", "Ada", 1);
        fs::write(&altered, text).unwrap();
        alone(&["recount", &altered]).failed(3, "does not hold");
    }
    assert!(
        alone(&["recount", &csv])
            .done()
            .contains("20 ballots of election board; every receipt fits.")
    );
    alone(&["recount", "/no/such/sheet"]).failed(1, "cannot read");
}

#[test]
fn a_log_that_nobody_reads_any_more_stops_nothing() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::unheard(data.path());
    officer(data.path(), &["create", "board", "--candidate", "Ada"]).done();
    assert_eq!(officer(data.path(), &["open"]).code, Some(0));
    officer(data.path(), &["close"]).done();
    server.signal("TERM");
    assert_eq!(server.wait(), (Some(0), String::new()));
}

#[test]
fn the_log_tells_neither_numbers_nor_choices_nor_tokens() {
    let data = tempfile::tempdir().unwrap();
    let log = data.path().join("log");
    let server = Server::logging(&log, data.path(), &[]);
    let roll = data.path().join("roll.csv");
    let create = [
        "create",
        "board",
        "--candidate",
        "Anneliese",
        "--candidate",
        "Grace",
        "--results",
        "sealed",
    ];
    officer(data.path(), &create).done();
    officer(data.path(), &["issue", "--count", "9", "--output", roll.to_str().unwrap()]).done();
    let roll = fs::read_to_string(roll).unwrap();
    let numbers: Vec<_> = roll.lines().skip(1).collect();
    let lost = data.path().join("lost.csv");
    fs::write(&lost, format!("voter_number\n{}\n", numbers[8])).unwrap();
    officer(data.path(), &["revoke-numbers", lost.to_str().unwrap()]).done();
    officer(data.path(), &["open"]).done();
    let receipt = data.path().join("receipt.json");
    for &number in &numbers[..8] {
        let vote = ["vote", "Anneliese", "--voter-number", number];
        let kept =
            if number == numbers[0] { &["--receipt", receipt.to_str().unwrap()][..] } else { &[] };
        client(&server.link, &[&vote[..], kept].concat()).done();
        client(&server.link, &vote).failed(3, "has already voted");
    }
    for number in ["424242424242", numbers[8]] {
        client(&server.link, &["vote", "Anneliese", "--voter-number", number]).failed(3, "roll");
    }
    client(&server.link, &["vote", "Nobody Known", "--voter-number", numbers[0]])
        .failed(3, "is not a candidate");
    let shared = officer(data.path(), &["share", "auditor"]).done().trim().to_string();
    officer(data.path(), &["revoke", &shared]).done();
    client(&shared, &["turnout"]).failed(1, "opens nothing");
    officer(data.path(), &["check"]).done();
    officer(data.path(), &["close"]).done();
    let sheet = data.path().join("sheet.csv");
    officer(data.path(), &["sheet", "--output", sheet.to_str().unwrap()]).done();
    let token = fs::read_to_string(data.path().join("officer.link")).unwrap();
    let token = token.trim().split_once('#').unwrap().1;
    server.signal("TERM");
    assert_eq!(server.wait(), (Some(0), String::new()));

    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains("an election is closed"), "{log}");
    let digits = |text: &str| text.replace('-', "").trim_start_matches('0').to_string();
    let mut secrets = vec!["Anneliese".to_string(), "424242424242".into(), token.into()];
    secrets.extend(["Nobody Known".into(), shared.split_once('#').unwrap().1.to_string()]);
    for number in numbers {
        let value: u64 = digits(number).parse().unwrap();
        secrets.extend([number.to_string(), value.to_string()]);
        // As it is stored, and as a byte string is shown.
        secrets.extend([value.cast_signed().to_string(), format!("{value:x}")]);
        secrets.push(format!("{:?}", value.to_le_bytes()));
    }
    // With a receipt, which stands on the sheet, a line of the log would tell who chose what.
    let receipt: Value = serde_json::from_str(&fs::read_to_string(receipt).unwrap()).unwrap();
    secrets.extend(["receipt", "nonce"].map(|field| receipt[field].as_str().unwrap().to_string()));
    for line in fs::read_to_string(sheet).unwrap().lines().skip(1) {
        secrets.extend(line.split(',').skip(2).map(String::from));
    }
    assert!(secrets.len() > 60);
    for secret in secrets {
        assert!(!log.contains(&secret), "the log has {secret}");
    }
}

#[test]
fn whoever_watches_sees_the_votes_come_in_until_the_close() {
    use std::io::{BufRead, BufReader};

    let data = tempfile::tempdir().unwrap();
    let server = board(data.path(), 3);
    let mut watching = std::process::Command::new(env!("CARGO_BIN_EXE_capvote-client"))
        .args(["--link", &server.link, "watch", "--json"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["turnout"]["ballots"], 0);
    for (voted, number) in (1..).zip(numbers(data.path())) {
        client(&server.link, &["vote", "Ada", "--voter-number", &number.to_string()]).done();
        assert_eq!(next()["turnout"]["ballots"], voted);
    }
    officer(data.path(), &["close"]).done();
    assert_eq!(next()["status"], "final");
    assert!(lines.next().is_none());
    assert_eq!(watching.wait().unwrap().code(), Some(0));
}

#[test]
fn a_shared_link_opens_its_part_until_it_is_revoked() {
    let data = tempfile::tempdir().unwrap();
    let server = board(data.path(), 3);
    let output = |name: &str| data.path().join(name).to_str().unwrap().to_string();
    let shared = officer(data.path(), &["share", "registrar"]).done().trim().to_string();
    let audit = officer(data.path(), &["share", "auditor"]).done().trim().to_string();
    assert!(shared.starts_with(&format!("{}/board#", server.link)), "{shared}");
    client(&shared, &["issue", "--count", "2", "--output", &output("one.csv")]).done();
    client(&shared, &["close"]).failed(3, "does not give the authority");
    client(&shared, &["turnout"]).failed(3, "does not give the authority");
    assert_eq!(client(&audit, &["turnout"]).done(), "0 of 5 have voted.\n");
    client(&audit, &["issue", "--count", "2", "--output", &output("two.csv")])
        .failed(1, "no numbers were issued");
    client(&server.link, &["close"]).failed(2, "it takes the officer's link");

    officer(data.path(), &["revoke", &shared]).done();
    client(&shared, &["issue", "--count", "2", "--output", &output("two.csv")])
        .failed(1, "was revoked");
    assert!(!Path::new(&output("two.csv")).exists());
    // The links that are left hold across a restart, at the address that the server has then; and the
    // command that founded the election serves it still, though there are more voters.
    drop(server);
    let server = board(data.path(), 3);
    let audit = format!("{}#{}", server.link, audit.split_once('#').unwrap().1);
    client(&audit, &["check"]).done();
    officer(data.path(), &["turnout"]).done();
    let moved = format!("{}#{}", server.link, shared.split_once('#').unwrap().1);
    client(&moved, &["issue", "--count", "2", "--output", &output("two.csv")])
        .failed(1, "was revoked");
}

#[test]
fn the_server_opens_and_closes_at_the_time_that_was_set() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64;
    let closes = jiff::Timestamp::from_second(now + 3).unwrap().to_string();
    let times = ["--opens", "2020-01-01T00:00:00Z", "--closes", &closes];
    let create = ["create", "board", "--candidate", "Ada"];
    officer(data.path(), &[&create[..], &times].concat()).done();
    let started = Instant::now();
    let mut seen = vec![state(data.path())];
    while seen.last().unwrap() != "closed" {
        assert!(started.elapsed() < PATIENCE, "{seen:?}");
        let now = state(data.path());
        if seen.last() != Some(&now) {
            seen.push(now);
        }
    }
    assert!(seen.ends_with(&["open".to_string(), "closed".to_string()]), "{seen:?}");
    drop(server);
    let _server = Server::start(data.path(), &[]);
    assert_eq!(state(data.path()), "closed");
}

#[test]
fn a_server_killed_in_the_middle_of_a_close_has_closed_or_not() {
    const VOTES: usize = 200;
    let data = tempfile::tempdir().unwrap();
    let server = board(data.path(), VOTES as u32);
    let numbers = numbers(data.path());
    for (index, number) in numbers.iter().enumerate().take(20) {
        let candidate = ["Ada", "Grace"][index % 2];
        client(&server.link, &["vote", candidate, "--voter-number", &number.to_string()]).done();
    }
    drop(server);
    let pristine = data.path().join("pristine");
    fs::create_dir(&pristine).unwrap();
    for name in ["ledger.sqlite", "ledger.sqlite-wal"] {
        // The log is there only where the server was killed before it was copied into the file.
        let _ = fs::copy(data.path().join(name), pristine.join(name));
    }
    let mut states = std::collections::BTreeMap::new();
    for round in 0..20_u32 {
        for name in ["ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"] {
            let _ = fs::remove_file(data.path().join(name));
            let _ = fs::copy(pristine.join(name), data.path().join(name));
        }
        let server = Server::start(data.path(), &[]);
        let link = data.path().join("officer.link");
        let mut closing = std::process::Command::new(env!("CARGO_BIN_EXE_capvote-client"))
            .args(["--link", link.to_str().unwrap(), "close"])
            .stderr(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // From before the request arrives to after the close is done.
        std::thread::sleep(Duration::from_micros(u64::from(round) * 400));
        server.kill();
        closing.wait().unwrap();
        let server = Server::start(data.path(), &[]);
        let results: Value =
            serde_json::from_str(client(&server.link, &["result", "--json"]).done()).unwrap();
        assert_eq!(results["turnout"]["ballots"], 20, "round {round}");
        assert_eq!(results["candidates"][0]["votes"], 10, "round {round}");
        officer(data.path(), &["check"]).done();
        *states.entry(state(data.path())).or_insert(0) += 1;
    }
    println!("{states:?}");
    assert!(states.keys().all(|state| state == "open" || state == "closed"), "{states:?}");
}

#[test]
fn the_administration_of_one_election_is_a_link_too() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let output = |name: &str| data.path().join(name).to_str().unwrap().to_string();
    for id in ["board", "cake"] {
        officer(data.path(), &["create", id, "--candidate", "Ada"]).done();
    }
    let share = ["share", "administration", "--election", "board"];
    let board = officer(data.path(), &share).done().trim().to_string();
    assert!(board.starts_with(&format!("{}/board#", server.link)), "{board}");
    client(&board, &["issue", "--count", "2", "--output", &output("roll.csv")]).done();
    // It gives parts of itself, and not itself of another election.
    let registrar = client(&board, &["share", "registrar"]).done().trim().to_string();
    client(&registrar, &["issue", "--count", "1", "--output", &output("more.csv")]).done();
    client(&board, &["open", "--election", "cake"]).failed(2, "is over election board");
    let bare = board.replace("/board#", "#");
    client(&bare, &["close", "--election", "cake"]).failed(2, "is over election board");
    client(&board, &["create", "tea", "--candidate", "Ada"])
        .failed(3, "does not give the authority");
    assert_eq!(
        client(&board, &["open"]).done(),
        "Election board is open, with 3 voters on the roll.\n"
    );
    assert_eq!(client(&board, &["turnout"]).done(), "0 of 3 have voted.\n");
    assert_eq!(client(&board, &["close"]).done(), "Election board is closed.\n");
    client(&board, &["check"]).done();
    // An election without ballots has a sheet, too.
    for sheet in ["sheet.csv", "sheet.json"] {
        client(&board, &["sheet", "--output", &output(sheet)]).done();
        client(&board, &["recount", &output(sheet)]).done();
    }
    officer(data.path(), &["revoke", &board]).done();
    client(&registrar, &["turnout"]).failed(1, "was revoked");
}

#[test]
fn a_lost_letter_is_revoked_and_issued_again() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let file = |name: &str| data.path().join(name).to_str().unwrap().to_string();
    officer(data.path(), &["create", "board", "--candidate", "Ada"]).done();
    fs::write(file("people.csv"), "name\nAnn\nBob\n").unwrap();
    let issue = ["issue", "--roll", &file("people.csv"), "--output", &file("roll.csv")];
    officer(data.path(), &issue).done();
    let roll = fs::read_to_string(file("roll.csv")).unwrap();
    let rows: Vec<_> = roll.lines().collect();
    fs::write(file("lost.csv"), format!("{}\n{}\n", rows[0], rows[1])).unwrap();
    let revoke = |name: &str| officer(data.path(), &["revoke-numbers", &file(name)]);
    assert_eq!(revoke("lost.csv").done(), "1 voter number is off the roll.\n");
    revoke("lost.csv").failed(3, "not on the roll");
    revoke("people.csv").failed(2, "has no column voter_number");
    fs::write(file("wrong.csv"), "voter_number\n12x\n").unwrap();
    revoke("wrong.csv").failed(2, "line 2");
    fs::write(file("ann.csv"), "name\nAnn\n").unwrap();
    let issue = ["issue", "--roll", &file("ann.csv"), "--output", &file("letter.csv")];
    officer(data.path(), &issue).done();
    officer(data.path(), &["open"]).done();
    let again = fs::read_to_string(file("letter.csv")).unwrap();
    let number = |row: &str| row.split(',').nth(1).unwrap().to_string();
    let vote = |number: &str| client(&server.link, &["vote", "Ada", "--voter-number", number]);
    vote(&number(rows[1])).failed(3, "not on the roll");
    vote(&number(rows[2])).done();
    vote(&number(again.lines().nth(1).unwrap())).done();
    fs::write(file("bob.csv"), format!("{}\n{}\n", rows[0], rows[2])).unwrap();
    revoke("bob.csv").failed(3, "the roll is frozen");
}

#[test]
fn a_lost_officers_link_is_made_anew() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    officer(data.path(), &["create", "board", "--candidate", "Ada"]).done();
    let auditor = officer(data.path(), &["share", "auditor"]).done().trim().to_string();
    let token = |link: &str| link.trim().split_once('#').unwrap().1.to_string();
    let lost = fs::read_to_string(data.path().join("officer.link")).unwrap();
    let directory = data.path().to_str().unwrap();
    let renew = |more: &[&str]| {
        let arguments = [&["officer-link", directory], more].concat();
        run(env!("CARGO_BIN_EXE_capvote-server"), &arguments, b"")
    };
    renew(&[]).failed(3, "is in use by another capvote-server");
    drop(server);
    renew(&[]).failed(3, "opens the returning officer's authority already; --end-others");
    fs::remove_file(data.path().join("officer.link")).unwrap();
    renew(&[]).done();

    // The new link works, and so does what there was.
    let server = Server::start(data.path(), &[]);
    officer(data.path(), &["turnout"]).done();
    let here = |link: &str| format!("{}#{}", server.link, token(link));
    for link in [&lost, &auditor] {
        client(&here(link), &["turnout"]).done();
    }
    drop(server);
    renew(&["--end-others"]).done();
    let server = Server::start(data.path(), &[]);
    officer(data.path(), &["turnout"]).done();
    for link in [&lost, &auditor] {
        let link = format!("{}#{}", server.link, token(link));
        client(&link, &["turnout"]).failed(1, "it was revoked");
    }
    let nowhere = data.path().join("nowhere");
    let arguments = ["officer-link", nowhere.to_str().unwrap()];
    run(env!("CARGO_BIN_EXE_capvote-server"), &arguments, b"").failed(1, "No such file");
    assert!(!nowhere.exists());
}

#[test]
fn what_is_said_of_a_sealed_election_is_what_holds() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let create = ["create", "board", "--candidate", "Ada", "--results", "sealed"];
    officer(data.path(), &create).done();
    officer(data.path(), &["close"]).failed(3, "it is a draft, and was not opened yet");
    let opened = officer(data.path(), &["open"]);
    assert_eq!(opened.stdout, "Election board is open, with 0 voters on the roll.\n");
    assert!(opened.stderr.contains("before voter numbers are issued"), "{}", opened.stderr);
    officer(data.path(), &["open"]).failed(3, "it is open already; nothing was changed");
    let output = data.path().join("numbers.csv");
    let issue = ["issue", "--count", "1", "--output", output.to_str().unwrap()];
    assert!(officer(data.path(), &issue).done().starts_with("1 voter number is in "));
    let number = fs::read_to_string(&output).unwrap().lines().nth(1).unwrap().to_string();
    client(&server.link, &["vote", "Ada", "--voter-number", &number]).done();
    let sealed = "The count is sealed until the close.\n";
    let results = client(&server.link, &["result"]);
    assert_eq!(results.done(), format!("1 of 1 has voted. {sealed}"));
    assert!(client(&server.link, &["result", "Ada"]).done().contains("sealed until the close"));
    assert_eq!(officer(data.path(), &["turnout"]).done(), "1 of 1 has voted.\n");
    officer(data.path(), &["close"]).done();
    officer(data.path(), &["close"]).failed(3, "it is closed already, and a close is for good");
    let info = client(&server.link, &["info"]);
    assert!(info.done().contains("The count was sealed until the close; see result."));
}
