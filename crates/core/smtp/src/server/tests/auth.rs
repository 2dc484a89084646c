//! AUTH PLAIN and LOGIN: the good, the bad and the oversized.

use super::*;
use base64::{Engine, engine::general_purpose::STANDARD};

fn greeted() -> Client {
    let mut client = Client::new(config());
    client.line("EHLO x");
    client
}

fn plain(text: &str) -> String {
    format!("AUTH PLAIN {}", STANDARD.encode(text))
}

#[test]
fn every_way_to_say_it_is_understood() {
    let (login, password) = (STANDARD.encode("user"), STANDARD.encode("secret"));
    let response = STANDARD.encode("\0user\0secret");
    let own_name = plain("user\0user\0secret");
    greeted().expect(&[(&own_name, "235 2.7.0")]);
    greeted().expect(&[("auth plain", "334 "), (&response, "235 2.7.0")]);
    greeted().expect(&[
        ("AUTH LOGIN", "334 VXNlcm5hbWU6"),
        (&login, "334 UGFzc3dvcmQ6"),
        (&password, "235 2.7.0"),
        ("AUTH LOGIN", "503 5.5.1"),
        ("MAIL FROM:<a@b>", "250"),
    ]);
    greeted().expect(&[(&format!("AUTH LOGIN {login}"), "334 UGFzc3dvcmQ6"), (&password, "235 2.7.0")]);
}

#[test]
fn what_cannot_be_right_is_refused() {
    let undecodable = ["AUTH PLAIN !!!!", "AUTH PLAIN abc", "AUTH PLAIN =", "AUTH PLAIN /w=="];
    for line in undecodable {
        greeted().expect(&[(line, "501 5.5.2"), ("MAIL FROM:<a@b>", "530 5.7.0")]);
    }
    for (text, reply) in [
        ("user\0secret", "501 5.5.2"),
        ("\0user\0secret\0", "501 5.5.2"),
        ("other\0user\0secret", "535 5.7.8"),
        ("\0user\0wrong", "535 5.7.8"),
        ("\0\0secret", "535 5.7.8"),
        ("\0user\0", "535 5.7.8"),
        ("\0us\ner\0secret", "535 5.7.8"),
        ("\0down\0secret", "454 4.7.0"),
    ] {
        greeted().expect(&[(&plain(text), reply), ("MAIL FROM:<a@b>", "530 5.7.0")]);
    }
    greeted().expect(&[
        ("AUTH", "501 5.5.4"),
        ("AUTH CRAM-MD5", "504 5.5.4"),
        ("AUTH PLAIN a b", "501 5.5.4"),
        ("AUTH LOGIN =", "535 5.7.8"),
    ]);
}

#[test]
fn an_exchange_can_be_cancelled() {
    let login = STANDARD.encode("user");
    greeted().expect(&[
        ("AUTH PLAIN", "334 "),
        ("*", "501 5.7.0"),
        ("AUTH LOGIN", "334 "),
        (&login, "334 "),
        ("*", "501 5.7.0"),
        ("NOOP", "250"),
    ]);
}

#[test]
fn huge_responses_are_cut_off() {
    for length in [2_046usize, 2_047, 4_099, 100_003] {
        let mut client = greeted();
        client.line("AUTH PLAIN");
        let heard = client.line(&"A".repeat(length));
        assert!(heard.starts_with("50"), "{length}: {heard}");
        assert_eq!(client.line("NOOP"), "250 2.0.0 OK");
    }
    let long = format!("\0{}\0secret", "u".repeat(256));
    greeted().expect(&[(&plain(&long), "535 5.7.8")]);
}

#[test]
fn three_failures_are_enough() {
    let mut client = greeted();
    let wrong = plain("\0user\0wrong");
    client.expect(&[(&wrong, "535"), (&wrong, "535")]);
    let last = client.line(&wrong);
    assert!(last.starts_with("535") && last.contains("\r\n421 4.7.0"), "{last}");
    assert!(client.closed);
}

#[test]
fn a_store_that_is_down_costs_the_client_no_attempt() {
    let mut client = greeted();
    let down = plain("\0down\0secret");
    client.expect(&[(down.as_str(), "454"); 5]);
    assert!(!client.closed);
}

#[test]
fn passwords_are_not_taken_in_the_clear() {
    let clear = SessionConfig { security: Security::StartTls, ..config() };
    let mut client = Client::new(clear.clone());
    let offered = client.line("EHLO x");
    assert!(!offered.contains("AUTH") && offered.contains("STARTTLS"), "{offered}");
    client.expect(&[
        (&plain("\0user\0secret"), "538 5.7.11"),
        ("AUTH LOGIN", "538 5.7.11"),
        ("MAIL FROM:<a@b>", "530 5.7.0"),
    ]);
    assert!(client.logins.is_empty());

    let mut client = Client::new(SessionConfig { auth_without_tls: true, ..clear });
    assert!(client.line("EHLO x").contains("AUTH PLAIN LOGIN"));
    client.expect(&[(&plain("\0user\0secret"), "235")]);
}
