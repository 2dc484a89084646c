//! The texts of the server. Enhanced codes as RFC 2034, 3463, 4954 and 5248 say.

use crate::reply::Reply;

pub(super) fn greeting(hostname: &str) -> Reply {
    Reply::plain(220, format!("{hostname} ESMTP Waxseal"))
}

pub(super) fn ok() -> Reply {
    Reply::new(250, 0, 0, "OK")
}

/// MAIL is taken.
pub fn sender_ok() -> Reply {
    Reply::new(250, 1, 0, "Sender OK")
}

/// RCPT is taken.
pub fn recipient_ok() -> Reply {
    Reply::new(250, 1, 5, "Recipient OK")
}

/// AUTH succeeded.
pub fn authenticated() -> Reply {
    Reply::new(235, 7, 0, "Authentication successful")
}

/// AUTH failed: login or password is wrong.
pub fn wrong_credentials() -> Reply {
    Reply::new(535, 7, 8, "Login or password is wrong")
}

/// The command needs AUTH first.
pub fn authentication_required() -> Reply {
    Reply::new(530, 7, 0, "Authentication required")
}

pub(super) fn go_ahead() -> Reply {
    Reply::plain(354, "End data with <CR><LF>.<CR><LF>")
}

pub(super) fn ready_for_tls() -> Reply {
    Reply::new(220, 0, 0, "Ready to start TLS")
}

pub(super) fn bye() -> Reply {
    Reply::new(221, 0, 0, "Bye")
}

pub(super) fn help() -> Reply {
    let text = "EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP AUTH STARTTLS QUIT";
    Reply::new(214, 0, 0, text)
}

pub(super) fn cannot_verify() -> Reply {
    Reply::new(252, 1, 5, "Cannot verify, but will take a message for it")
}

pub(super) fn chunk_taken(octets: u64) -> Reply {
    Reply::new(250, 0, 0, format!("{octets} octets received"))
}

pub(super) fn bare_line_end() -> Reply {
    Reply::new(554, 6, 0, "Lines end in CRLF: bare CR, bare LF and NUL are not accepted; closing connection")
}

pub(super) fn spoke_too_early() -> Reply {
    Reply::new(554, 5, 1, "Client spoke before the greeting; closing connection")
}

pub(super) fn not_smtp() -> Reply {
    Reply::new(554, 5, 1, "This is not a web server; closing connection")
}

pub(super) fn unknown_command() -> Reply {
    Reply::new(500, 5, 1, "Command not recognized")
}

pub(super) fn not_implemented() -> Reply {
    Reply::new(502, 5, 1, "Command not implemented")
}

pub(super) fn line_too_long() -> Reply {
    Reply::new(500, 5, 2, "Line too long")
}

pub(super) fn endless_line() -> Reply {
    Reply::new(500, 5, 2, "Line does not end; closing connection")
}

pub(super) fn too_many_hops() -> Reply {
    Reply::new(554, 4, 6, "Too many hops: the message goes in circles")
}

pub(super) fn syntax(usage: &'static str) -> Reply {
    Reply::new(501, 5, 4, format!("Syntax: {usage}"))
}

pub(super) fn unknown_parameter() -> Reply {
    Reply::new(555, 5, 4, "Parameter not recognized or not implemented")
}

pub(super) fn bad_parameter(what: &'static str) -> Reply {
    Reply::new(501, 5, 4, what)
}

pub(super) fn bad_sequence(what: &'static str) -> Reply {
    Reply::new(503, 5, 1, what)
}

pub(super) fn no_recipients() -> Reply {
    Reply::new(554, 5, 1, "No valid recipients")
}

pub(super) fn too_many_recipients() -> Reply {
    Reply::new(452, 5, 3, "Too many recipients")
}

pub(super) fn message_too_large(limit: u64) -> Reply {
    Reply::new(552, 3, 4, format!("Message exceeds the limit of {limit} bytes"))
}

pub(super) fn header_too_large(limit: u64) -> Reply {
    Reply::new(554, 6, 0, format!("Header section exceeds the limit of {limit} bytes"))
}

pub(super) fn text_line_too_long(limit: u64) -> Reply {
    Reply::new(554, 6, 0, format!("A line of the message exceeds the limit of {limit} bytes"))
}

pub(super) fn encryption_required() -> Reply {
    Reply::new(538, 7, 11, "Encryption required: STARTTLS first")
}

pub(super) fn unknown_mechanism() -> Reply {
    Reply::new(504, 5, 4, "Mechanism not supported: use PLAIN or LOGIN")
}

pub(super) fn auth_cancelled() -> Reply {
    Reply::new(501, 7, 0, "Authentication cancelled")
}

pub(super) fn auth_undecodable() -> Reply {
    Reply::new(501, 5, 2, "Cannot decode the response")
}

pub(super) fn auth_line_too_long() -> Reply {
    Reply::new(500, 5, 6, "Authentication line too long")
}

pub(super) fn too_many_auth_failures() -> Reply {
    Reply::new(421, 7, 0, "Too many failed authentications; closing connection")
}

pub(super) fn too_many_errors() -> Reply {
    Reply::new(421, 7, 0, "Too many errors; closing connection")
}

pub(super) fn too_much_junk() -> Reply {
    Reply::new(421, 7, 0, "Too many commands without a message; closing connection")
}

pub(super) fn too_many_messages() -> Reply {
    Reply::new(421, 7, 0, "Too many messages on one connection; connect again")
}
