//! Custom variables (`v:`, `X-Mailgun-Variables`): in events, and in a header of the delivered copy.

use std::fmt::Write as _;

/// Variables by name, the last of a name winning at the place of the first.
pub(crate) fn merge(variables: impl IntoIterator<Item = (String, String)>) -> Vec<(String, String)> {
    let mut merged: Vec<(String, String)> = Vec::new();
    for (name, value) in variables {
        match merged.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => merged.push((name, value)),
        }
    }
    merged
}

/// The variables as events carry them: four kilobytes, cut beyond.
pub(crate) fn for_events(variables: &[(String, String)]) -> Vec<(String, String)> {
    let mut room = MOST_IN_EVENTS;
    let mut kept = Vec::new();
    for (name, value) in variables {
        if name.len() >= room {
            break;
        }
        room -= name.len();
        let value = crate::events::shorten(value, room);
        room -= value.len();
        kept.push((name.clone(), value));
    }
    kept
}

/// The value of `X-Mailgun-Variables`: a JSON object in ASCII, with spaces at which it can be folded.
pub(crate) fn header(variables: &[(String, String)]) -> String {
    let mut json = String::from("{");
    for (index, (name, value)) in variables.iter().enumerate() {
        if index > 0 {
            json.push_str(", ");
        }
        push_string(&mut json, name);
        json.push_str(": ");
        push_string(&mut json, value);
    }
    json.push('}');
    json
}

/// A JSON string in printable ASCII (RFC 8259, section 7): no line break, no character beyond.
fn push_string(json: &mut String, text: &str) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            ' '..='~' => json.push(c),
            _ => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| {
                // Writing to a string cannot fail.
                let _ = write!(json, "\\u{unit:04x}");
            }),
        }
    }
    json.push('"');
}

const MOST_IN_EVENTS: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_header_is_json_of_printable_ascii() {
        let variables = pairs(&[("id", "1"), ("quote\"", "a\r\nBcc: é 😀 \\")]);
        let header = header(&variables);
        assert!(header.bytes().all(|b| matches!(b, b' '..=b'~')), "{header}");
        let parsed: serde_json::Value = serde_json::from_str(&header).expect("JSON");
        assert_eq!(parsed["quote\""], "a\r\nBcc: é 😀 \\");
        assert_eq!(parsed["id"], "1");
    }

    #[test]
    fn the_last_of_a_name_wins() {
        assert_eq!(merge(pairs(&[("a", "1"), ("b", "2"), ("a", "3")])), pairs(&[("a", "3"), ("b", "2")]));
    }

    #[test]
    fn events_carry_four_kilobytes_at_most() {
        let long = "é".repeat(3_000);
        let kept = for_events(&pairs(&[("a", "1"), ("long", &long), ("late", "x")]));
        let size: usize = kept.iter().map(|(name, value)| name.len() + value.len()).sum();
        assert!(size <= MOST_IN_EVENTS);
        assert_eq!(kept[0], ("a".into(), "1".into()));
        assert!(kept[1].1.len() > 4_000 && long.starts_with(&kept[1].1));
        assert_eq!(for_events(&pairs(&[("a", "1")])), pairs(&[("a", "1")]));
    }
}
