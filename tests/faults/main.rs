//! Disk faults: at every step of a term, and in simulated histories. These tests start no programs:
//! a fork would hold the ledgers' file locks for a moment.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod cluster_histories;
mod copies;
mod histories;
mod server;
mod steps;
