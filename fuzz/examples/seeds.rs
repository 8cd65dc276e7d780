//! Writes the seeds of the corpora: `cargo run --manifest-path fuzz/Cargo.toml --example seeds`.

use std::path::Path;

fn main() {
    capvote_fuzz::write_seeds(&Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus"));
}
