//! Servers that others wrote.

use std::{
    os::unix::fs::MetadataExt,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::world::{World, mail};

const SMTP_SINK: &str = "/usr/sbin/smtp-sink";

/// Postfix's sink; ends with this value.
struct Sink(Child);

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A sink with these options, writing what it takes into `folder`; `None` where Postfix is missing.
async fn sink(world: &mut World, options: &[&str]) -> Option<Sink> {
    if !Path::new(SMTP_SINK).exists() {
        waxseal_testkit::skipped("missing: smtp-sink (package postfix)");
        return None;
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    world.config.port = port;
    let place = format!("127.0.0.1:{port}");
    // As root it wants to be somebody else.
    let root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    let user: &[&str] = if root { &["-u", "nobody"] } else { &[] };
    let child = Command::new(SMTP_SINK)
        .args(user)
        .args(options)
        .args([&place, "100"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("smtp-sink starts");
    let ready = async {
        while tokio::net::TcpStream::connect(&place).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), ready).await.expect("smtp-sink listens");
    Some(Sink(child))
}

#[tokio::test]
async fn postfix_takes_what_we_send() {
    for options in [&[][..], &["-p"][..], &["-e"][..], &["-8"][..]] {
        let mut world = World::new().await;
        let Some(_sink) = sink(&mut world, options).await else { return };
        world.start().await;
        for number in 0..20 {
            world.send(mail(&[&format!("r{number}@b.example")])).await;
        }
        let events = world.wait_for_events(20).await;
        assert!(events.iter().all(|event| event.short() == "delivered 250"), "{options:?}");
    }
}

#[tokio::test]
async fn what_postfix_refuses_ends_as_it_says() {
    for (options, expect) in [
        (&["-f", "rcpt"][..], "permanent 500"),
        (&["-r", "rcpt"][..], "temporary 450"),
        (&["-f", "connect"][..], "permanent 500"),
        (&["-r", "mail"][..], "temporary 450"),
        (&["-f", "data"][..], "permanent 500"),
        (&["-q", "data"][..], "temporary 499"),
        (&["-Q", "rcpt"][..], "temporary 421"),
        (&["-f", "."][..], "permanent 500"),
        (&["-q", "."][..], "temporary 499"),
    ] {
        let mut world = World::new().await;
        let Some(_sink) = sink(&mut world, options).await else { return };
        world.start().await;
        world.send(mail(&["bob@b.example"])).await;
        let events = world.wait_for_events(1).await;
        assert_eq!(events[0].short(), expect, "{options:?}");
        world.wait_until_idle().await;
    }
}
