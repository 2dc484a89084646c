//! Nothing about people gets into what the process writes: log at its loudest, metrics, errors.

use anyhow::Result;
use waxseal_testkit::{Call, SmtpCall, smtp_peer::Reaction};

use crate::{DOMAIN, World};

/// Words that appear in addresses, subjects, contents, names and secrets of this test, and nowhere else.
const CANARIES: [&str; 7] = [
    "canarysender",
    "canaryrecipient",
    "canarysubject",
    "canarybody",
    "canaryname",
    "canarylogin",
    "canarybounce",
];

async fn use_everything(world: &World, server: &waxseal_testkit::Server) -> Result<()> {
    let path = format!("/v3/{DOMAIN}/messages");
    let fields = [
        ("from", "canaryname <canarysender@sender.test>"),
        ("to", "canaryname <canaryrecipient@recipient.test>"),
        ("subject", "canarysubject"),
        ("text", "canarybody"),
        ("v:canarybody", "canarybody"),
        ("h:X-Canary", "canarysubject"),
    ];
    let http = server.http();
    let sent = Call::post(http, &path, &fields).key(&world.key).send().await?;
    assert_eq!(sent.status, 200, "{}", sent.text());
    // Bounced by the recipient's server, with the address in its reply; refused by us; unauthorised.
    let bounced =
        [("from", "canarysender@sender.test"), ("to", "canarybounce@recipient.test"), ("text", "canarybody")];
    assert_eq!(Call::post(http, &path, &bounced).key(&world.key).send().await?.status, 200);
    let wrong = [("from", "canarysender@sender.test"), ("to", "canaryrecipient"), ("text", "canarybody")];
    assert_eq!(Call::post(http, &path, &wrong).key(&world.key).send().await?.status, 400);
    assert_eq!(Call::post(http, &path, &wrong).key("canarylogin").send().await?.status, 401);
    let events =
        format!("/v3/{DOMAIN}/events?recipient=canaryrecipient%40recipient.test&subject=canarysubject");
    Call::get(http, &events).key(&world.key).send().await?;
    Call::get(http, "/v3/canarylogin%40sender.test/nowhere").key(&world.key).send().await?;

    let made = world
        .binary
        .json(&["credential", "create", "canarylogin@sender.test", "--account", &world.account])
        .await?;
    let password = made["password"].as_str().unwrap_or_default();
    let mut smtp = SmtpCall::login(server.submission(), "canarylogin@sender.test", password).await?;
    let content = "Subject: canarysubject\r\nFrom: canaryname <canarysender@sender.test>\r\n\r\ncanarybody";
    let (code, text) =
        smtp.submit("canarysender@sender.test", "canaryrecipient@recipient.test", content).await?;
    assert_eq!(code, 250, "{text}");
    smtp.send("MAIL FROM:canarysender@sender.test\r\ncanarybody\r\n").await?;
    smtp.reply().await?;
    assert!(SmtpCall::login(server.submission(), "canarylogin@sender.test", "canarybody").await.is_err());
    world
        .peer
        .wait_for(|seen| seen.messages.iter().filter(|message| message.acknowledged).count() >= 2)
        .await;
    world.drained().await
}

/// What an operator looks for in the log of the day, for two recipients.
async fn marks(world: &World) -> Result<Vec<String>> {
    let mut marks = Vec::new();
    for address in ["canaryrecipient@recipient.test", "CanaryBounce@recipient.test"] {
        let told = world.binary.json(&["privacy", "log-mark", address]).await?;
        marks.push(waxseal_testkit::binary::text(&told, "mark")?);
    }
    assert_ne!(marks[0], marks[1]);
    Ok(marks)
}

#[tokio::test]
async fn no_address_subject_or_content_is_written_anywhere() -> Result<()> {
    for format in ["text", "json"] {
        let world = World::new(&[("log.level", "trace"), ("log.format", format)]).await?;
        let refusal = "550 5.1.1 <canarybounce@recipient.test> does not exist\r\n";
        world.peer.rescript(|script| {
            *script = std::mem::take(script)
                .recipient("canarybounce@recipient.test", [Reaction::Say(refusal.into())]);
        });
        let server = world.binary.serve().await?;
        use_everything(&world, &server).await?;
        let marks = marks(&world).await?;
        let metrics = Call::get(server.metrics(), "/metrics").send().await?.text();
        assert!(metrics.contains("# TYPE"), "there are metrics: {metrics}");
        let (status, written) = server.terminate().await?;
        assert!(status.success());
        assert!(written.lines().count() > 10, "there is a log to look at");
        let all = (written + &metrics).to_lowercase();
        for canary in CANARIES {
            let line = all.lines().find(|line| line.contains(canary));
            assert_eq!(line, None, "{canary} was written ({format})");
        }
        assert!(!all.contains('@'), "an address was written");
        let attempts = all.lines().filter(|line| line.contains("attempt")).collect::<Vec<_>>();
        for mark in marks {
            assert!(attempts.iter().any(|line| line.contains(&mark)), "{mark} in {attempts:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn without_a_server_there_is_no_mark_to_tell() -> Result<()> {
    let ended = crate::waxseal()?.run(&["privacy", "log-mark", "somebody@recipient.test"]).await?;
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains("no server runs here"), "{}", ended.stderr);
    Ok(())
}
