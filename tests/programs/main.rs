//! The real programs: command lines, output, files, and crashes.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

mod client;
mod crash;
mod documents;
mod floods;
mod full;
mod languages;
mod million;
mod officers;
mod packaging;
mod process;
mod server;
mod settings;
mod terminal;
mod tls;
mod walkthrough;
