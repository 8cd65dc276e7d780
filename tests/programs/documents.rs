//! The JSON output has the form that docs/json.md shows.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{BOARD, Ran, Server, numbers, run};

const CLIENT: &str = env!("CARGO_BIN_EXE_capvote-client");
const SERVER: &str = env!("CARGO_BIN_EXE_capvote-server");

/// The examples on the page by their commands, and those not compared yet.
struct Page {
    examples: BTreeMap<String, Value>,
    untried: BTreeMap<String, Value>,
}

impl Page {
    fn read() -> Self {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json.md");
        let page = fs::read_to_string(page).unwrap();
        let mut examples = BTreeMap::new();
        for block in page.split("```json ").skip(1) {
            let (command, rest) = block.split_once('\n').unwrap();
            let (document, _) = rest.split_once("```").unwrap();
            examples.insert(command.to_string(), serde_json::from_str(document).unwrap());
        }
        Self { untried: examples.clone(), examples }
    }

    /// Checks that a document has the shape of the example for `command`.
    fn check_shape(&mut self, command: &str, document: &Value) {
        self.untried.remove(command);
        let expected = self.examples.get(command);
        let expected = expected.unwrap_or_else(|| panic!("not on the page: {command}"));
        let (mut expected, found) = (shape(expected), shape(document));
        for time in ["/opens", "/closes", "/0/opens", "/0/closes"] {
            if found.pointer(time) == Some(&Value::Null) {
                *expected.pointer_mut(time).unwrap() = Value::Null;
            }
        }
        assert_eq!(found, expected, "{command}");
    }

    /// Checks that a document is the example for `command`.
    fn check_equal(&mut self, command: &str, document: &Value) {
        self.untried.remove(command);
        assert_eq!(*document, self.examples[command], "{command}");
    }
}

/// A document with the type of each value in its place; null stays null.
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

/// A folder with a server's data and the files of the commands.
struct Folder(TempDir);

impl Folder {
    fn file(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_string()
    }

    /// Runs a command of the page, with its files in this folder.
    fn run(&self, program: &str, common: &[&str], command: &str) -> Ran {
        let place = |word| match word {
            "capvote-data" => self.file(""),
            "lines.txt" | "sheet.csv" | "mine.json" | "numbers.csv" | "registrar.link"
            | "copy.sqlite" | "restored" | "ballots.blt" => self.file(word),
            word => word.to_string(),
        };
        let words: Vec<_> = command.split(' ').map(place).collect();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        run(program, &[common, &words].concat(), b"")
    }
}

/// The document that a command printed; of several in a row, the first.
fn document(ran: &Ran) -> Value {
    let first = ran.stdout.lines().next().unwrap_or_default();
    serde_json::from_str(first)
        .or_else(|_| serde_json::from_str(&ran.stdout))
        .unwrap_or_else(|error| panic!("{error}: {}{}", ran.stdout, ran.stderr))
}

#[test]
fn every_json_document_has_the_shape_in_the_docs() {
    let folder = Folder(tempfile::tempdir().unwrap());
    let data = folder.0.path();
    let server = Server::start(data, &[&BOARD[..], &["--voters", "3"]].concat());
    fs::write(folder.file("lines.txt"), "one\ntwo\nthree").unwrap();
    let number = numbers(data)[0].to_string();
    let (public, officer) = (&server.link[..], folder.file("officer.link"));
    let mut page = Page::read();
    let vote = format!(" --voter-number {number}");
    let vote_with_receipt = format!("{vote} --receipt mine.json");
    // The command on the page, the link to use, and options that the page leaves out.
    let steps = [
        ("elections", public, ""),
        ("info", public, ""),
        ("vote Ada", public, &vote_with_receipt),
        ("vote Zoe", public, &vote),
        ("result", public, ""),
        ("result Ada", public, ""),
        ("count-lines lines.txt", public, ""),
        ("turnout", &officer, ""),
        ("check", &officer, ""),
        ("share registrar", &officer, ""),
        ("share registrar --output registrar.link", &officer, ""),
        ("close", &officer, ""),
        ("watch", public, ""),
        ("sheet --output sheet.csv", &officer, ""),
        ("recount sheet.csv", public, ""),
        ("verify mine.json sheet.csv", public, ""),
        ("create other --candidate Ada --candidate Grace", &officer, " --election other"),
        ("issue --count 2 --output numbers.csv", &officer, " --election other"),
        ("revoke-numbers numbers.csv", &officer, " --election other"),
        ("open", &officer, " --election other"),
    ];
    let client = |link: &str, command: &str, more: &str| {
        let election = if more.contains("--election") { "" } else { " --election board" };
        let command = format!("{command}{more}{election}");
        folder.run(CLIENT, &["--json", "--link", link], &command)
    };
    for (command, link, more) in steps {
        let ran = client(link, command, more);
        let document = document(&ran);
        page.check_shape(command, &document);
        let code = if command == "vote Zoe" { 3 } else { 0 };
        assert_eq!(ran.code, Some(code), "{command}: {document}");
    }
    let revoked = client(public, "revoke registrar.link", "");
    page.check_equal("revoke LINK", &serde_json::from_str(revoked.done()).unwrap());
    let refused = client(public, "result Zoe", "");
    page.check_equal("error", &document(&refused));
    assert_eq!(refused.code, Some(3));
    check_counts(&folder, &mut page);
    check_operator_commands(&folder, &mut page);
    assert!(page.untried.is_empty(), "not tried: {:?}", page.untried);
}

fn check_counts(folder: &Folder, page: &mut Page) {
    let ballots = "3 1 4 1 2 0 3 2 1 0 2 3 2 0 0 \"Ada\" \"Bob\" \"Cy\" \"The chair\"";
    fs::write(folder.file("ballots.blt"), ballots).unwrap();
    for method in ["transferable", "schulze"] {
        let command = format!("count ballots.blt --method {method}");
        let ran = folder.run(CLIENT, &["--json"], &command);
        page.check_equal(&command, &serde_json::from_str(ran.done()).unwrap());
    }
}

fn check_operator_commands(folder: &Folder, page: &mut Page) {
    let commands = [
        ("backup capvote-data copy.sqlite", "file"),
        ("restore copy.sqlite restored", "directory"),
        ("officer-link restored", "file"),
    ];
    let pages = folder.run(SERVER, &[], "pages --json");
    page.check_shape("capvote-server pages", &serde_json::from_str(pages.done()).unwrap());
    for (command, written) in commands {
        let with_json = format!("{command} --json");
        let ran = folder.run(SERVER, &[], &with_json);
        ran.done();
        let made = document(&ran);
        page.check_shape(&format!("capvote-server {command}"), &made);
        assert!(Path::new(made[written].as_str().unwrap()).exists(), "{made}");
        // An existing file is not overwritten.
        let again = folder.run(SERVER, &[], &with_json);
        page.check_shape("error", &document(&again));
        assert_ne!(again.code, Some(0));
    }
}
