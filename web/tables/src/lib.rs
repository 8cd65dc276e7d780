//! Writes the tables of web/capnp: the schemas' types, as the text that types.js reads.

mod nodes;
mod text;

use std::fs;
use std::path::{Path, PathBuf};

use capnp::introspect::{Introspect, Type};
use capnp::message::ReaderOptions;

use nodes::Nodes;

/// The command that writes the tables.
pub const COMMAND: &str = "cargo run -p capvote-tables";

/// What a connection of two sides does not say, and answers with `unimplemented`.
const LEFT_OUT: [&str; 8] = [
    "accept",
    "acceptFromThirdParty",
    "join",
    "obsoleteDelete",
    "obsoleteDurability",
    "obsoleteIsCallersFault",
    "obsoleteSave",
    "provide",
];

/// A file to be written.
pub struct Table {
    /// Where it belongs.
    pub path: PathBuf,
    /// What belongs in it.
    pub text: String,
}

/// The tables of the project in this folder: of its own schema, from the compiled request that is
/// checked in, and of the protocol's messages, from the capnp-rpc that the server uses.
///
/// # Errors
/// If the request cannot be read, or has something that types.js does not support.
pub fn tables(project: &Path) -> capnp::Result<Vec<Table>> {
    let schema = module_of_request(&project.join("schema/capvote.cgr"), "schema/*.capnp")?;
    let protocol = capnp_rpc::rpc_capnp::message::Owned::introspect();
    let protocol = Nodes::of_type(protocol, &LEFT_OUT)?;
    let folder = project.join("web/capnp");
    Ok(vec![
        Table { path: folder.join("schema.js"), text: schema },
        Table { path: folder.join("rpc-schema.js"), text: text::module(&protocol, "capnp-rpc")? },
    ])
}

/// The module for the compiled request in this file, made from a source of this name.
///
/// # Errors
/// As of [`tables`].
pub fn module_of_request(request: &Path, source: &str) -> capnp::Result<String> {
    let request = fs::read(request)?;
    // The file is the caller's own.
    let options = ReaderOptions { traversal_limit_in_words: None, nesting_limit: 64 };
    let request = capnp::serialize::read_message(&request[..], options)?;
    text::module(&Nodes::of_request(request.get_root()?)?, source)
}

/// The text that defines a type, and what it refers to.
///
/// # Errors
/// If it has something that types.js does not support.
pub fn table_of(root: Type) -> capnp::Result<String> {
    text::definitions(&Nodes::of_type(root, &[])?)
}
