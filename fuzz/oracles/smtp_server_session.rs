//! What must hold for a session with our SMTP server, whatever comes in. Used by the fuzz target and by
//! the replay of its corpus.

use waxseal_smtp::{
    Reply,
    reply::reader::ReplyReader,
    server::{Event, Limits, Security, Session, SessionConfig, replies},
};

/// The byte at which an input is cut into segments.
const CUT: u8 = 0xff;

/// A whole session: the first byte sets it up, [`CUT`] marks the segments of the rest.
///
/// Segmentation changes nothing; every message is within limits and has no bare line end; what the
/// server says is replies.
pub(crate) fn check(data: &[u8]) {
    let Some((setup, script)) = data.split_first() else { return };
    let segments: Vec<&[u8]> = script.split(|byte| *byte == CUT).collect();
    let cut = converse(*setup, &segments);
    let whole = converse(*setup, &[&segments.concat()]);
    assert!(cut == whole, "segmentation changed the outcome");
    for message in &whole.messages {
        assert!(message.len() as u64 <= limits().message);
        assert!(is_strict(message), "a bare line end got in");
    }
    let mut rest = whole.said.as_slice();
    while !rest.is_empty() {
        let (used, reply) = ReplyReader::new().read(rest).expect("the server says replies");
        reply.expect("complete ones");
        rest = &rest[used..];
    }
}

#[derive(PartialEq)]
struct Outcome {
    said: Vec<u8>,
    messages: Vec<Vec<u8>>,
    logins: usize,
}

fn limits() -> Limits {
    Limits { message: 400, header: 200, text_line: 100, recipients: 5, messages: 4, ..Limits::default() }
}

fn converse(setup: u8, segments: &[&[u8]]) -> Outcome {
    let mut session = Session::new(SessionConfig {
        hostname: "mail.example.org".into(),
        limits: limits(),
        security: if setup & 1 == 0 { Security::Tls } else { Security::StartTls },
        auth_without_tls: setup & 2 == 0,
    });
    let open_to_all = setup & 4 == 0;
    let mut outcome = Outcome { said: Vec::new(), messages: Vec::new(), logins: 0 };
    session.greet();
    'segments: for segment in segments {
        let mut input = *segment;
        while let Some(event) = session.advance(&mut input) {
            let reply = match event {
                Event::Close | Event::StartTls => break 'segments,
                Event::MailFrom(_) if open_to_all || session.is_authenticated() => replies::sender_ok(),
                Event::MailFrom(_) => replies::authentication_required(),
                Event::RcptTo(mailbox) if mailbox.is_literal() => {
                    Reply::new(550, 1, 2, mailbox.into_string())
                }
                Event::RcptTo(_) => replies::recipient_ok(),
                Event::Authenticate(credentials) => {
                    outcome.logins += 1;
                    let good = credentials.password.len() % 2 == 0;
                    if good { replies::authenticated() } else { replies::wrong_credentials() }
                }
                Event::Message(message) => {
                    outcome.messages.push(message.content);
                    Reply::new(250, 0, 0, "OK")
                }
            };
            session.answer(reply);
        }
        assert!(input.is_empty(), "without an event, all input is taken");
        assert!(session.content_held() <= limits().message);
    }
    outcome.said = session.take_output();
    outcome
}

fn is_strict(message: &[u8]) -> bool {
    let mut rest = message;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
        match rest[at..].strip_prefix(b"\r\n") {
            Some(behind) => rest = behind,
            None => return false,
        }
    }
    true
}
