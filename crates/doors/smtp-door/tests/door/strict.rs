//! Smuggling over a real socket: no way of ending data makes two messages of one.

use crate::{
    line::{Line, message},
    rig::{LOGIN, Rig},
};

/// The endings that are published as attacks, and relatives.
const ENDINGS: [&str; 16] = [
    "\n.\n",
    "\n.\r",
    "\r.\n",
    "\r.\r",
    "\n.\r\n",
    "\r.\r\n",
    "\r\n\0.\r\n",
    "\r\n.\0\r\n",
    "\r\n.\r\r\n",
    "\r\r\n.\r\r\n",
    "\r\n.\n",
    "\r\n.\r",
    "\n\n.\r\n",
    "\r\n.\n\r\n",
    "\u{85}.\r\n",
    "\u{2028}.\r\n",
];

const EVIL: &str = "MAIL FROM:<evil@mg.example.org>\r\nRCPT TO:<victim@example.net>\r\nDATA\r\n\
                    From: evil@mg.example.org\r\nSubject: evil\r\n\r\nevil\r\n.\r\nQUIT\r\n";

/// How the bytes are cut into writes.
enum Cut {
    Whole,
    Single,
    AroundTheDot,
}

async fn attack(line: &mut Line, ending: &str, cut: &Cut) {
    let text = message("x");
    let bytes = format!("{text}{ending}{EVIL}").into_bytes();
    let dot = text.len() + ending.find('.').expect("a dot");
    let pieces: Vec<&[u8]> = match cut {
        Cut::Whole => vec![&bytes],
        Cut::Single => bytes[..dot + 8].chunks(1).chain([&bytes[dot + 8..]]).collect(),
        Cut::AroundTheDot => vec![&bytes[..dot], &bytes[dot..=dot], &bytes[dot + 1..]],
    };
    for piece in pieces {
        if !line.try_send(piece).await {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_ending_makes_two_messages_of_one() {
    let rig = Rig::start().await;
    for ending in ENDINGS {
        for cut in [Cut::Whole, Cut::Single, Cut::AroundTheDot] {
            let before = rig.taken().await.len();
            let mut line = rig.inside().await;
            line.expect(&format!("MAIL FROM:<{LOGIN}>"), "250").await;
            line.expect("RCPT TO:<b@example.net>", "250").await;
            line.expect("DATA", "354").await;
            attack(&mut line, ending, &cut).await;
            let heard = line.rest().await;
            let taken = rig.taken().await;
            let new = &taken[before..];
            assert!(new.len() <= 1, "{ending:?}: {heard}");
            assert!(new.len() == 1 || heard.starts_with("554 5.6.0"), "{ending:?}: {heard}");
            for message in new {
                assert_eq!(message.recipients, ["b@example.net"], "{ending:?}");
                assert!(!message.mime.replace("\r\n", "").contains(['\r', '\n', '\0']), "{ending:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bare_line_ends_in_commands_end_the_connection() {
    let rig = Rig::start().await;
    for bytes in ["NOOP\nNOOP\r\n", "NOOP\rNOOP\r\n", "NO\0OP\r\n"] {
        let mut line = rig.greeted().await;
        line.send(bytes.as_bytes()).await;
        let heard = line.rest().await;
        assert!(heard.starts_with("554 5.6.0") && !heard.contains("250"), "{bytes:?}: {heard}");
    }
}
