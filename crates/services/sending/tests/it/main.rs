//! What becomes of a call to send, on a real store.

mod batch;
mod content;
mod idempotency;
mod mime;
mod outcomes;
mod queues;
mod refusals;
mod schedule;
mod signatures;
mod suppressions;
mod world;
