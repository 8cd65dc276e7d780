//! A disk that breaks: at every step of a term, really full, and in simulated histories.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod full;
mod histories;
mod steps;
