//! Generates the Rust types of the schema from the compiled request that is checked in beside it, so that
//! a build needs no Cap'n Proto compiler; and notes what is built, for `--version`.

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

/// The version, and of a release the commit. Other builds are made between commits, and making each of them
/// again after a commit would be for nothing.
fn version() -> Result<String, Box<dyn Error>> {
    let version = std::env::var("CARGO_PKG_VERSION")?;
    if std::env::var("PROFILE")? != "release" {
        return Ok(format!("{version} (debug build)"));
    }
    // This package may lie in a checkout of something else.
    let commit = match git(&["rev-parse", "--show-prefix"]) {
        Some(prefix) if prefix.is_empty() => git(&["rev-parse", "--short=12", "HEAD"]),
        _ => None,
    };
    // It is written to whenever another commit is checked out or made.
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
