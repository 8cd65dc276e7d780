//! Generates the schema's Rust types from the compiled request that is checked in with the schema,
//! so that a build needs no Cap'n Proto compiler; puts the files of web/ into the library; and sets
//! the version for `--version`.

use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::process::Command;

const REQUEST: &str = "schema/capvote.cgr";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={REQUEST}");
    println!("cargo::rustc-env=CAPVOTE_VERSION={}", version()?);
    let target = std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR for every build script")?;
    #[cfg(feature = "server")]
    pages::write(Path::new(&target))?;
    capnpc::codegen::CodeGenerationCommand::new()
        .output_directory(target)
        .default_parent_module(vec!["schema".to_string()])
        .run(File::open(REQUEST)?)?;
    Ok(())
}

/// The files that browsers are served, as they are checked in, and each compressed once.
#[cfg(feature = "server")]
mod pages {
    use std::error::Error;
    use std::fmt::Write as _;
    use std::fs;
    use std::path::{Path, PathBuf};

    use brotli::enc::BrotliEncoderParams;
    use data_encoding::HEXLOWER;
    use sha2::{Digest, Sha256};

    const FOLDER: &str = "web";

    /// Folders in it that are for those who work on it.
    const NOT_SERVED: [&str; 4] = ["tables", "test", "tests", "node_modules"];

    /// The kinds of files that are served, by their extension. A licence has none.
    const KINDS: [(&str, &str); 8] = [
        ("", "text/plain; charset=utf-8"),
        ("css", "text/css; charset=utf-8"),
        ("html", "text/html; charset=utf-8"),
        ("ico", "image/x-icon"),
        ("js", "text/javascript; charset=utf-8"),
        ("png", "image/png"),
        ("svg", "image/svg+xml"),
        ("txt", "text/plain; charset=utf-8"),
    ];

    /// Writes the table of all files, sorted by their paths.
    pub(super) fn write(target: &Path) -> Result<(), Box<dyn Error>> {
        println!("cargo::rerun-if-changed={FOLDER}");
        let mut files = Vec::new();
        collect(Path::new(FOLDER), &mut files)?;
        let root = std::env::current_dir()?;
        let mut table = String::from("[\n");
        let mut named = Vec::new();
        for (file, kind) in &files {
            let path = file.strip_prefix(FOLDER)?.to_str().ok_or("a name that is not UTF-8")?;
            named.push((path.to_string(), root.join(file), *kind));
        }
        named.sort();
        for (index, (path, file, kind)) in named.iter().enumerate() {
            let bytes = fs::read(file)?;
            let sha256 = HEXLOWER.encode(&Sha256::digest(&bytes));
            let mut forms = String::new();
            for (coding, compressed) in [("br", brotli(&bytes)?), ("gzip", gzip(&bytes)?)] {
                if compressed.len() < bytes.len() {
                    let short = target.join(format!("page-{index}.{coding}"));
                    fs::write(&short, compressed)?;
                    write!(forms, "({coding:?}, include_bytes!({short:?})), ")?;
                }
            }
            writeln!(
                table,
                "Page {{ path: {path:?}, content_type: {kind:?}, bytes: include_bytes!({file:?}), \
                 compressed: &[{forms}], sha256: {sha256:?} }},"
            )?;
        }
        table.push_str("]\n");
        fs::write(target.join("pages.rs"), table)?;
        Ok(())
    }

    fn brotli(bytes: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
        let mut compressed = Vec::new();
        let parameters = BrotliEncoderParams::default();
        brotli::BrotliCompress(&mut &bytes[..], &mut compressed, &parameters)?;
        Ok(compressed)
    }

    /// Some browsers take nothing better over plain http, and for them the pages are just light
    /// enough.
    fn gzip(bytes: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
        let mut compressed = Vec::new();
        zopfli::compress(zopfli::Options::default(), zopfli::Format::Gzip, bytes, &mut compressed)?;
        Ok(compressed)
    }

    /// The files of a folder and of those in it, with what they are.
    fn collect(
        folder: &Path,
        files: &mut Vec<(PathBuf, &'static str)>,
    ) -> Result<(), Box<dyn Error>> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).ok_or("no name in UTF-8")?;
            if path.is_dir() {
                if !NOT_SERVED.contains(&name) {
                    collect(&path, files)?;
                }
                continue;
            }
            let (_, extension) = name.rsplit_once('.').unwrap_or((name, ""));
            let kind = KINDS.iter().find(|(of, _)| *of == extension);
            if let Some((_, kind)) = kind.filter(|_| !name.ends_with(".test.js")) {
                files.push((path, kind));
            }
        }
        Ok(())
    }
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
