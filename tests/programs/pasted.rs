//! What people type and paste: names, numbers, receipts, links and sheets as programs change them.

use std::fs;

use serde_json::Value;

use crate::process::{Server, board, client, numbers, officer, run, write_private};

const CLIENT: &str = env!("CARGO_BIN_EXE_capvote-client");

#[test]
fn a_candidate_is_found_however_the_name_is_stored() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let file = |name: &str| data.path().join(name).to_str().unwrap().to_string();
    let create = ["create", "board", "--candidate", "Jos\u{e9} L", "--candidate", "Ada"];
    officer(data.path(), &create).done();
    officer(data.path(), &["issue", "--count", "4", "--output", &file("board.numbers.csv")]).done();
    officer(data.path(), &["open"]).done();
    let numbers: Vec<_> = numbers(data.path()).iter().map(ToString::to_string).collect();
    let vote = |name: &str, voter: usize, receipt: &str| {
        let words = ["--voter-number", &numbers[voter], "--receipt", &file(receipt)];
        client(&server.link, &[&["vote", name], &words[..]].concat())
    };
    for (voter, name) in
        ["Jose\u{301} L", "Jos\u{e9}\u{a0}L", " Jos\u{e9} L\u{200B}"].iter().enumerate()
    {
        let receipt = format!("{voter}.json");
        let said = vote(name, voter, &receipt);
        assert!(said.done().contains("Your vote for \"Jos\u{e9} L\""), "{}", said.stdout);
        // The same vote again, typed in either way.
        for again in [name, &"Jos\u{e9} L"] {
            assert_eq!(vote(again, voter, &receipt).done(), said.stdout, "{again:?}");
        }
        let kept: Value =
            serde_json::from_str(&fs::read_to_string(file(&receipt)).unwrap()).unwrap();
        assert_eq!(kept["candidate"], "Jos\u{e9} L");
    }
    vote("Jose L", 3, "no.json").failed(3, "Did you mean \"Jos\u{e9} L\"?");
    officer(data.path(), &["close"]).done();
    let result = client(&server.link, &["result", "Jose\u{301} L"]);
    assert_eq!(result.done(), "Jos\u{e9} L: 3 votes (final)\n");
    officer(data.path(), &["sheet", "--output", &file("sheet.csv")]).done();
    run(CLIENT, &["verify", &file("0.json"), &file("sheet.csv")], b"").done();
}

#[test]
fn candidates_that_look_alike_are_refused_and_kept_where_they_are() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    for (name, difference) in [
        ("\u{410}da", "differ in U+0041 and U+0410"),
        ("Ada\u{200B}", "differ only in characters that nobody sees, such as U+200B"),
        ("Ada ", "differ only in their blanks"),
    ] {
        let create = ["create", "board", "--candidate", "Ada", "--candidate", name];
        officer(data.path(), &create).failed(2, difference);
    }
    assert_eq!(
        client(&server.link, &["elections"]).done(),
        "There is no election on this server.\n"
    );
    let other = tempfile::tempdir().unwrap();
    let words = ["--listen", "capvote://127.0.0.1:0", "--election", "board", "--voters", "1"];
    let slate = ["--candidate", "Ada", "--candidate", "Ad\u{251}", "--data"];
    let data = other.path().join("data");
    let server = [&words[..], &slate, &[data.to_str().unwrap()]].concat();
    let ran = run(env!("CARGO_BIN_EXE_capvote-server"), &server, b"");
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("candidates 1 and 2 look alike"), "{}", ran.stderr);
    assert!(!data.join("board.numbers.csv").exists());
}

#[test]
fn numbers_receipts_and_links_are_read_as_programs_leave_them() {
    let data = tempfile::tempdir().unwrap();
    let server = board(data.path(), 3);
    let file = |name: &str| data.path().join(name).to_str().unwrap().to_string();
    let number = numbers(data.path())[0].to_string();
    let typed = [
        number.replace('-', "\u{2011}"),
        number.replace('-', "\u{2013}"),
        number.replace('-', "\u{a0}"),
        number.replace('-', "\u{200B}-\u{AD}"),
        number.chars().map(wide).collect(),
        number.chars().map(eastern).collect(),
        format!("“{number}”."),
    ];
    let vote = ["vote", "Ada", "--receipt", &file("mine.json"), "--voter-number"];
    for number in &typed {
        client(&server.link, &[&vote[..], &[number]].concat()).done();
    }
    write_private(file("number"), "");
    fs::write(file("number"), utf16(&number)).unwrap();
    client(&server.link, &[&vote[..], &[&file("number")]].concat()).done();

    // Links, in files and on the command line.
    let link = &server.link;
    let (start, end) = link.split_at(12);
    for changed in [
        format!("\u{FEFF}{link}\r\n").into_bytes(),
        format!("\"{link}\"\n").into_bytes(),
        format!("<{link}>").into_bytes(),
        format!("> {start}\n> {end}\n").into_bytes(),
        format!("Dear Ann,\n\n“{link}”\n\nBye\n").into_bytes(),
        utf16(link),
    ] {
        fs::write(file("a.link"), &changed).unwrap();
        let ran = run(CLIENT, &["--link", &file("a.link"), "elections"], b"");
        assert!(ran.done().contains("board"), "{changed:?}");
        run(CLIENT, &["--link", "-", "elections"], &changed).done();
    }
    run(CLIENT, &["--link", &format!("<{link}>"), "elections"], b"").done();
    fs::write(file("a.link"), b"Jos\xE9").unwrap();
    run(CLIENT, &["--link", &file("a.link"), "elections"], b"")
        .failed(1, "it is not a text in UTF-8");

    // Receipts, and files of them.
    officer(data.path(), &["close"]).done();
    let sheet = file("sheet.csv");
    officer(data.path(), &["sheet", "--output", &sheet]).done();
    check_receipts(&fs::read_to_string(file("mine.json")).unwrap(), &sheet);
    check_sheets(&sheet, &file("changed.csv"));
}

/// A receipt, and the content of a receipt file, are found on a sheet.
fn check_receipts(kept: &str, sheet: &str) {
    let receipt = serde_json::from_str::<Value>(kept).unwrap();
    let receipt = receipt["receipt"].as_str().unwrap();
    for text in [
        receipt.replace('-', "\u{2011}"),
        receipt.replace('-', "\u{2013}").to_lowercase(),
        receipt.chars().map(wide).collect(),
        format!("“{receipt}”"),
        format!("({receipt})"),
        format!("Your vote is recorded. Your receipt is {receipt}."),
    ] {
        run(CLIENT, &["verify", &text, sheet], b"").done();
        run(CLIENT, &["verify", "-", sheet], text.as_bytes()).done();
    }
    for changed in [
        utf16(kept),
        format!("\u{FEFF}{}", kept.replace('\n', "\r\n")).into_bytes(),
        kept.lines().map(|line| format!("> {line}\n")).collect::<String>().into_bytes(),
        kept.replacen('"', "“", 1).replace('"', "”").into_bytes(),
        // The candidate and the nonce say which ballot it is, too.
        kept.replace(receipt, "").into_bytes(),
        kept.replace(receipt, &receipt.replace('-', "=\n-")).into_bytes(),
        kept.replace(receipt, &receipt.chars().rev().collect::<String>()).into_bytes(),
    ] {
        run(CLIENT, &["verify", "-", sheet], &changed).done();
    }
    let typo = format!("{}0", &receipt[..38]);
    run(CLIENT, &["verify", &typo, sheet], b"").failed(2, "the digits 2 to 7, and not 0");
}

fn wide(character: char) -> char {
    char::from_u32(u32::from(character) + 0xFEE0).unwrap()
}

/// A digit in the form that Arabic has.
fn eastern(character: char) -> char {
    match character.to_digit(10) {
        Some(digit) => char::from_u32(0x660 + digit).unwrap(),
        None => character,
    }
}

fn utf16(text: &str) -> Vec<u8> {
    format!("\u{FEFF}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A sheet that was saved again is refused, and not called forged.
fn check_sheets(sheet: &str, changed: &str) {
    let text = fs::read_to_string(sheet).unwrap();
    for (bytes, what) in [
        (text.replace('\n', "\r\n").into_bytes(), "line ends of another system"),
        (format!("\u{FEFF}{text}").into_bytes(), "a byte order mark"),
        (format!("{text}\n").into_bytes(), "an empty line"),
        (utf16(&text), "UTF-16"),
        (text.replace(',', ";").into_bytes(), "other separators"),
    ] {
        run(CLIENT, &["recount", "-"], &bytes).failed(3, "a program has saved it again");
        fs::write(changed, bytes).unwrap();
        let ran = run(CLIENT, &["recount", changed], b"");
        ran.failed(3, "a program has saved it again");
        assert!(ran.stderr.contains(what) && ran.stderr.contains("get the file again"));
        assert!(!ran.stderr.contains("do not trust it"), "{}", ran.stderr);
    }
    for (bytes, what) in [
        (&b""[..], "it is empty"),
        (b"PK\x03\x04\xFF", "not a text in UTF-8"),
        (b"a letter\n", "the columns are not those"),
    ] {
        let ran = run(CLIENT, &["recount", "-"], bytes);
        ran.failed(3, what);
        assert!(ran.stderr.contains("get the file again"), "{}", ran.stderr);
    }
    let forged = text.replace("Ada", "Grace").replace('\n', "\r\n");
    for bytes in [forged.clone().into_bytes(), utf16(&forged), b"\xFFforged".to_vec()] {
        fs::write(changed, bytes).unwrap();
        run(CLIENT, &["recount", changed], b"").failed(3, "do not trust it");
    }
}
