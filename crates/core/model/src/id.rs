//! Identifiers: 128 bits, ordered by the time of their making, 26 characters of Crockford base 32.
//!
//! The upper 48 bits are milliseconds since the Unix epoch, the lower 80 bits are random, so new rows
//! land at the end of an index and an id tells nothing but roughly when it was made.

use std::{fmt, str::FromStr};

use thiserror::Error;

use crate::{clock::Clock, random::Random};

/// The text is not an id: not 26 characters of Crockford base 32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not an id: expected 26 characters of Crockford base 32")]
pub struct ParseIdError;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// A new id from the time of `clock` and 80 bits of `random`.
            pub fn new(clock: &dyn Clock, random: &dyn Random) -> Self {
                Self(fresh(clock, random))
            }

            /// The id with these 128 bits.
            pub const fn from_u128(bits: u128) -> Self {
                Self(bits)
            }

            /// The id's 128 bits.
            pub const fn as_u128(self) -> u128 {
                self.0
            }

            /// The id's 16 bytes, most significant first.
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_base32(self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_base32(self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                parse_base32(text).map(Self)
            }
        }
    )*};
}

ids! {
    /// A customer: the owner of domains, keys, messages and events.
    AccountId;
    /// A sending domain of an account.
    DomainId;
    /// An API key (its public identity, not its secret).
    KeyId;
    /// An SMTP or network credential.
    CredentialId;
    /// One stored message (one MIME body); also its storage key in the API. Not the Message-ID header.
    MessageId;
    /// One recipient of one message: a queue entry while it waits.
    RecipientId;
    /// One entry of the event log.
    EventId;
    /// One captured message in a sandbox inbox.
    InboxId;
    /// One erasure: of an account, a recipient or a user.
    ErasureId;
    /// One copy of somebody's data that was asked for.
    ExportId;
    /// One file of suppressions that is imported.
    ImportId;
    /// One legal hold.
    HoldId;
    /// A grant of sight of an account's content to an operator.
    GrantId;
    /// What a person asked about their data.
    RequestId;
}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

fn fresh(clock: &dyn Clock, random: &dyn Random) -> u128 {
    let millis = u128::try_from(clock.now().as_millis()).unwrap_or(0) & 0xffff_ffff_ffff;
    let mut low = [0u8; 10];
    random.fill(&mut low);
    low.iter().fold(millis, |bits, byte| (bits << 8) | u128::from(*byte))
}

fn write_base32(bits: u128, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut text = [b'0'; 26];
    let mut rest = bits;
    for slot in text.iter_mut().rev() {
        *slot = ALPHABET[(rest & 31) as usize];
        rest >>= 5;
    }
    f.pad(std::str::from_utf8(&text).unwrap_or_default())
}

fn parse_base32(text: &str) -> Result<u128, ParseIdError> {
    let bytes = text.as_bytes();
    // 26 digits hold 130 bits: the first may only be 0 to 7.
    if bytes.len() != 26 || bytes[0] > b'7' {
        return Err(ParseIdError);
    }
    bytes.iter().try_fold(0u128, |bits, byte| {
        let digit =
            ALPHABET.iter().position(|known| *known == byte.to_ascii_lowercase()).ok_or(ParseIdError)?;
        Ok((bits << 5) | digit as u128)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::ManualClock, random::SeededRandom, time::Timestamp};

    #[test]
    fn an_id_survives_its_text() {
        let clock = ManualClock::at(Timestamp::from_secs(1_770_000_000));
        let random = SeededRandom::new(7);
        for _ in 0..100 {
            let id = MessageId::new(&clock, &random);
            let text = id.to_string();
            assert_eq!(text.len(), 26);
            assert_eq!(text.parse::<MessageId>(), Ok(id));
        }
        assert_eq!(MessageId::from_u128(u128::MAX).to_string().parse(), Ok(MessageId::from_u128(u128::MAX)));
    }

    #[test]
    fn later_ids_sort_later_as_text() {
        let clock = ManualClock::at(Timestamp::from_secs(1_770_000_000));
        let random = SeededRandom::new(7);
        let first = MessageId::new(&clock, &random);
        clock.advance(std::time::Duration::from_millis(1));
        let second = MessageId::new(&clock, &random);
        assert!(first < second);
        assert!(first.to_string() < second.to_string());
    }

    #[test]
    fn other_texts_are_refused() {
        for text in
            ["", "x", "80000000000000000000000000", "0000000000000000000000000u", "é000000000000000000000000"]
        {
            assert_eq!(text.parse::<MessageId>(), Err(ParseIdError), "{text}");
        }
    }
}
