//! What a refusal says about the recipient: gone for good, or only not this message, not now.
//!
//! The table lists what large receivers really say; policy and spam refusals (5.7.x) never mean that
//! an address is dead, so they never put it on the bounce list.

use waxseal_smtp::{Reply, reply::Class};

/// Enhanced codes (RFC 3463 and its registry) of a mailbox that does not exist or never will again.
const DEAD: [(u16, u16); 4] = [(1, 1), (1, 3), (1, 6), (1, 10)];

/// Enhanced codes that are so general that the text decides.
const VAGUE: [(u16, u16); 6] = [(0, 0), (1, 0), (2, 0), (5, 0), (2, 1), (4, 4)];

/// Words of a reply that means "no such mailbox", in lower case.
const DEAD_WORDS: [&str; 28] = [
    "user unknown",
    "unknown user",
    "no such user",
    "no such recipient",
    "no such mailbox",
    "no such address",
    "no such account",
    "no such person",
    "does not exist",
    "doesn't exist",
    "do not exist",
    "not exist",
    "unknown recipient",
    "recipient unknown",
    "unknown mailbox",
    "unknown address",
    "mailbox not found",
    "mailbox unavailable",
    "user not found",
    "recipient not found",
    "address not found",
    "invalid mailbox",
    "invalid recipient",
    "not a valid mailbox",
    "no mailbox here",
    "unrouteable address",
    "no longer available",
    "account has been disabled",
];

/// Words of a server that wants the same message again later (RFC 6647).
const GREYLIST_WORDS: [&str; 5] = ["greylist", "graylist", "grey-list", "gray-list", "grey list"];

/// Whether the recipient does not exist.
pub(crate) fn is_dead_address(reply: &Reply) -> bool {
    if reply.class() != Class::Permanent {
        return false;
    }
    let code = reply.enhanced().map(|code| (code.subject, code.detail));
    match code {
        Some(code) if !VAGUE.contains(&code) => DEAD.contains(&code),
        Some(_) | None => says(reply, &DEAD_WORDS),
    }
}

/// The reason of a temporary failure, in a word of the API.
pub(crate) fn temporary_reason(reply: Option<&Reply>) -> &'static str {
    match reply {
        Some(reply) if says(reply, &GREYLIST_WORDS) => "greylisted",
        _ => "generic",
    }
}

fn says(reply: &Reply, words: &[&str]) -> bool {
    let text = reply.text().to_ascii_lowercase();
    words.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use waxseal_smtp::reply::reader::ReplyReader;

    use super::*;

    fn reply(text: &str) -> Reply {
        let line = format!("{text}\r\n");
        ReplyReader::new().read(line.as_bytes()).expect("a reply").1.expect("a whole reply")
    }

    #[test]
    fn dead_addresses_are_told_from_refused_messages() {
        for dead in [
            "550 5.1.1 The email account that you tried to reach does not exist.",
            "550 5.1.1 <a@b.example>: Recipient address rejected: User unknown in virtual mailbox table",
            "550 5.5.0 Requested action not taken: mailbox unavailable. no such user",
            "554 delivery error: dd This user doesn't have a yahoo.com account, user unknown",
            "550 No such recipient here",
            "550 Requested action not taken: mailbox unavailable",
            "550-5.1.1 x",
            "550 5.2.1 The email account that you tried to reach does not exist",
        ] {
            let dead = dead.replacen("550-", "550 ", 1);
            assert!(is_dead_address(&reply(&dead)), "{dead}");
        }
        for alive in [
            "550 5.7.1 Message rejected as spam; user unknown to our list of friends",
            "550 5.7.26 unauthenticated mail does not exist in our policy",
            "552 5.2.2 Mailbox full",
            "554 5.7.1 Service unavailable; Client host blocked",
            "550 5.2.1 The user you are trying to contact is receiving mail too quickly",
            "450 4.1.1 user unknown",
            "550 5.4.1 Recipient address rejected: Access denied",
        ] {
            assert!(!is_dead_address(&reply(alive)), "{alive}");
        }
    }

    #[test]
    fn greylisting_is_named() {
        assert_eq!(temporary_reason(Some(&reply("450 4.2.0 Greylisted, see our page"))), "greylisted");
        assert_eq!(temporary_reason(Some(&reply("451 4.3.0 try later"))), "generic");
        assert_eq!(temporary_reason(None), "generic");
    }
}
