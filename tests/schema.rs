//! The schemas and what is compiled from them agree, and every declaration is documented.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

const MEND: &str = "run schema/compile.sh and commit what it writes";

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

/// Where the compiler is installed, its output is compared with the checked-in request, by the code
/// generated from each: compiler versions differ in bytes that do not affect that code.
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

#[test]
fn the_tables_of_the_pages_are_made_from_these_schemas() {
    for table in capvote_tables::tables(&root(".")).unwrap() {
        let checked_in = fs::read_to_string(&table.path).unwrap_or_default();
        let path = table.path.display();
        assert!(checked_in == table.text, "{path} is not up to date: {}", capvote_tables::COMMAND);
    }
}

#[test]
fn every_schema_declaration_has_a_comment_after_it() {
    for file in schemas() {
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

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn schemas() -> Vec<PathBuf> {
    let files = fs::read_dir(root("schema")).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|it| it == "capnp")).collect()
}
