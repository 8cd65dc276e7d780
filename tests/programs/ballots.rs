//! Ballots that say more than one name, on the command line: from the election to the recount.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Ran, Server, client, officer, run, write_private};

const CLIENT: &str = env!("CARGO_BIN_EXE_capvote-client");

/// A server, its folder, and the voter numbers that were issued.
pub(crate) struct Evening {
    pub(crate) folder: TempDir,
    pub(crate) server: Server,
    pub(crate) numbers: Vec<String>,
}

impl Evening {
    /// An election with its rules, open for three voters.
    pub(crate) fn begin(id: &str, rules: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path(), &[]);
        let mut evening = Self { folder, server, numbers: Vec::new() };
        evening.officer(&[&["create", id], rules].concat());
        let file = evening.file("numbers.csv");
        evening.officer(&["--election", id, "issue", "--count", "3", "--output", &file]).done();
        evening.officer(&["--election", id, "open"]).done();
        let numbers = fs::read_to_string(file).unwrap();
        evening.numbers = numbers.lines().skip(1).map(str::to_string).collect();
        evening
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_string()
    }

    pub(crate) fn officer(&self, arguments: &[&str]) -> Ran {
        officer(self.folder.path(), arguments)
    }

    pub(crate) fn client(&self, arguments: &[&str]) -> Ran {
        client(&self.server.link, arguments)
    }

    /// Votes as one of the three voters.
    pub(crate) fn vote(&self, voter: usize, words: &[&str]) -> Ran {
        let number = ["--voter-number", &self.numbers[voter]];
        self.client(&[&["vote"], words, &number].concat())
    }
}

pub(crate) fn candidates(names: &[&'static str]) -> Vec<&'static str> {
    names.iter().flat_map(|name| ["--candidate", name]).collect()
}

pub(crate) fn document(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}{}", ran.stdout, ran.stderr))
}

#[test]
fn a_ranked_election_from_create_to_recount() {
    let names = candidates(&["Ada", "Grace", "Edsger", "Barbara", "E=mc2"]);
    let evening = Evening::begin("chair", &[&names[..], &["--method", "transferable"]].concat());
    let info = evening.client(&["info"]);
    let says = "Ballot: rank at most 3 names, each rank once\nRules: transferable, 1 seat\n";
    assert!(info.done().contains(says), "{}", info.stdout);

    let mine = evening.file("mine.json");
    let vote = ["Grace", "E=mc2", "Ada", "--receipt", &mine];
    let voted = evening.vote(0, &vote);
    let said = "Your vote for 1. \"Grace\", 2. \"E=mc2\", 3. \"Ada\" in election chair is recorded";
    assert!(voted.done().starts_with(said), "{}", voted.stdout);
    // The same file is a retry, and other marks are another vote.
    assert_eq!(evening.vote(0, &vote).done(), voted.stdout);
    evening.vote(0, &["Ada", "--receipt", &mine]).failed(2, "with other marks; nothing was sent");
    let unknown = evening.vote(1, &["Grace", "Adda"]);
    unknown.failed(3, "\"Adda\" is not a candidate in election chair");
    assert!(unknown.stderr.contains("Did you mean \"Ada\"?"), "{}", unknown.stderr);
    for (words, why) in [
        (&["Ada", "Grace", "Edsger", "Barbara"][..], "marks at most 3 names; 4 are marked"),
        (&["Ada", "Ada"], "\"Ada\" is on it twice"),
        (&["Ada=Grace"], "\"Ada=Grace\" shares a rank, and each rank is given once"),
        (&["--blank"], "this election takes no blank ballots"),
    ] {
        evening.vote(1, words).failed(3, why);
        let refused = evening.vote(1, &[words, &["--json"]].concat());
        assert_eq!(document(&refused)["outcome"], "invalidBallot");
    }
    let voted = evening.vote(1, &["Grace", "--json"]);
    let receipt = &document(&voted)["receipt"];
    assert_eq!(receipt["marks"], json!([{ "candidate": "Grace", "mark": 1 }]));
    evening.vote(2, &["Edsger", "Ada"]).done();
    evening.client(&["result", "--rounds"]).failed(3, "there are no rounds before the close");

    evening.officer(&["close"]).done();
    let result = evening.client(&["result"]);
    assert!(result.done().contains("Grace\t2\n") && result.stdout.contains("Elected: Grace.\n"));
    assert!(result.stdout.starts_with("candidate\tfirst ranks\n"), "{}", result.stdout);
    let rounds =
        "First ranks alone do not decide: result --rounds shows how ballots were counted.\n";
    assert!(result.stdout.ends_with(rounds), "{}", result.stdout);
    let rounds = evening.client(&["result", "--rounds"]);
    for says in ["candidate\tvotes\n", "Grace\t2 *\n", "Elected: Grace.\n"] {
        assert!(rounds.done().contains(says), "{}", rounds.stdout);
    }
    let rounds = document(&evening.client(&["result", "--rounds", "--json"]));
    assert_eq!(rounds["elected"], json!(["Grace"]));
    check_sheets(&evening, &mine);
}

/// Checks the sheets of the closed election in every form.
fn check_sheets(evening: &Evening, receipt: &str) {
    let [csv, json, blt] = ["sheet.csv", "sheet.json", "sheet.blt"].map(|it| evening.file(it));
    evening.officer(&["sheet", "--output", &csv]).done();
    evening.officer(&["sheet", "--output", &json]).done();
    evening.officer(&["sheet", "--blt", "--output", &blt]).done();
    for sheet in [&csv, &json] {
        let counted = run(CLIENT, &["recount", sheet], b"");
        assert!(counted.done().contains("Elected: Grace.\n"), "{}", counted.stdout);
        let counted = document(&run(CLIENT, &["recount", sheet, "--json"], b""));
        assert_eq!(
            (&counted["elected"], &counted["verdict"]),
            (&json!(["Grace"]), &json!("decided"))
        );
        let found = run(CLIENT, &["verify", receipt, sheet], b"");
        let says = "of the sheet, and for 1. \"Grace\", 2. \"E=mc2\", 3. \"Ada\".\n";
        assert!(found.done().ends_with(says), "{}", found.stdout);
    }
    let text = fs::read_to_string(&csv).unwrap();
    assert!(text.starts_with("capvote tally sheet,2\nelection,chair\n"), "{text}");
    assert!(
        text.contains("\n\"Ada\",\"Grace\",\"Edsger\",\"Barbara\",\"E=mc2\",nonce,receipt\n"),
        "{text}"
    );
    // A mark on the sheet was changed.
    let forged = evening.file("forged.csv");
    fs::write(&forged, text.replace("3,1,,,2,", "1,3,,,2,")).unwrap();
    run(CLIENT, &["recount", &forged], b"")
        .failed(3, "does not match the election, ballot and nonce");
    let blt = fs::read_to_string(blt).unwrap();
    assert!(blt.starts_with("5 1\n") && blt.contains("\n1 2 5 1 0\n"), "{blt}");
    assert!(
        blt.ends_with("0\n\"Ada\"\n\"Grace\"\n\"Edsger\"\n\"Barbara\"\n\"E=mc2\"\n\"\"\n"),
        "{blt}"
    );
}

#[test]
fn names_share_a_rank_and_may_contain_what_separates_them() {
    let names = candidates(&["A", "B", "A=B", "None of the above"]);
    let rules = ["--method", "schulze", "--none", "--marks", "4", "--quorum", ">=1/4 of roll"];
    let evening = Evening::begin("leader", &[&names[..], &rules].concat());
    let info = evening.client(&["info"]);
    let says = "Rules: schulze, 1 seat, quorum >=1/4 of roll, \"None of the above\" is nobody\n";
    assert!(info.done().contains(says), "{}", info.stdout);
    for (voter, words, said) in [
        (0, &["A=B", "B=A"][..], "1. \"A=B\", 2. \"A\" = \"B\""),
        (1, &["A=B=A", "B"], "1. \"A\" = \"A=B\", 2. \"B\""),
        (2, &["B", "None of the above"], "1. \"B\", 2. \"None of the above\""),
    ] {
        let voted = evening.vote(voter, words);
        assert!(voted.done().contains(said), "{}", voted.stdout);
    }
}

#[test]
fn a_motion_needs_its_majority_and_its_sheet_says_so() {
    let names = candidates(&["Yes", "No"]);
    let rules = ["--blank", "--majority", ">=2/3 of marked", "--quorum", ">=3"];
    let evening = Evening::begin("bylaws", &[&names[..], &rules].concat());
    let mine = evening.file("mine.json");
    evening.vote(0, &["Yes", "--receipt", &mine]).done();
    evening.vote(1, &["No"]).done();
    evening.vote(2, &["--blank"]).done();
    evening.officer(&["close"]).done();
    let result = document(&evening.client(&["result", "--json"]));
    assert_eq!((&result["elected"], &result["verdict"]), (&json!([]), &json!("noMajority")));
    let sheet = evening.file("sheet.csv");
    evening.officer(&["sheet", "--output", &sheet]).done();
    let counted = run(CLIENT, &["recount", &sheet], b"");
    assert!(counted.done().contains("Nobody is elected: nobody has the majority.\n"));
    let found = run(CLIENT, &["verify", &mine, &sheet], b"");
    assert!(found.done().ends_with("and for \"Yes\".\n"), "{}", found.stdout);
    // A file that says another vote than the ballot of its receipt.
    let other = evening.file("other.json");
    let text = fs::read_to_string(&mine).unwrap().replace("\"Yes\"", "\"No\"");
    write_private(&other, &text);
    let found = run(CLIENT, &["verify", &other, &sheet], b"");
    assert_eq!(found.code, Some(3), "{}", found.stderr);
    assert!(found.stdout.ends_with("and for \"Yes\".\n"), "{}", found.stdout);
    assert!(found.stderr.contains("does not fit its receipt"), "{}", found.stderr);
}

#[test]
fn rules_that_make_no_sense_are_refused_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let _server = Server::start(folder.path(), &[]);
    let names = candidates(&["Ada", "Grace"]);
    for (rules, code, why) in [
        (&["--seats", "3"][..], 2, "at most one for each candidate: 3 were given"),
        (&["--marks", "3"], 2, "at most the whole slate: 3 were given"),
        (&["--none"], 2, "none is an option of the ranked methods"),
        (&["--method", "schulze", "--results", "live"], 2, "only plurality can be counted live"),
        (&["--roll", "nobody"], 3, "nothing was changed"),
    ] {
        officer(folder.path(), &[&["create", "board"], &names[..], rules].concat())
            .failed(code, why);
    }
    for (rule, share) in [("--majority", "half"), ("--majority", ">1/2"), ("--quorum", ">=1/4")] {
        let create = [&["create", "board"], &names[..], &[rule, share]].concat();
        let refused = officer(folder.path(), &create);
        assert_eq!(refused.code, Some(2));
        assert!(refused.stderr.contains(">1/2 of marked"), "{}", refused.stderr);
    }
}

#[test]
fn a_result_says_that_a_lot_decided() {
    let evening = Evening::begin("board", &candidates(&["Ada", "Grace"]));
    evening.vote(0, &["Ada"]).done();
    evening.vote(1, &["Grace"]).done();
    evening.officer(&["close"]).done();
    let result = evening.client(&["result"]);
    let last = result.done().lines().last().unwrap();
    let (first, second) = match result.stdout.contains("Elected: Ada.") {
        true => ("Ada", "Grace"),
        false => ("Grace", "Ada"),
    };
    assert!(result.stdout.contains(&format!("Elected: {first}.")), "{}", result.stdout);
    let lot = format!("The lot drew {first}, {second}: the first has the seat.");
    assert_eq!(last, lot);
    let sheet = evening.file("sheet.csv");
    evening.officer(&["sheet", "--output", &sheet]).done();
    let counted = run(CLIENT, &["recount", &sheet], b"");
    assert!(counted.done().contains(&format!("Elected: {first}.\n{lot}\n")), "{}", counted.stdout);
}

#[test]
fn a_result_says_how_many_seats_stay_empty() {
    let names = candidates(&["Ada", "Grace", "Edsger"]);
    let evening = Evening::begin("board", &[&names[..], &["--seats", "3"]].concat());
    evening.vote(0, &["Ada"]).done();
    evening.officer(&["close"]).done();
    let sheet = evening.file("sheet.csv");
    evening.officer(&["sheet", "--output", &sheet]).done();
    for shown in [
        evening.client(&["result"]),
        evening.client(&["watch"]),
        run(CLIENT, &["recount", &sheet], b""),
    ] {
        assert!(shown.done().contains("Elected: Ada. 2 seats stay empty."), "{}", shown.stdout);
    }
}

#[test]
fn a_live_count_of_several_marks_does_not_take_votes_for_ballots() {
    let names = candidates(&["Ada", "Grace", "Edsger"]);
    let rules = ["--marks", "3", "--results", "live"];
    let evening = Evening::begin("board", &[&names[..], &rules].concat());
    evening.vote(0, &["Ada", "Grace"]).done();
    let says =
        "1 of 3 has voted; these results are provisional, and leave out the newest ballots.\n";
    let shown = evening.client(&["result"]);
    assert!(shown.done().ends_with(says), "{}", shown.stdout);
    evening.vote(1, &["Grace"]).done();
    evening.officer(&["close"]).done();
    for shown in [evening.client(&["result"]), evening.client(&["watch"])] {
        assert!(shown.done().ends_with("these results are final.\n"), "{}", shown.stdout);
    }
}

#[test]
fn numbers_are_issued_where_the_roll_is() {
    let evening = Evening::begin("members", &candidates(&["Ada", "Grace"]));
    let shared = [&["create", "chair", "--roll", "members"], &candidates(&["Ada"])[..]].concat();
    evening.officer(&shared).done();
    let file = evening.file("more.csv");
    let issue = ["--election", "chair", "issue", "--count", "2", "--output", &file];
    let where_to = "shares the voter numbers of election members; no numbers were issued: issue them \
                    with --election members";
    for (more, why) in [(&[][..], where_to), (&["--more"], "those of another election")] {
        let refused = evening.officer(&[&issue[..], more].concat());
        refused.failed(3, why);
        assert!(!refused.stderr.contains("--more"), "{}", refused.stderr);
        assert!(!Path::new(&file).exists());
    }
    let share = |role: &str| evening.officer(&["--election", "chair", "share", role]);
    share("registrar")
        .failed(3, "shares the voter numbers of election members, and none are issued");
    assert!(share("auditor").done().starts_with("capvote://"));
}

#[test]
fn ranks_are_few_where_few_vote_unless_told_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let ranked = |id: &str, names: &[&'static str], more: &[&str]| {
        let create = ["create", id, "--method", "schulze"];
        let created = officer(folder.path(), &[&create, &candidates(names)[..], more].concat());
        assert_eq!(created.code, Some(0), "{}", created.stderr);
        let info = document(&client(&server.link, &["--election", id, "info", "--json"]));
        (info["rules"]["marks"].clone(), created.stderr)
    };
    let few = ranked("few", &["A", "B", "C", "D"], &[]);
    assert_eq!(few.0, 3);
    assert!(
        few.1.contains("ranks at most 3 names") && few.1.contains("--marks allows more"),
        "{}",
        few.1
    );
    assert_eq!(ranked("three", &["A", "B", "C"], &[]), (json!(3), String::new()));
    assert_eq!(ranked("told", &["A", "B", "C", "D"], &["--marks", "4"]), (json!(4), String::new()));
    let file = Path::new(folder.path()).join("numbers.csv");
    let issue =
        ["--election", "few", "issue", "--count", "1000", "--output", file.to_str().unwrap()];
    officer(folder.path(), &issue).done();
    let many = ranked("many", &["A", "B", "C", "D"], &["--roll", "few"]);
    assert_eq!(many, (json!(4), String::new()));
}
