//! Entries of the journal of single deletions that the database was not told of yet.
//!
//! **Invariant:** what is told is on stable storage in the database, or in the transaction that is open there and goes
//! with it. Whoever writes the database writes one transaction after another, and settles all of one before the next.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The database does not know.
    Waits,
    /// Done in the transaction that is open.
    Done,
}

#[derive(Default)]
struct Numbers {
    untold: BTreeMap<i64, State>,
    last: i64,
}

/// Entries of which it is not known that the database was told.
#[derive(Default)]
pub(super) struct Untold(Mutex<Numbers>);

impl Untold {
    /// An entry was given this number, which is the last one.
    pub(super) fn add(self: &Arc<Self>, number: i64) -> Noted {
        self.numbers(|numbers| {
            numbers.untold.insert(number, State::Waits);
            numbers.last = number;
        });
        Noted { numbers: vec![number], of: Arc::clone(self) }
    }

    fn numbers<T>(&self, work: impl FnOnce(&mut Numbers) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What is written down and not yet done.
#[must_use = "what is written down is carried out"]
#[derive(Default)]
pub(crate) struct Noted {
    numbers: Vec<i64>,
    of: Arc<Untold>,
}

impl Noted {
    /// Another that is done by the same work.
    pub(crate) fn and(&mut self, other: Self) {
        let mut numbers = mem::take(&mut self.numbers);
        numbers.extend(other.numbers);
        *self = Self { numbers, of: other.of };
    }

    /// The last entry up to which the database knows of all, these among them; `None` if these are none.
    pub(crate) fn up_to(&self) -> Option<i64> {
        self.numbers.first()?;
        Some(self.of.numbers(|numbers| {
            let waits = |(number, state): (&i64, &State)| {
                (*state == State::Waits && !self.numbers.contains(number)).then_some(*number)
            };
            numbers.untold.iter().find_map(waits).map_or(numbers.last, |first| first - 1)
        }))
    }

    /// These are done in the transaction that is open.
    pub(crate) fn done(&self) {
        self.of.numbers(|numbers| {
            for number in &self.numbers {
                numbers.untold.insert(*number, State::Done);
            }
        });
    }

    /// The transaction is over: it is on stable storage, or nothing of it counts as done.
    pub(crate) fn settle(&self, is_written: bool) {
        self.of.numbers(|numbers| {
            for number in &self.numbers {
                if is_written {
                    numbers.untold.remove(number);
                } else {
                    numbers.untold.insert(*number, State::Waits);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_is_told_up_to_the_first_that_is_not_done() {
        let untold = Arc::new(Untold::default());
        let (one, two, three) = (untold.add(5), untold.add(6), untold.add(7));
        assert_eq!(two.up_to(), Some(4), "the fifth may be in no database yet");
        two.done();
        assert_eq!(three.up_to(), Some(4));
        assert_eq!(one.up_to(), Some(6), "in the same transaction as the sixth");
        one.done();
        assert_eq!(three.up_to(), Some(7));
        one.settle(false);
        two.settle(false);
        assert_eq!(three.up_to(), Some(4), "what was rolled back is not done");
        two.done();
        two.settle(true);
        assert_eq!(one.up_to(), Some(6));
        one.done();
        one.settle(true);
        assert_eq!(three.up_to(), Some(7));
        assert_eq!(Noted::default().up_to(), None);
    }

    #[test]
    fn several_are_done_by_one_work() {
        let untold = Arc::new(Untold::default());
        let mut all = Noted::default();
        all.and(untold.add(1));
        let other = untold.add(2);
        all.and(untold.add(3));
        assert_eq!(all.up_to(), Some(1));
        all.done();
        all.settle(true);
        assert_eq!(other.up_to(), Some(3));
    }
}
