//! Licences of everything that is built: permissive ones only.

use std::collections::BTreeSet;

use crate::{report::Findings, workspace::Metadata};

/// `allowed` are the licences of `deny.toml`, which ask for no more than attribution.
pub(super) fn check(metadata: &Metadata, allowed: &[String], findings: &mut Findings) {
    let built: BTreeSet<&str> = metadata.resolve.nodes.iter().map(|node| node.id.as_str()).collect();
    for (id, package) in metadata.by_id() {
        if !built.contains(id) {
            continue;
        }
        match &package.license {
            Some(licence) if is_allowed(licence, allowed) => {}
            licence => findings.problem(format!(
                "{} {}: licence {} is not on the list of deny.toml",
                package.name,
                package.version,
                licence.as_deref().unwrap_or("missing")
            )),
        }
    }
}

/// Whether an SPDX expression can be met with allowed licences. `OR` binds weaker than `AND`; a slash is the old
/// way of writing `OR`.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let expression = expression.trim().replace('/', " OR ");
    split_outside_parentheses(&expression, " OR ").iter().any(|alternative| {
        split_outside_parentheses(alternative, " AND ").iter().all(|part| {
            let part = part.trim();
            match part.strip_prefix('(').and_then(|part| part.strip_suffix(')')) {
                Some(inner) => is_allowed(inner, allowed),
                None => allowed.iter().any(|licence| licence == part),
            }
        })
    })
}

fn split_outside_parentheses<'a>(text: &'a str, separator: &str) -> Vec<&'a str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_i32);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ' ' if depth == 0 && at >= start && text[at..].starts_with(separator) => {
                parts.push(&text[start..at]);
                start = at + separator.len();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_met_or_not() {
        let allowed = ["MIT", "ISC", "Apache-2.0", "Unicode-3.0"].map(str::to_owned);
        for good in
            ["MIT", "MIT/Apache-2.0", "GPL-3.0 OR MIT", "(MIT OR GPL-2.0) AND Unicode-3.0", "ISC AND MIT"]
        {
            assert!(is_allowed(good, &allowed), "{good}");
        }
        for bad in ["GPL-3.0", "MIT AND AGPL-3.0", "(GPL-2.0 OR LGPL-3.0) AND MIT", "", "MPL-2.0"] {
            assert!(!is_allowed(bad, &allowed), "{bad}");
        }
    }
}
