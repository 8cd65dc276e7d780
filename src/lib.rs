//! capvote: elections, and counting the lines of a file, over Cap'n Proto capability RPC.
//!
//! A voter casts a vote and passes a message sink that lives in their own process; the server stores the
//! vote, then calls the sink. A client has the lines of a file counted that stays with it, and gets a
//! callback for each.
//!
//! # What it needs
//!
//! **Rust 1.89 and a Unix.** No Cap'n Proto compiler.
//!
//! **These lines in `Cargo.toml`**, for what is on this page; the crate is in no registry. Whoever puts a server together of
//! its parts needs `tokio-util = "0.7"` too.
//!
//! ```toml
//! [dependencies]
//! anyhow = "1"
//! capvote = { path = "../capvote" }
//! tokio = { version = "1.54", features = ["rt", "macros", "signal"] }
//! ```
//!
//! **For a client, a runtime that stays on its thread**, for [`spawn_local`](tokio::task::spawn_local):
//! `#[tokio::main(flavor = "local")]`, a [`LocalRuntime`](tokio::runtime::LocalRuntime), or a
//! [`LocalSet`](tokio::task::LocalSet) in any other; without one, connecting panics. A [`server`] runs on any runtime of
//! tokio whose `enable_all` was called.
//!
//! **For [`schema`], and calls that [`client`] has no method for, the `capnp` that this crate has.** It is
//! [`capvote::capnp`](capnp), beside [`capvote::capnp_rpc`](capnp_rpc): types of another version do not fit.
//!
//! # A server
//!
//! It listens on this machine, with an election that it creates at its first start; the voters' numbers are then in
//! `capvote-data/board.numbers.csv`, and the returning officer's link is in `capvote-data/officer.link`.
//!
//! ```no_run
//! use capvote::election::Definition;
//! use capvote::server::{Config, NewElection, Server};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let candidates = vec!["Ada Lovelace".to_string(), "Grace Hopper".to_string()];
//!     let definition = Definition::new("board".parse()?, "The board".to_string(), candidates)?;
//!     let config = Config {
//!         listen: vec!["capvote://127.0.0.1:12358".parse()?],
//!         election: Some(NewElection { definition: definition.into(), voters: 20 }),
//!         ..Config::new("capvote-data")
//!     };
//!     let server = Server::start(config).await?;
//!     for link in server.links() {
//!         println!("listening on {link}");
//!     }
//!     server.run(async { _ = tokio::signal::ctrl_c().await }).await?;
//!     Ok(())
//! }
//! ```
//!
//! # A client
//!
//! It lives on one thread. A closure is the voter's message sink, another gets the lines of a file: the server calls
//! both.
//!
//! ```no_run
//! use std::fs::File;
//!
//! use capvote::client::{Ballot, Client, VoteOutcome};
//!
//! #[tokio::main(flavor = "local")]
//! async fn main() -> anyhow::Result<()> {
//!     let client = Client::connect(&"capvote://127.0.0.1:12358".parse()?).await?;
//!     let board = client.election("board");
//!     let ballot = Ballot::new("Ada Lovelace", "1234-5678-9012-3456-7890".parse()?)?;
//!     match board.vote(&ballot, |text| println!("{text}")).await? {
//!         VoteOutcome::Recorded(vote) => println!("keep this: {}", vote.receipt),
//!         refused => println!("not counted: {refused:?}"),
//!     }
//!     for (candidate, votes) in board.results().await?.candidates {
//!         println!("{candidate}: {votes}");
//!     }
//!     let (file, counter) = (File::open("afile.txt")?, client.line_counter());
//!     let count = counter.count_lines(file, |line| println!("{} bytes", line.len())).await?;
//!     println!("{count} lines");
//!     Ok(())
//! }
//! ```
//!
//! [`client::cast`] votes again for as long as an answer is lost, and [`client::Restored`] is what a link with a secret
//! opens: running elections. A fault is an error; what the rules of an election refuse is a value, such as
//! [`client::VoteOutcome::AlreadyVoted`].
//!
//! # The layers
//!
//! Whoever only wants to use a server needs [`client`] and [`net::link`], and the plain values of [`election`]; whoever
//! wants to run one, [`server`]. The others are there for those who build a server of other parts: another
//! [`ledger::Ledger`], a network of their own. How the parts go together, in one program and without a socket, is shown at
//! [`net::connection::serve`].
//!
//! | layer | module | what belongs in it |
//! |---|---|---|
//! | 0 | [`election`] | what an election decides; pure |
//! | 0 | [`schema`] | the types generated from `schema/` |
//! | 0 | [`private_file`] | files with secrets |
//! | 0 | `gathering` | waiting, without a timer, for more to pass on together |
//! | 1 | [`ledger`] | what is on disk, and the clerk that commits in groups |
//! | 1 | [`net`] | links, listeners, shards, the transport under a connection |
//! | 2 | [`service`] | the server's capabilities |
//! | 2 | [`client`] | connecting, and the capabilities a client implements |
//! | 3 | [`server`] | a whole server, put together |
//! | 3 | [`command_line`] | how the two programs begin and end |
//!
//! A module uses itself and those of lower layers.

#![deny(missing_docs)]

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "cli")]
pub mod command_line;
pub mod election;
#[cfg(any(feature = "client", feature = "server"))]
#[cfg_attr(
    not(all(feature = "client", feature = "server")),
    allow(dead_code, reason = "each side uses a part of it")
)]
mod gathering;
#[cfg(feature = "server")]
pub mod ledger;
#[cfg(any(feature = "client", feature = "server"))]
#[cfg_attr(
    not(all(feature = "client", feature = "server")),
    allow(dead_code, reason = "each side uses a part of it")
)]
pub mod net;
#[cfg(feature = "server")]
pub mod private_file;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod service;

pub use {capnp, capnp_rpc};

/// The types generated from `schema/`, and the clients and servers of its interfaces.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, clippy::restriction)]
pub mod schema {
    capnp::generated_code!(pub mod election_capnp);
    capnp::generated_code!(pub mod lines_capnp);
    capnp::generated_code!(pub mod officer_capnp);
}
