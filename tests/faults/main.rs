//! A disk that breaks: at every step of a term, and in simulated histories. No program is started
//! here: a fork holds the locks of ledgers for a moment.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod histories;
mod steps;
