//! Closing the door: what is under way is finished, nothing new begins.

use std::time::Duration;

use tokio::net::TcpStream;

use crate::{
    line::message,
    rig::{LOGIN, Rig},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_under_way_is_finished() {
    let rig = Rig::start().await;
    let mut idle = rig.greeted().await;
    let mut busy = rig.inside().await;
    busy.expect(&format!("MAIL FROM:<{LOGIN}>"), "250").await;
    busy.expect("RCPT TO:<b@example.net>", "250").await;
    busy.expect("DATA", "354").await;
    rig.shutdown.cancel();
    assert!(idle.rest().await.starts_with("421 4.3.2"));
    busy.send(message("x").as_bytes()).await;
    busy.expect(".", "250 2.0.0").await;
    assert!(busy.rest().await.starts_with("421 4.3.2"));
    assert_eq!(rig.taken().await.len(), 1);
    let address = rig.submission;
    rig.running.await.expect("the door closed");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_does_not_end_is_not_waited_for() {
    let rig = Rig::start_with(|config| config.times.drain = Duration::from_millis(200)).await;
    let mut line = rig.inside().await;
    line.expect(&format!("MAIL FROM:<{LOGIN}>"), "250").await;
    line.expect("RCPT TO:<b@example.net>", "250").await;
    line.expect("DATA", "354").await;
    rig.shutdown.cancel();
    assert!(line.rest().await.starts_with("421 4.3.2"));
    drop(line);
    rig.running.await.expect("the door closed");
    assert!(rig.store.read_log(0, 10).await.expect("the log").is_empty());
}
