//! Links: see `capvote_fuzz::link`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| capvote_fuzz::link(input));
