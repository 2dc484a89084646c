//! The public pages about data, made from the inventory: *What we keep* and *What we could hand over*.

use std::fmt::Write as _;

use crate::map::{self, Words};

/// A line of a page: what stands where, and its class.
struct Line {
    place: String,
    what: String,
    words: Words,
}

impl Line {
    fn is_personal(&self) -> bool {
        self.words.subject != "nobody"
    }
}

/// *What we keep*: every place with something about somebody, and the names of all others.
pub fn keep() -> String {
    let mut page = String::from(
        "# What we keep\n\n\
         Everything that Waxseal keeps about people, and everything that passes through it. This page is made from the \
         same inventory\nthat the program is built on (`waxseal privacy map --page keep`); what is not in it is not kept. \
         Categories are named as in\n[Fideslang](https://ethyca.github.io/fideslang/). Keys in `code` are of the \
         [configuration](../configuration.md).\n",
    );
    let lines = lines();
    for (title, kinds) in [
        ("In tables", &["table"][..]),
        ("In files", &["file"]),
        ("In the audit trail", &["trail field"]),
        ("In the log", &["log field"]),
        ("In memory", &["memory"]),
        ("Passing through", &["passing"]),
    ] {
        // Writing to a String does not fail.
        let _ = write!(
            page,
            "\n## {title}\n\n| where | what | category | whose | what for | ground | how long | how it rests | opened for | how it goes |\n\
             | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
        );
        for (_, line) in lines.iter().filter(|(kind, line)| kinds.contains(kind) && line.is_personal()) {
            let Line { place, what, words } = line;
            let Words { category, subject, purpose, ground, retention, erase, at_rest, opened_for, .. } =
                words;
            let opened_for = opened_for.join(", ");
            let _ = writeln!(
                page,
                "| `{place}` | {what} | `{category}` | {subject} | {purpose} | {ground} | {retention} | {at_rest} | {opened_for} | {erase} |"
            );
        }
    }
    page.push_str("\n## About nobody\n\nThese say nothing about anybody:\n\n");
    for (_, line) in lines.iter().filter(|(_, line)| !line.is_personal()) {
        let _ = writeln!(page, "- `{}`: {}", line.place, line.what);
    }
    page
}

/// *What we could hand over*: what whoever has the right to ask could be given, in what form, and until when.
pub fn handover() -> String {
    let mut page = String::from(
        "# What we could hand over\n\n\
         What could be given to whoever has the right to ask: a person about whom it is, a court. It is made from the \
         inventory\n(`waxseal privacy map --page handover`). What is past its limit is not there any more: its key is \
         destroyed, and no copy of it\ncan be read, in a backup either.\n\n\
         ## What can be read\n\n\
         While it is kept, by whoever runs the instance and has its keys.\n\n\
         | category | whose | where | until | in the customer's own export |\n| --- | --- | --- | --- | --- |\n",
    );
    let lines = lines();
    let stored = |line: &&(&str, Line)| !matches!(line.0, "memory" | "passing") && line.1.is_personal();
    let hash = map::at_rest(waxseal_model::data_class::AtRest::KeyedHash);
    let mut readable: Vec<&Line> = lines.iter().filter(stored).map(|(_, line)| line).collect();
    readable.retain(|line| line.words.at_rest != hash && line.words.category != "system.authentication");
    readable.sort_by_key(|line| line.words.category);
    for Line { place, what, words } in readable {
        let Words { category, subject, retention, export, .. } = words;
        let _ = writeln!(page, "| `{category}` | {subject} | `{place}`: {what} | {retention} | {export} |");
    }
    page.push_str(
        "\n## What can only be compared\n\n\
         Kept as a hash under a key. Whoever already has the value can be told whether it is the same; the value cannot be \
         told.\n\n",
    );
    for (_, line) in lines.iter().filter(stored).filter(|(_, line)| line.words.at_rest == hash) {
        let _ = writeln!(page, "- `{}`: {} ({})", line.place, line.what, line.words.subject);
    }
    page.push_str(
        "\n## What there is not\n\nThis passes through, or is in memory for a while, and is not written down as such:\n\n",
    );
    for (_, line) in lines.iter().filter(|(kind, _)| matches!(*kind, "memory" | "passing")) {
        let _ = writeln!(page, "- {}: {}", line.place, line.what);
    }
    page.push_str(
        "\nNot kept at all: who called the API from where, who read which mail, content whose limit is over, secrets of \
         accounts\n(passwords and API keys are kept as hashes).\n",
    );
    page
}

/// Columns of a table with the same class in one line, and every other place.
fn lines() -> Vec<(&'static str, Line)> {
    let mut lines: Vec<(&'static str, Line)> = Vec::new();
    for row in map::rows() {
        let same = lines
            .iter_mut()
            .find(|(_, line)| line.place == row.table && line.words == row.words)
            .map(|(_, line)| line);
        match same {
            Some(line) => line.what = format!("{}, `{}`", line.what, row.column),
            None => {
                let what = format!("`{}`", row.column);
                lines.push(("table", Line { place: row.table.to_owned(), what, words: row.words }));
            }
        }
    }
    lines.extend(map::places().into_iter().map(|place| {
        (place.kind, Line { place: place.place.to_owned(), what: place.about.to_owned(), words: place.words })
    }));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_every_place() {
        let page = keep();
        for row in map::rows() {
            assert!(page.contains(&format!("`{}`", row.column)), "{}.{}", row.table, row.column);
        }
        for place in map::places() {
            assert!(page.contains(place.about), "{}", place.place);
        }
    }

    #[test]
    fn secrets_and_hashes_are_not_among_what_can_be_read() {
        let page = handover();
        let (readable, rest) = page.split_once("## What can only be compared").expect("both parts");
        assert!(readable.contains("`bodies`: `mime`") && rest.contains("`recipient_hash`"));
        assert!(!readable.contains("_hash`") || readable.contains("`password_hash`"));
        assert!(!readable.contains("`private_key`") && !readable.contains("`secret_hash`"));
    }
}
