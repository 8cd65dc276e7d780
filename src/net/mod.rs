//! Links, listeners, shards, and the transport under an RPC connection.
//!
//! Nothing here knows what the capabilities on a connection do.

#[cfg(feature = "server")]
pub mod acceptor;
mod address;
#[cfg(feature = "server")]
pub mod admission;
#[cfg(feature = "server")]
pub mod arrivals;
pub mod bdp;
pub mod budget;
#[cfg(feature = "server")]
pub mod connection;
#[cfg(feature = "client")]
pub mod dial;
pub(crate) mod fault;
#[cfg(feature = "server")]
pub(crate) mod gcra;
mod host;
#[cfg(feature = "server")]
pub mod http;
pub mod link;
mod link_text;
mod link_uri;
#[cfg(feature = "server")]
pub mod listener;
#[cfg(feature = "server")]
mod listening;
#[cfg(feature = "server")]
pub mod loopback;
#[cfg(feature = "server")]
mod opening;
#[cfg(feature = "server")]
mod place;
#[cfg(feature = "server")]
mod places;
#[cfg(feature = "server")]
pub mod proxy;
#[cfg(feature = "client")]
mod reach;
#[cfg(all(feature = "client", feature = "server"))]
pub mod relay;
#[cfg(any(feature = "client", feature = "server"))]
mod resolve;
#[cfg(feature = "server")]
pub mod shards;
#[cfg(feature = "server")]
pub mod socket;
pub mod stream;
#[cfg(feature = "server")]
mod tcp;
pub(crate) mod tick;
pub mod tls;
pub mod transport;
pub mod websocket;
pub(crate) mod woken;
