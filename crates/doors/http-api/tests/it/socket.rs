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

/// Reads one answer and leaves the connection as it is.
async fn read_answer(stream: &mut TcpStream) -> String {
    let mut answer = read_until(stream, "\r\n\r\n").await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.parse().expect("a number"));
    let mut rest = vec![0; length - body.len()];
    timeout(SOON, stream.read_exact(&mut rest)).await.expect("in time").expect("the rest");
    answer.push_str(&String::from_utf8_lossy(&rest));
    answer
}

fn head(world: &World, path: &str, more: &str) -> String {
    request_head(world, "POST", path, more)
}

fn request_head(world: &World, method: &str, path: &str, more: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: api.test\r\nAuthorization: {}\r\n{more}\r\n",
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
async fn a_connection_stays_when_the_body_comes_after_the_head_whatever_the_answer() {
    let world = World::new().await;
    let door = open(&world, |_| {}).await;
    let mut stream = door.connect().await;
    let (stored, events) = ("/v3/domains/mg.example.org/messages/x", "/v3/mg.example.org/events");
    for (method, path, status) in [
        ("POST", "/v3/nowhere", "404 Not Found"),
        ("POST", events, "405 Method Not Allowed"),
        ("POST", "/v3/unknown.example/messages", "404 Not Found"),
        ("GET", events, "200 OK"),
        ("GET", stored, "404 Not Found"),
        ("DELETE", stored, "404 Not Found"),
        ("OPTIONS", events, "204 No Content"),
    ] {
        let request = request_head(&world, method, path, "Content-Length: 7\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let early = timeout(Duration::from_millis(50), stream.read(&mut [0; 1])).await;
        assert!(early.is_err(), "{method} {path}: answered before the body came");
        stream.write_all(b"limit=1").await.expect("sent");
        let answer = read_answer(&mut stream).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{method} {path}: {answer}");
        assert!(!answer.contains("connection: close"), "{answer}");
    }
    let request = b"POST /v3/mg.example.org/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n";
    stream.write_all(request).await.expect("sent");
    stream.write_all(b"limit=1").await.expect("sent");
    assert!(read_answer(&mut stream).await.starts_with("HTTP/1.1 401 "));
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("sent");
    assert!(read_answer(&mut stream).await.starts_with("HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn where_a_body_is_not_waited_for_the_end_of_the_connection_is_announced() {
    let world = World::new().await;
    let door = open(&world, |_| {}).await;
    for more in ["Expect: 100-continue\r\nContent-Length: 7\r\n", "Content-Length: 300000000\r\n"] {
        let answer = door.talk(head(&world, "/v3/nowhere", more).as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 404 Not Found\r\n"), "{more}: {answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{more}: {answer}");
    }
}

#[tokio::test]
async fn a_request_names_its_host_once() {
    let world = World::new().await;
    let door = open(&world, |_| {}).await;
    for (request, status) in [
        ("GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", "400 Bad Request"),
        ("GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n", "400 Bad Request"),
        ("GET /healthz HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", "200 OK"),
        ("GET /healthz HTTP/1.0\r\n\r\n", "200 OK"),
    ] {
        let answer = door.talk(request.as_bytes()).await;
        assert!(answer.contains(status), "{request}: {answer}");
    }
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
