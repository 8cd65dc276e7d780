//! The tables of bounds in ARCHITECTURE.md and docs/clients.md agree with the code.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A constant's value.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Value {
    Count(u64),
    Milliseconds(u64),
}

/// The constants of the library, by their paths. Those whose names end in `_MAX` are bounds.
fn constants() -> BTreeMap<String, Value> {
    let mut files = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    collect(&root, &mut files);
    let mut texts = BTreeMap::new();
    for file in files {
        let path = file.strip_prefix(&root).unwrap().with_extension("");
        let mut module: Vec<_> = path.iter().map(|part| part.to_str().unwrap()).collect();
        module.retain(|part| !["mod", "lib"].contains(part));
        for line in fs::read_to_string(&file).unwrap().lines() {
            let Some((_, rest)) = line.split_once("const ") else { continue };
            let Some((name, rest)) = rest.split_once(": ") else { continue };
            let Some((_, value)) = rest.split_once(" = ") else { continue };
            let indented = line.starts_with(' ');
            if !indented {
                let path = [&module[..], &[name]].concat().join("::");
                texts.insert(path, value.trim_end_matches(';').to_string());
            }
        }
    }
    let value = |(path, text): (&String, &String)| Some((path.clone(), evaluate(text)?));
    let mut values: BTreeMap<_, _> = texts.iter().filter_map(value).collect();
    // Computed from two other constants.
    let reads = capvote::service::READ_AHEAD_READS_MAX as u64;
    values.insert("service::line_counter::READ_AHEAD_READS_MAX".into(), Value::Count(reads));
    for name in texts.keys().filter(|name| name.ends_with("_MAX")) {
        assert!(values.contains_key(name), "this test cannot read the value of {name}");
    }
    values
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("bin") {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn evaluate(text: &str) -> Option<Value> {
    let inside = |text: &str, function: &str| {
        Some(text.strip_prefix(function)?.strip_suffix(')')?.to_string())
    };
    if let Some(seconds) = inside(text, "Duration::from_secs(") {
        return Some(Value::Milliseconds(count(&seconds)? * 1_000));
    }
    if let Some(milliseconds) = inside(text, "Duration::from_millis(") {
        return Some(Value::Milliseconds(count(&milliseconds)?));
    }
    count(text).map(Value::Count)
}

fn count(text: &str) -> Option<u64> {
    if let Some((left, right)) = text.split_once(" << ") {
        return Some(count(left)? << count(right)?);
    }
    if let Some((left, right)) = text.split_once(" * ") {
        return Some(count(left)? * count(right)?);
    }
    text.replace('_', "").parse().ok()
}

/// The ways to write a value in the table. Words are given in bytes.
fn written(value: Value, path: &str) -> Vec<String> {
    match value {
        Value::Count(count) => {
            let bytes = if path.contains("_WORDS_") { count * 8 } else { count };
            let digits = bytes.to_string();
            let groups: Vec<_> =
                digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
            let mut ways = vec![groups.join(",")];
            for (unit, size) in [("KiB", 1 << 10), ("MiB", 1 << 20)] {
                if bytes.is_multiple_of(size) {
                    ways.push(format!("{} {unit}", bytes / size));
                }
            }
            ways
        }
        Value::Milliseconds(all) => {
            let mut ways = vec![format!("{all} ms")];
            for (unit, size) in [("s", 1_000), ("min", 60_000)] {
                if all.is_multiple_of(size) {
                    ways.push(format!("{} {unit}", all / size));
                }
            }
            ways
        }
    }
}

/// Whether a text contains this number, and not as a part of another.
fn says(text: &str, number: &str) -> bool {
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    text.match_indices(number).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + number.len()..]);
        let before = before.trim_end_matches(',').chars().next_back();
        let goes_on = after.strip_prefix(',').unwrap_or(after).chars().next();
        !digit(before) && !digit(goes_on)
    })
}

#[test]
fn the_table_of_bounds_agrees_with_the_code() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, table) = page.split_once("## Bounds").unwrap();
    let constants = constants();
    let mut named = Vec::new();
    let mut rows = BTreeSet::new();
    for row in table.lines().filter(|line| line.starts_with("| ") && line.contains('`')) {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [what, bound, decision, names] = cells[..] else { panic!("four columns: {row}") };
        assert!(!what.is_empty() && !decision.is_empty(), "{row}");
        assert!(rows.insert(what) && rows.insert(names), "a duplicate: {row}");
        for name in names.split('`').skip(1).step_by(2) {
            // A path may leave out private modules.
            let (layer, last) = name.split_once("::").unwrap();
            let last = last.rsplit("::").next().unwrap();
            let is_it = |path: &&String| {
                path.starts_with(&format!("{layer}::")) && path.ends_with(&format!("::{last}"))
            };
            let found: Vec<_> = constants.keys().filter(is_it).collect();
            let [path] = found[..] else { panic!("{name} means {found:?}") };
            let ways = written(constants[path], path);
            let says = |way: &String| says(bound, way);
            assert!(ways.iter().any(says), "{name} is {ways:?}, but the table says {bound:?}");
            named.push(path.clone());
        }
    }
    let bounds = constants.keys().filter(|path| path.ends_with("_MAX"));
    let missing: Vec<_> = bounds.filter(|path| !named.contains(path)).collect();
    assert!(missing.is_empty(), "not in the table: {missing:?}");
}

/// The rows of the table in docs/clients.md, by their beginnings, and the bounds in them.
const CLIENT_BOUNDS: [(&str, &[&str]); 20] = [
    ("votes of a connection in flight", &["client::connection::UNANSWERED_VOTES_MAX"]),
    ("messages to the sinks", &["service::session::UNANSWERED_MESSAGES_MAX"]),
    (
        "a sink's answer",
        &["service::session::MESSAGE_WAIT_MAX", "service::registrar::NUMBERS_WAIT_MAX"],
    ),
    (
        "watches, line counts",
        &[
            "service::session::WATCHES_MAX",
            "service::session::COUNTS_MAX",
            "service::session::AUTHORITIES_MAX",
        ],
    ),
    ("one answer to `read`", &["service::line_counter::READ_BYTES_MAX"]),
    ("a line", &["service::line_counter::LINE_BYTES_MAX"]),
    (
        "calls in flight",
        &[
            "net::transport::CALLS_BYTES_MAX",
            "net::transport::CALL_BYTES",
            "net::transport::ANONYMOUS_QUESTIONS_MAX",
            "net::transport::QUEUED_CALLS_MAX",
        ],
    ),
    ("chained calls", &["net::transport::CHAINED_CALLS_MAX"]),
    (
        "unfinished questions",
        &["net::transport::UNFINISHED_QUESTIONS_MAX", "net::transport::ANONYMOUS_QUESTIONS_MAX"],
    ),
    ("capabilities in one call", &["net::transport::MESSAGE_CAPABILITIES_MAX"]),
    ("a message;", &["net::transport::MESSAGE_WORDS_MAX", "net::transport::ANSWER_BYTES_MAX"]),
    ("segments of a message", &["net::transport::header::SEGMENTS_MAX"]),
    ("a promised capability", &[]),
    ("answers that the client does not read", &["net::transport::UNWRITTEN_BYTES_MAX"]),
    ("time from connecting", &["net::connection::FIRST_CALL_WAIT_MAX"]),
    ("a pause within a message", &["net::connection::MESSAGE_REST_WAIT_MAX"]),
    (
        "server memory kept",
        &[
            "net::budget::CONNECTION_BYTES_MIN",
            "net::connection::MEMORY_WAIT_MAX",
            "net::budget::EXHAUSTED_WAIT_MAX",
        ],
    ),
    ("silence", &["net::connection::IDLE_WAIT_MAX"]),
    ("connections from one address", &["net::admission::CONNECTIONS_OF_ADDRESS_MAX"]),
    ("new connections of one address", &["net::arrivals::TURN_WAIT_MAX"]),
];

#[test]
fn the_bounds_for_clients_in_other_languages_agree_with_the_code() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/clients.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, table) = page.split_once("## What a client must keep to").unwrap();
    let rows = table.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let rows: Vec<_> = rows.take_while(|line| line.starts_with('|')).collect();
    assert_eq!(rows.len(), CLIENT_BOUNDS.len());
    let constants = constants();
    for (row, (beginning, bounds)) in rows.into_iter().zip(CLIENT_BOUNDS) {
        let (what, bound) = row.trim_start_matches("| ").split_once(" | ").unwrap();
        assert!(what.starts_with(beginning), "{row}");
        for name in bounds {
            let ways = written(constants[*name], name);
            assert!(ways.iter().any(|way| says(bound, way)), "{name} is {ways:?}: {row}");
        }
    }
}
