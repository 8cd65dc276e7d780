//! A client's WebSocket frames: see `capvote_fuzz::frames`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| capvote_fuzz::frames(input));
