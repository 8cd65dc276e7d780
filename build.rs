//! Generates the schema's Rust types from the compiled request that is checked in with the schema,
//! so that a build needs no Cap'n Proto compiler; and sets the version for `--version`.

use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::process::Command;

const REQUEST: &str = "schema/capvote.cgr";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={REQUEST}");
    println!("cargo::rustc-env=CAPVOTE_VERSION={}", version()?);
    let target = std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR for every build script")?;
    capnpc::codegen::CodeGenerationCommand::new()
        .output_directory(target)
        .default_parent_module(vec!["schema".to_string()])
        .run(File::open(REQUEST)?)?;
    Ok(())
}

/// The version and, in a release build, the commit. A debug build names none, so that a commit does
/// not rebuild it.
fn version() -> Result<String, Box<dyn Error>> {
    let version = std::env::var("CARGO_PKG_VERSION")?;
    if std::env::var("PROFILE")? != "release" {
        return Ok(format!("{version} (debug build)"));
    }
    // The package may be vendored into another repository, whose commit is not its own.
    let commit = match git(&["rev-parse", "--show-prefix"]) {
        Some(prefix) if prefix.is_empty() => git(&["rev-parse", "--short=12", "HEAD"]),
        _ => None,
    };
    // Git appends to this file at every commit and checkout.
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"])
        && commit.is_some()
        && Path::new(&log).exists()
    {
        println!("cargo::rerun-if-changed={log}");
    }
    Ok(commit.map_or(version.clone(), |commit| format!("{version} (commit {commit})")))
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_string())
}
