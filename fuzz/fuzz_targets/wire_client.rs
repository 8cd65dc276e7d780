//! Bytes of a server for a client: see `capvote_fuzz::wire_client`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| capvote_fuzz::wire_client(input));
