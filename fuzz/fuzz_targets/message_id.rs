//! See `oracles/message_id.rs`.
#![no_main]

#[path = "../oracles/message_id.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::check(data));
