//! What the client of outgoing HTTP does for who calls with it.

use waxseal_net::http_client::{ANSWER_BYTES, HttpError};
use waxseal_testkit::{HttpPeer, dns_zone::Fault, http_peer::Answer, smtp_peer::Certificate};

use crate::world::{Failure, World, loopback};

async fn peer(answer: Answer) -> HttpPeer {
    HttpPeer::start([answer]).await.expect("server")
}

#[tokio::test]
async fn a_call_to_a_name_brings_back_status_and_body() {
    let server = peer(Answer::Say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone".into())).await;
    let world = World::new(&[server.port()], true).await;
    world.zone.address_of("archive.example", loopback(1).into());
    let answer = world.post(&format!("http://archive.example:{}/in?a=b#c", server.port())).await;
    let answer = answer.expect("answer");
    assert_eq!((answer.status, answer.body.as_slice(), answer.truncated), (200, &b"done"[..], false));
    let request = server.wait_for(1).await.remove(0);
    assert_eq!(request.line, "POST /in?a=b HTTP/1.1");
    assert_eq!(request.header("host"), Some(format!("archive.example:{}", server.port()).as_str()));
    assert_eq!(request.header("content-type"), Some("application/mime"));
    assert_eq!(request.body, b"body");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let inner = peer(Answer::Status(200)).await;
    for status in ["301", "302", "303", "307", "308"] {
        let target = inner.address();
        let text =
            format!("HTTP/1.1 {status} There\r\nLocation: http://{target}/\r\nContent-Length: 0\r\n\r\n");
        let server = peer(Answer::Say(text)).await;
        let world = World::new(&[server.port(), inner.port()], true).await;
        let answer = world.post(&format!("http://{}/in", server.address())).await.expect("answer");
        assert_eq!(answer.status.to_string(), status);
        assert!(!answer.is_success());
    }
    assert_eq!(inner.connections(), 0);
}

#[tokio::test]
async fn of_an_endless_answer_a_little_is_read() {
    let text = format!("HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n{}", "x".repeat(1 << 20));
    let server = peer(Answer::Say(text)).await;
    let world = World::new(&[server.port()], true).await;
    let answer = world.post(&format!("http://{}/", server.address())).await.expect("answer");
    assert_eq!((answer.body.len(), answer.truncated), (ANSWER_BYTES, true));
}

#[tokio::test]
async fn who_does_not_speak_http_or_stops_halfway_has_not_answered() {
    let headers = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-Header: y\r\n".repeat(10_000));
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";
    for text in ["220 mail.example ESMTP\r\n", "", half, &headers] {
        let server = peer(Answer::Say(text.into())).await;
        let world = World::new(&[server.port()], true).await;
        let error = world.post(&format!("http://{}/", server.address())).await.expect_err("no answer");
        assert!(matches!(error, Failure::Http(HttpError::Broken)), "{error:?}");
    }
}

#[tokio::test]
async fn https_needs_a_certificate_that_proves_the_name() {
    let certificate = Certificate::new(&["archive.example"]);
    let server = HttpPeer::start_at("127.0.0.1:0", Some(&certificate), [Answer::Status(200)]).await;
    let server = server.expect("server");
    let folder = tempfile::tempdir().expect("folder");
    let ca = folder.path().join("ca.pem");
    certificate.write_to(&ca).expect("written");
    let ports = [server.port()];
    for (trusted, host, good) in [
        (None, "archive.example", false),
        (Some(ca.clone()), "other.example", false),
        (Some(ca), "archive.example", true),
    ] {
        let world = World::trusting(&ports, true, trusted).await;
        world.zone.address_of(host, loopback(1).into());
        let answer = world.post(&format!("https://{host}:{}/", server.port())).await;
        match answer {
            Ok(answer) => assert!(good && answer.status == 200, "{host}"),
            Err(Failure::Http(HttpError::Certificate(_))) => assert!(!good, "{host}"),
            Err(other) => panic!("{other:?} for {host}"),
        }
    }
    assert_eq!(server.requests().len(), 1, "to who did not prove its name nothing was said");
}

#[tokio::test]
async fn a_failed_look_up_ends_the_call() {
    let server = peer(Answer::Status(200)).await;
    let world = World::new(&[server.port()], true).await;
    for (host, fault) in [("broken.example", Fault::ServFail), ("silent.example", Fault::Silence)] {
        world.zone.address_of(host, loopback(1).into()).fault(host, fault);
    }
    for host in ["broken.example", "silent.example", "unknown.example"] {
        let error = world.post(&format!("http://{host}:{}/", server.port())).await.expect_err("no address");
        assert!(matches!(error, Failure::Http(HttpError::Lookup(_))), "{error:?} for {host}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn what_was_looked_up_once_is_what_is_called() {
    let first = HttpPeer::start_at("127.0.0.2:0", None, [Answer::Status(200)]).await.expect("server");
    let address = format!("127.0.0.3:{}", first.port());
    let second = HttpPeer::start_at(&address, None, [Answer::Status(200)]).await.expect("server");
    let world = World::new(&[first.port()], true).await;
    world.zone.in_turn("turning.example", &[loopback(2), loopback(3)]);
    world.post(&format!("http://turning.example:{}/", first.port())).await.expect("answer");
    assert_eq!((first.connections(), second.connections()), (1, 0));
    assert_eq!(world.zone.queries(), 2, "one question for each kind of address");
}
