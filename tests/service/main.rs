//! The server's capabilities, over in-memory connections.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

mod ballots;
mod cast;
mod directory;
mod guessing;
mod harness;
mod hostile;
mod lagging;
mod lines;
#[path = "../ledger/memory.rs"]
mod memory;
mod observer;
mod officers;
mod once;
mod rolls;
mod sizes;
mod tables;
mod votes;
mod watch;
