//! Other RPC systems in Rust. Their votes are in memory.

mod booth;
pub(super) mod tarpc;
pub(super) mod tonic;
