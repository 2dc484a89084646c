//! See `oracles/domain_name.rs`.
#![no_main]

#[path = "../../crates/services/domains/src/name.rs"]
mod name;
#[path = "../oracles/domain_name.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::check(data));
