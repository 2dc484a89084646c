//! AUTH towards a relay: PLAIN (RFC 4616), or LOGIN where that is all there is.

use base64::{Engine, engine::general_purpose::STANDARD};

/// Login of a relay. Printing shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    login: String,
    password: String,
}

impl Credentials {
    /// Credentials.
    pub const fn new(login: String, password: String) -> Self {
        Self { login, password }
    }

    pub(super) fn plain(&self) -> String {
        STANDARD.encode(format!("\0{}\0{}", self.login, self.password))
    }

    pub(super) fn login(&self) -> String {
        STANDARD.encode(&self.login)
    }

    pub(super) fn password(&self) -> String {
        STANDARD.encode(&self.password)
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(..)")
    }
}
