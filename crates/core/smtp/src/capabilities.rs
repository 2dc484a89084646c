//! Service extensions: what a server offers in its answer to EHLO.

use std::borrow::Cow;

use crate::reply::Reply;

/// SASL mechanisms of one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mechanisms {
    /// PLAIN (RFC 4616).
    pub plain: bool,
    /// LOGIN.
    pub login: bool,
}

/// The extensions that this crate knows and whether a server offers them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// Commands may be sent in one go (RFC 2920).
    pub pipelining: bool,
    /// Bytes above 127 in the content (RFC 6152).
    pub eight_bit_mime: bool,
    /// UTF-8 in addresses and headers (RFC 6531).
    pub smtp_utf8: bool,
    /// BDAT (RFC 3030).
    pub chunking: bool,
    /// Replies carry enhanced codes (RFC 2034).
    pub enhanced_status_codes: bool,
    /// TLS on request (RFC 3207).
    pub starttls: bool,
    /// SIZE (RFC 1870): the limit in bytes; `Some(0)` means offered without a limit.
    pub size: Option<u64>,
    /// AUTH (RFC 4954).
    pub auth: Mechanisms,
}

impl Capabilities {
    /// Reads the answer to EHLO. Unknown extensions are passed over; keywords compare without case.
    pub fn from_ehlo(reply: &Reply) -> Self {
        let mut offered = Self::default();
        for line in reply.lines().iter().skip(1) {
            // `AUTH=PLAIN` is what servers of the last century wrote, and some still do.
            let line = line.replacen('=', " ", usize::from(line.to_ascii_uppercase().starts_with("AUTH=")));
            let mut words = line.split_ascii_whitespace();
            let Some(keyword) = words.next() else { continue };
            match keyword.to_ascii_uppercase().as_str() {
                "PIPELINING" => offered.pipelining = true,
                "8BITMIME" => offered.eight_bit_mime = true,
                "SMTPUTF8" => offered.smtp_utf8 = true,
                "CHUNKING" => offered.chunking = true,
                "ENHANCEDSTATUSCODES" => offered.enhanced_status_codes = true,
                "STARTTLS" => offered.starttls = true,
                "SIZE" => offered.size = Some(words.next().and_then(|limit| limit.parse().ok()).unwrap_or(0)),
                "AUTH" => offered.auth.read(words),
                _ => {}
            }
        }
        offered
    }

    /// The answer to EHLO of the host `hostname` that offers these.
    pub fn to_ehlo(&self, hostname: &str) -> Reply {
        let mut lines: Vec<Cow<'static, str>> = vec![Cow::Owned(hostname.to_owned())];
        let flags = [
            (self.pipelining, "PIPELINING"),
            (self.eight_bit_mime, "8BITMIME"),
            (self.smtp_utf8, "SMTPUTF8"),
            (self.chunking, "CHUNKING"),
            (self.enhanced_status_codes, "ENHANCEDSTATUSCODES"),
            (self.starttls, "STARTTLS"),
        ];
        lines.extend(flags.into_iter().filter(|(offered, _)| *offered).map(|(_, keyword)| keyword.into()));
        match self.size {
            None => {}
            Some(0) => lines.push("SIZE".into()),
            Some(limit) => lines.push(format!("SIZE {limit}").into()),
        }
        match self.auth {
            Mechanisms { plain: true, login: true } => lines.push("AUTH PLAIN LOGIN".into()),
            Mechanisms { plain: true, login: false } => lines.push("AUTH PLAIN".into()),
            Mechanisms { plain: false, login: true } => lines.push("AUTH LOGIN".into()),
            Mechanisms { plain: false, login: false } => {}
        }
        Reply::multiline(250, None, lines)
    }
}

impl Mechanisms {
    /// Whether there is one at all.
    pub const fn any(self) -> bool {
        self.plain || self.login
    }

    fn read<'a>(&mut self, words: impl Iterator<Item = &'a str>) {
        for word in words {
            self.plain |= word.eq_ignore_ascii_case("PLAIN");
            self.login |= word.eq_ignore_ascii_case("LOGIN");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_offered_reads_back() {
        let all = Capabilities {
            pipelining: true,
            eight_bit_mime: true,
            smtp_utf8: true,
            chunking: true,
            enhanced_status_codes: true,
            starttls: true,
            size: Some(26_214_400),
            auth: Mechanisms { plain: true, login: true },
        };
        for offered in [all.clone(), Capabilities { size: Some(0), ..all }, Capabilities::default()] {
            assert_eq!(Capabilities::from_ehlo(&offered.to_ehlo("mx.example.org")), offered);
        }
    }

    #[test]
    fn the_host_name_is_not_an_extension_and_odd_spellings_count() {
        let reply = Reply::multiline(
            250,
            None,
            ["PIPELINING", "size", "auth=login cram-md5", "Auth plain", "XCLIENT", ""].map(Into::into).into(),
        );
        let offered = Capabilities::from_ehlo(&reply);
        assert!(!offered.pipelining);
        assert_eq!(offered.size, Some(0));
        assert_eq!(offered.auth, Mechanisms { plain: true, login: true });
    }
}
