//! capvote: elections and line counting over Cap'n Proto capability RPC.

pub mod client;
pub mod command_line;
pub mod election;
pub mod ledger;
pub mod net;
pub mod server;
pub mod service;

/// The types generated from `schema/`. Only [`service`] and [`client`] use them.
#[allow(missing_docs, clippy::all)]
pub mod schema {
    capnp::generated_code!(pub mod election_capnp);
    capnp::generated_code!(pub mod lines_capnp);
}
