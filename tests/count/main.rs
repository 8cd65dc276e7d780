//! Counting: real elections with known results, small ones worked by hand, and properties.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

mod cases;
mod oracle;
mod properties;
mod real;
