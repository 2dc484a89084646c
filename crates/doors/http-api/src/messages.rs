//! Sending: `POST /v3/{domain}/messages` and `/messages.mime`.

mod allowance;
mod refusal;
mod request;
mod send;

pub(crate) use refusal::refused;
pub(crate) use request::{SendAnswer, idempotency_key};
pub(crate) use send::{mime, parts};
