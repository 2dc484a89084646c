//! A line for each event, as it happens.

use anyhow::Result;
use waxseal_model::AccountId;
use waxseal_store::event_log::StoredEvent;

use super::own_data;
use crate::house::House;
use crate::output::say;

/// Prints events of the account from now on; ends only with an error.
pub(super) async fn print_events(house: &House, account: AccountId) -> Result<()> {
    let mut events = house.insight.follow(house.insight.end_of_log().await?, Some(account));
    loop {
        say!("{}", line(&events.next().await?));
    }
}

fn line(event: &StoredEvent) -> String {
    let details = event.details.open(&own_data());
    let time = event.at.to_jiff().to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S");
    let what = match event.severity {
        Some(severity) => format!("{} ({})", event.kind.as_str(), severity.as_str()),
        None => event.kind.as_str().to_owned(),
    };
    let recipient = details.recipient.as_deref().unwrap_or_default();
    let status = details.delivery_status.as_ref();
    let reply = status.map(|status| format!("{} {}", status.code, status.message)).unwrap_or_default();
    printable(format!("{time}  {what:<20} {recipient}  “{}”  {reply}", details.message.subject).trim_end())
}

/// Without control characters: a subject must not move the cursor.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_subject_cannot_move_the_cursor() {
        assert_eq!(super::printable("a\u{1b}[2Jb\nc"), "a [2Jb c");
    }
}
