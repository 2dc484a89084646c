//! The HTTP door: speaks the Mailgun API, authenticates, calls one service, renders its answer.
//!
//! No rule of the business lives here. [`HttpApi`] listens; [`service`] is the same without a socket.

mod auth;
mod body;
mod config;
mod domains;
mod entry;
mod error;
mod events;
mod form;
mod health;
mod inbox;
mod links;
mod messages;
mod openapi;
mod path;
mod privacy;
mod queue;
mod queues;
mod routes;
mod server;
mod state;
mod stored;
mod suppressions;

pub use config::{HttpConfig, Limits};
pub use entry::{ApiService, Peer, service};
pub use server::HttpApi;
pub use state::Services;
