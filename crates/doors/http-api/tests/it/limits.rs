//! Bombs and crowds end in a clear refusal.

use std::io::Write as _;

use axum::{
    body::Body,
    http::{Method, header},
};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http_body_util::StreamBody;
use hyper::body::Frame;

use crate::world::{Answer, World};

const PATH: &str = "/v3/mg.example.org/messages";
const FORM: &str = "application/x-www-form-urlencoded";

async fn post(world: &World, content_type: &str, body: impl Into<Body>) -> Answer {
    let request = world.request(Method::POST, PATH).header(header::CONTENT_TYPE, content_type);
    world.send(request.body(body.into()).expect("request")).await
}

/// A body that comes in pieces, made as they are asked for.
fn pieces(count: usize, piece: impl Fn(usize) -> Bytes + Send + 'static) -> Body {
    let frames = (0..count).map(move |number| Ok::<_, std::io::Error>(Frame::data(piece(number))));
    Body::new(StreamBody::new(futures_util::stream::iter(frames)))
}

#[tokio::test]
async fn a_body_over_the_limit_is_too_large_whether_announced_or_not() {
    let world = World::new().await;
    let text = "413 {\"message\":\"request size exceeds 52.4MiB limit\"}";
    let megabyte = Bytes::from(format!("text={}", "x".repeat(1 << 20)));
    let answer = post(&world, FORM, pieces(53, move |_| megabyte.clone())).await;
    assert_eq!(answer.line(), text);
    let announced = world.request(Method::POST, PATH).header(header::CONTENT_LENGTH, "60000000");
    assert_eq!(world.send(announced.body(Body::empty()).expect("request")).await.line(), text);
}

#[tokio::test]
async fn a_gzip_bomb_is_too_large_before_it_is_inflated() {
    let world = World::with(|config| config.limits.bodies_in_flight = 64 << 20).await;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(b"text=").expect("gzip");
    let zeroes = vec![b'0'; 1 << 20];
    for _ in 0..100 {
        encoder.write_all(&zeroes).expect("gzip");
    }
    let bomb = encoder.finish().expect("gzip");
    assert!(bomb.len() < 1 << 20);
    let request = world
        .request(Method::POST, PATH)
        .header(header::CONTENT_TYPE, FORM)
        .header(header::CONTENT_ENCODING, "gzip")
        .body(Body::from(bomb));
    let answer = world.send(request.expect("request")).await;
    assert_eq!(answer.status, 413, "{}", answer.line());
    let small = post(&world, FORM, "from=a@mg.example.org&to=b@rcpt.example&text=t").await;
    assert_eq!(small.status, 200, "the memory is free again");
}

#[tokio::test]
async fn a_million_parts_or_pairs_are_too_many() {
    let world = World::new().await;
    let text = "400 {\"message\":\"too many parameters in one request\"}";
    let parts = pieces(1_000, |_| {
        Bytes::from("--b\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\nx\r\n".repeat(1_000))
    });
    assert_eq!(post(&world, "multipart/form-data; boundary=b", parts).await.line(), text);
    assert_eq!(post(&world, FORM, pieces(1_000, |_| Bytes::from("to=x&".repeat(1_000)))).await.line(), text);
}

#[tokio::test]
async fn json_that_is_deep_or_wide_is_refused() {
    let world = World::new().await;
    let text = "400 {\"message\":\"unable to parse request: a JSON body must be one object of parameters\"}";
    for body in [
        format!("{{\"a\":{}{}}}", "[".repeat(1_000_000), "]".repeat(1_000_000)),
        format!("{{\"a\":[{}0]}}", "0,".repeat(1_000_000)),
        "[".repeat(1_000_000),
    ] {
        assert_eq!(post(&world, "application/json", body).await.line(), text);
    }
}

#[tokio::test]
async fn when_bodies_fill_their_memory_callers_are_asked_to_come_later() {
    let world = World::with(|config| config.limits.bodies_in_flight = 1 << 20).await;
    let answer = post(&world, FORM, vec![b'x'; 2 << 20]).await;
    assert_eq!(answer.line(), "503 {\"message\":\"Service Unavailable, try again later\"}");
    assert!(!answer.header("retry-after").is_empty());
    let small = post(&world, FORM, "from=a@mg.example.org&to=b@rcpt.example&text=t").await;
    assert_eq!(small.status, 200, "{}", small.line());
}

#[tokio::test]
async fn while_bodies_take_most_of_their_memory_no_other_message_is_begun() {
    use futures_util::StreamExt as _;

    let world = World::with(|config| config.limits.bodies_in_flight = 1 << 20).await;
    let small = "from=a@mg.example.org&to=b@rcpt.example&text=t";
    let begun = futures_util::stream::iter([Ok::<_, std::io::Error>(Frame::data(Bytes::from(
        "text=".to_owned() + &"x".repeat(900 << 10),
    )))]);
    let held = Body::new(StreamBody::new(begun.chain(futures_util::stream::pending())));
    let mut holding = std::pin::pin!(post(&world, FORM, held));
    let refused = loop {
        tokio::select! {
            biased;
            answer = &mut holding => panic!("it was not read to its end: {}", answer.line()),
            answer = post(&world, FORM, format!("{small}&x-large={}", "x".repeat(64 << 10))) => {
                if answer.status != 200 { break answer }
            }
        }
    };
    let text = "too much mail is being accepted at this moment, try again in some seconds";
    assert_eq!(refused.line(), format!("503 {{\"message\":\"{text}\"}}"));
    assert!(!refused.header("retry-after").is_empty());
    tokio::select! {
        biased;
        answer = &mut holding => panic!("it was not read to its end: {}", answer.line()),
        answer = post(&world, FORM, small) => assert_eq!(answer.status, 200, "a small one has room: {}", answer.line()),
    }
}

#[tokio::test]
async fn a_body_that_stalls_is_given_up() {
    let world = World::with(|config| config.limits.body_silence = std::time::Duration::from_millis(50)).await;
    let stalled =
        Body::new(StreamBody::new(futures_util::stream::pending::<Result<Frame<Bytes>, std::io::Error>>()));
    let answer = post(&world, FORM, stalled).await;
    assert_eq!(answer.line(), "408 {\"message\":\"the request body came too slowly\"}");
    assert_eq!(answer.header("connection"), "close");
}
