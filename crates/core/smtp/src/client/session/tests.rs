//! Dialogues word by word, and what a lying peer can achieve: nothing.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;

const CONTENT: &str = "Subject: hi\r\n\r\n.dot\r\nbye\r\n";
const EHLO: &str = "250-mx.example.net\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250 8BITMIME\r\n";
const PLAIN_EHLO: &str = "250 mx.example.net\r\n";

fn settings() -> Settings {
    Settings {
        hello: "mail.ours.example".into(),
        tls: TlsPolicy::Opportunistic,
        implicit_tls: false,
        credentials: None,
        loopback: false,
        own_names: ["other.ours.example".into(), "mail.ours.example".into()].into(),
    }
}

fn to(recipients: &[&str]) -> Transaction {
    Transaction {
        reverse_path: "bounce@ours.example".into(),
        recipients: recipients.iter().map(|address| (*address).into()).collect(),
        content: Bytes::from_static(CONTENT.as_bytes()),
        utf8_headers: false,
    }
}

/// Drives a session against answers that are fed whenever it waits, one each time.
struct Talk<'a> {
    session: Session,
    answers: std::vec::IntoIter<&'a str>,
    transactions: Vec<Transaction>,
    sent: String,
    verdicts: Vec<Vec<Verdict>>,
}

impl<'a> Talk<'a> {
    fn new(settings: Settings, answers: &[&'a str], transactions: Vec<Transaction>) -> Self {
        let answers: Vec<&str> = answers.into();
        let answers = answers.into_iter();
        let mut talk = Self {
            session: Session::new(settings),
            answers,
            transactions,
            sent: String::new(),
            verdicts: vec![],
        };
        talk.run();
        talk
    }

    fn run(&mut self) {
        loop {
            match self.session.step() {
                Step::Send(_) => {
                    self.sent.push_str(&String::from_utf8(self.session.take_output()).expect("text"));
                    self.session.sent();
                }
                Step::Check => self.session.checked(),
                Step::Receive(_) => match self.answers.next() {
                    Some("(timeout)") => self.session.timed_out(),
                    Some(answer) => self.session.receive(answer.as_bytes()),
                    None => self.session.closed(),
                },
                Step::Handshake => {
                    self.sent.push_str("(handshake)\r\n");
                    self.session.secured();
                }
                Step::Ready if self.transactions.is_empty() => self.session.quit(),
                Step::Ready => {
                    let next = self.transactions.remove(0);
                    self.session.begin(next);
                }
                Step::Finished(verdicts) => self.verdicts.push(verdicts),
                Step::Over => break,
            }
        }
    }

    fn lines(&self) -> Vec<&str> {
        self.sent.lines().collect()
    }

    /// The verdicts of the only transaction, in short: `+250`, `-550 Rcpt`, `?End` and so on.
    fn short(&self) -> Vec<String> {
        assert_eq!(self.verdicts.len(), 1, "one transaction");
        self.verdicts[0].iter().map(short).collect()
    }
}

fn short(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Delivered(reply) => format!("+{}", reply.code()),
        Verdict::Refused { stage, reply, local } => {
            format!("-{} {stage:?}{}", reply.code(), if *local { " local" } else { "" })
        }
        Verdict::Broken { stage, fault } => format!("?{stage:?} {fault:?}"),
    }
}

#[test]
fn a_message_goes_out_in_one_go_where_pipelining_is_offered() {
    let answers = [
        "220 mx.example.net\r\n",
        EHLO,
        "250 ok\r\n250 ok\r\n",
        "354 go\r\n",
        "250 2.0.0 got it\r\n",
        "221 bye\r\n",
    ];
    let talk = Talk::new(settings(), &answers, vec![to(&["a@b.example"])]);
    assert_eq!(
        talk.lines(),
        [
            "EHLO mail.ours.example",
            "MAIL FROM:<bounce@ours.example> SIZE=26",
            "RCPT TO:<a@b.example>",
            "DATA",
            "Subject: hi",
            "",
            "..dot",
            "bye",
            ".",
            "QUIT",
        ]
    );
    assert_eq!(talk.short(), ["+250"]);
    assert_eq!(talk.session.fault(), None);
}

#[test]
fn without_pipelining_every_command_waits_and_old_servers_get_helo() {
    let answers = [
        "220 mx\r\n",
        "502 what?\r\n",
        "250 mx\r\n",
        "250 ok\r\n",
        "550 5.1.1 no such user\r\n",
        "250 ok\r\n",
        "354 go\r\n",
        "250 ok\r\n",
        "221 bye\r\n",
    ];
    let talk = Talk::new(settings(), &answers, vec![to(&["no@b.example", "yes@b.example"])]);
    assert_eq!(
        talk.lines()[..3],
        ["EHLO mail.ours.example", "HELO mail.ours.example", "MAIL FROM:<bounce@ours.example>"]
    );
    assert_eq!(talk.short(), ["-550 Rcpt", "+250"]);
    assert!(talk.verdicts[0][0].is_permanent());
}

#[test]
fn tls_starts_where_offered_and_everything_is_said_again() {
    let answers = [
        "220 mx\r\n",
        "250-mx\r\n250-PIPELINING\r\n250 STARTTLS\r\n",
        "220 go\r\n",
        PLAIN_EHLO,
        "250 ok\r\n",
        "250 ok\r\n",
        "354 go\r\n",
        "250 ok\r\n",
        "221 bye\r\n",
    ];
    let talk = Talk::new(settings(), &answers, vec![to(&["a@b.example"])]);
    assert_eq!(
        talk.lines()[..5],
        [
            "EHLO mail.ours.example",
            "STARTTLS",
            "(handshake)",
            "EHLO mail.ours.example",
            "MAIL FROM:<bounce@ours.example>",
        ]
    );
    assert!(talk.session.is_secure());
    assert!(!talk.session.capabilities().pipelining, "what was said in the clear does not count");
    assert_eq!(talk.short(), ["+250"]);
}

#[test]
fn replies_injected_behind_starttls_end_the_connection() {
    let answers = ["220 mx\r\n", "250-mx\r\n250 STARTTLS\r\n", "220 go\r\n250 mx\r\n"];
    let talk = Talk::new(settings(), &answers, vec![]);
    assert_eq!(talk.session.fault(), Some(&Fault::Injected));
    assert!(!talk.session.is_secure());
}

#[test]
fn required_tls_sends_nothing_without_it() {
    let required = || Settings { tls: TlsPolicy::Required, ..settings() };
    let refused = ["220 mx\r\n", "250-mx\r\n250 STARTTLS\r\n", "454 not now\r\n"];
    for answers in [&["220 mx\r\n", PLAIN_EHLO][..], &refused[..]] {
        let talk = Talk::new(required(), answers, vec![to(&["a@b.example"])]);
        assert_eq!(talk.session.fault(), Some(&Fault::NoTls));
        assert!(!talk.sent.contains("MAIL"));
    }
    let opportunistic = Talk::new(settings(), &refused, vec![to(&["a@b.example"])]);
    assert!(opportunistic.sent.contains("MAIL"), "opportunistic TLS goes on without");
}

#[test]
fn a_relay_gets_its_login_under_tls_or_on_loopback_only() {
    let login = |loopback, mechanisms| {
        let settings = Settings {
            credentials: Some(Credentials::new("user".into(), "pass".into())),
            loopback,
            ..settings()
        };
        let ehlo = format!("250-relay\r\n250 AUTH {mechanisms}\r\n");
        let answers = ["220 relay\r\n", &ehlo, "334 \r\n", "334 \r\n", "235 ok\r\n", "221 bye\r\n"];
        let skip_challenges = ["220 relay\r\n", &ehlo, "235 ok\r\n", "221 bye\r\n"];
        let answers = if mechanisms == "LOGIN" { &answers[..] } else { &skip_challenges[..] };
        let talk = Talk::new(settings, answers, vec![]);
        (talk.sent, talk.session.fault)
    };
    let (sent, fault) = login(true, "LOGIN PLAIN");
    assert!(sent.contains("AUTH PLAIN AHVzZXIAcGFzcw==\r\n"), "{sent}");
    assert_eq!(fault, None);
    let (sent, fault) = login(true, "LOGIN");
    assert!(sent.contains("AUTH LOGIN\r\ndXNlcg==\r\ncGFzcw==\r\nQUIT"), "{sent}");
    assert_eq!(fault, None);
    let (sent, fault) = login(false, "PLAIN");
    assert!(!sent.contains("AUTH"));
    assert_eq!(fault, Some(Fault::AuthNeedsTls));
    assert_eq!(login(true, "CRAM-MD5").1, Some(Fault::NoAuth));
}

#[test]
fn what_the_server_cannot_take_is_not_sent() {
    let unicode = Transaction { utf8_headers: true, ..to(&["a@b.example"]) };
    let eight_bit = Transaction { content: Bytes::from("é\r\n".to_owned()), ..to(&["a@b.example"]) };
    let long = Transaction { content: Bytes::from(vec![b'a'; 1001]), ..to(&["a@b.example"]) };
    let strange = to(&["a@b.example>\r\nDATA"]);
    for (transaction, ehlo, expected) in [
        (unicode, EHLO, "-553 Mail local"),
        (to(&["ü@b.example"]), EHLO, "-553 Mail local"),
        (eight_bit, PLAIN_EHLO, "-554 Mail local"),
        (long, EHLO, "-552 Mail local"),
        (strange, EHLO, "-553 Mail local"),
    ] {
        let talk = Talk::new(settings(), &["220 mx\r\n", ehlo, "221 bye\r\n"], vec![transaction]);
        assert_eq!(talk.short(), [expected]);
        assert_eq!(talk.lines(), ["EHLO mail.ours.example", "QUIT"]);
        assert!(talk.verdicts[0][0].is_permanent());
    }
}

#[test]
fn a_server_with_our_own_name_is_a_loop() {
    for answers in
        [&["220 MAIL.ours.example ready\r\n"][..], &["220 mx\r\n", "250 mail.ours.example\r\n"][..]]
    {
        let talk = Talk::new(settings(), answers, vec![to(&["a@b.example"])]);
        assert_eq!(talk.session.fault(), Some(&Fault::Loop));
    }
}

#[test]
fn one_connection_carries_many_messages() {
    let message = "250 ok\r\n250 ok\r\n354 go\r\n";
    let answers = ["220 mx\r\n", EHLO, message, "250 one\r\n", message, "250 two\r\n", "221 bye\r\n"];
    let talk = Talk::new(settings(), &answers, vec![to(&["a@b.example"]), to(&["c@b.example"])]);
    assert_eq!(talk.verdicts.len(), 2);
    assert_eq!(talk.sent.matches("MAIL FROM").count(), 2);
    assert_eq!(talk.sent.matches("EHLO").count(), 1);
}

/// One recipient, or three, against a peer that behaves badly after EHLO with PIPELINING.
#[test]
fn bad_peers_end_as_they_should() {
    let one: &[&str] = &["a@b.example"];
    let three: &[&str] = &["a@b.example", "b@b.example", "c@b.example"];
    type Case<'a> = (&'a str, &'a [&'a str], &'a [&'a str], &'a [&'a str]);
    let cases: &[Case<'_>] = &[
        (
            "mixed recipients",
            three,
            &["250 ok\r\n250 ok\r\n450 busy\r\n550 no\r\n354 go\r\n", "250 ok\r\n"],
            &["+250", "-450 Rcpt", "-550 Rcpt"],
        ),
        (
            "552 to RCPT is temporary",
            one,
            &["250 ok\r\n552 too many\r\n503 no\r\n", "250 ok\r\n"],
            &["-452 Rcpt"],
        ),
        ("MAIL refused", one, &["550 go away\r\n503 no\r\n503 no\r\n", "250 ok\r\n"], &["-550 Mail"]),
        ("354 although nobody is left", one, &["250 ok\r\n550 no\r\n354 go\r\n"], &["-550 Rcpt"]),
        ("DATA refused", one, &["250 ok\r\n250 ok\r\n451 later\r\n", "250 ok\r\n"], &["-451 Data"]),
        ("content refused", one, &["250 ok\r\n250 ok\r\n354 go\r\n", "554 spam\r\n"], &["-554 End"]),
        ("closed after 354", one, &["250 ok\r\n250 ok\r\n354 go\r\n"], &["?End Closed"]),
        (
            "no answer to the content",
            one,
            &["250 ok\r\n250 ok\r\n354 go\r\n", "(timeout)"],
            &["?End TimedOut"],
        ),
        ("421 to the content", one, &["250 ok\r\n250 ok\r\n354 go\r\n", "421 bye\r\n"], &["-421 End"]),
        ("421 to MAIL", one, &["421 bye\r\n"], &["-421 Mail"]),
        ("closed before MAIL", one, &[], &["?Mail Closed"]),
        (
            "the final reply came before the content",
            one,
            &["250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n"],
            &["?Content OutOfTurn"],
        ),
        ("all replies twice", one, &["250 ok\r\n250 ok\r\n250 ok\r\n"], &["?Data OutOfTurn"]),
        (
            "one too many, then a refusal",
            three,
            &["250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n550 no\r\n", "354 go\r\n"],
            &["?Data OutOfTurn", "?Data OutOfTurn", "?Data OutOfTurn"],
        ),
        ("3xx to the content", one, &["250 ok\r\n250 ok\r\n354 go\r\n", "354 go\r\n"], &["?End OutOfTurn"]),
        ("garbage", one, &["\x16\x03\x01garbage\r\n"], &["?Mail Garbage(NoCode)"]),
        ("impossible code", one, &["250 ok\r\n999 no\r\n"], &["?Rcpt Garbage(NoCode)"]),
        ("mixed codes", one, &["250-ok\r\n550 no\r\n"], &["?Mail Garbage(MixedCodes)"]),
        ("refusal, then the connection dies", one, &["250 ok\r\n550 no\r\n"], &["-550 Rcpt"]),
    ];
    for (name, recipients, answers, expected) in cases {
        let answers: Vec<&str> = ["220 mx\r\n", EHLO].iter().chain(answers.iter()).copied().collect();
        let talk = Talk::new(settings(), &answers, vec![to(recipients)]);
        assert_eq!(talk.short(), *expected, "{name}");
    }
}

#[test]
fn a_second_reply_to_the_content_costs_the_connection_but_not_the_message() {
    let answers = ["220 mx\r\n", EHLO, "250 ok\r\n250 ok\r\n354 go\r\n", "250 ok\r\n250 ok\r\n"];
    let talk = Talk::new(settings(), &answers, vec![to(&["a@b.example"]), to(&["c@b.example"])]);
    assert_eq!(short(&talk.verdicts[0][0]), "+250");
    assert_eq!(talk.session.fault(), Some(&Fault::OutOfTurn));
    assert_eq!(talk.sent.matches("MAIL FROM").count(), 1, "the connection is not used again");
}

#[test]
fn an_endless_reply_to_the_content_says_with_its_first_line_what_became_of_the_message() {
    for (code, expected) in [("250", "delivered"), ("550", "refused"), ("450", "refused")] {
        for endless in [format!("{code}-queued\r\n").repeat(101), format!("{code} {}", "x".repeat(70_000))] {
            let answers = ["220 mx\r\n", EHLO, "250 ok\r\n250 ok\r\n354 go\r\n", &endless];
            let talk = Talk::new(settings(), &answers, vec![to(&["a@one.example"]), to(&["b@one.example"])]);
            let [Verdict::Delivered(reply) | Verdict::Refused { stage: Stage::End, reply, .. }] =
                &*talk.verdicts[0]
            else {
                panic!("{code}: {:?}", talk.verdicts[0]);
            };
            assert_eq!(
                (reply.code().to_string(), reply.class() == Class::Success),
                (code.into(), expected == "delivered")
            );
            assert_eq!(talk.sent.matches("MAIL FROM").count(), 1, "the connection is of no use any more");
        }
    }
}

#[test]
fn a_refusal_in_the_middle_of_the_content_is_not_final() {
    let mut session = Session::new(settings());
    let mut answers = ["220 mx\r\n", EHLO, "250 ok\r\n250 ok\r\n354 go\r\n"].into_iter();
    let long = Transaction { content: Bytes::from("a\r\n".repeat(300)), ..to(&["a@b.example"]) };
    let mut long = Some(long);
    let verdicts = loop {
        match session.step() {
            Step::Send(Wait::DataBlock) => {
                session.take_output();
                session.receive(b"550 too long\r\n");
                session.sent();
            }
            Step::Send(_) => {
                session.take_output();
                session.sent();
            }
            Step::Check => session.checked(),
            Step::Receive(_) => session.receive(answers.next().expect("answer").as_bytes()),
            Step::Ready => session.begin(long.take().expect("one transaction")),
            Step::Finished(verdicts) => break verdicts,
            Step::Handshake | Step::Over => panic!("not expected"),
        }
    };
    assert_eq!(short(&verdicts[0]), "-550 Content");
    assert!(!verdicts[0].is_permanent());
}

#[test]
fn an_endless_greeting_is_cut_off() {
    let mut session = Session::new(settings());
    assert_eq!(session.step(), Step::Receive(Wait::Greeting));
    for _ in 0..200 {
        session.receive(b"220-and another thing\r\n");
    }
    assert_eq!(session.step(), Step::Over);
    assert!(matches!(session.fault(), Some(Fault::Garbage(_))));
}

proptest! {
    /// However an honest peer's replies are cut, the message arrives once.
    #[test]
    fn segmentation_does_not_matter(cuts in prop::collection::vec(1usize..9, 1..200), pipelining in any::<bool>()) {
        let ehlo = if pipelining { EHLO } else { PLAIN_EHLO };
        let mut cuts = cuts.into_iter().cycle();
        let mut session = Session::new(settings());
        let mut transaction = Some(to(&["a@b.example", "c@b.example"]));
        let mut to_feed: Vec<u8> = b"220 mx\r\n".to_vec();
        let mut verdicts = Vec::new();
        let mut in_content = false;
        loop {
            match session.step() {
                Step::Send(_) => {
                    let output = session.take_output();
                    session.sent();
                    to_feed.extend(honest(&output, ehlo, &mut in_content));
                }
                Step::Check => session.checked(),
                Step::Receive(_) => {
                    let cut = cuts.next().unwrap_or(1).min(to_feed.len());
                    prop_assert!(cut > 0, "the session waits for a reply that is not due");
                    let piece: Vec<u8> = to_feed.drain(..cut).collect();
                    session.receive(&piece);
                }
                Step::Ready => match transaction.take() {
                    Some(transaction) => session.begin(transaction),
                    None => session.quit(),
                },
                Step::Finished(finished) => verdicts.push(finished),
                Step::Handshake => prop_assert!(false, "no TLS offered"),
                Step::Over => break,
            }
        }
        prop_assert_eq!(session.fault(), None);
        let short: Vec<String> = verdicts.concat().iter().map(short).collect();
        prop_assert_eq!(short, ["+250", "+250"]);
    }

    /// Whatever a peer says, nothing is delivered before the end of the content was sent.
    #[test]
    fn no_peer_can_feign_a_delivery(replies in prop::collection::vec(hostile(), 0..12)) {
        let mut replies = replies.into_iter();
        let mut session = Session::new(settings());
        let mut ended = false;
        let mut transactions = vec![to(&["a@b.example"]), to(&["a@b.example", "c@b.example"])];
        loop {
            match session.step() {
                Step::Send(_) => {
                    ended = session.take_output().ends_with(b"\r\n.\r\n") || session.phase == Phase::Ended;
                    session.sent();
                }
                Step::Check => {
                    session.checked();
                }
                Step::Receive(_) => match replies.next() {
                    Some(reply) => session.receive(reply.as_bytes()),
                    None => session.closed(),
                },
                Step::Handshake => session.secured(),
                Step::Ready => match transactions.pop() {
                    Some(transaction) => session.begin(transaction),
                    None => session.quit(),
                },
                Step::Finished(verdicts) => {
                    let delivered = verdicts.iter().any(|verdict| matches!(verdict, Verdict::Delivered(_)));
                    prop_assert!(!delivered || ended);
                    ended = false;
                }
                Step::Over => break,
            }
        }
    }
}

fn hostile() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "220 mx\r\n",
        "250 ok\r\n",
        "250-PIPELINING\r\n250 STARTTLS\r\n",
        "250-x\r\n250 PIPELINING\r\n",
        "354 go\r\n",
        "550 no\r\n",
        "450 no\r\n",
        "421 bye\r\n",
        "334 \r\n",
        "235 ok\r\n",
        "2",
        "xx\r\n",
        "250-a\r\n",
    ]);
    prop::collection::vec(line, 1..5).prop_map(|lines| lines.concat())
}

/// What a proper server answers to these bytes.
fn honest(output: &[u8], ehlo: &str, in_content: &mut bool) -> Vec<u8> {
    let mut replies = String::new();
    for line in String::from_utf8_lossy(output).lines() {
        if *in_content {
            if line == "." {
                *in_content = false;
                replies.push_str("250 2.0.0 taken\r\n");
            }
            continue;
        }
        match line.split(' ').next() {
            Some("EHLO") => replies.push_str(ehlo),
            Some("DATA") => {
                *in_content = true;
                replies.push_str("354 go\r\n");
            }
            Some("QUIT") => replies.push_str("221 bye\r\n"),
            _ => replies.push_str("250 2.1.0 ok\r\n"),
        }
    }
    replies.into_bytes()
}
