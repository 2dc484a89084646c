//! Who is on no list at all, known without asking the database: each message asks it of each of its recipients, and nearly
//! nobody is on one.
//!
//! **Invariant:** a row gets into the table only as [`Admitted`], and nothing is admitted before it is known here. Nobody else
//! writes there: one process at a time has the folder of the keys.

use std::{
    collections::HashSet,
    ops::Deref,
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures_util::TryStreamExt as _;
use sea_orm::{DbErr, EntityTrait, QuerySelect};

use crate::{entity::suppression, open::Store};

/// Entries of lists that are kept in mind; with more the database is asked, as before: about 40 MB.
const MOST: usize = 1_000_000;

/// The hashes of all entries of all lists, as far as they are known.
pub(crate) struct Listed(Mutex<Known>);

/// The first eight bytes of each hash: who shares them with somebody is asked for in vain, and that is all.
type Hashes = HashSet<u64>;

enum Known {
    /// Nobody has read them yet; what came so far.
    Nothing(Hashes),
    /// They are being read; what came meanwhile.
    Reading(Hashes),
    /// All of them.
    All(Hashes),
    /// They are not kept in mind.
    TooMany,
}

/// A row of a list that is known to be on its way into the table.
#[derive(Clone)]
pub(crate) struct Admitted {
    row: suppression::Model,
    /// The hash of all addresses of its domain.
    domain_hash: Option<Vec<u8>>,
}

impl Deref for Admitted {
    type Target = suppression::Model;

    fn deref(&self) -> &suppression::Model {
        &self.row
    }
}

impl Admitted {
    pub(crate) fn into_row(self) -> suppression::Model {
        self.row
    }

    /// The hashes of the entries of the allow list that keep it off the bounce list.
    pub(crate) fn allowed_by(&self) -> impl Iterator<Item = Vec<u8>> + use<'_> {
        std::iter::once(&self.row.address_hash).chain(&self.domain_hash).cloned()
    }
}

impl Default for Listed {
    fn default() -> Self {
        Self(Mutex::new(Known::Nothing(Hashes::new())))
    }
}

impl Listed {
    /// Makes a row known before it is written.
    pub(crate) fn admit(&self, row: suppression::Model, domain_hash: Option<Vec<u8>>) -> Admitted {
        let mut known = self.lock();
        // Also while nobody has read them: the row may be committed after they are read.
        if let Known::Nothing(hashes) | Known::Reading(hashes) | Known::All(hashes) = &mut *known {
            hashes.insert(short(&row.address_hash));
            if hashes.len() > MOST {
                *known = Known::TooMany;
            }
        }
        Admitted { row, domain_hash }
    }

    /// Rows come that nobody admits one by one: the database is asked from now on.
    pub(crate) fn give_up(&self) {
        *self.lock() = Known::TooMany;
    }

    /// Whether one of these hashes may be on a list. Whether somebody should begin to read all of them.
    fn ask<'a>(&self, mut hashes: impl Iterator<Item = &'a [u8]>) -> (bool, bool) {
        let mut known = self.lock();
        match &mut *known {
            Known::All(all) => (hashes.any(|hash| all.contains(&short(hash))), false),
            Known::Nothing(so_far) => {
                *known = Known::Reading(std::mem::take(so_far));
                (true, true)
            }
            Known::Reading(_) | Known::TooMany => (true, false),
        }
    }

    /// Everything was read, or it could not be.
    fn read(&self, read: Result<Option<Hashes>, DbErr>) {
        let mut known = self.lock();
        let Known::Reading(meanwhile) = &mut *known else { return };
        *known = match read {
            Ok(Some(mut all)) => {
                all.extend(meanwhile.drain());
                Known::All(all)
            }
            Ok(None) => Known::TooMany,
            Err(error) => {
                tracing::warn!(%error, "the lists cannot be read; the database is asked for each recipient");
                Known::TooMany
            }
        };
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// Whether one of these hashes may be on a list of somebody's.
    pub(super) fn may_be_listed<'a>(&self, hashes: impl Iterator<Item = &'a [u8]>) -> bool {
        let (may_be, nobody_reads) = self.inner.listed.ask(hashes);
        if nobody_reads {
            let store = self.clone();
            tokio::spawn(async move { store.read_lists().await });
        }
        may_be
    }

    /// Has the lists read, unless that was done, so that nobody asks the database for who is on none. Otherwise the first who
    /// asks for a recipient has it done, and does not wait for it.
    pub async fn know_lists(&self) {
        if self.inner.listed.ask(std::iter::empty()).1 {
            self.read_lists().await;
        }
    }

    async fn read_lists(&self) {
        self.inner.listed.read(self.all_listed().await);
    }

    /// All hashes; `None` if there are too many.
    async fn all_listed(&self) -> Result<Option<Hashes>, DbErr> {
        let mut rows = suppression::Entity::find()
            .select_only()
            .column(suppression::Column::AddressHash)
            .into_tuple::<Vec<u8>>()
            .stream(&self.inner.readers)
            .await?;
        let mut all = Hashes::new();
        while let Some(hash) = rows.try_next().await? {
            all.insert(short(&hash));
            if all.len() > MOST {
                return Ok(None);
            }
        }
        Ok(Some(all))
    }
}

/// The first eight bytes. A hash is a keyed one, so all of its bytes are as good as drawn.
fn short(hash: &[u8]) -> u64 {
    hash.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(first: u8) -> suppression::Model {
        suppression::Model {
            account: Vec::new(),
            domain: Vec::new(),
            kind: "bounce".into(),
            address_hash: vec![first; 32],
            address: Vec::new(),
            details: Vec::new(),
            created_at: 0,
        }
    }

    fn asks(listed: &Listed, first: u8) -> bool {
        listed.ask(std::iter::once([first; 32].as_slice())).0
    }

    #[test]
    fn the_database_is_asked_until_everything_is_known_and_for_what_came_meanwhile() {
        let listed = Listed::default();
        listed.admit(row(5), None);
        assert_eq!(listed.ask(std::iter::empty()), (true, true), "whoever asks first has them read");
        assert_eq!(listed.ask(std::iter::empty()), (true, false), "and nobody else");
        listed.admit(row(1), None);
        listed.read(Ok(Some(HashSet::from([short(&[2; 32])]))));
        assert!(asks(&listed, 1) && asks(&listed, 2) && !asks(&listed, 3));
        assert!(asks(&listed, 5), "it may have been committed after they were read");
        listed.admit(row(3), None);
        assert!(asks(&listed, 3));
        listed.give_up();
        assert!(asks(&listed, 4));
    }

    #[test]
    fn what_could_not_be_read_or_is_too_much_is_asked_of_the_database() {
        for read in [Err(DbErr::Custom("gone".into())), Ok(None)] {
            let listed = Listed(Mutex::new(Known::Reading(Hashes::new())));
            listed.read(read);
            assert_eq!(listed.ask(std::iter::empty()), (true, false));
        }
        let listed = Listed(Mutex::new(Known::All((0..1_000_000).collect())));
        listed.admit(row(1), None);
        assert!(asks(&listed, 9));
    }
}
