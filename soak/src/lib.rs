//! What capvote is put through: crashes, broken disks and hostile clients. The product's tests do a little of each;
//! `cargo run --release -p capvote-soak` goes on for as long as one likes.

pub mod disk;
pub mod histories;
pub mod hostile;
pub mod kills;
pub mod server;

use tokio::runtime::{Builder, LocalOptions, LocalRuntime};

/// A runtime for one thread.
fn runtime() -> std::io::Result<LocalRuntime> {
    Builder::new_current_thread().enable_all().build_local(LocalOptions::default())
}
