//! Pauses by command.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};
use waxseal_store::queue::{MOST_PAUSES, Pause};

use super::selection::Selection;
use crate::house::House;

/// Characters of a reason.
const LONGEST_REASON: usize = 200;

pub(in crate::admin) async fn pause(
    house: &House,
    selection: &Selection,
    reason: &str,
    time: Option<&str>,
) -> Result<Value> {
    let reason = reason.trim();
    ensure!(reason.chars().count() <= LONGEST_REASON, "--reason: at most {LONGEST_REASON} characters");
    ensure!(
        !reason.contains('@'),
        "--reason: name nobody in it: customers read it, and it rests in the clear"
    );
    ensure!(!reason.chars().any(char::is_control), "--reason: one line of text");
    let until = time.map(|text| duration("--for", text)).transpose()?.map(|time| house.clock.now() + time);
    let of = selection.pause_of(house).await?;
    let Some(pause) = house.store.pause(&of, reason.to_owned(), until).await? else {
        bail!("there are {MOST_PAUSES} pauses, as many as there may be; `waxseal queue pauses` lists them");
    };
    let mut answer = shown(house, &pause).await?;
    // Otherwise the DNS or every entry would have to be asked.
    if of.provider.is_none() && of.recipient.is_none() {
        let counts = house.store.queue_counts(&selection.filter(house, false).await?).await?;
        answer["touched"] = (counts.waiting + counts.in_flight).into();
    }
    Ok(answer)
}

pub(in crate::admin) async fn resume(
    house: &House,
    selection: &Selection,
    number: Option<u64>,
) -> Result<Value> {
    let ended = match number {
        Some(number) => house.store.resume_number(number).await?,
        None => house.store.resume(&selection.pause_of(house).await?).await?,
    };
    let Some(pause) = ended else {
        bail!("nothing is paused by exactly that; `waxseal queue pauses` lists what is");
    };
    let mut answer = shown(house, &pause).await?;
    answer["ended"] = true.into();
    answer["still_in_force"] = house.store.pauses().len().into();
    Ok(answer)
}

pub(in crate::admin) async fn list(house: &House, selection: &Selection) -> Result<Value> {
    let pauses = match selection.is_all() {
        true => house.store.pauses(),
        false => {
            let of = selection.pause_of(house).await?;
            house.store.pause_of(&of).await?.into_iter().collect()
        }
    };
    let mut items = Vec::with_capacity(pauses.len());
    for pause in &pauses {
        items.push(shown(house, pause).await?);
    }
    Ok(json!({ "items": items }))
}

async fn shown(house: &House, pause: &Pause) -> Result<Value> {
    let domain = match (pause.account, pause.domain) {
        (Some(account), Some(domain)) => house.store.domain(account, domain).await?.map(|domain| domain.name),
        _ => None,
    };
    let all = pause.account.is_none() && pause.provider.is_none() && !pause.to && !pause.recipient;
    // Whose it is stands there as a hash: asking for the name tells whether it is that.
    let hidden = |is: bool| is.then_some("(kept as a hash)");
    Ok(json!({
        "pause": pause.number,
        "all": all,
        "account": pause.account.map(|account| account.to_string()),
        "domain": domain,
        "to": hidden(pause.to),
        "provider": pause.provider,
        "recipient": hidden(pause.recipient),
        "reason": pause.reason,
        "since": pause.since.to_jiff().to_string(),
        "until": pause.until.map(|until| until.to_jiff().to_string()),
    }))
}

/// `30m`, `1h`, `2d`.
pub(crate) fn duration(option: &str, text: &str) -> Result<Duration> {
    let span = text.parse::<jiff::Span>().ok();
    let time = span.and_then(|span| span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok());
    match time.and_then(|time| Duration::try_from(time).ok()) {
        Some(time) if !time.is_zero() => Ok(time),
        _ => bail!("{option} {text}: expected a time such as 30m, 12h or 2d"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let seconds = |text| duration("--for", text).ok().map(|time| time.as_secs());
        assert_eq!(seconds("30m"), Some(1_800));
        assert_eq!(seconds("1h 30m"), Some(5_400));
        assert_eq!(seconds("2d"), Some(172_800));
        for wrong in ["", "0s", "-1h", "soon", "1"] {
            let error = duration("--for", wrong).expect_err(wrong).to_string();
            assert!(error.contains("--for") && error.contains("30m"), "{error}");
        }
    }
}
