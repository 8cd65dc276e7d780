//! Bytes of a client for a server: see `capvote_fuzz::wire`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| capvote_fuzz::wire(input));
