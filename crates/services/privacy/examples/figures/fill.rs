//! An account with much in it, put straight into a store.

use std::{error::Error, time::Duration};

use waxseal_model::{
    AccountId, Clock, DomainId, EventId, KeyId, MessageId, Random, RecipientId,
    event::{EventDetails, EventKind, MessageInfo},
    options::{DeliveryOptions, Schedule},
};
use waxseal_store::{
    Store,
    account::{AccountProfile, KeyScope, NewAccount, NewApiKey},
    message::{Accept, Envelope, NewEvent, NewMessage, NewQueueEntry},
};

/// Messages accepted by one call.
const BATCH: usize = 100;

/// Makes an account with that many messages of 4 KiB that wait, and events spread over them.
pub(crate) async fn fill(
    store: &Store,
    clock: &dyn Clock,
    random: &dyn Random,
    events: usize,
    messages: usize,
) -> Result<AccountId, Box<dyn Error>> {
    let (account, domain) = (AccountId::new(clock, random), DomainId::new(clock, random));
    let created_at = clock.now();
    let profile = AccountProfile { name: "A".into(), email: "a@customer.example".into(), company: None };
    let mut secret_hash = [0; 32];
    random.fill(&mut secret_hash);
    let (id, scope, label) = (KeyId::new(clock, random), KeyScope::Account, String::new());
    let key = NewApiKey { id, account, scope, secret_hash, label, created_at };
    store.create_account(NewAccount { id: account, created_at, profile }, key).await?;
    let each = events.div_ceil(messages.max(1));
    let mut left = messages;
    while left > 0 {
        let some = left.min(BATCH);
        left -= some;
        let mut accept =
            Accept { account, domain, messages: Vec::new(), events: Vec::new(), idempotency: None };
        for _ in 0..some {
            let id = MessageId::new(clock, random);
            let details = details(id);
            for _ in 0..each {
                accept.events.push(NewEvent {
                    id: EventId::new(clock, random),
                    at: clock.now(),
                    kind: EventKind::Accepted,
                    severity: None,
                    account,
                    domain,
                    message: Some(id),
                    details: details.clone(),
                });
            }
            accept.messages.push(message(clock, random, id, details));
        }
        store.accept(accept).await?;
    }
    Ok(account)
}

fn details(id: MessageId) -> EventDetails {
    EventDetails {
        recipient: Some(format!("{id}@one.example")),
        tags: vec!["weekly".into()],
        message: MessageInfo {
            message_id: format!("{id}@sender.example"),
            from: "News <news@sender.example>".into(),
            to: format!("{id}@one.example"),
            subject: "What is new this week".into(),
            ..MessageInfo::default()
        },
        ..EventDetails::default()
    }
}

fn message(clock: &dyn Clock, random: &dyn Random, id: MessageId, template: EventDetails) -> NewMessage {
    let now = clock.now();
    let mut noise = [0; 1_900];
    random.fill(&mut noise);
    let body = format!("Subject: What is new this week\r\n\r\n{}\r\n", hex::encode(noise));
    let entry = NewQueueEntry {
        id: RecipientId::new(clock, random),
        envelope: Envelope {
            reverse_path: "b@sender.example".into(),
            recipient: format!("{id}@one.example"),
            source: None,
        },
    };
    NewMessage {
        id,
        created_at: now,
        header_message_id: template.message.message_id.clone(),
        body: body.into_bytes(),
        template,
        options: DeliveryOptions::default(),
        schedule: Schedule { not_before: now, give_up_at: now + Duration::from_secs(432_000) },
        capture: false,
        keep_until: now,
        archive_to: None,
        entries: vec![entry],
    }
}
