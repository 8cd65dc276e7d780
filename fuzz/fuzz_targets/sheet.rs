//! Tally sheets: see `capvote_fuzz::sheet`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| capvote_fuzz::sheet(input));
