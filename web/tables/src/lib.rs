//! Writes the tables of web/capnp: the schemas' types, as the text that types.js reads.

mod nodes;
mod text;

use std::fs;
use std::path::{Path, PathBuf};

use capnp::introspect::{Introspect, Type};
use capnp::message::{Reader, ReaderOptions};
use capnp::serialize::OwnedSegments;

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

/// What a connection begins with. A page without a link of an officer's needs this and what it
/// refers to.
const BOOTSTRAP: &str = "Directory";

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
    let protocol = capnp_rpc::rpc_capnp::message::Owned::introspect();
    let protocol = Nodes::of_type(protocol, &LEFT_OUT)?;
    let request = request(&project.join("schema/capvote.cgr"))?;
    let (voters, officers) = Nodes::of_request(request.get_root()?)?.split(BOOTSTRAP)?;
    let source = "schema/*.capnp";
    let table = |name: &str, nodes: &Nodes, source, base| -> capnp::Result<_> {
        let text = text::module(nodes, source, base)?;
        Ok(Table { path: project.join("web/capnp").join(name), text })
    };
    Ok(vec![
        table("schema.js", &voters, source, None)?,
        table("officer-schema.js", &officers, source, Some("schema.js"))?,
        table("rpc-schema.js", &protocol, "capnp-rpc", None)?,
    ])
}

/// The module for the compiled request in this file, made from a source of this name.
///
/// # Errors
/// As of [`tables`].
pub fn module_of_request(path: &Path, source: &str) -> capnp::Result<String> {
    text::module(&Nodes::of_request(request(path)?.get_root()?)?, source, None)
}

/// A compiled request.
fn request(path: &Path) -> capnp::Result<Reader<OwnedSegments>> {
    // The file is the caller's own.
    let options = ReaderOptions { traversal_limit_in_words: None, nesting_limit: 64 };
    capnp::serialize::read_message(&fs::read(path)?[..], options)
}

/// The text that defines a type, and what it refers to.
///
/// # Errors
/// If it has something that types.js does not support.
pub fn table_of(root: Type) -> capnp::Result<String> {
    text::definitions(&Nodes::of_type(root, &[])?)
}
