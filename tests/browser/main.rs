//! The modules of web/ in a real browser.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

mod count;
mod harness;
mod hostile;
mod lists;
mod pages;
#[path = "../programs/process.rs"]
#[allow(dead_code)]
mod process;
mod random;
#[path = "../service/harness.rs"]
#[allow(dead_code)]
mod server;
mod service;
mod walks;
mod wire;
