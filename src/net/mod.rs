//! Links, listeners, shards, and the transport under an RPC connection.
//!
//! Nothing here knows what the capabilities on a connection do.

#[cfg(feature = "server")]
pub mod admission;
#[cfg(feature = "server")]
pub mod arrivals;
pub mod bdp;
pub mod budget;
#[cfg(feature = "server")]
pub mod connection;
pub(crate) mod fault;
#[cfg(feature = "server")]
pub(crate) mod gcra;
mod host;
pub mod link;
mod link_text;
#[cfg(feature = "server")]
pub mod listener;
#[cfg(feature = "server")]
mod place;
#[cfg(feature = "server")]
mod places;
#[cfg(feature = "server")]
pub mod proxy;
#[cfg(feature = "client")]
mod reach;
#[cfg(any(feature = "client", feature = "server"))]
mod resolve;
#[cfg(feature = "server")]
pub mod shards;
pub mod socket;
#[cfg(feature = "server")]
mod tcp;
pub(crate) mod tick;
pub mod tls;
pub mod transport;
