//! What each fuzz target does with an input. A target's own file only passes the input on, so that a test can do the
//! same without a fuzzer.

#[path = "../../src/bin/capvote-client/roll.rs"]
#[allow(dead_code)]
mod client_roll;
#[path = "../../src/bin/capvote-client/failure.rs"]
#[allow(dead_code)]
mod failure;
mod ledger;
mod link;
mod memory;
mod roll;
#[cfg(test)]
mod seeds;
mod sheet;
mod wire;
mod wire_calls;
mod wire_client;
mod world;

/// A link: it is read or refused, and what is read reads back as it was written.
pub fn link(input: &[u8]) {
    memory::bounded(1 << 20, input, link::run, || ());
}

/// Bytes of a client for a server.
pub fn wire(input: &[u8]) {
    memory::bounded(world::MEMORY_MAX, input, wire::run, || ());
}

/// Messages of a client for a server.
pub fn wire_calls(input: &[u8]) {
    memory::bounded(8 * world::MEMORY_MAX, input, wire_calls::run, world::end);
}

/// Bytes of a server for a client.
pub fn wire_client(input: &[u8]) {
    memory::bounded(world::MEMORY_MAX, input, wire_client::run, || ());
}

/// A tally sheet: it is read or refused, and what is read is to the byte what writing it gives.
pub fn sheet(input: &[u8]) {
    memory::bounded(1 << 20, input, sheet::run, || ());
}

/// Voter numbers in a CSV file, and the people they are for.
pub fn roll(input: &[u8]) {
    memory::bounded(1 << 20, input, roll::run, || ());
}

/// A ledger file that was altered: it is opened and checked, or refused.
pub fn ledger(input: &[u8]) {
    memory::bounded(64 << 20, input, ledger::run, || ());
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    const TARGETS: [(&str, fn(&[u8])); 7] = [
        ("wire", super::wire),
        ("wire_calls", super::wire_calls),
        ("wire_client", super::wire_client),
        ("link", super::link),
        ("roll", super::roll),
        ("sheet", super::sheet),
        ("ledger", super::ledger),
    ];

    fn corpus() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
    }

    /// One test for all: the memory of the whole process is counted.
    #[test]
    fn every_target_takes_its_corpus() {
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
