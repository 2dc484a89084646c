//! Taking turns: whoever put in much waits for themselves and not for others.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

/// Values by whose they are. Those of one come out in the order in which they went in; after each value it is the next
/// one's turn.
pub(super) struct Turns<K, V> {
    /// Everybody who has values, once each: whose turn is next is in front.
    order: VecDeque<K>,
    of: HashMap<K, VecDeque<V>>,
    len: usize,
}

impl<K, V> Default for Turns<K, V> {
    fn default() -> Self {
        Self { order: VecDeque::new(), of: HashMap::new(), len: 0 }
    }
}

impl<K: Copy + Eq + Hash, V> Turns<K, V> {
    /// Puts a value behind all others of its owner; an owner who had none comes after everybody else.
    pub(super) fn push(&mut self, owner: K, value: V) {
        self.of
            .entry(owner)
            .or_insert_with(|| {
                self.order.push_back(owner);
                VecDeque::new()
            })
            .push_back(value);
        self.len += 1;
    }

    /// The oldest value of whose turn it is.
    pub(super) fn pop(&mut self) -> Option<(K, V)> {
        let owner = self.order.pop_front()?;
        let values = self.of.get_mut(&owner)?;
        let value = values.pop_front()?;
        self.len -= 1;
        if values.is_empty() {
            self.of.remove(&owner);
        } else {
            self.order.push_back(owner);
        }
        Some((owner, value))
    }

    /// Everybody who has values: whose turn it is first.
    pub(super) fn owners(&self) -> impl Iterator<Item = K> {
        self.order.iter().copied()
    }

    /// The youngest value of an owner.
    pub(super) fn youngest(&mut self, owner: K) -> Option<&mut V> {
        self.of.get_mut(&owner)?.back_mut()
    }

    /// Keeps only what is wanted.
    pub(super) fn retain(&mut self, mut wanted: impl FnMut(&mut V) -> bool) {
        self.of.retain(|_, values| {
            values.retain_mut(&mut wanted);
            !values.is_empty()
        });
        self.order.retain(|owner| self.of.contains_key(owner));
        self.len = self.of.values().map(VecDeque::len).sum();
    }

    /// Takes in what another has, behind its own.
    pub(super) fn append(&mut self, mut other: Self) {
        while let Some((owner, value)) = other.pop() {
            self.push(owner, value);
        }
    }

    /// How many values there are.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All values, in no order.
    pub(super) fn into_values(self) -> impl Iterator<Item = V> {
        self.of.into_values().flatten()
    }

    /// Forgets all values.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(turns: &mut Turns<char, u32>) -> Vec<(char, u32)> {
        std::iter::from_fn(|| turns.pop()).collect()
    }

    #[test]
    fn whoever_has_one_waits_for_one_of_each_other_and_each_ones_keep_their_order() {
        let mut turns = Turns::default();
        (0..1_000).for_each(|number| turns.push('a', number));
        turns.push('b', 0);
        turns.push('c', 0);
        turns.push('b', 1);
        assert_eq!(turns.len(), 1_003);
        let all = all(&mut turns);
        assert_eq!(&all[..6], [('a', 0), ('b', 0), ('c', 0), ('a', 1), ('b', 1), ('a', 2)]);
        assert!(all[5..].iter().map(|(_, number)| *number).eq(2..1_000), "alone it gets every turn");
        assert!(turns.is_empty() && turns.of.is_empty() && turns.order.is_empty(), "nothing is left behind");
    }

    #[test]
    fn who_comes_back_comes_after_those_who_wait() {
        let mut turns = Turns::default();
        (0..10).for_each(|number| turns.push('a', number));
        turns.push('b', 0);
        assert_eq!((turns.pop(), turns.pop()), (Some(('a', 0)), Some(('b', 0))));
        turns.push('b', 1);
        assert_eq!((turns.pop(), turns.pop()), (Some(('a', 1)), Some(('b', 1))));
    }

    #[test]
    fn what_is_taken_back_leaves_no_turn_behind() {
        let mut turns = Turns::default();
        (0..10).for_each(|number| turns.push('a', number));
        turns.push('b', 10);
        turns.retain(|number| *number >= 9);
        assert_eq!((turns.len(), turns.owners().count()), (2, 2));
        assert_eq!(all(&mut turns), [('a', 9), ('b', 10)]);
    }
}
