//! The exchange of AUTH: PLAIN (RFC 4616) and LOGIN, decoded with limits.

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use crate::{
    reply::Reply,
    server::{command::Mechanism, replies},
};

/// The longest login or password, in bytes (RFC 4616 section 2).
const PART_MAX: usize = 255;
/// `Username:` and `Password:`, as clients of LOGIN expect them.
const ASK_LOGIN: &str = "VXNlcm5hbWU6";
const ASK_PASSWORD: &str = "UGFzc3dvcmQ6";

/// What a client says it is. No `Debug`; wiped from memory when dropped.
pub struct Credentials {
    /// How it was said.
    pub mechanism: Mechanism,
    /// Login.
    pub login: Zeroizing<String>,
    /// Password.
    pub password: Zeroizing<String>,
}

/// Where an exchange stands: what the client's next line means.
pub(super) enum Exchange {
    Plain,
    Login,
    Password { login: Zeroizing<String> },
}

/// What a step of the exchange leads to.
pub(super) enum Step {
    Ask(Exchange, Reply),
    Complete(Credentials),
    /// The exchange is over; the reply says why.
    Fail(Reply),
    /// The exchange is over, and what was said cannot be right: counts as a failed authentication.
    Wrong,
}

/// Starts an exchange, perhaps with what came along with AUTH.
pub(super) fn start(mechanism: Mechanism, initial: Option<&[u8]>) -> Step {
    let exchange = match mechanism {
        Mechanism::Plain => Exchange::Plain,
        Mechanism::Login => Exchange::Login,
    };
    match (initial, mechanism) {
        // An initial response of no bytes is written as one sign (RFC 4954 section 4).
        (Some(b"="), _) => go_on(exchange, b""),
        (Some(line), _) => go_on(exchange, line),
        (None, Mechanism::Plain) => Step::Ask(exchange, Reply::plain(334, "")),
        (None, Mechanism::Login) => Step::Ask(exchange, Reply::plain(334, ASK_LOGIN)),
    }
}

/// Takes the client's next line.
pub(super) fn go_on(exchange: Exchange, line: &[u8]) -> Step {
    if line == b"*" {
        return Step::Fail(replies::auth_cancelled());
    }
    let Some(decoded) = decode(line) else { return Step::Fail(replies::auth_undecodable()) };
    match exchange {
        Exchange::Plain => plain(&decoded),
        Exchange::Login if decoded.is_empty() || decoded.len() > PART_MAX => Step::Wrong,
        Exchange::Login => Step::Ask(Exchange::Password { login: decoded }, Reply::plain(334, ASK_PASSWORD)),
        Exchange::Password { login } => complete(Mechanism::Login, login, decoded),
    }
}

fn decode(line: &[u8]) -> Option<Zeroizing<String>> {
    let bytes = Zeroizing::new(STANDARD.decode(line).ok()?);
    let text = std::str::from_utf8(&bytes).ok()?;
    Some(Zeroizing::new(text.to_owned()))
}

/// `[authorization] NUL login NUL password`: whom to act as can only be oneself.
fn plain(decoded: &str) -> Step {
    let mut parts = decoded.split('\0');
    let (Some(act_as), Some(login), Some(password), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Step::Fail(replies::auth_undecodable());
    };
    if !act_as.is_empty() && act_as != login {
        return Step::Wrong;
    }
    let own = |part: &str| Zeroizing::new(part.to_owned());
    complete(Mechanism::Plain, own(login), own(password))
}

fn complete(mechanism: Mechanism, login: Zeroizing<String>, password: Zeroizing<String>) -> Step {
    // Control characters are in nobody's login or password (RFC 4013 section 2.3).
    let good = |part: &str| (1..=PART_MAX).contains(&part.len()) && !part.chars().any(char::is_control);
    if good(&login) && good(&password) {
        Step::Complete(Credentials { mechanism, login, password })
    } else {
        Step::Wrong
    }
}
