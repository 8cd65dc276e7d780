//! The fuzz targets as functions. The files in `fuzz_targets/` only call these, so the tests can
//! run the corpora without a fuzzer.

/// The client's modules for lists of people.
#[path = "../../src/bin/capvote-client"]
#[allow(dead_code)]
mod client {
    pub(crate) mod failure;
    pub(crate) mod people;
    pub(crate) mod roll;
    pub(crate) mod secret;
    pub(crate) mod table;
    pub(crate) mod text;
}
mod blt;
mod frames;
mod ledger;
mod link;
mod lists;
mod memory;
#[cfg(test)]
mod seeds;
mod sheet;
mod wire;
mod wire_calls;
mod wire_client;
mod world;

use std::path::Path;

use tempfile::TempDir;

use client::{failure, people, roll, secret, table, text};

/// Parses a link.
pub fn link(input: &[u8]) {
    memory::bounded(1 << 20, input, link::run, || ());
}

/// Reads a client's WebSocket.
pub fn frames(input: &[u8]) {
    memory::bounded(64 << 10, input, frames::run, || ());
}

/// Sends bytes to a server.
pub fn wire(input: &[u8]) {
    memory::bounded(world::MEMORY_MAX, input, wire::run, || ());
}

/// Sends messages to a server.
pub fn wire_calls(input: &[u8]) {
    memory::bounded(8 * world::MEMORY_MAX, input, wire_calls::run, world::end);
}

/// Sends bytes to a client.
pub fn wire_client(input: &[u8]) {
    memory::bounded(world::MEMORY_MAX, input, wire_client::run, || ());
}

/// Reads a tally sheet.
pub fn sheet(input: &[u8]) {
    memory::bounded(1 << 20, input, sheet::run, || ());
}

/// Reads a file of ballots, and counts it.
pub fn blt(input: &[u8]) {
    memory::bounded(4 << 20, input, blt::run, || ());
}

/// Reads a CSV file of voter numbers or people.
pub fn roll(input: &[u8]) {
    memory::bounded(1 << 20, input, lists::run, || ());
}

/// Opens an altered ledger file.
pub fn ledger(input: &[u8]) {
    memory::bounded(64 << 20, input, ledger::run, || ());
}

/// A temporary folder: in memory if the system has /dev/shm.
fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    folder.expect("a folder")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    const TARGETS: [(&str, fn(&[u8])); 9] = [
        ("frames", super::frames),
        ("wire", super::wire),
        ("wire_calls", super::wire_calls),
        ("wire_client", super::wire_client),
        ("link", super::link),
        ("roll", super::roll),
        ("sheet", super::sheet),
        ("blt", super::blt),
        ("ledger", super::ledger),
    ];

    fn corpus() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
    }

    /// One test for all targets, because memory is counted for the whole process.
    #[test]
    fn every_target_passes_its_corpus() {
        for (name, target) in TARGETS {
            let files = fs::read_dir(corpus().join(name)).unwrap();
            let files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
            assert!(!files.is_empty(), "{name} has no corpus");
            for file in files {
                eprintln!("{}", file.display());
                target(&fs::read(&file).unwrap());
            }
        }
    }

    #[test]
    #[ignore = "writes files of the repository"]
    fn write_the_seeds() {
        super::seeds::write(&corpus());
    }
}
