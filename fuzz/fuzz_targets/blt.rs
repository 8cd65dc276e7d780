//! Files of ballots: see `capvote_fuzz::blt`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| capvote_fuzz::blt(input));
