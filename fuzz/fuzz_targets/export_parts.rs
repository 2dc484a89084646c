//! See `oracles/export_parts.rs`.
#![no_main]

#[expect(dead_code, reason = "exports are read here, not made")]
#[path = "../../crates/services/privacy/src/export/manifest.rs"]
mod manifest;
#[path = "../oracles/export_parts.rs"]
mod oracle;
#[expect(dead_code, reason = "what is wrong with a file is told to nobody here")]
#[path = "../../crates/services/privacy/src/export/parts.rs"]
mod parts;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::check(data));
