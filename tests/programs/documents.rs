//! What docs/json.md tells of the documents holds.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::process::{BOARD, Server, numbers, run};

/// The examples of the page, each with the command that it is of, in their order.
fn examples() -> Vec<(String, Value)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json.md");
    let page = fs::read_to_string(page).unwrap();
    let mut examples = Vec::new();
    for block in page.split("```json ").skip(1) {
        let (command, rest) = block.split_once('\n').unwrap();
        let (document, _) = rest.split_once("```").unwrap();
        examples.push((command.to_string(), serde_json::from_str(document).unwrap()));
    }
    examples
}

/// A document with the kind of each value in its place. What may be nothing is nothing here.
fn shape(document: &Value) -> Value {
    match document {
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), shape(value))).collect()
        }
        Value::Array(values) => json!([values.first().map(shape)]),
        Value::String(_) => json!("a text"),
        Value::Number(_) => json!("a number"),
        Value::Bool(_) => json!("true or false"),
        Value::Null => Value::Null,
    }
}

#[test]
fn every_document_is_as_the_page_says() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path();
    let server = Server::start(folder, &[&BOARD[..], &["--voters", "3"]].concat());
    let file = |name: &str| folder.join(name).to_str().unwrap().to_string();
    let officer = file("officer.link");
    fs::write(file("lines.txt"), "one\ntwo\nthree").unwrap();
    let number = numbers(folder)[0].to_string();
    // The words of a command on the page, with its files where the test has them.
    let placed = |command: &str| -> Vec<String> {
        let place = |word| match word {
            "capvote-data" => file(""),
            "lines.txt" | "sheet.csv" | "mine.json" | "numbers.csv" | "copy.sqlite"
            | "restored" => file(word),
            word => word.to_string(),
        };
        command.split(' ').map(place).collect()
    };
    let client = |link: &str, words: &[&str]| {
        let common = ["--json", "--link", link];
        let words = if words.contains(&"--election") {
            words.to_vec()
        } else {
            [words, &["--election", "board"]].concat()
        };
        run(env!("CARGO_BIN_EXE_capvote-client"), &[&common[..], &words].concat(), b"")
    };
    let examples: BTreeMap<_, _> = examples().into_iter().collect();
    let mut untried = examples.clone();
    let mut check = |command: &str, link: &str, more: &[&str]| {
        let words: Vec<_> =
            placed(command).into_iter().chain(more.iter().flat_map(|word| placed(word))).collect();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let ran = client(link, &words);
        let document: Value = serde_json::from_str(ran.stdout.lines().next().unwrap_or_default())
            .or_else(|_| serde_json::from_str(&ran.stdout))
            .unwrap_or_else(|error| panic!("{command}: {error}: {}{}", ran.stdout, ran.stderr));
        let expected = untried.remove(command);
        let mut expected = shape(&expected.unwrap_or_else(|| panic!("not on the page: {command}")));
        let found = shape(&document);
        for times in ["opens", "closes"] {
            for place in [format!("/{times}"), format!("/0/{times}")] {
                if found.pointer(&place) == Some(&Value::Null) {
                    *expected.pointer_mut(&place).unwrap() = Value::Null;
                }
            }
        }
        assert_eq!(found, expected, "{command}");
        (ran.code, document)
    };
    let everyone = &server.link[..];
    let vote = ["--voter-number", &number, "--receipt", "mine.json"];
    let steps: [(&str, &str, &[&str]); 19] = [
        ("elections", everyone, &[]),
        ("info", everyone, &[]),
        ("vote Ada", everyone, &vote),
        ("vote Zoe", everyone, &["--voter-number", &number]),
        ("result", everyone, &[]),
        ("result Ada", everyone, &[]),
        ("count-lines lines.txt", everyone, &[]),
        ("turnout", &officer, &[]),
        ("check", &officer, &[]),
        ("share registrar", &officer, &[]),
        ("close", &officer, &[]),
        ("watch", everyone, &[]),
        ("sheet --output sheet.csv", &officer, &[]),
        ("recount sheet.csv", everyone, &[]),
        ("verify mine.json sheet.csv", everyone, &[]),
        ("create other --candidate Ada --candidate Grace", &officer, &["--election", "other"]),
        ("issue --count 2 --output numbers.csv", &officer, &["--election", "other"]),
        ("revoke-numbers numbers.csv", &officer, &["--election", "other"]),
        ("open", &officer, &["--election", "other"]),
    ];
    let mut shared = String::new();
    for (command, link, more) in steps {
        let (code, document) = check(command, link, more);
        let refused = command == "vote Zoe";
        assert_eq!(code, Some(if refused { 3 } else { 0 }), "{command}: {document}");
        if let Some(link) = document.get("link") {
            shared = link.as_str().unwrap().to_string();
        }
    }
    let ran = client(everyone, &["revoke", &shared]);
    assert_eq!(serde_json::from_str::<Value>(ran.done()).unwrap(), examples["revoke LINK"]);
    untried.remove("revoke LINK");
    let ran = client(everyone, &["result", "Zoe"]);
    assert_eq!(serde_json::from_str::<Value>(&ran.stdout).unwrap(), examples["error"]);
    assert_eq!(ran.code, Some(3));
    untried.remove("error");
    let operator = [
        ("backup capvote-data copy.sqlite", "file"),
        ("restore copy.sqlite restored", "directory"),
        ("officer-link restored", "file"),
    ];
    for (command, name) in operator {
        let words = placed(&format!("{command} --json"));
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let ran = run(env!("CARGO_BIN_EXE_capvote-server"), &words, b"");
        let document: Value = serde_json::from_str(ran.done()).unwrap();
        let expected = untried.remove(&format!("capvote-server {command}")).unwrap();
        assert_eq!(shape(&document), shape(&expected), "{command}");
        assert!(Path::new(document[name].as_str().unwrap()).exists(), "{document}");
        // What is there already is not written over.
        let again = run(env!("CARGO_BIN_EXE_capvote-server"), &words, b"");
        let document: Value = serde_json::from_str(&again.stdout).unwrap();
        assert_eq!(shape(&document), shape(&examples["error"]), "{command}");
        assert_ne!(again.code, Some(0));
    }
    assert!(untried.is_empty(), "not tried: {untried:?}");
}
