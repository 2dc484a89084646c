//! What must hold for our SMTP client, whatever a peer says. Used by the fuzz target and by the replay
//! of its corpus.

use waxseal_smtp::client::{Credentials, Session, Settings, Step, TlsPolicy, Transaction, Verdict};

/// The byte at which an input is cut into what the peer says at once.
const CUT: u8 = 0xff;
/// Content that tries to end early, and is not ours to change otherwise.
const CONTENT: &[u8] = b"Subject: x\r\n\r\n.\r\n..\r\na\n.\nb\r.\rc\r\n.";

/// A peer: the first byte sets the session up, [`CUT`] separates what it says from what it says next.
/// An empty piece is a peer that hangs up.
///
/// Nothing is delivered unless the peer said so after the end of the content; nothing goes out in the
/// clear where TLS is required; every line that goes out ends in CRLF; the dialogue ends.
pub(crate) fn check(data: &[u8]) {
    let Some((setup, script)) = data.split_first() else { return };
    let mut peer = script.split(|byte| *byte == CUT);
    let tls = match setup & 3 {
        0 => TlsPolicy::Never,
        1 => TlsPolicy::Required,
        _ => TlsPolicy::Opportunistic,
    };
    let mut session = Session::new(Settings {
        hello: "mail.ours.example".into(),
        tls,
        implicit_tls: false,
        credentials: (setup & 4 != 0).then(|| Credentials::new("me".into(), "secret".into())),
        loopback: setup & 8 != 0,
        own_names: if setup & 16 != 0 { ["mail.ours.example".into()].into() } else { [].into() },
    });
    let mut transactions = vec![transaction(2), transaction(1)];
    let mut ended = false;
    let mut said_since_end = false;
    for _ in 0..10_000 {
        match session.step() {
            Step::Send(_) => {
                let content = session.is_sending_content();
                let output = session.take_output();
                assert_lines(&output);
                ended = output == b".\r\n";
                said_since_end = false;
                if content && setup & 32 != 0 {
                    feed(&mut session, peer.next());
                }
                let text = String::from_utf8_lossy(&output);
                let open = tls == TlsPolicy::Required && !session.is_secure();
                assert!(
                    !(open && (text.starts_with("MAIL") || text.starts_with("AUTH"))),
                    "sent in the clear"
                );
                session.sent();
            }
            Step::Check => {
                if setup & 64 != 0 {
                    feed(&mut session, peer.next());
                }
                session.checked();
            }
            Step::Receive(_) => {
                said_since_end = ended;
                feed(&mut session, peer.next());
            }
            Step::Handshake => session.secured(),
            Step::Ready => match transactions.pop() {
                Some(next) => session.begin(next),
                None => session.quit(),
            },
            Step::Finished(verdicts) => {
                let delivered = verdicts.iter().any(|verdict| matches!(verdict, Verdict::Delivered(_)));
                assert!(!delivered || said_since_end, "delivered without a reply to the content");
                ended = false;
            }
            Step::Over => return,
        }
    }
    panic!("the dialogue does not end");
}

fn transaction(recipients: usize) -> Transaction {
    Transaction {
        reverse_path: "bounce@ours.example".into(),
        recipients: (0..recipients).map(|number| format!("r{number}@b.example")).collect(),
        content: bytes::Bytes::from_static(CONTENT),
        utf8_headers: false,
    }
}

fn feed(session: &mut Session, piece: Option<&[u8]>) {
    match piece {
        Some(piece) if !piece.is_empty() => session.receive(piece),
        _ => session.closed(),
    }
}

fn assert_lines(output: &[u8]) {
    assert!(output.ends_with(b"\r\n"), "output ends with a line");
    for (at, byte) in output.iter().enumerate() {
        match byte {
            b'\n' => assert!(at > 0 && output[at - 1] == b'\r', "a bare LF goes out"),
            b'\r' => assert_eq!(output.get(at + 1), Some(&b'\n'), "a bare CR goes out"),
            _ => {}
        }
    }
    let lone_dot = output.windows(5).any(|window| window == b"\r\n.\r\n");
    assert!(!lone_dot, "content holds its own end");
}
