//! What events flag about the content of a customer's MIME: whether it has an AMP part, whether it is encrypted.

use waxseal_mail::patch::Message;

/// What a content is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Nature {
    pub(crate) is_amp: bool,
    pub(crate) is_encrypted: bool,
}

impl Nature {
    pub(crate) fn of(message: &Message) -> Self {
        let media = message.first("content-type").unwrap_or_default().to_ascii_lowercase();
        Self {
            is_amp: media.starts_with("multipart/") && has_amp_part(message.body()),
            is_encrypted: is_encrypted(&media),
        }
    }
}

/// OpenPGP (RFC 3156) and whatever else comes as `multipart/encrypted`; S/MIME (RFC 8551 section 3.2.2) but for what is
/// only signed or compressed.
fn is_encrypted(media: &str) -> bool {
    let essence = media.split(';').next().unwrap_or_default().trim();
    match essence {
        "multipart/encrypted" => true,
        "application/pkcs7-mime" | "application/x-pkcs7-mime" => {
            !["signed-data", "certs-only", "compressed-data"].iter().any(|other| media.contains(other))
        }
        _ => false,
    }
}

/// Whether the fields of a part, which begin behind a line of dashes and end with an empty line, say that it is AMP.
fn has_amp_part(body: &[u8]) -> bool {
    let mut in_fields = false;
    body.split(|byte| *byte == b'\n').any(|line| {
        in_fields = line.starts_with(b"--") || (in_fields && !line.trim_ascii().is_empty());
        in_fields && is_amp(line)
    })
}

fn is_amp(line: &[u8]) -> bool {
    let Some((name, value)) = line.split_at_checked("content-type".len()) else { return false };
    let value = value.trim_ascii_start().strip_prefix(b":").unwrap_or_default().trim_ascii_start();
    let kind = value.get(..AMP.len()).unwrap_or_default();
    name.eq_ignore_ascii_case(b"content-type") && kind.eq_ignore_ascii_case(AMP)
}

const AMP: &[u8] = b"text/x-amp-html";

#[cfg(test)]
mod tests {
    use waxseal_mail::patch::Limits;

    use super::*;

    fn nature(mime: &str) -> Nature {
        Nature::of(&Message::read(mime.into(), &Limits::default()).expect("a message"))
    }

    #[test]
    fn encrypted_is_what_only_its_reader_can_read() {
        for (media, encrypted) in [
            ("multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b", true),
            ("Application/PKCS7-MIME; smime-type=enveloped-data; name=smime.p7m", true),
            ("application/pkcs7-mime; smime-type=authEnveloped-data", true),
            ("application/x-pkcs7-mime; smime-type=signed-data", false),
            ("multipart/signed; protocol=\"application/pgp-signature\"; boundary=b", false),
            ("text/plain", false),
        ] {
            let mime = format!("From: a@b.example\r\nContent-Type: {media}\r\n\r\n--b\r\n\r\nx\r\n");
            assert_eq!(nature(&mime).is_encrypted, encrypted, "{media}");
        }
    }

    #[test]
    fn amp_is_a_part_and_not_a_word() {
        let mime = |fields: &str, text: &str| {
            format!(
                "From: a@b.example\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\n{text}\r\n\
                 --b\r\n{fields}\r\n\r\n<html>\r\n--b--\r\n"
            )
        };
        assert!(
            nature(&mime("Content-Id: <x>\r\ncontent-type: text/x-amp-html; charset=utf-8", "hi")).is_amp
        );
        assert!(!nature(&mime("Content-Type: text/html", "Content-Type: text/x-amp-html")).is_amp);
    }
}
