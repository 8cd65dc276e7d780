//! Altered ledger files: see `capvote_fuzz::ledger`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| capvote_fuzz::ledger(input));
