//! What the crate promises to others, checked against other people's software and mail.

mod corpora;
mod dkim;
mod fuzzed;
mod injection;
mod isemail;
mod readers;
mod roundtrip;
#[path = "../../../../../tools/testkit/src/skip.rs"]
mod skip;
mod verifiers;
