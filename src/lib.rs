//! Elections and line counting over Cap'n Proto capability RPC.
//!
//! A voter casts a vote and passes a message sink that lives in their own process; the server
//! stores the vote durably, then calls the sink. A client has the lines of a local file counted by
//! the server, with a callback for each line.
//!
//! # Requirements
//!
//! **Rust 1.89 and a Unix system.** A build needs no Cap'n Proto compiler.
//!
//! **These lines in `Cargo.toml`**, for the examples on this page. The crate is in no registry. A
//! server built from parts needs `tokio-util = "0.7"` too.
//!
//! ```toml
//! [dependencies]
//! anyhow = "1"
//! capvote = { path = "../capvote" }
//! tokio = { version = "1.54", features = ["rt", "macros", "signal"] }
//! ```
//!
//! **A client needs a runtime that stays on its thread**, for
//! [`spawn_local`](tokio::task::spawn_local): `#[tokio::main(flavor = "local")]`, a
//! [`LocalRuntime`](tokio::runtime::LocalRuntime), or a [`LocalSet`](tokio::task::LocalSet) in any
//! other. Without one, connecting panics. A [`server`] runs on any tokio runtime with `enable_all`.
//!
//! **To use [`schema`] types and calls without a method in [`client`]**, use this crate's [`capnp`]
//! and [`capnp_rpc`]: types of another version are different types.
//!
//! # Features
//!
//! | feature | for | modules besides [`election`] and [`schema`] |
//! |---|---|---|
//! | `client` | a program that votes, runs elections or has lines counted | [`client`], [`net`] |
//! | `server` | a program that serves elections | [`ledger`], [`net`], [`pages`], [`private_file`], [`server`], [`service`] |
//! | `postgres` | a server whose elections are in PostgreSQL | those of `server`, and [`ledger::postgres`] |
//! | `cli` (default) | both programs | all |
//!
//! A client alone builds fewer than half of the dependencies:
//!
//! ```toml
//! capvote = { path = "../capvote", default-features = false, features = ["client"] }
//! ```
//!
//! # A server
//!
//! It listens on this machine, with an election that it creates at its first start. The voter
//! numbers are then in `capvote-data/board.numbers.csv`, and the returning officer's link is in
//! `capvote-data/officer.link`.
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
//! The server calls both closures: the voter's message sink, and the callback for each line.
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
//!     // Until the close, the count is sealed.
//!     let results = board.results().await?;
//!     println!("{} of {} have voted", results.ballots, results.voters);
//!     let (file, counter) = (File::open("afile.txt")?, client.line_counter());
//!     let count = counter.count_lines(file, |line| println!("{} bytes", line.len())).await?;
//!     println!("{count} lines");
//!     Ok(())
//! }
//! ```
//!
//! [`client::cast`] retries a vote whose answer was lost. [`client::Restored`] is the capability of
//! a link with a token, for example to run elections. A fault is an error; a refusal by an
//! election's rules is a value, such as [`client::VoteOutcome::AlreadyVoted`].
//!
//! # The layers
//!
//! Using a server takes [`client`], [`net::link`] and the plain values of [`election`]; running one
//! takes [`server`]. The other modules are public for servers built from other parts, such as
//! another [`ledger::Ledger`] or another network. [`net::connection::serve`] has an example of the
//! parts in one program, without a socket.
//!
//! | layer | module | contents |
//! |---|---|---|
//! | 0 | [`election`] | the rules of an election; pure |
//! | 0 | [`pages`] | the files that browsers are served |
//! | 0 | [`private_file`] | files with secrets |
//! | 0 | `batching` | batching without a timer |
//! | 0 | `threads` | overwriting what a thread left on its stack; threads of low priority |
//! | 1 | [`schema`] | the types generated from `schema/`, and their conversions |
//! | 1 | [`ledger`] | the `Ledger` trait (votes, acts, grants, snapshots), and its SQLite store |
//! | 1 | [`net`] | links, listeners, shards, the transport of a connection |
//! | 2 | [`service`] | the server's capabilities |
//! | 2 | [`client`] | connecting, and the capabilities that a client implements |
//! | 3 | [`server`] | a complete server |
//! | 3 | [`command_line`] | what both programs share |
//!
//! A module uses only itself and lower layers.

#![deny(missing_docs)]

#[cfg(any(feature = "client", feature = "server"))]
#[cfg_attr(
    not(all(feature = "client", feature = "server")),
    allow(dead_code, reason = "each side uses a part of it")
)]
mod batching;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "cli")]
pub mod command_line;
pub mod election;
#[cfg(feature = "server")]
pub mod ledger;
#[cfg(any(feature = "client", feature = "server"))]
#[cfg_attr(
    not(all(feature = "client", feature = "server")),
    allow(dead_code, reason = "each side uses a part of it")
)]
pub mod net;
#[cfg(feature = "server")]
pub mod pages;
#[cfg(feature = "server")]
pub mod private_file;
#[cfg_attr(
    not(all(feature = "client", feature = "server")),
    allow(dead_code, unreachable_pub, reason = "each side uses a part of it")
)]
pub mod schema;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod service;
#[cfg(feature = "server")]
mod threads;

pub use {capnp, capnp_rpc};
