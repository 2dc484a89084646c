//! Smuggling over a real socket: no way of ending data makes two messages of one.

use tokio::task::JoinSet;
use waxseal_model::network::Network;

use crate::{
    line::{Line, message},
    rig::{LOGIN, Rig},
};

// The set of 419 endings: before, dot, after; the one legal ending is not among them.
const BEFORE: [&str; 12] = [
    "\r\n", "\n", "\r", "\r\r\n", "\n\r", "\r\n\0", "\0\r\n", "\r\n ", "\r\n\t", "\u{85}", "\u{2028}",
    "\u{b}",
];
const DOT: [&str; 5] = [".", "..", ". ", ".\0", ".\t"];
const AFTER: [&str; 7] = ["\r\n", "\n", "\r", "\r\r\n", "\n\r", "\0\r\n", " \r\n"];

fn endings() -> Vec<String> {
    let mut all = Vec::new();
    for before in BEFORE {
        for dot in DOT {
            all.extend(AFTER.iter().map(|after| format!("{before}{dot}{after}")));
        }
    }
    all.retain(|ending| ending != "\r\n.\r\n");
    all
}

const EVIL: &str = "MAIL FROM:<evil@mg.example.org>\r\nRCPT TO:<victim@example.net>\r\nDATA\r\n\
                    From: evil@mg.example.org\r\nSubject: evil\r\n\r\nevil\r\n.\r\nQUIT\r\n";

/// How the bytes are cut into writes.
#[derive(Debug, Clone, Copy)]
enum Cut {
    Whole,
    Single,
    AroundTheDot,
}

/// Attacks with one ending: what the server said from the content on.
async fn attack(mut line: Line, ending: String, cut: Cut) {
    line.expect("EHLO client.example", "250").await;
    line.expect(&format!("MAIL FROM:<{LOGIN}>"), "250").await;
    line.expect("RCPT TO:<b@example.net>", "250").await;
    line.expect("DATA", "354").await;
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
    let heard = line.rest().await;
    let taken = heard.matches("250 2.0.0 OK <").count();
    let refused = heard.starts_with("554 5.6.0") && heard.lines().count() == 1;
    assert!(taken == 1 || refused, "{ending:?} by {cut:?}: {heard}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_ending_makes_two_messages_of_one() {
    let rig = Rig::start().await;
    let network: Network = "127.0.0.0/8".parse().expect("a network");
    rig.accounts.create_network_credential(rig.account, network).await.expect("a network credential");
    let endings = endings();
    assert_eq!(endings.len(), 419);
    let mut attacks = JoinSet::new();
    for ending in &endings {
        for cut in [Cut::Whole, Cut::Single, Cut::AroundTheDot] {
            if attacks.len() >= 16 {
                attacks.join_next().await.expect("an attack").expect("one message or none");
            }
            attacks.spawn(attack(Line::connect(rig.submission).await, ending.clone(), cut));
        }
    }
    while let Some(done) = attacks.join_next().await {
        done.expect("one message or none");
    }
    let taken = rig.taken().await;
    assert!(!taken.is_empty() && taken.len() < 3 * endings.len(), "some endings are text, others errors");
    for message in taken {
        assert_eq!(
            (message.sender.as_str(), message.recipients.as_slice()),
            (LOGIN, &["b@example.net".to_owned()][..])
        );
        assert!(!message.mime.replace("\r\n", "").contains(['\r', '\n', '\0']));
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
