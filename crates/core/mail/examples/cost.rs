//! What a message costs beside its signature: builds and signs messages of about 4 KiB and prints the
//! time of each step as a ratio of the time of the RSA signature alone.
//!
//! `cargo run --release -p waxseal-mail --example cost`

#![expect(clippy::print_stdout, reason = "a figure for people")]
#![expect(clippy::disallowed_methods, reason = "it measures real time")]

use std::time::{Duration, Instant};

use waxseal_mail::{
    Mailbox,
    build::Draft,
    dkim::{self, Algorithm, Signer},
    patch::{Limits, Message, Patch},
    substitute::{MimeTemplate, Values, Variables},
};
use waxseal_model::Timestamp;

const ROUNDS: u32 = 300;
const LIMIT: usize = 25 * 1024 * 1024;
const NOW: Timestamp = Timestamp::from_secs(1_770_726_896);

/// Median time of a call.
fn median(mut call: impl FnMut()) -> Duration {
    let mut times: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            call();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pair = dkim::generate(Algorithm::Rsa2048)?;
    let rsa = Signer::new("example.org", "s1", Algorithm::Rsa2048, &pair.private_pkcs8)?;
    let pair = dkim::generate(Algorithm::Ed25519)?;
    let ed25519 = Signer::new("example.org", "s2", Algorithm::Ed25519, &pair.private_pkcs8)?;
    let from = [Mailbox::parse("Zoë Quinn <zoe@example.org>")?];
    let to = [Mailbox::parse("Bob <bob@example.net>")?];
    let text = "A line of text as people write it, about this long. ü\n".repeat(40);
    let html = format!("<p>{text}</p>");
    let draft = Draft {
        from: &from,
        sender: None,
        to: &to,
        cc: &[],
        subject: Some("Grüße an %recipient.name%"),
        text: Some(&text),
        html: Some(&html),
        amp_html: None,
        headers: &[],
        attachments: &[],
        inline: &[],
        message_id: "1@example.org",
        date: NOW,
    };
    let mime = draft.build(&[7; 16], LIMIT)?;
    let tiny = b"From: a@example.org\r\n\r\nx\r\n";
    let signature = median(|| drop(dkim::sign(&[&rsa], tiny, NOW, None)));
    let ratio = |time: Duration| time.as_secs_f64() / signature.as_secs_f64();
    println!("message: {} bytes; RSA-2048 signature: {signature:?}", mime.len());
    let show = |what: &str, time: Duration| println!("{what:<32} {time:>12?}  {:.2} signatures", ratio(time));
    show("build", median(|| drop(draft.build(&[7; 16], LIMIT))));
    show("sign with RSA", median(|| drop(dkim::sign(&[&rsa], &mime, NOW, None))));
    show("sign with RSA and Ed25519", median(|| drop(dkim::sign(&[&rsa, &ed25519], &mime, NOW, None))));
    let patch = Patch { set: &[], remove: &[], message_id: "1@example.org", date: NOW };
    let read = || Message::read(mime.clone(), &Limits::default()).and_then(|message| message.patch(&patch));
    show("read and patch", median(|| drop(read())));
    let template = MimeTemplate::read(mime.clone());
    let variables: Variables = [("name".to_owned(), "Bob".to_owned())].into_iter().collect();
    show(
        "complete for a recipient",
        median(|| drop(template.render(&Values::new(&to[0], &variables), LIMIT))),
    );
    let all = median(|| {
        let built = draft.build(&[7; 16], LIMIT).unwrap_or_default();
        drop(dkim::sign(&[&rsa], &built, NOW, None));
    });
    show("build and sign with RSA", all);
    if ratio(all) > 1.5 {
        return Err("building costs more than half a signature".into());
    }
    Ok(())
}
