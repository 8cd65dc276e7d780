//! Voter numbers in CSV files: see `capvote_fuzz::roll`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| capvote_fuzz::roll(input));
