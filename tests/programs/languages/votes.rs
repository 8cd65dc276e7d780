//! Votes, links and refusals, and an officer's session.

use std::fs;

use capvote::election::{Nonce, Receipt};
use data_encoding::HEXLOWER;

use super::{Board, example, languages, recorded, refused};
use crate::process::run;

#[test]
fn every_client_votes_over_tcp_and_a_unix_socket() {
    let Some(languages) = languages() else { return };
    let board = Board::new();
    let mut voter = 0;
    for language in languages {
        for link in &board.links {
            let number = board.number(voter);
            let nonce = recorded(&language.run(&[link, "vote", "Ada", &number]));
            // A retry, as after a lost answer, is the same vote.
            let again = language.run(&[link, "vote", "Ada", &number, &nonce]);
            assert_eq!(recorded(&again), nonce);
            let other = language.run(&[link, "vote", "Grace", &number]);
            refused(&other, "has already voted", "alreadyVoted");
            voter += 1;
        }
        let zoe = language.run(&[&board.links[0], "vote", "Zoe", &board.number(voter)]);
        refused(&zoe, "\"Zoe\" is not a candidate", "unknownCandidate");
        refused(
            &language.run(&[&board.links[1], "vote", "Ada", "1"]),
            "roll",
            "unknownVoterNumber",
        );
    }
    // With a vote from the Rust client, all see the same results.
    board.client(&["vote", "Grace", "--voter-number", &board.number(voter)]).done();
    let results = board.results();
    assert_eq!(results, "provisional: Ada 0, Grace 0; 5 of 9 have voted\n");
    for language in languages {
        for link in &board.links {
            assert_eq!(language.run(&[link, "results"]).done(), results);
        }
    }
    board.close();
    for language in languages {
        let late = language.run(&[&board.links[0], "vote", "Ada", &board.number(voter + 1)]);
        refused(&late, "is closed", "closed");
        assert_eq!(language.run(&[&board.links[0], "results"]).done(), board.results());
    }
}

/// Through Debian's libcapnp-websocket.
#[test]
fn the_cpp_client_does_everything_over_a_websocket() {
    let Some([_, cpp]) = languages() else { return };
    let board = Board::new();
    let link = board.pages.replace("http://", "ws://");
    let number = board.number(0);
    let nonce = recorded(&cpp.run(&[&link, "vote", "Ada", &number]));
    let again = cpp.run(&[&format!("{link}/board"), "vote", "Ada", &number, &nonce]);
    assert_eq!(recorded(&again), nonce);
    refused(&cpp.run(&[&link, "vote", "Grace", &number]), "has already voted", "alreadyVoted");
    assert_eq!(cpp.run(&[&link, "results"]).done(), board.results());
    // Messages of many frames' worth, both ways.
    let file = board.data.path().join("lines.txt");
    fs::write(&file, "a line of some length or other\n".repeat(50_000)).unwrap();
    let counted = cpp.run(&[&link, "count-lines", file.to_str().unwrap()]);
    assert!(counted.done().ends_with("\n50000\n"), "{} bytes", counted.stdout.len());
    let missing = cpp.run(&[&format!("{link}/nope"), "results"]);
    assert!(missing.stderr.contains("there is no election \"nope\""), "{}", missing.stderr);
    // A server without pages.
    let none = cpp.run(&[&board.links[0].replace("capvote:", "ws:"), "results"]);
    assert_eq!((none.code, &none.stdout[..]), (Some(1), ""));
}

#[test]
fn every_client_ranks_and_gets_a_receipt_for_its_ranks() {
    let Some(languages) = languages() else { return };
    let board = Board::new();
    let officer = board.data.path().join("officer.link").display().to_string();
    let names = ["--candidate", "Ada", "--candidate", "Grace", "--candidate", "Edsger"];
    let act = |words: &[&str]| {
        run(env!("CARGO_BIN_EXE_capvote-client"), &[&["--link", &officer], words].concat(), b"")
    };
    let create = ["create", "chair", "--method", "transferable", "--roll", "board"];
    act(&[&create, &names[..]].concat()).done();
    act(&["--election", "chair", "open"]).done();
    let link = format!("{}/chair", board.links[0]);
    for (voter, language) in languages.iter().enumerate() {
        let number = board.number(voter);
        let voted = language.run(&[&link, "rank", "Edsger > Ada", &number]);
        let lines: Vec<_> = voted.done().lines().collect();
        let [nonce, message, receipt] = lines[..] else { panic!("{lines:?}") };
        assert!(message.starts_with("Your vote for 1. \"Edsger\", 2. \"Ada\" in election chair"));
        let nonce = nonce.strip_prefix("nonce ").unwrap();
        let bytes = HEXLOWER.decode(nonce.as_bytes()).unwrap();
        let bytes = Nonce::try_from(&bytes[..]).unwrap();
        let marks = [("Ada", 2), ("Edsger", 1)];
        let expected = Receipt::of_marks(&"chair".parse().unwrap(), marks, &bytes);
        assert_eq!(receipt, format!("recorded {expected}"));
        let again = language.run(&[&link, "rank", "Edsger > Ada", &number, nonce]);
        assert_eq!(again.done(), voted.stdout);
        refused(&language.run(&[&link, "rank", "Ada", &number]), "already voted", "alreadyVoted");
        // A client that does not know of ranks is told so.
        let old = language.run(&[&link, "vote", "Ada", &number]);
        assert!(old.stderr.contains("vote with a newer client; nothing was recorded"));
        assert_eq!(old.code, Some(1), "{}", old.stderr);
    }
}

#[test]
fn a_link_names_the_election_and_errors_are_reported() {
    let Some(languages) = languages() else { return };
    let board = Board::new();
    let named = |election: &str| {
        let [port, socket] = &board.links;
        [format!("{port}/{election}"), format!("{socket}?election={election}")]
    };
    for language in languages {
        for (link, wrong) in named("board").into_iter().zip(named("nope")) {
            assert_eq!(language.run(&[&link, "results"]).done(), board.results());
            let failed = language.run(&[&wrong, "results"]);
            assert!(failed.stderr.contains("there is no election \"nope\""), "{}", failed.stderr);
            assert_eq!((failed.code, &failed.stdout[..]), (Some(1), ""));
        }
        let short = language.run(&[&board.links[0], "vote", "Ada", &board.number(0), "0123"]);
        assert!(short.stderr.contains("a nonce is 16 bytes"), "{}", short.stderr);
        for text in ["http://127.0.0.1:1/#s3cret", "s3cret", "capvote://127.0.0.1:x/#s3cret"] {
            let no_link = language.run(&[text, "results"]);
            assert_eq!((no_link.code, &no_link.stdout[..]), (Some(1), ""));
            assert!(!no_link.stderr.contains("s3cret"), "{}", no_link.stderr);
        }
    }
}

#[test]
fn malformed_links_numbers_and_commands_are_refused_and_not_sent() {
    let Some(languages) = languages() else { return };
    let board = Board::new();
    let [port, socket] = &board.links;
    let user = port.replace("//", "//s3cret@");
    let certificate = format!("?cert={}", "A".repeat(43));
    for language in languages {
        for (link, more) in [
            (port, "?s3cret"),
            (port, "?election=board"),
            (port, &certificate),
            (port, "/board/s3cret"),
            (port, "/board/"),
            (&user, ""),
            (socket, "?election=board&election=board"),
            (socket, "?election="),
            (socket, "?election=board&s3cret"),
            (&"capvote:///board".to_string(), ""),
            (&"capvote+unix://s3cret/board".to_string(), ""),
        ] {
            let link = format!("{link}{more}");
            let refused = language.run(&[&link, "results"]);
            assert_eq!((refused.code, &refused.stdout[..]), (Some(1), ""), "{link}");
            assert!(refused.stderr.contains(" link ") || refused.stderr.contains("slashes"));
            assert!(!refused.stderr.contains("s3cret"), "{}", refused.stderr);
        }
        for number in ["18446744073709551616", "99999999999999999999", "12_3", "١٢", "-", "1x"] {
            language
                .run(&[port, "vote", "Ada", number])
                .failed(1, "a voter number is 1 to 20 digits");
        }
        let largest = "18446744073709551615";
        refused(&language.run(&[port, "vote", "Ada", largest]), "roll", "unknownVoterNumber");
        language.run(&[port, "vote", "Ada", "1", "zz"]).failed(1, "hex");
        for words in [&["vote"][..], &["vote", "Ada"], &["results", "Ada"], &["watch", "x"], &["x"]]
        {
            let said = language.run(&[&[&port[..]], words].concat());
            assert_eq!((said.code, &said.stdout[..]), (Some(1), ""));
            assert!(said.stderr.contains("vote CANDIDATE VOTER-NUMBER [NONCE]"), "{}", said.stderr);
        }
    }
}

/// The client has a schema without the last values, as if the server were newer.
#[test]
fn the_python_client_reports_values_of_a_newer_schema_as_something_newer() {
    let Some([python, _]) = languages() else { return };
    let board = Board::new();
    let old = tempfile::tempdir().unwrap();
    fs::create_dir_all(old.path().join("examples/python")).unwrap();
    fs::create_dir(old.path().join("schema")).unwrap();
    let client = old.path().join("examples/python/client.py");
    fs::copy(example("python/client.py"), &client).unwrap();
    let schema = |name: &str| example("../schema").join(name);
    fs::copy(schema("lines.capnp"), old.path().join("schema/lines.capnp")).unwrap();
    let text = fs::read_to_string(schema("election.capnp")).unwrap();
    let newer = [
        "    closed @6 :Void;\n",
        "    throttled @7 :UInt32;\n",
        "    invalidBallot @10 :Text;\n",
        "  puzzle @8 :Puzzle;\n",
        "  unconfirmed @9 :Bool;\n",
        "  final @3;\n",
        "  unknownCandidate @4;\n",
    ];
    let text = newer.iter().fold(text, |text, member| {
        assert_eq!(text.matches(member).count(), 1, "{member}");
        text.replace(member, "")
    });
    fs::write(old.path().join("schema/election.capnp"), text).unwrap();
    let python = python.script(&client);
    recorded(&python.run(&[&board.links[0], "vote", "Ada", &board.number(0)]));
    board.close();
    let late = python.run(&[&board.links[0], "vote", "Ada", &board.number(1)]);
    refused(&late, "is closed", "something newer");
    let results = board.results().replace("final", "something newer");
    assert_eq!(python.run(&[&board.links[0], "results"]).done(), results);
}

#[test]
fn the_python_officer_issues_numbers_closes_and_reads_the_sheet() {
    let Some([voter, _]) = languages() else { return };
    let board = Board::new();
    let officer = voter.script(&example("python/officer.py"));
    let link = fs::read_to_string(board.data.path().join("officer.link")).unwrap();
    let act = |words: &[&str]| officer.run(&[&[link.trim()], words].concat());
    act(&["sheet"]).failed(1, "before the election is closed");
    let numbers: Vec<_> = act(&["issue", "2"]).done().lines().map(str::to_string).collect();
    let nonce = recorded(&voter.run(&[&board.links[0], "vote", "Ada", &numbers[0]]));
    recorded(&voter.run(&[&board.links[0], "vote", "Ada", &numbers[1]]));
    assert_eq!(act(&["close"]).done(), "");
    act(&["close"]).failed(1, "closed already");
    let sheet = act(&["sheet"]);
    let lines: Vec<Vec<_>> = sheet.done().lines().map(|line| line.split(' ').collect()).collect();
    assert_eq!((numbers.len(), lines.len()), (2, 2));
    let mine = lines.iter().find(|line| line[1] == nonce).unwrap();
    let nonce = HEXLOWER.decode(nonce.as_bytes()).unwrap();
    let receipt =
        Receipt::new(&"board".parse().unwrap(), "Ada", &Nonce::try_from(&nonce[..]).unwrap());
    assert_eq!((mine[0], mine[2]), ("Ada", &receipt.to_string()[..]));
    let (public, _) = link.split_once('#').unwrap();
    officer.run(&[public, "close"]).failed(1, "this token opens nothing here");
}
