//! Links, listeners, shards, and the transport under an RPC connection.
//!
//! Nothing here knows what the capabilities on a connection do.

#[cfg(feature = "server")]
pub mod admission;
pub mod bdp;
pub mod budget;
#[cfg(feature = "server")]
pub mod connection;
pub(crate) mod fault;
pub mod link;
#[cfg(feature = "server")]
pub mod listener;
#[cfg(feature = "server")]
pub mod shards;
pub mod socket;
pub(crate) mod tick;
pub mod tls;
pub mod transport;
