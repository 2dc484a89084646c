//! The sending side of SMTP: one connection to a recipient's server or a relay, without I/O.
//!
//! [`Session`] decides; a driver moves bytes, makes the TLS handshake and watches the time:
//!
//! 1. Ask [`Session::step`] what to do, do it, tell the session, ask again.
//! 2. At [`Step::Ready`] hand over a [`Transaction`] with [`Session::begin`], or end with
//!    [`Session::quit`].
//! 3. At [`Step::Finished`] every recipient of the transaction has its [`Verdict`].
//!
//! **Invariant:** a recipient is delivered only by a 2xx reply that came in after the last byte of the
//! content went out, on a connection whose replies so far were as many as its commands. A peer that
//! speaks out of turn loses the connection, and what it may have meant is tried again.

pub mod auth;
pub mod encoder;
pub mod fault;
pub mod session;
pub mod transaction;
pub mod wait;

pub use auth::Credentials;
pub use fault::{Fault, Stage};
pub use session::{Session, Settings, Step, TlsPolicy};
pub use transaction::{Transaction, Verdict};
pub use wait::Wait;
