//! Sessions that were counted and are not written down yet, in bounded memory.

use std::collections::{BTreeMap, HashMap};

use waxseal_model::{Timestamp, time::Day, tls_results::TlsResults};

use super::{EARLIEST, Judged};

/// Domains whose sessions are counted on one day: more than most servers write to in a day, and at 32 KiB of results each
/// no more than fits on any disk.
pub(super) const MOST_DOMAINS: usize = 20_000;
/// Bytes of results in memory, which is about a minute's: whoever has many domains would otherwise decide how much it is.
const MOST_BYTES: usize = 32 << 20;

/// What was counted of a domain on a day and is not written down yet.
#[derive(Default)]
struct Counted {
    /// Whether it wants to be told; `None`: nobody has asked.
    wanted: Option<bool>,
    results: TlsResults,
}

/// By day and domain.
pub(super) struct Counts {
    days: BTreeMap<Day, HashMap<String, Counted>>,
    bytes: usize,
    most_domains: usize,
    most_bytes: usize,
}

impl Default for Counts {
    fn default() -> Self {
        Self::bounded(MOST_DOMAINS, MOST_BYTES)
    }
}

impl Counts {
    fn bounded(most_domains: usize, most_bytes: usize) -> Self {
        Self { days: BTreeMap::new(), bytes: 0, most_domains, most_bytes }
    }

    /// Counts a session; `false`: there is no room. Of a domain that wants no report, it costs a look.
    pub(super) fn count(&mut self, day: Day, domain: &str, judge: impl FnOnce() -> Judged) -> bool {
        let today = self.days.entry(day).or_default();
        if !today.contains_key(domain) {
            if today.len() >= self.most_domains {
                today.retain(|_, counted| counted.wanted != Some(false));
            }
            if today.len() >= self.most_domains {
                return false;
            }
            today.insert(domain.to_owned(), Counted::default());
        }
        if let Some(counted) = today.get_mut(domain).filter(|counted| counted.wanted != Some(false)) {
            if self.bytes >= self.most_bytes {
                return false;
            }
            let Judged { policy, failure } = judge();
            self.bytes += counted.results.count(policy, failure);
        }
        true
    }

    /// Domains of which nobody knows whether they want to be told.
    pub(super) fn unknown(&self) -> Vec<String> {
        let counted = self.days.values().flatten();
        let unknown = counted.filter(|(_, counted)| counted.wanted.is_none());
        let mut domains: Vec<_> = unknown.map(|(domain, _)| domain.clone()).collect();
        domains.sort_unstable();
        domains.dedup();
        domains
    }

    /// A domain wants to be told, or not: then what was counted of it is forgotten.
    pub(super) fn answer(&mut self, domain: &str, wanted: bool) {
        for counted in self.days.values_mut().filter_map(|domains| domains.get_mut(domain)) {
            counted.wanted = Some(wanted);
            if counted.wanted == Some(false) {
                let dropped = std::mem::take(&mut counted.results);
                self.bytes = self.bytes.saturating_sub(dropped.bytes());
            }
        }
    }

    /// Takes out what is to be written down.
    pub(super) fn take(&mut self) -> Vec<(Day, Vec<(String, TlsResults)>)> {
        let of = |domains: &mut HashMap<String, Counted>| {
            let wanted = domains.iter_mut().filter(|(_, counted)| counted.wanted == Some(true));
            let counted = wanted.filter(|(_, counted)| !counted.results.is_empty());
            counted.map(|(domain, counted)| (domain.clone(), std::mem::take(&mut counted.results))).collect()
        };
        let taken = self.days.iter_mut().map(|(day, domains)| (*day, of(domains))).collect();
        self.weigh();
        taken
    }

    /// Puts back what could not be written down.
    pub(super) fn put_back(&mut self, day: Day, domain: String, results: TlsResults) {
        let counted = self.days.entry(day).or_default().entry(domain).or_default();
        counted.wanted = Some(true);
        self.bytes += counted.results.merge(results);
    }

    /// Forgets days of which nobody is told any more.
    pub(super) fn forget(&mut self, now: Timestamp) {
        self.days.retain(|day, _| now < day.end() + EARLIEST);
        self.weigh();
    }

    fn weigh(&mut self) {
        self.bytes =
            self.days.values().flat_map(HashMap::values).map(|counted| counted.results.bytes()).sum();
    }
}

#[cfg(test)]
mod tests {
    use waxseal_model::tls_results::{AppliedPolicy, PolicyType};

    use super::*;

    const DAY: Day = Day(20_000);

    fn judged(line: &str) -> Judged {
        let policy = AppliedPolicy { kind: PolicyType::Sts, lines: vec![line.into()], servers: Vec::new() };
        Judged { policy, failure: None }
    }

    #[test]
    fn what_domains_publish_takes_no_more_memory_than_there_is_for_it() {
        let mut counts = Counts::bounded(100, 1_000);
        let count = |counts: &mut Counts, number: usize| {
            counts.count(DAY, &format!("{number}.example"), || judged(&"x".repeat(90)))
        };
        let counted = (0..50).filter(|number| count(&mut counts, *number)).count();
        assert!((5..12).contains(&counted), "{counted} of 50");
        // There is room again for what comes once it is written down, or not wanted.
        (0..counted - 1).for_each(|number| counts.answer(&format!("{number}.example"), true));
        assert_eq!(counts.take().iter().map(|(_, taken)| taken.len()).sum::<usize>(), counted - 1);
        counts.answer(&format!("{}.example", counted - 1), false);
        assert_eq!((50..100).filter(|number| count(&mut counts, *number)).count(), counted);
    }

    #[test]
    fn domains_that_want_nothing_make_room_for_others() {
        let mut counts = Counts::bounded(3, 1_000);
        let names = ["a.example", "b.example", "c.example", "d.example"];
        let counted = |counts: &mut Counts| names.map(|name| counts.count(DAY, name, || judged("x")));
        assert_eq!(counted(&mut counts), [true, true, true, false]);
        counts.answer("a.example", true);
        counts.answer("b.example", false);
        assert_eq!(counted(&mut counts), [true, true, true, true], "the last in the place of the second");
        assert_eq!(counts.unknown(), ["c.example", "d.example"]);
    }
}
