//! Starting and ending in good order.

use anyhow::Result;

use crate::{World, waxseal};

#[tokio::test]
async fn the_ready_line_names_every_listener() -> Result<()> {
    let binary = waxseal()?.set("submission.implicit_tls", "127.0.0.1:0");
    let server = binary.serve().await?;
    let ready = server.ready().clone();
    assert_eq!(ready["ready"], true);
    for name in ["http", "submission", "submission_tls"] {
        let addresses = ready[name].as_array().expect(name);
        assert_eq!(addresses.len(), 1, "{ready}");
        let address: std::net::SocketAddr = addresses[0].as_str().expect(name).parse()?;
        assert_ne!(address.port(), 0);
        tokio::net::TcpStream::connect(address).await?;
    }
    assert_eq!(ready["mx"], serde_json::json!([]));
    tokio::net::TcpStream::connect(server.metrics()).await?;
    let (status, written) = server.terminate().await?;
    assert!(status.success());
    let on_stdout = written.lines().filter(|line| line.starts_with('{')).count();
    assert_eq!(on_stdout, 1, "one line, no more: {written}");
    Ok(())
}

#[tokio::test]
async fn the_api_speaks_https_where_it_is_told_to() -> Result<()> {
    let server = waxseal()?.set("http.tls", "true").serve().await?;
    let address = server.ready()["http"][0].as_str().expect("an address").to_owned();
    let ask = |scheme: &'static str| {
        let url = format!("{scheme}://{address}/healthz");
        tokio::process::Command::new("curl").args(["-sk", "--max-time", "20", &url]).output()
    };
    let answer = ask("https").await?;
    assert!(answer.status.success() && answer.stdout.starts_with(b"{"), "HTTPS is answered");
    assert!(!ask("http").await?.stdout.starts_with(b"{"), "the clear is not");
    assert!(server.terminate().await?.0.success());
    Ok(())
}

#[tokio::test]
async fn roles_that_are_not_wanted_do_not_listen() -> Result<()> {
    let server = waxseal()?.set("roles", "submission").set("metrics.listen", "").serve().await?;
    assert_eq!(server.ready()["http"], serde_json::json!([]));
    assert_eq!(server.ready()["metrics"], serde_json::Value::Null);
    assert!(server.terminate().await?.0.success());
    Ok(())
}

#[tokio::test]
async fn what_was_accepted_is_delivered_or_kept_when_the_server_is_told_to_end() -> Result<()> {
    let world = World::new(&[]).await?;
    let server = world.binary.serve().await?;
    for number in 0..20 {
        world.send(&server, &format!("r{number}"), "Before the end", "text").await?;
    }
    let (status, _) = server.terminate().await?;
    assert!(status.success());
    let server = world.binary.serve().await?;
    world.peer.wait_for_messages(20).await;
    world.drained().await?;
    assert_eq!(world.peer.acknowledged().len(), 20, "none lost, none twice");
    assert!(server.terminate().await?.0.success());
    Ok(())
}

/// What is in memory, keys and mail, must not get to the disk by a crash.
#[tokio::test]
async fn a_crash_writes_no_memory_to_the_disk() -> Result<()> {
    use std::os::unix::process::ExitStatusExt as _;
    let server = waxseal()?.serve().await?;
    let id = server.id().expect("it runs");
    let limits = std::fs::read_to_string(format!("/proc/{id}/limits"))?;
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a limit");
    assert_eq!(
        core.split_whitespace().collect::<Vec<_>>(),
        ["Max", "core", "file", "size", "0", "0", "bytes"]
    );
    server.signal("ABRT").await?;
    let (status, _) = server.wait().await?;
    assert_eq!(status.signal(), Some(6), "{status}");
    assert!(!status.core_dumped());
    Ok(())
}
