//! Custom variables (`v:`, `X-Mailgun-Variables`): of one name, and as events carry them.

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

const MOST_IN_EVENTS: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
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
