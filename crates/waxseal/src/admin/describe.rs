//! Answers in words, for those who did not ask for JSON.

use std::fmt::Write as _;

use serde_json::Value;
use waxseal_store::domain::{DomainKind, DomainState};

/// The word of the API for a state.
pub(super) const fn state(state: DomainState) -> &'static str {
    match state {
        DomainState::Active => "active",
        DomainState::Unverified => "unverified",
        DomainState::Disabled => "disabled",
    }
}

/// The word of the API for a kind.
pub(super) const fn kind(kind: DomainKind) -> &'static str {
    match kind {
        DomainKind::Custom => "custom",
        DomainKind::Sandbox => "sandbox",
    }
}

/// An answer as aligned lines: `name  value`, lists one below the other.
pub(crate) fn describe(answer: &Value) -> String {
    let mut text = String::new();
    lines(answer, 0, &mut text);
    text
}

fn lines(value: &Value, indent: usize, text: &mut String) {
    let Value::Object(fields) = value else {
        let _ = writeln!(text, "{:indent$}{}", "", plain(value));
        return;
    };
    let width = fields
        .iter()
        .filter(|(_, value)| !is_list(value) && !value.is_null())
        .map(|(name, _)| name.len())
        .max();
    for (name, value) in fields {
        let name = name.replace('_', " ");
        match value {
            Value::Null => {}
            Value::Array(items) if items.is_empty() => {
                let _ = writeln!(text, "{:indent$}{name}: none", "");
            }
            Value::Array(items) => {
                let _ = writeln!(text, "{:indent$}{name}:", "");
                for item in items {
                    lines(item, indent + 2, text);
                    text.push('\n');
                }
                text.truncate(text.trim_end_matches('\n').len());
                text.push('\n');
            }
            Value::Object(_) => {
                let _ = writeln!(text, "{:indent$}{name}:", "");
                lines(value, indent + 2, text);
            }
            value => {
                let _ = writeln!(text, "{:indent$}{name:<1$}  {2}", "", width.unwrap_or(0), plain(value));
            }
        }
    }
}

fn is_list(value: &Value) -> bool {
    matches!(value, Value::Array(_) | Value::Object(_))
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_read_well() {
        let answer = json!({
            "name": "example.org",
            "state": "active",
            "panel_url": null,
            "dns": [{ "type": "TXT", "name": "a" }, { "type": "MX", "priority": 10 }],
            "items": [],
        });
        let expected = "\
name   example.org
state  active
dns:
  type  TXT
  name  a

  type      MX
  priority  10
items: none
";
        assert_eq!(describe(&answer), expected);
    }
}
