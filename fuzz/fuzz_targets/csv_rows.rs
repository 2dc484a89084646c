//! See `oracles/csv_rows.rs`.
#![no_main]

#[path = "../oracles/csv_rows.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::check(data));
