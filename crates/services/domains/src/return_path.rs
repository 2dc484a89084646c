//! Return paths: an envelope sender that names a recipient, so that a bounce names what bounced whatever it says, and a token
//! in it that nobody can make up.
//!
//! `bounce+<recipient id><tag>@<domain>`: the id's 26 digits, then 20 digits of base 32 that hold the
//! first 96 bits of an HMAC-SHA256 over the domain's and the recipient's id under the domain's own key.
//! All in digits and lower-case letters, because mail servers on the way back change the case of local
//! parts; 53 of the 64 octets that a local part may have (RFC 5321, section 4.5.3.1.1).

use aws_lc_rs::hmac;
use data_encoding::BASE32_DNSSEC;
use subtle::ConstantTimeEq;
use waxseal_model::{DomainId, RecipientId};

/// Makes and reads the return paths of one domain.
pub struct ReturnPath {
    domain: DomainId,
    name: String,
    key: hmac::Key,
}

impl ReturnPath {
    /// Return paths of the domain `name`, under its key.
    pub fn new(domain: DomainId, name: &str, key: &[u8]) -> Self {
        Self { domain, name: name.to_owned(), key: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    /// The envelope sender for this recipient.
    pub fn address(&self, recipient: RecipientId) -> String {
        let tag = BASE32_DNSSEC.encode(&self.tag(recipient));
        format!("{PREFIX}{recipient}{tag}@{}", self.name)
    }

    /// The recipient whose return path has this local part; `None` if it was not made here.
    pub fn recipient(&self, local_part: &str) -> Option<RecipientId> {
        let (prefix, token) = local_part.split_at_checked(PREFIX.len())?;
        let (id, tag) = token.split_at_checked(ID_DIGITS)?;
        if !prefix.eq_ignore_ascii_case(PREFIX) {
            return None;
        }
        let id: RecipientId = id.parse().ok()?;
        let given = BASE32_DNSSEC.decode(tag.to_ascii_lowercase().as_bytes()).ok()?;
        bool::from(self.tag(id).ct_eq(given.as_slice())).then_some(id)
    }

    fn tag(&self, recipient: RecipientId) -> [u8; TAG_BYTES] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&self.domain.to_bytes());
        context.update(&recipient.to_bytes());
        let mut tag = [0u8; TAG_BYTES];
        tag.iter_mut().zip(context.sign().as_ref()).for_each(|(slot, byte)| *slot = *byte);
        tag
    }
}

const PREFIX: &str = "bounce+";
const ID_DIGITS: usize = 26;
const TAG_BYTES: usize = 12;

#[cfg(test)]
mod tests {
    use waxseal_model::{Random, SeededRandom};

    use super::*;

    fn recipient(random: &SeededRandom) -> RecipientId {
        let mut bits = [0u8; 16];
        random.fill(&mut bits);
        RecipientId::from_u128(u128::from_be_bytes(bits))
    }

    fn path(domain: u128, key: u8) -> ReturnPath {
        ReturnPath::new(DomainId::from_u128(domain), "mg.example.org", &[key; 32])
    }

    fn local(address: &str) -> &str {
        address.split_once('@').expect("address").0
    }

    #[test]
    fn a_return_path_names_its_recipient_whatever_its_case() {
        let random = SeededRandom::new(3);
        for _ in 0..100 {
            let id = recipient(&random);
            let address = path(1, 1).address(id);
            assert!(local(&address).len() <= 64, "{address}");
            assert!(address.ends_with("@mg.example.org"));
            assert_eq!(path(1, 1).recipient(local(&address)), Some(id));
            assert_eq!(path(1, 1).recipient(&local(&address).to_ascii_uppercase()), Some(id));
        }
    }

    #[test]
    fn no_changed_or_foreign_token_is_taken() {
        let random = SeededRandom::new(4);
        let id = recipient(&random);
        let address = path(1, 1).address(id);
        let genuine = local(&address);
        for at in 0..genuine.len() {
            for other in *b"0a1b" {
                let mut forged = genuine.as_bytes().to_vec();
                if forged[at] == other {
                    continue;
                }
                forged[at] = other;
                let forged = String::from_utf8(forged).expect("ascii");
                assert_eq!(path(1, 1).recipient(&forged), None, "{forged}");
            }
        }
        assert_eq!(path(2, 1).recipient(genuine), None, "another domain");
        assert_eq!(path(1, 2).recipient(genuine), None, "another key");
    }

    #[test]
    fn other_local_parts_are_not_return_paths() {
        let id = recipient(&SeededRandom::new(5));
        let address = path(1, 1).address(id);
        let genuine = local(&address);
        let short = &genuine[..genuine.len() - 1];
        let long = format!("{genuine}0");
        let bare = format!("bounce+{id}");
        for text in ["", "bounce", "bounce+", "böunce+", "postmaster", short, &long, &bare, "bounce+é"] {
            assert_eq!(path(1, 1).recipient(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_that_a_stranger_writes_is_taken(text in "(bounce\\+)?\\PC{0,80}") {
            proptest::prop_assert_eq!(path(1, 1).recipient(&text), None);
        }

        #[test]
        fn every_recipient_comes_back(bits: u128) {
            let id = RecipientId::from_u128(bits);
            let address = path(1, 1).address(id);
            proptest::prop_assert_eq!(path(1, 1).recipient(local(&address)), Some(id));
        }
    }
}
