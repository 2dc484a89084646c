//! What people ask about their data, by command. The service records what happens, with the request's number.

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use waxseal_model::Timestamp;
use waxseal_privacy::{
    audit::Operator,
    requests::{Requester, Requests, Step},
};
use waxseal_store::request::{
    FeeState, PrivacyRequest, RequestAnswer, RequestDetails, RequestKind, RequestOutcome,
};

use super::{audit::time, existing};
use crate::house::House;

/// What can be asked about people's requests.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub(crate) enum Asked {
    /// Write one down.
    Add {
        from: Option<String>,
        account: Option<String>,
        kind: String,
        about: String,
        received: Option<String>,
    },
    /// List them, naming nobody.
    List { all: bool, before: Option<u64>, limit: u64 },
    /// Show one with who asks.
    Show { number: u64 },
    /// The identity was checked.
    Verify { number: u64, how: String, by: String },
    /// A fee was named, paid or waived.
    Fee { number: u64, step: FeeStep },
    /// More time is taken.
    Extend { number: u64, because: String },
    /// It is answered.
    Answer { number: u64, erasures: Vec<String>, entry: Option<u64>, nothing_kept: bool, note: String },
    /// It is refused.
    Refuse { number: u64, because: String },
    /// Count what is open, due soon and overdue.
    Standing,
}

/// What becomes of a fee.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "fee")]
pub(crate) enum FeeStep {
    /// It is named.
    Quoted { amount: String, currency: String, because: String },
    /// It was paid.
    Paid,
    /// It is waived.
    Waived,
}

/// Does it.
pub(super) async fn perform(house: &House, by: Operator, asked: Asked) -> Result<Value> {
    let (number, step) = match asked {
        Asked::Add { from, account, kind, about, received } => {
            return add(house, by, from, account.as_deref(), &kind, &about, received).await;
        }
        Asked::List { all, before, limit } => return list(house, all, before, limit).await,
        Asked::Show { number } => return show(house, by, number).await,
        Asked::Standing => return standing(house).await,
        Asked::Verify { number, how, by } => (number, Step::IdentityChecked { how, by }),
        Asked::Fee { number, step: FeeStep::Quoted { amount, currency, because } } => {
            (number, Step::FeeQuoted { amount, currency, because })
        }
        Asked::Fee { number, step: FeeStep::Paid } => (number, Step::FeePaid),
        Asked::Fee { number, step: FeeStep::Waived } => (number, Step::FeeWaived),
        Asked::Extend { number, because } => (number, Step::Extended { because }),
        Asked::Answer { number, erasures, entry, nothing_kept, note } => {
            (number, Step::Answered(RequestAnswer { erasures, entry, nothing_kept, note }))
        }
        Asked::Refuse { number, because } => (number, Step::Refused { because }),
    };
    let request = house.requests().take(by, number, step).await?;
    Ok(summary(&request, house.clock.now()))
}

async fn add(
    house: &House,
    by: Operator,
    from: Option<String>,
    account: Option<&str>,
    kind: &str,
    about: &str,
    received: Option<String>,
) -> Result<Value> {
    let from = match (account, from) {
        (Some(account), _) => Requester::Account(existing(house, account).await?),
        (None, Some(from)) => Requester::Person(from),
        (None, None) => bail!("say who asks: an address, or --account"),
    };
    let kind = RequestKind::parse(kind).context("--kind: access, correction, erasure or objection")?;
    let received = received.map(|received| time("--received", &received)).transpose()?;
    let request = house.requests().add(by, from, kind, about, received).await?;
    Ok(summary(&request, house.clock.now()))
}

async fn list(house: &House, all: bool, before: Option<u64>, limit: u64) -> Result<Value> {
    let now = house.clock.now();
    let requests = house.requests().list(all, before, limit).await?;
    let items: Vec<Value> = requests.iter().map(|request| summary(request, now)).collect();
    Ok(json!({ "items": items }))
}

async fn show(house: &House, by: Operator, number: u64) -> Result<Value> {
    let (request, details) = house.requests().show(by, number).await?;
    let RequestDetails { from, about, identity, fee, extension, answer, refused_because } = details;
    let said = |text: String| (!text.is_empty()).then_some(text);
    let at = |micros| at(Timestamp::from_micros(micros));
    let mut shown = summary(&request, house.clock.now());
    shown["account_id"] = json!(request.account.map(|account| account.to_string()));
    shown["from"] = json!(said(from));
    shown["about"] = json!(said(about));
    shown["identity"] =
        json!(identity.map(|check| json!({ "how": check.how, "by": check.by, "at": at(check.at) })));
    shown["fee"] = json!(fee.map(|fee| {
        json!({
            "amount": fee.amount,
            "currency": fee.currency,
            "because": fee.because,
            "state": fee_word(fee.state),
            "at": at(fee.at),
        })
    }));
    shown["extension"] = json!(extension.map(|extension| {
        json!({
            "because": extension.because,
            "at": at(extension.at),
            "was_due_at": at(extension.was_due),
        })
    }));
    shown["answer"] = json!(answer.map(|answer| {
        json!({
            "erasures": answer.erasures,
            "entry": answer.entry,
            "nothing_kept": answer.nothing_kept,
            "note": said(answer.note),
        })
    }));
    shown["refused_because"] = json!(refused_because);
    Ok(shown)
}

/// How many are open, due soon, overdue.
pub(crate) async fn standing(house: &House) -> Result<Value> {
    let standing = house.requests().standing().await?;
    Ok(json!({
        "open": standing.open.len(),
        "due_soon": standing.due_soon.len(),
        "overdue": standing.overdue.len(),
    }))
}

/// A request without who asks.
fn summary(request: &PrivacyRequest, now: Timestamp) -> Value {
    let details = Requests::open(request).ok();
    let state = match request.closed {
        Some((_, RequestOutcome::Answered)) => "answered",
        Some((_, RequestOutcome::Refused)) => "refused",
        None if request.is_overdue(now) => "overdue",
        None => "open",
    };
    let left = (request.due_at.as_micros() - now.as_micros()).div_euclid(86_400_000_000);
    json!({
        "request": request.number,
        "kind": request.kind.as_str(),
        "asked_by": if request.account.is_some() { "an account" } else { "somebody without account" },
        "state": state,
        "received_at": at(request.received_at),
        "due_at": at(request.due_at),
        "days_left": request.closed.is_none().then_some(left),
        "identity_checked": details.as_ref().map(|details| details.identity.is_some()),
        "fee_state": details.as_ref().and_then(|details| details.fee.as_ref()).map(|fee| fee_word(fee.state)),
        "extended": details.as_ref().map(|details| details.extension.is_some()),
        "closed_at": request.closed.map(|(time, _)| at(time)),
    })
}

fn at(time: Timestamp) -> String {
    time.to_jiff().to_string()
}

const fn fee_word(state: FeeState) -> &'static str {
    match state {
        FeeState::Quoted => "quoted",
        FeeState::Paid => "paid",
        FeeState::Waived => "waived",
    }
}
