//! Links, listeners, shards, and the transport under an RPC connection.
//!
//! Nothing here knows what the capabilities on a connection do.

pub mod admission;
pub mod bdp;
pub mod budget;
pub mod connection;
pub(crate) mod fault;
pub mod link;
pub mod listener;
pub mod shards;
pub mod socket;
pub(crate) mod tick;
pub mod tls;
pub mod transport;
