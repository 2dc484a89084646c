//! What a client hears when a message is not taken.

use waxseal_sending::error::SendError;
use waxseal_smtp::Reply;
use waxseal_store::StoreError;

/// The reply to a message that `sending` did not accept. 5xx only where trying again cannot help.
pub(crate) fn reply(error: &SendError) -> Reply {
    match error {
        SendError::Invalid(why) if why == NO_FROM => Reply::new(554, 6, 0, "the message has no From header"),
        SendError::Invalid(why) => Reply::new(554, 6, 0, why.clone()),
        SendError::Loop => Reply::new(554, 4, 6, error.to_string()),
        SendError::NotAllowed { .. } | SendError::Rejected(_) => Reply::new(550, 7, 1, error.to_string()),
        SendError::TooLarge { .. } => Reply::new(552, 3, 4, error.to_string()),
        // Only requests of HTTP carry such keys.
        SendError::KeyReused => Reply::new(554, 5, 0, error.to_string()),
        SendError::Throttled { .. } => Reply::new(451, 7, 1, error.to_string()),
        SendError::Busy => Reply::new(451, 3, 2, error.to_string()),
        SendError::Store(StoreError::Full) => {
            Reply::new(452, 3, 1, "Insufficient system storage; try again later")
        }
        SendError::Store(_) => unavailable(),
    }
}

/// What the API says of a missing sender; over SMTP there are no parameters.
const NO_FROM: &str = "from parameter is missing";

/// The store does not answer: nothing is lost, the client tries again.
pub(crate) fn unavailable() -> Reply {
    Reply::new(451, 3, 0, "Temporarily unable to accept the message; try again later")
}

#[cfg(test)]
mod tests {
    use super::*;
    use waxseal_model::Timestamp;

    #[test]
    fn every_error_has_its_reply() {
        let domain = || "example.org".to_owned();
        let cases = [
            (SendError::Invalid("a\r\n250 b".into()), "554 5.6.0 a??250 b"),
            (
                SendError::NotAllowed { domain: domain(), why: "disabled".into() },
                "550 5.7.1 Domain example.org is not allowed to send: disabled",
            ),
            (SendError::Invalid(NO_FROM.into()), "554 5.6.0 the message has no From header"),
            (SendError::Loop, "554 5.4.6 the message has more than 50 Received headers"),
            (SendError::Rejected("no".into()), "550 5.7.1 Rejected: no"),
            (
                SendError::TooLarge { size: 9, limit: 8 },
                "552 5.3.4 message size 9 exceeds the limit of 8 bytes",
            ),
            (SendError::KeyReused, "554 5.5.0 Idempotency-Key"),
            (
                SendError::Throttled {
                    domain: domain(),
                    reason: "recipient",
                    retry_at: Timestamp::from_secs(7),
                },
                "451 4.7.1 Domain example.org is not allowed to send: recipient limit exceeded",
            ),
            (SendError::Busy, "451 4.3.2 "),
            (SendError::Store(StoreError::Erased), "451 4.3.0 Temporarily unable"),
            (SendError::Store(StoreError::Full), "452 4.3.1 Insufficient system storage"),
        ];
        for (error, expected) in cases {
            let mut wire = Vec::new();
            reply(&error).write_to(&mut wire);
            let wire = String::from_utf8(wire).expect("ASCII");
            assert!(wire.starts_with(expected), "{wire}");
            assert_eq!(wire.matches("\r\n").count(), 1, "{wire}");
        }
    }
}
