//! See `oracles/api_key.rs`.
#![no_main]

#[path = "../oracles/api_key.rs"]
mod oracle;
#[expect(dead_code, reason = "keys are read here, not made")]
#[path = "../../crates/services/accounts/src/secret.rs"]
mod secret;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::check(data));
