//! A dump of the database in which what must differ from run to run is made equal: ids, times, keys, hashes.
//!
//! Everything else stays, what was sealed opened: so two dumps are equal if somebody has the same rows with the same
//! content, and are not if a row or a word is missing or too many.

use std::{borrow::Cow, collections::BTreeMap};

use anyhow::Result;
use waxseal_model::{
    Access, AccountId, actor,
    data_class::{AtRest, Category},
    purpose,
};
use waxseal_store::{
    Store,
    proof::{Form, Value},
};

use super::failures::UNDER_WAY_AT_A_CRASH;

/// How often each line is there.
pub(super) type Dump = BTreeMap<String, u64>;

/// To show that nothing is left.
pub(super) const PROVING: Access<purpose::Operation> = Access::new(actor::Operator, purpose::Operation);

/// Tables that tell of erasures of others, as they must: the journal, graves of accounts, notes of the instance.
const OF_ERASURES: [&str; 4] = ["keys.ring_erasures", "keys.ring_graves", "instance_notes", "erasure_counts"];

/// Columns of numbers that are times, or count what everybody does.
const MOMENTS: [&str; 9] =
    ["at", "day", "seq", "number", "id", "epoch", "not_before", "captured_until", "applied_at"];

/// The rows of an account, and those that are nobody's.
pub(super) async fn of(store: &Store, account: AccountId) -> Result<Dump> {
    let mut dump = Dump::new();
    let take = |owner: Option<AccountId>, values: &[Value<'_>]| {
        let table = values.first().map_or("", |value| value.column.table);
        let told = owner.is_none() && OF_ERASURES.contains(&table);
        if !told && owner.is_none_or(|owner| owner == account) {
            let cells: Vec<String> =
                values.iter().map(|value| format!("{}={}", value.column.column, shown(value))).collect();
            *dump.entry(format!("{table}: {}", cells.join(" "))).or_default() += 1;
        }
    };
    store.every_row(&PROVING, take).await?;
    Ok(dump)
}

/// Lines that are in one of them alone, or more often.
pub(super) fn difference<'a>(one: &'a Dump, other: &Dump) -> Vec<&'a str> {
    one.iter()
        .filter(|(line, count)| other.get(*line).is_none_or(|found| found < *count))
        .map(|(line, _)| line.as_str())
        .collect()
}

fn shown(value: &Value<'_>) -> String {
    let Some(rest) = value.rest else { return "-".into() };
    let name = value.column.column;
    match value.form {
        // Made anew by each instance.
        Form::Bytes if ["selector", "public_key"].contains(&name) => "#".into(),
        Form::Number if MOMENTS.contains(&name) || name.ends_with("_at") || name.ends_with("until") => {
            "#".into()
        }
        Form::Number | Form::Text => normal(&String::from_utf8_lossy(rest)),
        Form::Bytes => match (value.opened, value.column.class.category) {
            (Some(_), Category::SystemAuthentication | Category::Password) => "secret".into(),
            (Some(opened), _) => std::str::from_utf8(opened).map_or_else(|_| "bytes".into(), normal),
            (None, _) if rest.is_empty() => "empty".into(),
            (None, _) if value.column.class.at_rest == AtRest::Clear => "bytes".into(),
            (None, _) => "hash or key".into(),
        },
    }
}

/// A text without what is chance in an event of a message that was under way when a server died: how it was delivered. It may
/// have been before, unseen or seen, or afterwards; the event says which.
fn without_chance(text: &str) -> Cow<'_, str> {
    let Ok(serde_json::Value::Object(mut event)) = serde_json::from_str(text) else { return text.into() };
    if event.get("message").is_none_or(|message| message["subject"] != UNDER_WAY_AT_A_CRASH) {
        return text.into();
    }
    event.remove("delivery_status");
    if let Some(envelope) = event.get_mut("envelope").and_then(serde_json::Value::as_object_mut) {
        envelope.remove("sending_ip");
    }
    serde_json::Value::Object(event).to_string().into()
}

/// A text in which each word with a digit in it, and each signature, is the same.
fn normal(text: &str) -> String {
    let text = &*without_chance(text);
    let mut normal = String::with_capacity(text.len());
    let mut signature = false;
    for line in text.split_inclusive('\n') {
        let folded = line.starts_with([' ', '\t']);
        signature = (signature && folded) || line.to_ascii_lowercase().starts_with("dkim-signature:");
        if !signature {
            words(line, &mut normal);
        }
    }
    normal
}

fn words(line: &str, normal: &mut String) {
    let mut rest = line;
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !is_of_word(letter)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        // A selector of DKIM is random and short: it may have no digit.
        match word.contains(|letter: char| letter.is_ascii_digit()) || after.starts_with("_domainkey") {
            true => normal.push('#'),
            false => normal.push_str(word),
        }
        let next = after.find(is_of_word).unwrap_or(after.len());
        let (between, after) = after.split_at(next);
        normal.push_str(between);
        rest = after;
    }
}

const fn is_of_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '.'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_run_to_run_is_made_equal_and_nothing_else() {
        let one = "Date: 1 Mar 2026\r\nDKIM-Signature: a=rsa;\r\n b=x/y+z\r\nSubject: hello\r\n";
        let other = "Date: 22 Mar 2027\r\nDKIM-Signature: a=rsa;\r\n b=q\r\nSubject: hello\r\n";
        assert_eq!(normal(one), normal(other));
        assert_eq!(normal(one), "Date: # Mar #\r\nSubject: hello\r\n");
        assert_ne!(normal(one), normal(&other.replace("hello", "hallo")));
    }

    #[test]
    fn how_a_message_was_delivered_around_a_crash_is_chance_and_of_all_others_it_is_not() {
        let event = |subject: &str, told: &str| {
            let message =
                format!(r#"{{"message":{{"subject":"{subject}"}},"envelope":{{"sending_ip":{told}}},"#);
            message + &format!(r#""delivery_status":{{"message":{told}}}}}"#)
        };
        let under_way = |told| normal(&event(UNDER_WAY_AT_A_CRASH, told));
        assert_eq!(under_way("\"Taken\""), under_way("null"));
        assert_ne!(under_way("null"), normal(&event("hello", "null")));
        assert_ne!(normal(&event("hello", "\"Taken\"")), normal(&event("hello", "null")));
    }

    #[test]
    fn a_row_more_or_less_makes_dumps_differ() {
        let dump = |lines: &[(&str, u64)]| -> Dump {
            lines.iter().map(|(line, count)| ((*line).to_owned(), *count)).collect()
        };
        let (one, two) = (dump(&[("a", 1), ("b", 2)]), dump(&[("a", 1), ("b", 1)]));
        assert_eq!(difference(&one, &two), ["b"]);
        assert!(difference(&two, &one).is_empty());
    }
}
