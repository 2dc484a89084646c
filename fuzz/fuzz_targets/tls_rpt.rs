//! See `oracles/tls_rpt.rs`.
#![no_main]

#[path = "../oracles/tls_rpt.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::check(data));
