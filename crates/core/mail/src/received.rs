//! The `Received` field that we add: when and how a message came in, nothing of who sent it.

use waxseal_model::Timestamp;

use crate::{date, header};

/// How a message came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// HTTP API.
    Http,
    /// SMTP submission.
    Smtp,
}

/// `Received: by HOST with HTTP id ID; DATE` with its line end. No address, name or number of the
/// client: they would travel to every recipient.
pub fn line(hostname: &str, via: Via, id: &str, now: Timestamp) -> String {
    let with = match via {
        Via::Http => "HTTP",
        Via::Smtp => "SMTP",
    };
    header::words("Received", &format!("by {hostname} with {with} id {id}; {}", date::rfc2822(now)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_how_and_when_but_not_who() {
        let line = line("mail.example.org", Via::Http, "abc", Timestamp::from_secs(1_770_726_896));
        assert_eq!(
            line.replace("\r\n ", " "),
            "Received: by mail.example.org with HTTP id abc; Tue, 10 Feb 2026 12:34:56 +0000\r\n"
        );
    }
}
