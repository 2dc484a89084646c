//! The door on a real socket, spoken to in raw bytes.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use waxseal_http_api::{HttpApi, HttpConfig};

use crate::world::{World, basic, urlencoded};

/// Longer than anything here may take.
const SOON: Duration = Duration::from_secs(20);

struct Door {
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

async fn open(world: &World, change: impl FnOnce(&mut HttpConfig)) -> Door {
    let mut config = HttpConfig::new(vec!["127.0.0.1:0".parse().expect("address")]);
    change(&mut config);
    let api = HttpApi::bind(config, world.services.clone()).await.expect("a socket");
    let address = api.addresses()[0];
    let stop = CancellationToken::new();
    Door { address, stop: stop.clone(), serving: tokio::spawn(api.serve(stop)) }
}

impl Door {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }

    /// Sends bytes and reads until the server closes.
    async fn talk(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.expect("sent");
        read_all(&mut stream).await
    }
}

async fn read_all(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset counts as an end: the bytes before it are what matters.
    let _ = timeout(SOON, stream.read_to_end(&mut bytes)).await.expect("the server closes");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads until `text` has come.
async fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut seen = Vec::new();
    let mut buffer = [0; 4_096];
    while !String::from_utf8_lossy(&seen).contains(text) {
        let count = timeout(SOON, stream.read(&mut buffer)).await.expect("in time").expect("readable");
        assert!(count > 0, "closed before {text}: {}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&buffer[..count]);
    }
    String::from_utf8_lossy(&seen).into_owned()
}

fn head(world: &World, path: &str, more: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: api.test\r\nAuthorization: {}\r\n{more}\r\n",
        basic(&world.mine.key)
    )
}

const PATH: &str = "/v3/mg.example.org/messages";

#[tokio::test]
async fn a_message_goes_in_over_http_1_1_with_a_reason_phrase() {
    let world = World::new().await;
    let door = open(&world, |_| {}).await;
    let body = urlencoded(&[("from", "a@mg.example.org"), ("to", "b@rcpt.example"), ("text", "t")]);
    let request =
        head(&world, PATH, &format!("Connection: close\r\nContent-Length: {}\r\n", body.len())) + &body;
    let answer = door.talk(request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\"message\":\"Queued. Thank you.\""), "{answer}");
    let refused =
        door.talk(head(&world, PATH, "Connection: close\r\nContent-Length: 0\r\n").as_bytes()).await;
    assert!(refused.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{refused}");
}

#[tokio::test]
async fn headers_that_trickle_in_are_cut_off() {
    let world = World::new().await;
    let door = open(&world, |config| config.limits.header_timeout = Duration::from_millis(200)).await;
    let mut stream = door.connect().await;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ").await.expect("sent");
    let answer = read_all(&mut stream).await;
    assert!(!answer.contains("200"), "{answer}");
}

#[tokio::test]
async fn a_body_that_trickles_in_is_cut_off() {
    let world = World::new().await;
    let door = open(&world, |config| config.limits.body_silence = Duration::from_millis(200)).await;
    let mut stream = door.connect().await;
    stream.write_all(head(&world, PATH, "Content-Length: 100\r\n").as_bytes()).await.expect("sent");
    stream.write_all(b"from=a").await.expect("sent");
    let answer = read_all(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
}

#[tokio::test]
async fn headers_without_end_are_refused() {
    let world = World::new().await;
    let door = open(&world, |_| {}).await;
    let answer = door.talk(format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(200_000)).as_bytes()).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    let healthy = door.talk(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(healthy.starts_with("HTTP/1.1 200 OK"), "{healthy}");
}

#[tokio::test]
async fn who_waits_for_100_continue_is_refused_before_sending() {
    let world = World::new().await;
    let door = open(&world, |_| {}).await;
    let mut stream = door.connect().await;
    let more = "Expect: 100-continue\r\nContent-Length: 60000000\r\n";
    stream.write_all(head(&world, PATH, more).as_bytes()).await.expect("sent");
    let answer = read_until(&mut stream, "limit\"}").await;
    assert!(answer.starts_with("HTTP/1.1 413 Payload Too Large\r\n"), "{answer}");
}

#[tokio::test]
async fn who_sends_too_much_still_gets_to_read_why() {
    let world = World::new().await;
    let door = open(&world, |config| config.limits.body = 1 << 20).await;
    let mut stream = door.connect().await;
    let body = vec![b'x'; 8 << 20];
    stream
        .write_all(head(&world, PATH, &format!("Content-Length: {}\r\n", body.len())).as_bytes())
        .await
        .expect("sent");
    stream.write_all(&body).await.expect("all of it is taken");
    let answer = read_until(&mut stream, "limit\"}").await;
    assert!(answer.contains("413 Payload Too Large") && answer.contains("1.0MiB"), "{answer}");
}

#[tokio::test]
async fn connections_over_the_limit_wait_their_turn() {
    let world = World::new().await;
    let door = open(&world, |config| config.limits.connections = 1).await;
    let mut first = door.connect().await;
    first.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("sent");
    read_until(&mut first, "ok").await;
    let mut second = door.connect().await;
    second.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.expect("sent");
    let mut buffer = [0; 1];
    let early = timeout(Duration::from_millis(300), second.read(&mut buffer)).await;
    assert!(early.is_err(), "answered beside the first");
    drop(first);
    assert!(read_all(&mut second).await.starts_with("HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn closing_lets_requests_in_flight_finish_and_takes_no_more() {
    let world = World::new().await;
    let door = open(&world, |_| {}).await;
    let mut idle = door.connect().await;
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("sent");
    read_until(&mut idle, "ok").await;
    let mut stream = door.connect().await;
    let body = urlencoded(&[("from", "a@mg.example.org"), ("to", "b@rcpt.example"), ("text", "t")]);
    let more = format!("Expect: 100-continue\r\nContent-Length: {}\r\n", body.len());
    stream.write_all(head(&world, PATH, &more).as_bytes()).await.expect("sent");
    // Proof that the request is in flight: its body is asked for.
    read_until(&mut stream, "100 Continue").await;
    door.stop.cancel();
    assert_eq!(read_all(&mut idle).await, "", "idle connections are closed");
    stream.write_all(body.as_bytes()).await.expect("sent");
    assert!(read_all(&mut stream).await.contains("Queued. Thank you."));
    timeout(SOON, door.serving).await.expect("in time").expect("served");
    assert!(TcpStream::connect(door.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn closing_does_not_wait_longer_than_told() {
    let world = World::new().await;
    let door = open(&world, |config| config.limits.drain = Duration::from_millis(200)).await;
    let mut stream = door.connect().await;
    stream
        .write_all(head(&world, PATH, "Expect: 100-continue\r\nContent-Length: 9\r\n").as_bytes())
        .await
        .expect("sent");
    read_until(&mut stream, "100 Continue").await;
    door.stop.cancel();
    timeout(SOON, door.serving).await.expect("in time").expect("served");
}

#[tokio::test]
async fn a_taken_address_is_named_in_the_error() {
    let world = World::new().await;
    let door = open(&world, |_| {}).await;
    let error = HttpApi::bind(HttpConfig::new(vec![door.address]), world.services.clone()).await.err();
    assert!(error.is_some_and(|error| error.to_string().contains(&format!("http.listen {}", door.address))));
}
