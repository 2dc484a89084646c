//! See `oracles/backup_parts.rs`.
#![no_main]

#[path = "../oracles/backup_parts.rs"]
mod oracle;
#[expect(dead_code, unused_imports, reason = "files are not put into their places here")]
#[path = "../../crates/platform/store/src"]
mod store {
    pub(crate) mod backup {
        pub(crate) mod frame;
    }
    pub(crate) mod sealed_file;
}
use store::{backup::frame, sealed_file};

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracle::check(data));
