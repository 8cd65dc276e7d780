//! The house itself: the schema and what was compiled from it agree, imports go down only, and nothing
//! lies around that does not belong.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

const MEND: &str = "run schema/compile.sh and commit what it writes";

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn the_compiled_request_was_made_from_these_schemas() {
    let noted = fs::read_to_string(root("schema/capvote.cgr.sources")).unwrap();
    let noted: BTreeMap<&str, &str> = noted
        .lines()
        .map(|line| line.split_once("  ").unwrap())
        .map(|(hash, name)| (name, hash))
        .collect();
    let mut schemas = 0;
    for entry in fs::read_dir(root("schema")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "capnp") {
            let name = path.file_name().unwrap().to_str().unwrap();
            let hash = HEXLOWER.encode(&Sha256::digest(fs::read(&path).unwrap()));
            assert_eq!(noted.get(name), Some(&&hash[..]), "schema/{name} was changed: {MEND}");
            schemas += 1;
        }
    }
    assert_eq!(schemas, noted.len(), "a schema was removed: {MEND}");
}

/// Where the compiler is installed, what it makes is compared with what is checked in, by the code that
/// both generate: versions of the compiler differ in bytes that generate none.
#[test]
fn the_compiled_request_is_what_the_compiler_makes() {
    let mut compiler = Command::new("capnp");
    compiler.args(["compile", "-o-", "--src-prefix=schema"]).current_dir(root("."));
    let schemas = ["election", "lines", "officer"].map(|name| format!("schema/{name}.capnp"));
    compiler.args(schemas);
    let compiled = match compiler.output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            assert!(std::env::var_os("CI").is_none(), "CI has to install the Cap'n Proto compiler");
            return eprintln!("skipped: the Cap'n Proto compiler is not installed");
        }
        output => output.unwrap(),
    };
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let fresh = generated(&compiled.stdout);
    let checked_in = generated(&fs::read(root("schema/capvote.cgr")).unwrap());
    assert!(!fresh.is_empty());
    assert_eq!(fresh.keys().collect::<Vec<_>>(), checked_in.keys().collect::<Vec<_>>(), "{MEND}");
    for (name, code) in fresh {
        assert!(code == checked_in[&name], "{name} differs from what is checked in: {MEND}");
    }
}

/// The files that a compiled request generates.
fn generated(request: &[u8]) -> BTreeMap<String, String> {
    let target = tempfile::tempdir().unwrap();
    capnpc::codegen::CodeGenerationCommand::new()
        .output_directory(target.path())
        .run(request)
        .unwrap();
    let files = fs::read_dir(target.path()).unwrap().map(|entry| entry.unwrap());
    files
        .map(|file| {
            (file.file_name().into_string().unwrap(), fs::read_to_string(file.path()).unwrap())
        })
        .collect()
}

/// The layers, from the lowest. A module may use itself and those of lower layers.
const LAYERS: [(&str, u32); 11] = [
    ("private_file", 0),
    ("batching", 0),
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

#[test]
fn every_schema_declaration_has_a_comment_after_it() {
    for file in files(&root("schema"), "capnp") {
        let text = fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let mut declarations = 0;
        for (index, line) in lines.iter().enumerate() {
            let ends_declaration =
                line.ends_with(';') && !line.starts_with("using") && !line.starts_with('@');
            let begins_block = line.starts_with("interface")
                || line.starts_with("struct")
                || line.starts_with("enum");
            if line.starts_with('#') || !(ends_declaration || begins_block) {
                continue;
            }
            declarations += 1;
            let next = lines.get(index + 1).copied().unwrap_or_default();
            assert!(next.starts_with('#'), "{}: no comment after {line}", file.display());
        }
        assert!(declarations > 5, "{}: only {declarations} declarations", file.display());
    }
}

/// What a line of the log may tell, beside its words. None of it comes from a vote, a voter or a token: a link is
/// shown without its token, and of votes and numbers it is told how many there were.
const LOGGED: [&str; 12] = [
    "%error",
    "%election",
    "election = %id",
    "election = %self.id",
    "link = ?self.link",
    "link = %path.display()",
    "?origin",
    "allowed",
    "count",
    "votes = votes.len()",
    "file = %path.display()",
    "numbers = %path.display()",
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
            let fields = fields.split(", ").map(str::trim).filter(|field| !field.is_empty());
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
fn no_leftovers() {
    // Spelled so that this file does not find itself.
    let leftovers = [
        "to".to_owned() + "do!(",
        "db".to_owned() + "g!(",
        "FIX".to_owned() + "ME",
        "TO".to_owned() + "DO",
    ];
    for folder in ["src", "tests", "examples"] {
        for file in files(&root(folder), "rs") {
            let text = fs::read_to_string(&file).unwrap();
            for leftover in &leftovers {
                assert!(!text.contains(leftover), "{} contains {leftover}", file.display());
            }
            assert!(text.starts_with("//!"), "{} does not say what belongs in it", file.display());
            let lines = text.lines().count();
            assert!(lines <= 500, "{} has {lines} lines: split it along its idea", file.display());
        }
    }
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|it| it == extension) {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_bugs_to_plant_fit_the_source() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut patches = 0;
    for entry in fs::read_dir(root.join("soak/planted")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "patch") {
            continue;
        }
        patches += 1;
        // With as little around it as `patch` takes: it is to be planted where it belongs.
        let mut patch = Command::new("patch");
        patch
            .args(["-p1", "--dry-run", "--force", "--fuzz=0", "-d"])
            .arg(root)
            .arg("-i")
            .arg(&path);
        let fits = patch.output().unwrap();
        assert!(fits.status.success(), "{}: {fits:?}", path.display());
    }
    assert_eq!(patches, 5);
}
