//! Servers that behave badly: each ends as documented, holds no slot, and is never believed.

use std::time::Duration;

use waxseal_testkit::smtp_peer::{Certificate, Greeting, Reaction, Script, StartTls};

use crate::world::{Mail, World, mail};

/// What a bad peer leads to.
struct Case {
    name: &'static str,
    script: Script,
    /// The event of the first attempt.
    expect: &'static str,
    /// Messages that the peer said it took.
    taken: usize,
}

fn case(name: &'static str, script: Script, expect: &'static str, taken: usize) -> Case {
    Case { name, script, expect, taken }
}

fn say(text: &str) -> Reaction {
    Reaction::Say(text.into())
}

fn bad_greetings() -> Vec<Case> {
    let greeting = |greeting| Script::new().greeting(greeting);
    let says = |text: &str| greeting(Greeting::Say(text.into()));
    vec![
        case("1 silence", greeting(Greeting::Silence), "temporary 499", 0),
        case(
            "2 a byte now and then",
            greeting(Greeting::Drip(Duration::from_millis(50))),
            "temporary 499",
            0,
        ),
        case("3 banner 554", says("554 5.7.1 no\r\n"), "permanent 554", 0),
        case("4 banner 421", says("421 4.3.2 busy\r\n"), "temporary 421", 0),
        case("5 endless banner", greeting(Greeting::Endless), "temporary 499", 0),
        case("6 binary garbage", says("\u{1}\u{2}\u{3}\u{fffd}\u{0}\r\n"), "temporary 499", 0),
        case("9 banner 999", says("999 hello\r\n"), "temporary 499", 0),
        case("9 banner 2", says("2\r\n"), "temporary 499", 0),
        case("9 banner without code", says("hello\r\n"), "temporary 499", 0),
        case("closed at once", greeting(Greeting::Close), "temporary 499", 0),
        case("30 greeting from ourselves", Script::new().hostname("mail.ours.example"), "permanent 554", 0),
    ]
}

fn bad_replies() -> Vec<Case> {
    let on = |verb: &str, reaction| Script::new().on(verb, [reaction]);
    vec![
        case("7 NUL in a reply", on("MAIL", say("250 o\0k\r\n")), "delivered 250", 1),
        case("8 bare LF replies", on("MAIL", say("250 ok\n")), "delivered 250", 1),
        case("10 mixed codes", on("RCPT", say("250-yes\r\n550 no\r\n")), "temporary 499", 0),
        case("11 every MAIL answered twice", on("MAIL", say("250 ok\r\n250 ok\r\n")), "temporary 499", 0),
        case("11 every RCPT answered twice", on("RCPT", say("250 ok\r\n250 ok\r\n")), "temporary 499", 0),
        case(
            "12 all answers before the questions",
            on("MAIL", say("250 ok\r\n250 ok\r\n354 go\r\n250 taken\r\n")),
            "temporary 499",
            0,
        ),
        case(
            "18 nobody accepted, 354 anyway",
            on("RCPT", say("550 5.7.1 no\r\n")).on("DATA", [say("354 go\r\n")]),
            "permanent 550",
            0,
        ),
        case("19 552 to RCPT", on("RCPT", say("552 5.5.3 too many\r\n")), "temporary 452", 0),
        case("24 SIZE too small", Script::new().capabilities(&["SIZE 10"]), "permanent 552", 0),
        case("27 QUIT never answered", on("QUIT", Reaction::Silence), "delivered 250", 1),
        case(
            "31 control characters and markup",
            on(".", say(&format!("550 5.7.1 \u{1b}[31m<script>{}\r\n", "x".repeat(4_096)))),
            "permanent 550",
            0,
        ),
        case("32 enhanced code contradicts", on("RCPT", say("550 2.1.5 fine\r\n")), "permanent 550", 0),
        case("EHLO closed upon", on("EHLO", Reaction::Close), "temporary 499", 0),
        case(
            "421 to EHLO",
            on("EHLO", Reaction::SayAndClose("421 4.3.2 bye\r\n".into())),
            "temporary 421",
            0,
        ),
        case("silence after MAIL", on("MAIL", Reaction::Silence), "temporary 499", 0),
        case(
            "silence after RSET",
            on("RCPT", say("550 5.7.1 no\r\n")).on("RSET", [Reaction::Silence]),
            "permanent 550",
            0,
        ),
    ]
}

fn bad_contents() -> Vec<Case> {
    let on = |verb: &str, reaction| Script::new().on(verb, [reaction]);
    vec![
        case(
            "13 354, then closed",
            on("DATA", Reaction::SayAndClose("354 go\r\n".into())),
            "temporary 499",
            0,
        ),
        case(
            "14 354, then 421 in the middle",
            on("content", Reaction::SayAndClose("421 4.3.2 shutting down\r\n".into())),
            "temporary 421",
            0,
        ),
        case(
            "550 in the middle",
            on("content", Reaction::SayAndClose("550 5.3.4 enough\r\n".into())),
            "temporary 550",
            0,
        ),
        case("250 in the middle", on("content", say("250 2.0.0 taken\r\n")), "temporary 499", 0),
        case("15 all taken, then closed", on(".", Reaction::Close), "temporary 499", 0),
        case("16 250 too late", on(".", Reaction::Late(Duration::from_secs(5))), "temporary 499", 1),
        case(
            "28 reset after 250",
            on(".", Reaction::SayAndReset("250 2.0.0 taken\r\n".into())),
            "delivered 250",
            1,
        ),
        case("29 stops reading", on("content", Reaction::Silence), "temporary 499", 0),
        case("354 to the content", on(".", say("354 more\r\n")), "temporary 499", 0),
        case(
            "250 twice to the content",
            on(".", say("250 2.0.0 taken\r\n250 2.0.0 taken\r\n")),
            "delivered 250",
            1,
        ),
    ]
}

fn bad_tls() -> Vec<Case> {
    let tls = |starttls| Script::new().tls(Certificate::new(&["mx.b.example"])).starttls(starttls);
    vec![
        case("20 plaintext instead of TLS", tls(StartTls::Plaintext), "delivered 250", 1),
        case("21 no common version", tls(StartTls::Alert), "delivered 250", 1),
        case(
            "21 expired certificate",
            Script::new().tls(Certificate::expired(&["mx.b.example"])),
            "delivered 250",
            1,
        ),
        case("21 wrong name", Script::new().tls(Certificate::new(&["x.example"])), "delivered 250", 1),
        case("22 injection behind STARTTLS", tls(StartTls::Inject), "temporary 499", 0),
        case(
            "23 less offered under TLS",
            tls(StartTls::Proper).capabilities_under_tls(&[]),
            "delivered 250",
            1,
        ),
    ]
}

async fn run(cases: Vec<Case>) {
    for Case { name, script, expect, taken } in cases {
        let mut world = World::new().await;
        world.impatient(Duration::from_millis(400));
        world.config.timeouts.opening = Duration::from_millis(400);
        world.config.timeouts.idle = Duration::from_millis(50);
        let peer = world.peer(script).await;
        world.start().await;
        // Long enough that what a peer does in the middle happens before the end is out.
        let long = name.starts_with("29") || name.ends_with("in the middle");
        let size = if long { 16 * 1024 * 1024 } else { 200 };
        let content = [crate::world::CONTENT.as_bytes(), "x\r\n".repeat(size / 3).as_bytes()].concat();
        world.send(Mail { content, ..mail(&["bob@b.example"]) }).await;
        let events = world.wait_for_events(1).await;
        assert_eq!(events[0].short(), expect, "{name}");
        assert!(!events[0].status().message.contains(char::is_control), "{name}");
        world.wait_until_idle().await;
        world.wait_until_hung_up().await;
        assert_eq!(world.events().await.len(), 1, "{name}: one attempt, one event");
        assert_eq!(peer.acknowledged().len(), taken, "{name}");
        assert_eq!(world.queue().await.waiting, u64::from(expect.starts_with("temporary")), "{name}");
    }
}

#[tokio::test]
async fn bad_greetings_end_as_documented() {
    run(bad_greetings()).await;
}

#[tokio::test]
async fn bad_replies_end_as_documented() {
    run(bad_replies()).await;
}

#[tokio::test]
async fn bad_contents_end_as_documented() {
    run(bad_contents()).await;
}

#[tokio::test]
async fn bad_tls_ends_as_documented() {
    run(bad_tls()).await;
}

#[tokio::test]
async fn what_a_server_lacks_is_said() {
    let unicode = || mail(&["jörg@b.example"]);
    let eight_bit = || Mail { content: "Subject: x\r\n\r\né\r\n".into(), ..mail(&["bob@b.example"]) };
    for (name, message, capabilities, expect, enhanced) in [
        ("25 no SMTPUTF8", unicode(), &["8BITMIME"][..], "permanent 553", "5.6.7"),
        ("26 no 8BITMIME", eight_bit(), &["PIPELINING"][..], "permanent 554", "5.6.3"),
    ] {
        let mut world = World::new().await;
        let peer = world.peer(Script::new().capabilities(capabilities)).await;
        world.start().await;
        world.send(message).await;
        let events = world.wait_for_events(1).await;
        assert_eq!(events[0].short(), expect, "{name}");
        assert_eq!(events[0].status().enhanced_code.as_deref(), Some(enhanced), "{name}");
        assert!(events[0].status().description.starts_with("The server does not support"), "{name}");
        assert!(!peer.seen().commands.iter().any(|line| line.starts_with("MAIL")), "{name}");
    }
}

#[tokio::test]
async fn a_message_that_nobody_confirmed_is_sent_again() {
    let mut world = World::new().await;
    let peer = world.peer(Script::new().on(".", [Reaction::Close, Reaction::Proper])).await;
    world.start().await;
    world.send(mail(&["bob@b.example"])).await;
    let retry = world.wait_for_events(1).await[0].status().retry_seconds.expect("a retry");
    world.wait_until_idle().await;
    world.later(Duration::from_secs(retry));
    assert_eq!(world.wait_for_events(2).await[1].short(), "delivered 250");
    assert_eq!(peer.seen().messages.len(), 2, "it may have arrived twice: nobody can know");
    assert_eq!(peer.acknowledged().len(), 1);
}
