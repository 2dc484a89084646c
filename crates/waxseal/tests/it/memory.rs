//! The server stays below its limit of memory, whatever is sent to it at once.

use anyhow::{Context as _, Result};
use futures_util::future::join_all;
use waxseal_testkit::{Call, Server, SmtpCall, binary::text};

use crate::{DOMAIN, World};

const LIMIT: u64 = 512;
const AT_ONCE: usize = 10;
const CONTENT: usize = 10 << 20;

/// The most memory that the server ever had, in MiB.
fn peak(server: &Server) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id().context("it runs")?))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("VmHWM")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? / 1_024)
}

/// What a message by SMTP was told; 421 also if the connection ended amid it.
async fn by_smtp(server: &Server, (login, password): (&str, &str), content: &str) -> u16 {
    let sent = async {
        let mut call = SmtpCall::login(server.submission(), login, password).await?;
        anyhow::Ok(call.submit(login, "friend@recipient.test", content).await?.0)
    };
    sent.await.unwrap_or(421)
}

#[tokio::test]
async fn a_flood_of_large_messages_is_turned_away_and_never_takes_more_than_the_limit() -> Result<()> {
    let world = World::new(&[("memory.limit_mb", &LIMIT.to_string())]).await?;
    let server = world.binary.serve().await?;
    let made =
        world.binary.json(&["credential", "create", "app@sender.test", "--account", &world.account]).await?;
    let login = ("app@sender.test", &*text(&made, "password")?);
    let text = "all of this is text\r\n".repeat(CONTENT / 21);
    let content = format!("Subject: large\r\nFrom: app@sender.test\r\n\r\n{text}");
    let fields = [("from", "app@sender.test"), ("to", "friend@recipient.test"), ("text", &*text)];
    let path = format!("/v3/{DOMAIN}/messages");
    let calls =
        join_all((0..AT_ONCE).map(|_| Call::post(server.http(), &path, &fields).key(&world.key).send()));
    let messages = join_all((0..AT_ONCE).map(|_| by_smtp(&server, login, &content)));
    let (calls, messages) = tokio::join!(calls, messages);
    let calls = calls.into_iter().map(|answer| Ok(answer?.status.as_u16())).collect::<Result<Vec<_>>>()?;
    let accepted = calls.iter().filter(|status| **status == 200).count();
    let accepted = accepted + messages.iter().filter(|code| **code == 250).count();
    assert!(calls.iter().all(|status| [200, 503].contains(status)), "{calls:?}");
    assert!(messages.iter().all(|code| [250, 421, 451].contains(code)), "{messages:?}");
    assert!((1..2 * AT_ONCE).contains(&accepted), "{calls:?} {messages:?}");
    assert!(peak(&server)? < LIMIT, "{} MiB", peak(&server)?);
    world.send(&server, "friend", "small", "there is room again").await?;
    world
        .peer
        .wait_for(|seen| seen.messages.iter().filter(|message| message.acknowledged).count() > accepted)
        .await;
    assert!(peak(&server)? < LIMIT, "{} MiB", peak(&server)?);
    Ok(())
}
