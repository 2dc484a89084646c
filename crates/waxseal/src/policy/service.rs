//! What the service does: S1 to S15.

use anyhow::{Context as _, Result, ensure};
use waxseal_model::Timestamp;
use waxseal_store::queue::QueueFilter;

use super::{
    figures::{kept, moment},
    row::{Found, Instance, Row},
};
use crate::{config::Role, roles};

/// Days: what a certificate that Waxseal makes itself lasts longer than.
const FOR_EVER: u64 = 36_500;

/// The rows.
pub(super) const ROWS: &[Row] = &[
    Row {
        row: "S1",
        promise: "Accounts: register with name, company, addresses, domain and card; log in; users, roles, keys",
        mechanism: "accounts with a profile sealed under a key of their own; API keys and SMTP credentials as hashes",
        missing: Some("postal address and other contact, payment card, log in, users and roles"),
        check: Some(|instance| Box::pin(accounts(instance))),
    },
    Row {
        row: "S2",
        promise: "Send: over the HTTP API and SMTP submission, durable queue, DKIM, delivery, retry",
        mechanism: "stored with fsync before success is said; two DKIM signatures; MX delivery with retries for five \
                    days",
        missing: None,
        check: Some(|instance| Box::pin(sends(instance))),
    },
    Row::unbuilt(
        "S3",
        "Receive: mail for customers' domains, Routes with forward, store() and stop",
        "mail from other servers and Routes",
    ),
    Row::unbuilt(
        "S4",
        "Outbound reputation systems: sample and score, bounce and complaint rates; slow, hold, suspend",
        "sampling, scores, rates and what follows from them; only hard bounces are suppressed",
    ),
    Row {
        row: "S5",
        promise: "Log data and real-time logs: every event of a message searchable at once and live",
        mechanism: "events are committed with the change they tell of, and found by the events API from then on",
        missing: Some(
            "a live log for customers: the API is asked again and again, only quickstart shows events live",
        ),
        check: Some(|instance| Box::pin(logs(instance))),
    },
    Row::unbuilt("S6", "Email validation that stores no address it was asked about", "validation"),
    Row {
        row: "S7",
        promise: "TLS on every door: HTTPS, SMTP in and out, certificates obtained and renewed by themselves",
        mechanism: "rustls on the listeners; STARTTLS taken wherever it is offered on the way out",
        missing: Some("certificates by ACME: they are files, or self-signed"),
        check: Some(|instance| Box::pin(tls(instance))),
    },
    Row::unbuilt(
        "S8",
        "Billing and collection: plans, subscriptions, metering, invoices, dunning",
        "billing",
    ),
    Row::unbuilt(
        "S9",
        "Dedicated IP addresses: request, assign, pool, warm up; reassignment record for ARIN",
        "requests, pools, warm-up and records; a message may ask for one of the instance's addresses",
    ),
    Row::unbuilt("S10", "Support and sales requests: ticketing, product feedback, chat", "support"),
    Row::unbuilt(
        "S11",
        "Own communications: newsletters and offers with opt-out, service messages without",
        "own communications",
    ),
    Row::unbuilt(
        "S12",
        "The Site: public pages, pricing, docs, blog with comments, status",
        "the site; there is documentation as files",
    ),
    Row::unbuilt(
        "S13",
        "Measurement of the Site and campaigns, non-personal, with opt-out",
        "the site and its measurement",
    ),
    Row::unbuilt("S14", "Terms of service: versions, acceptance, enforcement", "terms and their acceptance"),
    Row {
        row: "S15",
        promise: "Open, click and unsubscribe tracking, statistics, tags, suppressions, lists, templates, webhooks",
        mechanism: "hard bounces are suppressed and later messages to them not sent; tags stand in events",
        missing: Some(
            "tracking, statistics, mailing lists, templates, webhooks, and suppressions by API: only bounces are \
             listed by themselves",
        ),
        check: None,
    },
];

async fn accounts(instance: &Instance<'_>) -> Result<Found> {
    let store = &instance.house.store;
    let (mut accounts, mut keys, mut after) = (0_usize, 0_usize, None);
    loop {
        let page = store.accounts(after, 500).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        accounts += page.len();
        for account in &page {
            keys += store.api_keys(account.id).await?.len();
        }
    }
    Found::all(format!("{accounts} accounts whose profiles open, {keys} API keys, each kept as a hash"))
}

async fn sends(instance: &Instance<'_>) -> Result<Found> {
    let proof = instance.proof().await?;
    proof.wants_both("accepted")?;
    proof.wants_both("arrived over SMTP and TLS")?;
    proof.wants_both("both DKIM signatures verify")?;
    let store = &instance.house.store;
    let counts = store.queue_counts(&QueueFilter::default()).await?;
    Found::all(format!(
        "a scratch run of this binary: 2 messages accepted (HTTP and SMTP), both delivered, 4 DKIM signatures \
         verified; this instance: {} waiting, {} in flight, {} events in its log",
        counts.waiting,
        counts.in_flight,
        instance.holdings().await?.events.count
    ))
}

async fn logs(instance: &Instance<'_>) -> Result<Found> {
    let events = instance.holdings().await?.events;
    let end = instance.house.store.log_end().await?;
    Found::all(format!("{}; the newest is number {end}", kept(events, "events")?))
}

async fn tls(instance: &Instance<'_>) -> Result<Found> {
    let config = instance.house.config.clone();
    let identity = roles::identity(&config);
    let submission = config.has(Role::Submission);
    let https = config.has(Role::Api) && config.http_tls;
    let (end, name) = tokio::task::spawn_blocking(move || {
        waxseal_net::server_tls(&identity)?;
        let name = match &identity {
            waxseal_net::Identity::Files { .. } => "certificate",
            waxseal_net::Identity::SelfSigned { .. } => "self-signed certificate",
        };
        Ok::<_, waxseal_net::ServerTlsError>((waxseal_net::certificate_end(&identity)?, name))
    })
    .await
    .context("the certificate")??;
    let end = Timestamp::from_secs(i64::try_from(end).unwrap_or(i64::MAX));
    let now = instance.house.clock.now();
    ensure!(end > now, "the {name} ended at {}", moment(end));
    let days = end.since(now).as_secs() / 86_400;
    let good =
        if days > FOR_EVER { "without an end".to_owned() } else { format!("good for {days} more days") };
    instance.proof().await?.wants_both("arrived over SMTP and TLS")?;
    Found::all(format!(
        "{name} {good}, {}; submission {}, HTTP API {}; outgoing: both messages of a scratch run \
         went under TLS",
        waxseal_net::versions().join(" and "),
        if submission { "with it" } else { "off" },
        if https { "with it" } else { "without it: behind a proxy, or on loopback" },
    ))
}
