//! Running elections with the real programs.

mod lifecycle;
mod links;
mod log;
mod receipts;
mod roll;

use std::path::Path;

use serde_json::Value;

use crate::process::{Ran, run};

/// Runs the client with the link in a file or a text.
fn client(link: &str, arguments: &[&str]) -> Ran {
    run(env!("CARGO_BIN_EXE_capvote-client"), &[&["--link", link], arguments].concat(), b"")
}

/// Runs the client with the returning officer's link.
fn officer(data: &Path, arguments: &[&str]) -> Ran {
    client(data.join("officer.link").to_str().unwrap(), arguments)
}

fn state(data: &Path) -> String {
    let info = officer(data, &["info", "--json"]);
    let info: Value = serde_json::from_str(info.done()).unwrap();
    info["state"].as_str().unwrap().to_string()
}
