//! Checks of the source beyond the compiler and clippy: layers, purity, logs, sizes, and that the
//! patches in soak/planted apply.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The layers, from the lowest. A module may use itself and those of lower layers.
const LAYERS: [(&str, u32); 13] = [
    ("private_file", 0),
    ("pages", 0),
    ("batching", 0),
    ("threads", 0),
    ("election", 0),
    ("schema", 1),
    ("ledger", 1),
    ("net", 1),
    ("service", 2),
    ("client", 2),
    ("server", 3),
    ("command_line", 3),
    ("bin", 4),
];

#[test]
fn imports_go_down_only() {
    let layer = |name: &str| LAYERS.iter().find(|(module, _)| *module == name);
    let mut checked = 0;
    for file in files(&root("src"), "rs") {
        let path = file.strip_prefix(root("src")).unwrap();
        let module = path.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        if module == "lib" {
            continue;
        }
        let (_, height) = layer(module).unwrap_or_else(|| panic!("{module} has no layer"));
        let text = fs::read_to_string(&file).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            assert!(
                !line.contains("crate::{"),
                "{}: one module a line, so that this test can read it",
                path.display()
            );
            for used in paths_in(line) {
                let Some((_, used_height)) = layer(&used) else { continue };
                let allowed = used == module || used_height < height;
                assert!(
                    allowed,
                    "{}: {module} must not use {used}: {}",
                    path.display(),
                    line.trim()
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 50, "only {checked} imports were found");
}

/// The folders of web/, and which others each may use.
const WEB: [(&str, &[&str]); 9] = [
    ("capnp", &[]),
    ("qr", &[]),
    ("lib", &["capnp", "count"]),
    ("count", &["lib"]),
    ("texts", &["count"]),
    ("voter", &["capnp", "lib"]),
    ("observer", &["capnp", "count", "lib"]),
    ("auditor", &["capnp", "count", "lib", "officer"]),
    ("officer", &["auditor", "capnp", "count", "lib", "observer", "qr"]),
];

#[test]
fn a_folder_of_the_pages_uses_only_those_that_it_may() {
    let mut checked = 0;
    for (folder, allowed) in WEB {
        for file in files(&root("web").join(folder), "js") {
            let is_test = file.iter().any(|part| part == "tests");
            let text = fs::read_to_string(&file).unwrap();
            for imported in text.split("\"../").skip(1).filter(|_| !is_test) {
                let used = imported.trim_start_matches("../").split('/').next().unwrap();
                let is_own = used == folder || used.contains('"');
                let fits = is_own || allowed.contains(&used);
                assert!(fits, "{}: {folder} must not use {used}", file.display());
                checked += usize::from(!is_own);
            }
        }
    }
    assert!(checked > 50, "only {checked} imports were found");
}

/// The modules of this crate that a line of code names.
fn paths_in(line: &str) -> Vec<String> {
    let starts = ["crate::", "capvote::"]
        .iter()
        .flat_map(|start| line.match_indices(start).map(|(at, found)| &line[at + found.len()..]));
    let name = |rest: &str| -> String {
        rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    starts.map(name).collect()
}

#[test]
fn no_sum_is_wrong_in_what_is_released() {
    let manifest = fs::read_to_string(root("Cargo.toml")).unwrap();
    let (_, profile) = manifest.split_once("[profile.release.package.capvote]\n").unwrap();
    let settings = profile.lines().take_while(|line| !line.starts_with('['));
    assert!(settings.into_iter().any(|line| line == "overflow-checks = true"));
}

#[test]
fn layer_zero_knows_nothing_of_the_world() {
    for file in files(&root("src/election"), "rs") {
        let text = fs::read_to_string(&file).unwrap();
        for worldly in [
            "std::fs",
            "std::io",
            "std::net",
            "std::time",
            "tokio",
            "capnp::",
            "getrandom",
            "async ",
        ] {
            let found = text
                .lines()
                .find(|line| !line.trim_start().starts_with("//") && line.contains(worldly));
            assert_eq!(found, None, "{}", file.display());
        }
    }
}

/// The values that may be logged. None comes from a vote, a voter or a token: links are logged
/// without their tokens, and of votes and numbers only how many there were.
const LOGGED: [&str; 22] = [
    // Without its password.
    "database = %options",
    "%error",
    "kind = ?error.kind",
    "%election",
    "election = %id",
    "election = %self.id",
    "link = ?self.link",
    "?link",
    "?origin",
    "%ledger",
    "%server",
    "epoch",
    "bytes",
    "file_system",
    "allowed",
    "count",
    "seconds",
    "days",
    "setting",
    "reason",
    "votes = votes.len()",
    "file = %path.display()",
];

#[test]
fn the_log_is_told_nothing_that_is_secret() {
    let mut calls = 0;
    for file in files(&root("src"), "rs") {
        let text = fs::read_to_string(&file).unwrap();
        for (at, _) in text.match_indices("tracing::") {
            let (_, call) = text[at..].split_once("!(").unwrap();
            let (fields, words) = call.split_once('"').unwrap();
            let (words, _) = words.split_once('"').unwrap();
            let fields = fields.split(',').map(str::trim).filter(|field| !field.is_empty());
            for field in fields {
                let known = LOGGED.contains(&field);
                assert!(known, "{}: may the log tell {field}?", file.display());
            }
            let put_in = words.replace("{LEFT}", "").contains('{');
            assert!(!put_in, "{}: what is put into {words:?}?", file.display());
            calls += 1;
        }
    }
    assert!(calls > 20, "only {calls} calls were found");
}

#[test]
fn the_bugs_to_plant_fit_the_source() {
    let mut patches = 0;
    for entry in fs::read_dir(root("soak/planted")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "patch") {
            continue;
        }
        patches += 1;
        // `--fuzz=0`: the context of the patch must match exactly.
        let mut patch = Command::new("patch");
        patch
            .args(["-p1", "--dry-run", "--force", "--fuzz=0", "-d"])
            .arg(root("."))
            .arg("-i")
            .arg(&path);
        let fits = patch.output().unwrap();
        assert!(fits.status.success(), "{}: {fits:?}", path.display());
    }
    assert_eq!(patches, 18);
}

#[test]
fn every_file_is_short_and_says_what_belongs_in_it() {
    for folder in ["src", "tests", "examples", "bench", "soak", "fuzz", "web"] {
        for file in files(&root(folder), "rs") {
            let text = fs::read_to_string(&file).unwrap();
            let lines = text.lines().count();
            assert!(lines <= 400, "{} has {lines} lines: split it along its idea", file.display());
            let documented = text.starts_with("//!") || text.starts_with("#![no_main]");
            assert!(documented, "{} does not say what belongs in it", file.display());
        }
    }
}

#[test]
fn every_module_is_short_and_says_what_belongs_in_it() {
    for folder in ["web/capnp", "tests/browser"] {
        for file in files(&root(folder), "js") {
            let text = fs::read_to_string(&file).unwrap();
            let lines = text.lines().count();
            assert!(lines <= 400, "{} has {lines} lines: split it along its idea", file.display());
            assert!(text.starts_with("//"), "{} does not say what belongs in it", file.display());
            let longest = text.lines().map(|line| line.chars().count()).max();
            assert!(longest <= Some(100), "{} has a line of {longest:?}", file.display());
        }
    }
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("target") {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|it| it == extension) {
            found.push(path);
        }
    }
    found
}
