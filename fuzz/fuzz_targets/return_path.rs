//! See `oracles/return_path.rs`.
#![no_main]

#[path = "../oracles/return_path.rs"]
mod oracle;
#[path = "../../crates/services/domains/src/return_path.rs"]
mod return_path;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::check(data));
