//! The door for mail by SMTP: listeners, TLS, time limits, crowds; who comes in is for `accounts` to
//! say, what becomes of a message for `sending`.
//!
//! The dialogue itself is `waxseal_smtp::server`; this crate moves its bytes and answers its questions.

pub mod config;
mod connection;
pub mod door;
mod pace;
mod refusal;
mod submission;
mod throttle;

pub use config::DoorConfig;
pub use door::{Services, SmtpDoor};
