//! The real programs: command lines, output, files, and crashes.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

mod ballots;
mod client;
#[path = "../ledger/postgres/cluster.rs"]
#[allow(dead_code, reason = "the tests of the ledger use the rest")]
mod cluster;
mod connections;
mod counts;
mod crash;
mod database;
mod documents;
mod durability;
mod failing;
mod floods;
mod full;
mod installation;
mod languages;
mod lying;
mod memory;
mod million;
mod networks;
mod officers;
mod packaging;
mod papers;
mod pasted;
mod process;
mod reload;
mod secrets;
mod server;
mod settings;
mod several;
mod shards;
mod signals;
mod sizes;
mod terminal;
mod tls;
mod walkthrough;
mod web;
mod words;
