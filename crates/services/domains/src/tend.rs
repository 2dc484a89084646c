//! Looking after domains whose time has come: those that wait for their records, keys that take the place of others, and
//! what is left of deleted ones.

use std::{collections::HashSet, future::Future, pin::pin, time::Duration};

use futures_util::{StreamExt as _, stream};
use waxseal_model::{KeyId, Timestamp};
use waxseal_store::{
    StoreError,
    domain::{DkimAlgorithm, Domain, DomainChange, DomainState, Rotation, ToTend},
};

use crate::{
    domain::Domains,
    signing_keys::{AddKeyError, Gone, remove},
};

/// How long after its making a domain is looked at for the first time.
pub(crate) const FIRST_LOOK: Duration = Duration::from_secs(10 * 60);
/// Between two looks at a domain that waits for its records, at most.
const LONGEST_WAIT: Duration = Duration::from_secs(6 * 3600);
/// A domain whose records did not come for so long waits for its owner to ask.
const GIVE_UP: Duration = Duration::from_secs(30 * 86_400);
/// How long the record of a key that signs no more is needed: mail signed with it may be under way for five days, and
/// its recipients' servers look again when they pass it on.
const RETIRED: Duration = Duration::from_secs(7 * 86_400);
/// Between two rounds.
const ROUND: Duration = Duration::from_secs(5);
/// Domains of one round, and those that are looked after together.
const MOST: u64 = 100;
const TOGETHER: usize = 4;
/// A domain that takes longer is put off: its nameservers do not answer.
const PATIENCE: Duration = Duration::from_secs(60);

impl Domains {
    /// Looks after domains until `stop` is ready.
    pub async fn tend_until(&self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        loop {
            let round = async {
                if let Err(error) = self.tend().await {
                    tracing::warn!(%error, "domains could not be looked after; they are in the next round");
                }
                self.clock().sleep_until(self.now() + ROUND).await;
            };
            tokio::select! {
                () = &mut stop => return,
                () = round => {}
            }
        }
    }

    /// One round; how many domains were looked after. One that fails holds up no other.
    pub async fn tend(&self) -> Result<usize, StoreError> {
        let due = self.store().domains_to_tend(self.now(), MOST).await?;
        let count = due.len();
        stream::iter(due).for_each_concurrent(TOGETHER, |which| self.tend_or_put_off(which)).await;
        Ok(count)
    }

    async fn tend_or_put_off(&self, which: ToTend) {
        let tended = match which.is_deleted {
            true => self.store().remove_what_is_left(which.account, which.id).await,
            false => match tokio::time::timeout(PATIENCE, self.tend_one(which)).await {
                Ok(tended) => tended,
                Err(_) => Err(StoreError::Unavailable("its nameservers do not answer".into())),
            },
        };
        if let Err(error) = tended {
            tracing::warn!(%error, "a domain could not be looked after; it is put off");
            if let Err(error) = self.store().tend_domain_at(which, self.now() + FIRST_LOOK).await {
                tracing::warn!(%error, "a domain could not be put off");
            }
        }
    }

    async fn tend_one(&self, which: ToTend) -> Result<(), StoreError> {
        let Some(mut domain) = self.store().domain(which.account, which.id).await? else {
            // It cannot be read any more.
            return self.store().tend_domain_at(which, self.now() + GIVE_UP).await;
        };
        if domain.state == DomainState::Unverified
            && let Some(seen) = self.verify(&domain).await?
        {
            domain = seen;
        }
        let is_full = self.follow_up(&domain).await?;
        let seen = self.seen_keys(&domain).await?;
        let now = self.now();
        let tended = self.change_keys::<Failed>(&domain, None, |change| {
            begin(change, &seen, now);
            retire(change, now);
            if is_full {
                change.settings.details.rotation.since = now.as_micros();
            }
            let unverified = change.state == DomainState::Unverified;
            let rotation = &change.settings.details.rotation;
            change.tend_at = next_look(now, domain.created_at, unverified, rotation);
            Ok(())
        });
        match tended.await {
            // Gone meanwhile, it is tended as such.
            Ok(_) | Err(Failed::Gone) => Ok(()),
            Err(Failed::Store(error)) => Err(error),
        }
    }

    /// Makes a key's successor when it is time; whether there is no room for one.
    async fn follow_up(&self, domain: &Domain) -> Result<bool, StoreError> {
        let rotation = &domain.settings.details.rotation;
        let is_due = rotation.every_days.is_some_and(|days| self.now() >= due(rotation, days));
        if !is_due || rotation.successor.is_some() {
            return Ok(false);
        }
        match self.rotate(domain).await {
            Ok(_) | Err(AddKeyError::Gone(_)) => Ok(false),
            Err(AddKeyError::Store(error)) => Err(error),
            Err(AddKeyError::Keys(error)) => Err(error.into()),
            Err(error) => {
                tracing::warn!(%error, "a domain's key gets no successor this time");
                Ok(true)
            }
        }
    }

    /// Keys of the domain that wait, and whose records are seen.
    async fn seen_keys(&self, domain: &Domain) -> Result<HashSet<KeyId>, StoreError> {
        let mut seen = HashSet::new();
        if !domain.settings.details.rotation.awaits_any() {
            return Ok(seen);
        }
        for kept in self.signing_keys(domain).await? {
            let waits = domain.settings.details.rotation.awaits(kept.key.id);
            if waits && self.is_published(domain, &kept.record).await {
                seen.insert(kept.key.id);
            }
        }
        Ok(seen)
    }
}

/// Lets keys that waited sign, now that their records are seen; a successor takes the place of those before it.
pub(crate) fn begin(change: &mut DomainChange, seen: &HashSet<KeyId>, now: Timestamp) {
    let rotation = &mut change.settings.details.rotation;
    for key in &mut change.keys {
        if rotation.awaited.contains(&key.id.as_u128()) && seen.contains(&key.id) {
            key.active = true;
        }
    }
    let active = |id: u128| change.keys.iter().any(|key| key.id.as_u128() == id && key.active);
    let known = |id: u128| change.keys.iter().any(|key| key.id.as_u128() == id);
    rotation.awaited.retain(|key| known(*key) && !active(*key));
    rotation.successor = rotation.successor.filter(|key| known(*key));
    let Some(successor) = rotation.successor().filter(|key| seen.contains(key)) else { return };
    for key in &mut change.keys {
        if key.id == successor {
            key.active = true;
        } else if key.active && key.algorithm == DkimAlgorithm::RsaSha256 {
            key.active = false;
            rotation.retired.push((key.id.as_u128(), (now + RETIRED).as_micros()));
        }
    }
    (rotation.successor, rotation.since) = (None, now.as_micros());
}

/// Removes keys whose records are not needed any more.
fn retire(change: &mut DomainChange, now: Timestamp) {
    let is_over = |until: i64| until <= now.as_micros();
    let over: Vec<u128> = change
        .settings
        .details
        .rotation
        .retired
        .iter()
        .filter(|(_, until)| is_over(*until))
        .map(|(key, _)| *key)
        .collect();
    for key in over {
        let id = KeyId::from_u128(key);
        if change.keys.iter().any(|key| key.id == id && !key.active) {
            remove(change, id);
        }
    }
    change.settings.details.rotation.retired.retain(|(_, until)| !is_over(*until));
}

/// Why a domain was not tended.
enum Failed {
    Gone,
    Store(StoreError),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Gone> for Failed {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

/// When a key that began then gets its successor.
fn due(rotation: &Rotation, days: u32) -> Timestamp {
    Timestamp::from_micros(rotation.since) + Duration::from_secs(u64::from(days) * 86_400)
}

/// When to look again, if at all.
fn next_look(
    now: Timestamp,
    created_at: Timestamp,
    unverified: bool,
    rotation: &Rotation,
) -> Option<Timestamp> {
    let age = now.as_micros().saturating_sub(created_at.as_micros());
    let age = Duration::from_micros(u64::try_from(age).unwrap_or_default());
    let step = (age / 4).clamp(FIRST_LOOK, LONGEST_WAIT);
    let records = (unverified && age < GIVE_UP).then(|| now + step);
    // One that its owner asked for is looked up often, one that a young domain has not published yet less and less.
    let awaited = match (unverified, rotation.awaited.is_empty()) {
        (false, false) if age < GIVE_UP => Some(now + step),
        (false, false) => Some(now + LONGEST_WAIT),
        _ => None,
    };
    let successor = rotation.successor.map(|_| now + FIRST_LOOK);
    let turn = match rotation.successor {
        None => rotation.every_days.map(|days| due(rotation, days)),
        Some(_) => None,
    };
    let retired = rotation.retired.iter().map(|(_, until)| Timestamp::from_micros(*until)).min();
    [records, awaited, successor, turn, retired].into_iter().flatten().min()
}
