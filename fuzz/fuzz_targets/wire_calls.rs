//! Messages of a client for a server: see `capvote_fuzz::wire_calls`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| capvote_fuzz::wire_calls(input));
