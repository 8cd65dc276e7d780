//! How bytes come in and go out: links, listeners, shards, and the transport under an RPC connection.
//!
//! Nothing here knows what the capabilities on a connection do.

#[cfg(feature = "server")]
pub mod admission;
pub mod budget;
#[cfg(feature = "server")]
pub mod connection;
pub(crate) mod fault;
pub mod link;
#[cfg(feature = "server")]
pub mod listener;
pub mod pace;
#[cfg(feature = "server")]
pub mod shards;
pub mod socket;
pub(crate) mod tick;
pub mod tls;
pub mod transport;
