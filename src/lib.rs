//! capvote: elections and line counting over Cap'n Proto capability RPC.

pub mod election;
pub mod ledger;
pub mod net;

/// The types generated from `schema/`. Only [`service`] and [`client`] use them.
#[allow(missing_docs, clippy::all)]
pub mod schema {
    capnp::generated_code!(pub mod election_capnp);
    capnp::generated_code!(pub mod lines_capnp);
}
