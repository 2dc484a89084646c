//! Command lines, taken apart.

use crate::{
    path::{Mailbox, Path, PathError},
    reply::Reply,
    server::replies,
};

/// What the client declared of the content with `BODY=` (RFC 6152).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Body {
    /// ASCII; also where nothing was declared.
    #[default]
    SevenBit,
    /// Bytes above 127.
    EightBitMime,
}

/// A mechanism of AUTH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 4616.
    Plain,
    /// Login and password, each in a line.
    Login,
}

/// The arguments of MAIL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailFrom {
    /// Who gets the bounces; [`Path::Postmaster`] never.
    pub path: Path,
    /// `SIZE=`: what the client expects to send, in bytes.
    pub size: Option<u64>,
    /// `BODY=`.
    pub body: Body,
    /// `SMTPUTF8`.
    pub smtp_utf8: bool,
}

pub(super) enum Command<'a> {
    Helo {
        extended: bool,
    },
    Mail(MailFrom),
    /// The path as it was written: whether it may hold UTF-8 was said with MAIL.
    Rcpt(&'a [u8]),
    Data,
    Bdat {
        octets: u64,
        last: bool,
    },
    Rset,
    Noop,
    Vrfy,
    Help,
    Quit,
    StartTls,
    Auth {
        mechanism: Mechanism,
        initial: Option<&'a [u8]>,
    },
    /// A verb of HTTP: a browser was sent here to talk SMTP by mistake.
    Http,
}

/// Verbs whose lines extensions make longer than 512 bytes.
pub(super) fn may_be_long(line: &[u8]) -> bool {
    let (verb, _) = split_verb(line);
    [&b"MAIL"[..], b"RCPT", b"AUTH"].iter().any(|long| verb.eq_ignore_ascii_case(long))
}

/// Takes a line apart, or says with which error to answer it.
pub(super) fn parse(line: &[u8]) -> Result<Command<'_>, Reply> {
    let (verb, rest) = split_verb(line);
    let arguments = rest.trim_ascii();
    match verb.to_ascii_uppercase().as_slice() {
        b"EHLO" => helo(arguments, true),
        b"HELO" => helo(arguments, false),
        b"MAIL" => mail(arguments),
        b"RCPT" => rcpt(arguments),
        b"DATA" => alone(arguments, Command::Data, "DATA"),
        b"BDAT" => bdat(arguments),
        b"RSET" => alone(arguments, Command::Rset, "RSET"),
        b"NOOP" => Ok(Command::Noop),
        b"VRFY" if arguments.is_empty() => Err(replies::syntax("VRFY address")),
        b"VRFY" => Ok(Command::Vrfy),
        b"HELP" => Ok(Command::Help),
        b"QUIT" => alone(arguments, Command::Quit, "QUIT"),
        b"STARTTLS" => alone(arguments, Command::StartTls, "STARTTLS"),
        b"AUTH" => auth(arguments),
        b"EXPN" | b"TURN" | b"ETRN" | b"SEND" | b"SOML" | b"SAML" => Err(replies::not_implemented()),
        b"GET" | b"POST" | b"PUT" | b"HEAD" | b"OPTIONS" | b"CONNECT" => Ok(Command::Http),
        _ => Err(replies::unknown_command()),
    }
}

fn split_verb(line: &[u8]) -> (&[u8], &[u8]) {
    let end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    line.split_at(end)
}

fn alone<'a>(arguments: &[u8], command: Command<'a>, usage: &'static str) -> Result<Command<'a>, Reply> {
    if arguments.is_empty() { Ok(command) } else { Err(replies::syntax(usage)) }
}

fn helo(name: &[u8], extended: bool) -> Result<Command<'_>, Reply> {
    let good = (1..=255).contains(&name.len()) && name.iter().all(u8::is_ascii_graphic);
    let usage = if extended { "EHLO hostname" } else { "HELO hostname" };
    if good { Ok(Command::Helo { extended }) } else { Err(replies::syntax(usage)) }
}

fn mail(arguments: &[u8]) -> Result<Command<'_>, Reply> {
    const USAGE: &str = "MAIL FROM:<address>";
    let (path, parameters) =
        path_and_parameters(arguments, b"FROM:").ok_or_else(|| replies::syntax(USAGE))?;
    let mut mail = MailFrom { path: Path::Null, size: None, body: Body::default(), smtp_utf8: false };
    let mut seen = Vec::new();
    for parameter in parameters.split(|byte| *byte == b' ').filter(|parameter| !parameter.is_empty()) {
        let (keyword, value) = keyword_and_value(parameter);
        if seen.contains(&keyword) {
            return Err(replies::bad_parameter("A parameter is given twice"));
        }
        mail_parameter(&mut mail, &keyword, value)?;
        seen.push(keyword);
    }
    mail.path = Path::parse(path, mail.smtp_utf8).map_err(sender_error)?;
    match mail.path {
        Path::Postmaster => Err(sender_error(PathError::Syntax)),
        Path::Null | Path::Mailbox(_) => Ok(Command::Mail(mail)),
    }
}

fn mail_parameter(mail: &mut MailFrom, keyword: &[u8], value: Option<&[u8]>) -> Result<(), Reply> {
    match (keyword, value) {
        (b"SIZE", Some(value)) => {
            let size = decimal(value).ok_or_else(|| replies::bad_parameter("SIZE is a number of bytes"))?;
            mail.size = Some(size);
        }
        (b"BODY", Some(value)) if value.eq_ignore_ascii_case(b"7BIT") => mail.body = Body::SevenBit,
        (b"BODY", Some(value)) if value.eq_ignore_ascii_case(b"8BITMIME") => mail.body = Body::EightBitMime,
        (b"SMTPUTF8", None) => mail.smtp_utf8 = true,
        // Who wrote the message first (RFC 4954 section 5): taken, and trusted as little as the rest.
        (b"AUTH", Some(value)) if is_submitter(value) => {}
        (b"SIZE" | b"BODY" | b"SMTPUTF8" | b"AUTH", _) => {
            return Err(replies::bad_parameter("The value of a parameter is missing or wrong"));
        }
        _ => return Err(replies::unknown_parameter()),
    }
    Ok(())
}

/// Whether this is `<>` or an address in xtext (RFC 3461 section 4): `+` and two hex digits for a byte.
fn is_submitter(value: &[u8]) -> bool {
    if value == b"<>" {
        return true;
    }
    let mut address = Vec::new();
    let mut rest = value;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let byte = match first {
            b'=' => return false,
            b'+' => {
                let Some((digits, after)) = after.split_at_checked(2) else { return false };
                rest = after;
                let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'));
                let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) else {
                    return false;
                };
                byte
            }
            byte => *byte,
        };
        address.push(byte);
    }
    std::str::from_utf8(&address).is_ok_and(|address| Mailbox::parse(address, false).is_ok())
}

fn rcpt(arguments: &[u8]) -> Result<Command<'_>, Reply> {
    const USAGE: &str = "RCPT TO:<address>";
    let (path, parameters) = path_and_parameters(arguments, b"TO:").ok_or_else(|| replies::syntax(USAGE))?;
    if parameters.iter().all(|byte| *byte == b' ') {
        Ok(Command::Rcpt(path))
    } else {
        Err(replies::unknown_parameter())
    }
}

/// Many clients write a space behind the colon, which the grammar does not have.
fn path_and_parameters<'a>(arguments: &'a [u8], keyword: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (found, rest) = arguments.split_at_checked(keyword.len())?;
    if !found.eq_ignore_ascii_case(keyword) {
        return None;
    }
    let rest = rest.trim_ascii_start();
    let end = Path::end(rest)?;
    let (path, parameters) = rest.split_at(end);
    matches!(parameters.first(), None | Some(b' ')).then_some((path, parameters))
}

fn keyword_and_value(parameter: &[u8]) -> (Vec<u8>, Option<&[u8]>) {
    match parameter.iter().position(|byte| *byte == b'=') {
        Some(at) => (parameter[..at].to_ascii_uppercase(), Some(&parameter[at + 1..])),
        None => (parameter.to_ascii_uppercase(), None),
    }
}

fn bdat(arguments: &[u8]) -> Result<Command<'_>, Reply> {
    let mut words = arguments.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let octets = words.next().and_then(decimal);
    let last = words.next().map(|word| word.eq_ignore_ascii_case(b"LAST"));
    match (octets, last, words.next()) {
        (Some(octets), None, None) => Ok(Command::Bdat { octets, last: false }),
        (Some(octets), Some(true), None) => Ok(Command::Bdat { octets, last: true }),
        _ => Err(replies::syntax("BDAT octets [LAST]")),
    }
}

fn auth(arguments: &[u8]) -> Result<Command<'_>, Reply> {
    let mut words = arguments.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let name = words.next().ok_or_else(|| replies::syntax("AUTH mechanism"))?;
    let mechanism = match name.to_ascii_uppercase().as_slice() {
        b"PLAIN" => Mechanism::Plain,
        b"LOGIN" => Mechanism::Login,
        _ => return Err(replies::unknown_mechanism()),
    };
    let initial = words.next();
    if words.next().is_some() {
        return Err(replies::syntax("AUTH mechanism [initial-response]"));
    }
    Ok(Command::Auth { mechanism, initial })
}

/// A decimal number below 2^63 and nothing else: no sign, no prefix, no space.
fn decimal(text: &[u8]) -> Option<u64> {
    let digits = (1..=20).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    let number = if digits { std::str::from_utf8(text).ok()?.parse::<u64>().ok()? } else { return None };
    i64::try_from(number).is_ok().then_some(number)
}

fn sender_error(error: PathError) -> Reply {
    match error {
        PathError::NeedsUtf8 => Reply::new(553, 6, 7, "An address that is not ASCII needs SMTPUTF8"),
        PathError::Brackets | PathError::Syntax | PathError::TooLong => {
            Reply::new(501, 1, 7, format!("cannot parse from address: {error}"))
        }
    }
}

pub(super) fn recipient_error(error: PathError) -> Reply {
    match error {
        PathError::NeedsUtf8 => Reply::new(553, 6, 7, "An address that is not ASCII needs SMTPUTF8"),
        PathError::Brackets | PathError::Syntax | PathError::TooLong => {
            Reply::new(501, 1, 3, format!("cannot parse to address: {error}"))
        }
    }
}
