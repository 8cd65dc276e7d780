//! The types generated from `schema/`, and the clients and servers of its interfaces. Conversions
//! to and from the plain types of [`election`](crate::election) are beside them, both directions
//! together.

pub(crate) mod count;
pub(crate) mod election;
pub(crate) mod officer;
pub(crate) mod puzzle;
pub(crate) mod rules;
pub(crate) mod values;

pub use generated::{election_capnp, lines_capnp, officer_capnp};

#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, clippy::restriction)]
mod generated {
    capnp::generated_code!(pub mod election_capnp);
    capnp::generated_code!(pub mod lines_capnp);
    capnp::generated_code!(pub mod officer_capnp);
}
