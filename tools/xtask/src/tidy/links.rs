//! Links between the documents lead somewhere.

use std::path::Path;

use crate::report::Findings;

pub(super) fn check(path: &Path, text: &str, root: &Path, findings: &mut Findings) {
    let folder = root.join(path.parent().unwrap_or(Path::new("")));
    for target in targets(text) {
        let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
        let linked = if file.is_empty() { root.join(path) } else { folder.join(file) };
        if !linked.exists() {
            findings.problem(format!("{}: the link to {target} leads nowhere", path.display()));
            continue;
        }
        if anchor.is_empty() || linked.extension().is_none_or(|ending| ending != "md") {
            continue;
        }
        let there = std::fs::read_to_string(&linked).unwrap_or_default();
        if !there.lines().filter(|line| line.starts_with('#')).any(|heading| anchor_of(heading) == anchor) {
            findings.problem(format!("{}: there is no heading for {target}", path.display()));
        }
    }
}

/// The targets of inline links that lead into the repository.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    let prose = text.split("```").step_by(2);
    prose
        .flat_map(|prose| prose.split("](").skip(1))
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target)
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
}

/// The anchor that renderers give a heading.
fn anchor_of(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
            _ => None,
        })
        .collect()
}
