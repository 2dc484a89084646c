//! How many commands one user gives at a time: whoever may reach the socket takes nobody else's place there.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Commands of one user at a time.
const MOST: usize = 64;

/// The places that are taken, by user.
#[derive(Default)]
pub(super) struct Places(Mutex<HashMap<u32, usize>>);

/// A place of a user; free again when it is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    uid: u32,
}

impl Places {
    /// Takes a place; `None` if the user has taken all of them.
    pub(super) fn take(self: &Arc<Self>, uid: u32) -> Option<Place> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(uid).or_default();
        if *count >= MOST {
            return None;
        }
        *count += 1;
        Some(Place { places: Arc::clone(self), uid })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.uid) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_takes_all_places_takes_none_of_others() {
        let places = Arc::new(Places::default());
        let mut taken: Vec<Place> = (0..MOST).map(|_| places.take(1).expect("a place")).collect();
        assert!(places.take(1).is_none());
        assert!(places.take(2).is_some(), "another's");
        taken.pop();
        taken.push(places.take(1).expect("one is free again"));
        drop(taken);
        assert!(places.0.lock().expect("places").is_empty(), "nothing stays of whom has gone");
    }
}
