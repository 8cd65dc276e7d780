//! Running elections with the real programs.

mod lifecycle;
mod links;
mod log;
mod receipts;
mod roll;
mod times;

use std::path::Path;

use serde_json::Value;

use crate::process::officer;

fn state(data: &Path) -> String {
    let info = officer(data, &["info", "--json"]);
    let info: Value = serde_json::from_str(info.done()).unwrap();
    info["state"].as_str().unwrap().to_string()
}
