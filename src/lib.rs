//! capvote: elections, and counting the lines of a file, over Cap'n Proto capability RPC.
//!
//! A voter casts a vote and passes a message sink that lives in their own process; the server stores the
//! vote, then calls the sink. A client has the lines of a file counted that stays with it, and gets a
//! callback for each. Whoever only wants to use a server needs [`client`] and [`net::link`]; [`server`] is
//! a whole server.
//!
//! | layer | module | what belongs in it |
//! |---|---|---|
//! | 0 | [`election`] | what an election decides; pure |
//! | 0 | [`schema`] | the types generated from `schema/` |
//! | 0 | `gathering` | waiting, without a timer, for more to pass on together |
//! | 1 | [`ledger`] | what is on disk, and the clerk that commits in groups |
//! | 1 | [`net`] | links, listeners, shards, the transport under a connection |
//! | 2 | [`service`] | the server's capabilities |
//! | 2 | [`client`] | connecting, and the capabilities a client implements |
//! | 3 | [`server`] | a whole server, put together |
//! | 3 | [`command_line`] | how the two programs begin and end |
//!
//! A module uses itself and those of lower layers.

pub mod client;
pub mod command_line;
pub mod election;
mod gathering;
pub mod ledger;
pub mod net;
pub mod server;
pub mod service;

/// The types generated from `schema/`, and the clients and servers of its interfaces.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::restriction)]
pub mod schema {
    capnp::generated_code!(pub mod election_capnp);
    capnp::generated_code!(pub mod lines_capnp);
    capnp::generated_code!(pub mod officer_capnp);
}
