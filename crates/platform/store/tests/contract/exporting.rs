//! An export holds everything about whom it is about, and nothing about anybody else; taken over, it is equal.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::Value;
use waxseal_model::{
    Access, CredentialId, MessageId, actor,
    data_class::Export,
    event::{AttachmentInfo, DeliveryStatus, EventDetails, EventKind, MessageInfo},
    purpose,
    suppression::SuppressionKind,
};
use waxseal_store::{
    Store,
    account::{AccountProfile, KeyScope, NewAccount},
    credential::{NewNetworkCredential, NewSmtpCredential},
    export::{ExportSubject, Scope},
    grant::{GrantState, NewGrant},
    import::{ImportError, Importer, MakeDkim},
    message::Idempotency,
    queue::{Outcome, QueueEntry, QueueFilter},
    relay::{NewRelay, RelayLogin, RelayOwner},
    request::{NewRequest, RequestDetails, RequestKind},
    suppression::{NewSuppression, SuppressionDetails},
};

use crate::world::{ACCESS, Sender, World};

/// Lines by table, and content by message.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Dump {
    lines: BTreeMap<&'static str, Vec<String>>,
    pub(crate) content: BTreeMap<MessageId, Vec<u8>>,
}

impl Dump {
    pub(crate) fn text(&self) -> String {
        let lines: String = self.lines.values().flatten().map(String::as_str).collect();
        let content: Vec<u8> = self.content.values().flatten().copied().collect();
        lines + &String::from_utf8(content).expect("text")
    }

    pub(crate) fn rows(&self, table: &str) -> Vec<Value> {
        let lines = self.lines.get(table).into_iter().flatten();
        lines.map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Without what is made new when an account is taken over, and what cannot be taken over.
    fn normalised(mut self) -> Self {
        self.lines.remove("idempotency_keys");
        self.lines.remove("archive_jobs");
        for line in self.lines.get_mut("dkim_keys").into_iter().flatten() {
            let mut row: Value = serde_json::from_str(line).expect("JSON");
            row["public_key"] = Value::Null;
            *line = row.to_string();
        }
        self
    }
}

pub(crate) async fn export(world: &World, subject: ExportSubject) -> Dump {
    let scope: Scope = world.store.export_scope(&subject).await.expect("a scope");
    let mut dump = Dump::default();
    for table in scope.tables() {
        let mut cursor = None;
        loop {
            let page = world.store.export_page(&scope, table, cursor).await.expect("a page");
            for row in page.rows {
                if let Some((id, mime)) = row.content {
                    dump.content.insert(id, mime.into_open(&crate::world::WORKER));
                } else {
                    let line = String::from_utf8(row.line.into_open(&ACCESS)).expect("text");
                    dump.lines.entry(table).or_default().push(line);
                }
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
    }
    dump
}

fn details(tag: &str, header: &str, recipients: &[String]) -> EventDetails {
    EventDetails {
        recipient: recipients.first().cloned(),
        tags: vec![format!("{tag}-tag")],
        user_variables: vec![(format!("{tag}-variable"), format!("{tag}-value"))],
        message: MessageInfo {
            message_id: header.to_owned(),
            from: format!("{tag}-from@sender.example"),
            to: recipients.join(", "),
            subject: format!("{tag}-subject"),
            attachments: vec![AttachmentInfo {
                filename: format!("{tag}-file"),
                ..AttachmentInfo::default()
            }],
            recipients: recipients.to_vec(),
            ..MessageInfo::default()
        },
        delivery_status: Some(DeliveryStatus {
            message: format!("{tag}-reply"),
            session_seconds: 0.1 + 0.2,
            ..DeliveryStatus::default()
        }),
        originating_ip: Some("192.0.2.1".into()),
        ..EventDetails::default()
    }
}

/// Sends a message that is captured, or else deferred once.
async fn send(world: &World, sender: Sender, tag: &str, recipients: &[String], capture: bool) -> MessageId {
    let addresses: Vec<&str> = recipients.iter().map(String::as_str).collect();
    let mut new = world.message(&addresses);
    new.body = format!("Subject: x\r\n\r\n{tag}-content\r\n").into_bytes();
    new.template = details(tag, &new.header_message_id, recipients);
    new.capture = capture;
    new.archive_to = Some(format!("https://archive.example/{tag}-copies"));
    let id = new.id;
    let mut accept = world.accept(sender, new);
    let header = accept.messages[0].header_message_id.clone();
    for (event, recipient) in accept.events.iter_mut().zip(recipients) {
        event.details =
            EventDetails { recipient: Some(recipient.clone()), ..details(tag, &header, recipients) };
    }
    let mut key_hash = [0; 32];
    world.random().fill(&mut key_hash);
    accept.idempotency = Some(Idempotency {
        key_hash,
        request_hash: [1; 32],
        answer: format!("<{tag}-answer>"),
        expires_at: world.now() + Duration::from_secs(86_400),
    });
    world.store.accept(accept).await.expect("accepted");
    let settlements = world.lease(100).await;
    let settlements = settlements.iter().map(|entry| {
        let mut settlement = world.delivered(entry);
        settlement.events.clear();
        settlement.outcome = match capture {
            true => Outcome::Captured { expires_at: world.now() + Duration::from_secs(3_600) },
            false => Outcome::Deferred {
                next_attempt_at: world.now() + Duration::from_secs(9_000),
                first_attempt_at: world.now(),
                last_reply: format!("450 {tag}-last-reply"),
            },
        };
        settlement
    });
    world.store.settle(settlements.collect()).await.expect("settled");
    id
}

/// A customer with something in every table, and the words that nobody else has.
async fn customer(world: &World, tag: &str, network: &str) -> (Sender, Vec<String>) {
    let account = waxseal_model::AccountId::new(world.clock(), world.random());
    let profile = AccountProfile {
        name: format!("{tag}-name"),
        email: format!("{tag}-email@customer.example"),
        company: Some(format!("{tag}-company")),
    };
    let mut key = world.key(account, KeyScope::Account);
    key.label = format!("{tag}-label");
    let created_at = world.now();
    world.store.create_account(NewAccount { id: account, created_at, profile }, key).await.expect("made");
    let mut domain = world.new_domain(account, &format!("{tag}-domain.example"));
    domain.dkim_keys[0].selector = format!("{tag}-selector");
    let sender = Sender { account, domain: domain.id };
    world.store.create_domain(domain).await.expect("a domain");
    let login = NewSmtpCredential {
        id: CredentialId::new(world.clock(), world.random()),
        account,
        domain: sender.domain,
        login: format!("{tag}-login@domain.example"),
        password_hash: format!("{tag}-password"),
        created_at,
    };
    world.store.create_smtp_credential(login).await.expect("a login");
    let network = NewNetworkCredential {
        id: CredentialId::new(world.clock(), world.random()),
        account,
        network: network.parse().expect("a network"),
        created_at,
    };
    let shown = network.network.to_string();
    world.store.create_network_credential(network).await.expect("a network");
    let url = format!("smtps://{tag}-relay.example:465");
    let login = Some(RelayLogin { user: format!("{tag}-user"), password: format!("{tag}-password") });
    let owner = RelayOwner { account, domain: Some(sender.domain) };
    world.store.set_relay(owner, NewRelay::Server { url, login, share: 25 }).await.expect("a relay");
    let to = |name: &str| format!("{tag}-{name}@one.example");
    send(world, sender, &format!("{tag}-1"), &[to("bob")], false).await;
    send(world, sender, &format!("{tag}-2"), &[to("bob"), to("ann")], false).await;
    send(world, sender, &format!("{tag}-3"), &[to("cid")], true).await;
    let mut event = world.event(sender, EventKind::Failed, None);
    event.severity = Some(waxseal_model::event::Severity::Temporary);
    event.details = details(&format!("{tag}-4"), "", &[]);
    world.store.append_events(vec![event]).await.expect("an event");
    let suppressed = NewSuppression {
        account,
        domain: sender.domain,
        kind: SuppressionKind::Unsubscribe,
        address: to("dan"),
        details: SuppressionDetails {
            error: format!("{tag}-error"),
            tags: vec!["*".into()],
            ..Default::default()
        },
        created_at,
    };
    world.store.suppress(vec![suppressed]).await.expect("suppressed");
    let grant = NewGrant {
        account,
        reason: format!("{tag}-reason"),
        expires_at: world.now() + Duration::from_secs(3_600),
        second_operator: false,
        needs_consent: false,
    };
    let grant = world.store.add_grant(grant).await.expect("a grant");
    assert!(world.store.close_grant(grant.number).await.expect("closed"));
    let request = NewRequest {
        account: Some(account),
        kind: RequestKind::Correction,
        received_at: world.now(),
        due_at: world.now(),
        details: RequestDetails { about: format!("{tag}-asked"), ..Default::default() },
    };
    world.store.add_request(request).await.expect("a request");
    let mut words: Vec<String> = [
        "relay.example",
        "user",
        "asked",
        "reason",
        "name",
        "email@",
        "company",
        "label",
        "domain.example",
        "selector",
        "login@",
    ]
    .iter()
    .map(|word| format!("{tag}-{word}"))
    .collect();
    for number in ["1", "2", "3", "4"] {
        for word in ["tag", "variable", "value", "from@", "subject", "file", "reply"] {
            words.push(format!("{tag}-{number}-{word}"));
        }
    }
    for number in ["1", "2", "3"] {
        words.extend(["content", "answer"].map(|word| format!("{tag}-{number}-{word}")));
    }
    words.extend(
        ["1-last-reply", "2-last-reply", "1-copies", "2-copies", "error"].map(|word| format!("{tag}-{word}")),
    );
    words.extend(["bob@", "ann@", "cid@", "dan@"].map(|name| format!("{tag}-{name}")));
    words.push(shown);
    (sender, words)
}

fn make_dkim() -> MakeDkim {
    Arc::new(|_| Some((b"a new private half".to_vec(), vec![1; 32])))
}

async fn take_over(store: &Store, sender: Sender, dump: &Dump) -> Result<u64, ImportError> {
    let mut importer = store.import(sender.account, make_dkim());
    let mut left_out = 0;
    for table in Importer::tables() {
        for (id, mime) in dump.content.iter().filter(|_| table == "bodies") {
            importer.content(*id, mime).await?;
        }
        let lines: Vec<&[u8]> = dump.lines.get(table).into_iter().flatten().map(String::as_bytes).collect();
        left_out += importer.lines(table, &lines).await?;
    }
    importer.finish().await?;
    Ok(left_out)
}

pub(crate) async fn an_account_is_exported_with_everything_in_it_and_nothing_of_others(world: World) {
    let (mine, words) = customer(&world, "mine", "10.1.0.0/16").await;
    let (_, foreign) = customer(&world, "other", "10.2.0.0/16").await;
    let dump = export(&world, ExportSubject::Account(mine.account)).await;
    let text = dump.text();
    let missing: Vec<&String> = words.iter().filter(|word| !text.contains(word.as_str())).collect();
    assert!(missing.is_empty(), "not in it: {missing:?}");
    let leaked: Vec<&String> = foreign.iter().filter(|word| text.contains(word.as_str())).collect();
    assert!(leaked.is_empty() && !text.contains("other-"), "somebody else's: {leaked:?}");
    assert!(!text.contains("mine-password") && !text.contains("the private half"), "no secrets");
    // Column by column, as the data map says.
    for column in Store::data_map() {
        let wanted = column.class.export == Export::Yes;
        if column.table.starts_with("keys.") || column.table == "bodies" {
            continue;
        }
        for row in dump.rows(column.table) {
            let there = row.get(column.column).is_some();
            assert_eq!(there, wanted, "{}.{}", column.table, column.column);
        }
        if wanted {
            assert!(!dump.rows(column.table).is_empty(), "{} has no rows in this test", column.table);
        }
    }
}

pub(crate) async fn a_recipient_is_exported_without_the_others(world: World) {
    let (mine, _) = customer(&world, "mine", "10.1.0.0/16").await;
    let address = "mine-BOB@one.example".to_owned();
    let dump = export(&world, ExportSubject::Recipient { account: mine.account, address }).await;
    let text = dump.text();
    for word in
        ["mine-bob@one.example", "mine-1-content", "mine-1-subject", "mine-2-subject", "mine-1-last-reply"]
    {
        assert!(text.contains(word), "{word} is not in it");
    }
    for word in
        ["mine-ann@", "mine-cid@", "mine-dan@", "mine-2-content", "mine-3-", "mine-4-", "mine-name", "other-"]
    {
        assert!(!text.contains(word), "{word} is in it");
    }
    assert_eq!(dump.rows("queue_entries").len(), 2);
    assert_eq!(dump.rows("events").len(), 2);
    let cid = ExportSubject::Recipient { account: mine.account, address: "mine-cid@one.example".into() };
    let cid = export(&world, cid).await;
    assert_eq!((cid.rows("inbox_items").len(), cid.content.len()), (1, 1));
    let dan = ExportSubject::Recipient { account: mine.account, address: "mine-dan@one.example".into() };
    assert_eq!(export(&world, dan).await.rows("suppressions").len(), 1);
    let login = ExportSubject::Login { account: mine.account, login: "mine-Login@domain.example".into() };
    let login = export(&world, login).await;
    assert_eq!((login.lines.len(), login.rows("smtp_credentials").len()), (1, 1));
}

pub(crate) async fn an_account_that_is_taken_over_is_equal(world: World) {
    let from = World::sqlite().await;
    let (sender, _) = customer(&from, "mine", "10.1.0.0/16").await;
    let dump = export(&from, ExportSubject::Account(sender.account)).await;
    assert_eq!(
        take_over(&world.store, sender, &dump).await.expect("taken over"),
        5,
        "answers and copies stay behind"
    );
    let after = export(&world, ExportSubject::Account(sender.account)).await;
    // And back: on whichever engine it was.
    let back = World::sqlite().await;
    take_over(&back.store, sender, &after).await.expect("taken over");
    let again = export(&back, ExportSubject::Account(sender.account)).await.normalised();
    back.end().await;
    let (before, after) = (dump.normalised(), after.normalised());
    assert_eq!(before, after);
    assert_eq!(after, again);
    // The hashes were made again.
    let bob = export(
        &world,
        ExportSubject::Recipient { account: sender.account, address: "mine-bob@one.example".into() },
    );
    assert_eq!(bob.await.rows("events").len(), 2);
    let access = Access::new(actor::System, purpose::Authentication);
    let login = world.store.smtp_credential("mine-login@domain.example").await.expect("read");
    assert!(login.is_some_and(|login| !login.password_hash.open(&access).contains("mine-password")));
    let rules = crate::relays::rules(&world).await;
    let relay = (crate::relays::of_domain(sender), "smtps://mine-relay.example:465 mine-user: 25".to_owned());
    assert_eq!(rules, [relay], "a relay whose password is to be set again");
    // Nothing leaves by itself.
    world.clock.advance(Duration::from_secs(86_400));
    assert!(world.lease(100).await.is_empty());
    from.end().await;
}

pub(crate) async fn nothing_is_taken_over_by_halves_or_beside_others(world: World) {
    let from = World::sqlite().await;
    let (sender, _) = customer(&from, "mine", "10.1.0.0/16").await;
    let mut dump = export(&from, ExportSubject::Account(sender.account)).await;
    let whole = std::mem::take(&mut dump.lines.get_mut("suppressions").expect("there are")[0]);
    let broken = whole.replace("\"created_at\"", "\"createdat\"");
    dump.lines.get_mut("suppressions").expect("there are")[0] = broken;
    let refused = take_over(&world.store, sender, &dump).await;
    assert!(matches!(refused, Err(ImportError::Line { table: "suppressions", column: "created_at" })));
    dump.lines.get_mut("suppressions").expect("there are")[0] = whole;
    assert!(world.store.accounts(None, 10).await.expect("read").is_empty(), "nothing stays");
    take_over(&world.store, sender, &dump).await.expect("taken over");
    let again = take_over(&world.store, sender, &dump).await;
    assert!(matches!(again, Err(ImportError::NotEmpty)));
    from.end().await;
}

pub(crate) async fn what_waited_elsewhere_is_held_until_somebody_says_so(mut world: World) {
    let from = World::sqlite().await;
    let (sender, _) = customer(&from, "mine", "10.1.0.0/16").await;
    let dump = export(&from, ExportSubject::Account(sender.account)).await;
    from.end().await;
    take_over(&world.store, sender, &dump).await.expect("taken over");
    world.clock.advance(Duration::from_secs(86_400));
    world.reopen().await;
    assert!(world.lease(100).await.is_empty(), "a restart sends nothing");
    world
        .store
        .ask_account_erasure(sender.account, world.now() + Duration::from_secs(9))
        .await
        .expect("asked");
    while world.store.park(sender.account).await.expect("parked") > 0 {}
    assert!(world.store.take_back_erasure(sender.account).await.expect("taken back"));
    assert!(world.lease(100).await.is_empty(), "nor does opening it again");
    assert_eq!(world.store.next_due().await.expect("asked"), None);
    let waiting = world.store.queue_entries(&QueueFilter::default(), 9).await.expect("listed");
    assert!(waiting.iter().all(QueueEntry::is_held) && waiting.len() == 3);
    let message = waiting[0].message;
    let retried = world.store.retry_now(message, world.now()).await.expect("retried");
    assert_eq!(world.lease(100).await.len() as u64, retried);
    world.store.close().await;
}

pub(crate) async fn nobody_looks_at_what_was_taken_over(world: World) {
    let from = World::sqlite().await;
    let (sender, _) = customer(&from, "mine", "10.1.0.0/16").await;
    let grant = NewGrant {
        account: sender.account,
        reason: "a sight that is open".into(),
        expires_at: from.now() + Duration::from_secs(3_600),
        second_operator: false,
        needs_consent: false,
    };
    from.store.add_grant(grant).await.expect("a grant");
    let dump = export(&from, ExportSubject::Account(sender.account)).await;
    take_over(&world.store, sender, &dump).await.expect("taken over");
    let grants = world.store.grants(Some(sender.account), None, 9).await.expect("read");
    assert_eq!(grants.len(), 2, "the owner sees who looked");
    for grant in grants {
        assert_eq!(grant.state(world.now()), GrantState::Closed);
        assert!(world.store.use_grant(grant.number).await.expect("asked").is_none());
    }
    from.end().await;
}
