//! What takes days, in a second: time is moved by hand through the whole platform.

use std::time::Duration;

use anyhow::{Context as _, Result};
use waxseal_model::{Clock as _, Timestamp};
use waxseal_privacy::Report;
use waxseal_store::queue::QueueFilter;
use waxseal_testkit::{
    Call, Platform,
    platform::{DOMAIN, SANDBOX, Setting},
    smtp_peer::Reaction,
};

const DAY: Duration = Duration::from_secs(86_400);
const STEP: Duration = Duration::from_secs(6 * 3600);

fn at(event: &serde_json::Value) -> f64 {
    event["timestamp"].as_f64().unwrap_or_default()
}

#[tokio::test]
async fn a_message_that_is_deferred_for_five_days_is_given_up_and_the_times_between_grow() -> Result<()> {
    let platform = Platform::start(Setting::default()).await?;
    platform.peer.rescript(|script| script.set("RCPT", [Reaction::Say("451 4.2.0 later\r\n".into())]));
    let start = platform.clock.now();
    platform.send(DOMAIN, "away@recipient.test", "text", &[]).await?;
    for attempt in 1..100 {
        platform.until(|| async { Ok(platform.events(DOMAIN).await?.len() > attempt) }).await?;
        let Some(due) = platform.store.next_due().await? else { break };
        platform.clock.advance(due.since(platform.clock.now()));
    }
    platform.until_drained().await?;
    let events = platform.events(DOMAIN).await?;
    let last = events.last().context("events")?;
    assert_eq!((&last["event"], &last["severity"]), (&"failed".into(), &"permanent".into()), "{last}");
    let days = (at(last) - start.as_secs_f64()) / 86_400.0;
    assert!((4.5..=5.1).contains(&days), "given up after {days} days");
    let attempts: Vec<f64> = events[1..].iter().map(at).collect();
    let waits: Vec<f64> = attempts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!((540.0..=660.0).contains(&waits[0]), "the second attempt follows after ten minutes: {waits:?}");
    assert!(waits.iter().all(|wait| *wait <= 8.8 * 3600.0), "at most eight hours and a tenth: {waits:?}");
    assert!((18..=30).contains(&attempts.len()), "{} attempts", attempts.len());
    assert_eq!(platform.peer.acknowledged().len(), 0);
    platform.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_scheduled_message_leaves_at_its_time_and_not_before() -> Result<()> {
    let platform = Platform::start(Setting::default()).await?;
    let due = platform.clock.now() + 2 * DAY;
    let when = due.to_jiff().strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    platform.send(DOMAIN, "later@recipient.test", "text", &[("o:deliverytime", &when)]).await?;
    platform.send(DOMAIN, "now@recipient.test", "text", &[]).await?;
    platform.peer.wait_for_messages(1).await;
    platform.clock.advance(2 * DAY - Duration::from_secs(1));
    platform.send(DOMAIN, "then@recipient.test", "text", &[]).await?;
    platform.peer.wait_for_messages(2).await;
    let early = platform.peer.acknowledged();
    assert!(early.iter().all(|message| message.recipients[0] != "TO:<later@recipient.test>"));
    platform.clock.advance(Duration::from_secs(1));
    platform.peer.wait_for_messages(3).await;
    platform.until_drained().await?;
    platform.stop().await;
    Ok(())
}

#[tokio::test]
async fn content_and_events_go_when_their_days_are_over() -> Result<()> {
    let platform = Platform::start(Setting::default()).await?;
    platform.send(DOMAIN, "friend@recipient.test", "text", &[]).await?;
    platform.send(SANDBOX, "friend@recipient.test", "text", &[]).await?;
    platform.until_drained().await?;
    let event = platform.events(DOMAIN).await?[0].clone();
    let url = event["storage"]["url"].as_str().context("a place where it is stored")?;
    let path = url
        .split_once("://")
        .and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]))
        .context(url.to_owned())?;
    let stored =
        || async { anyhow::Ok(Call::get(platform.http, path).key(&platform.key).send().await?.status) };
    assert_eq!(stored().await?, 200);

    pass(&platform, 3 * DAY + STEP).await?;
    assert_eq!(stored().await?, 404, "content is gone after three days");
    let inbox = Call::get(platform.http, "/v1/inbox").key(&platform.key).send().await?.json();
    assert_eq!(inbox["items"].as_array().map(Vec::len), Some(0), "captured content as well");
    assert_eq!(platform.events(DOMAIN).await?.len(), 2, "what happened is still known");

    pass(&platform, 27 * DAY).await?;
    assert_eq!(platform.events(DOMAIN).await?.len(), 0, "events are gone after thirty days");
    assert_eq!(platform.events(SANDBOX).await?.len(), 0);
    platform.stop().await;
    Ok(())
}

/// Lets time pass, six hours at a time, with a round of retention after each.
async fn pass(platform: &Platform, time: Duration) -> Result<()> {
    for _ in 0..time.as_secs() / STEP.as_secs() {
        platform.clock.advance(STEP);
        platform.retention.run_once().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_clock_that_jumps_purges_nothing_until_it_is_confirmed() -> Result<()> {
    let platform = Platform::start(Setting::default()).await?;
    platform.send(DOMAIN, "friend@recipient.test", "text", &[]).await?;
    platform.until_drained().await?;
    platform.retention.run_once().await?;
    let right = platform.clock.now();
    platform.clock.jump_to(right + 3650 * DAY);
    let round = platform.retention.run_once().await?;
    assert!(matches!(round, Report::Paused { .. }), "{round:?}");
    assert_eq!(platform.events(DOMAIN).await?.len(), 2);
    platform.clock.jump_to(Timestamp::from_secs(right.as_secs() + 60));
    platform.retention.confirm_clock().await?;
    let round = platform.retention.run_once().await?;
    assert!(matches!(round, Report::Purged(_)), "{round:?}");
    assert_eq!(platform.events(DOMAIN).await?.len(), 2);
    platform.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_sandbox_behaves_as_its_recipients_are_named() -> Result<()> {
    let platform = Platform::start(Setting::default()).await?;
    for name in
        ["anybody@elsewhere.test", "defer@sandbox.test", "bounce@sandbox.test", "complain@sandbox.test"]
    {
        platform.send(SANDBOX, name, "text", &[]).await?;
    }
    platform.until(|| async { Ok(platform.events(SANDBOX).await?.len() >= 9) }).await?;
    let mut told: Vec<String> = Vec::new();
    for event in platform.events(SANDBOX).await? {
        let severity = event["severity"].as_str().unwrap_or_default();
        let words = [event["recipient"].as_str(), event["event"].as_str(), Some(severity)];
        told.push(words.into_iter().flatten().collect::<Vec<_>>().join(" ").trim_end().to_owned());
    }
    for expected in [
        "anybody@elsewhere.test delivered",
        "defer@sandbox.test failed temporary",
        "bounce@sandbox.test failed permanent",
        "complain@sandbox.test delivered",
        "complain@sandbox.test complained",
    ] {
        assert!(told.iter().any(|line| line == expected), "{expected} in {told:#?}");
    }
    assert_eq!(
        platform.store.queue_entries(&QueueFilter::default(), 10).await?.len(),
        1,
        "the deferred one waits"
    );
    assert_eq!(platform.peer.seen().connections, 0, "nothing leaves");
    platform.stop().await;
    Ok(())
}
