//! Looking after domains whose time has come: those that wait for their records, keys that take the place of others, and
//! what is left of deleted ones.

use std::{future::Future, pin::pin, time::Duration};

use waxseal_model::{AccountId, DomainId, KeyId, Timestamp};
use waxseal_store::domain::{DkimAlgorithm, DkimKey, Domain, DomainState, Rotation};

use crate::{dns, domain::Domains, keys::DomainKeysError, signing_keys::AddKeyError};

/// How long after its making a domain is looked at for the first time.
pub(crate) const FIRST_LOOK: Duration = Duration::from_secs(10 * 60);
/// Between two looks at records that are waited for, at most.
const LONGEST_WAIT: Duration = Duration::from_secs(6 * 3600);
/// A domain whose records did not come for so long waits for its owner to ask.
const GIVE_UP: Duration = Duration::from_secs(30 * 86_400);
/// How long the record of a key that signs no more is needed: mail signed with it may be under way for five days, and
/// its recipients' servers look again when they pass it on.
const RETIRED: Duration = Duration::from_secs(7 * 86_400);
/// Between two rounds.
const ROUND: Duration = Duration::from_secs(5);
/// Domains of one round.
const MOST: u64 = 100;

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

    /// One round; how many domains were looked after.
    pub async fn tend(&self) -> Result<usize, DomainKeysError> {
        let due = self.store().domains_to_tend(self.now(), MOST).await?;
        for domain in &due {
            if domain.is_deleted {
                self.store().remove_what_is_left(domain.account, domain.id).await?;
            } else {
                self.tend_one(domain.account, domain.id).await?;
            }
        }
        Ok(due.len())
    }

    async fn tend_one(&self, account: AccountId, id: DomainId) -> Result<(), DomainKeysError> {
        let Some(mut domain) = self.store().domain(account, id).await? else { return Ok(()) };
        if domain.state == DomainState::Unverified
            && let Some(seen) = self.verify(&domain).await?
        {
            domain = seen;
        }
        let before = domain.settings.details.rotation.clone();
        let turned = self.turn(&domain).await?;
        let now = self.now();
        self.change(&domain, |change| {
            let unverified = change.state == DomainState::Unverified;
            let rotation = &mut change.settings.details.rotation;
            (rotation.since, rotation.retired) = (turned.since, turned.retired.clone());
            // Its owner may have asked for one meanwhile.
            if rotation.successor == before.successor {
                rotation.successor = turned.successor;
            }
            rotation.awaited.retain(|key| turned.awaited.contains(key) || !before.awaited.contains(key));
            change.tend_at = next_look(now, domain.created_at, unverified, rotation);
        })
        .await?;
        Ok(())
    }

    /// Lets a successor sign whose record is seen, removes keys whose records are not needed any more, and makes a
    /// successor when it is time.
    async fn turn(&self, domain: &Domain) -> Result<Rotation, DomainKeysError> {
        let mut rotation = domain.settings.details.rotation.clone();
        let now = self.now();
        let over = |until: i64| until <= now.as_micros();
        for &(key, _) in rotation.retired.iter().filter(|(_, until)| over(*until)) {
            self.store().delete_dkim_key(domain.account, KeyId::from_u128(key)).await?;
        }
        rotation.retired.retain(|(_, until)| !over(*until));
        let keys = self.store().dkim_keys(domain.account, domain.id).await?;
        for awaited in std::mem::take(&mut rotation.awaited) {
            match keys.iter().find(|key| key.id.as_u128() == awaited && !key.active) {
                // Its owner deleted it, or switched it on.
                None => {}
                Some(next) if self.is_published(domain, &dns::dkim_record(&domain.name, next)).await => {
                    self.store()
                        .switch_dkim_keys(domain.account, domain.id, vec![next.id], Vec::new())
                        .await?;
                    self.forget_keys();
                }
                Some(_) => rotation.awaited.push(awaited),
            }
        }
        if let Some(successor) = rotation.successor() {
            match keys.iter().find(|key| key.id == successor) {
                // Its owner deleted it.
                None => rotation.successor = None,
                Some(next) if self.is_published(domain, &dns::dkim_record(&domain.name, next)).await => {
                    let before = |key: &&DkimKey| {
                        key.active && key.id != successor && key.algorithm == DkimAlgorithm::RsaSha256
                    };
                    let before: Vec<_> = keys.iter().filter(before).map(|key| key.id).collect();
                    let off = before.clone();
                    self.store().switch_dkim_keys(domain.account, domain.id, vec![successor], off).await?;
                    self.forget_keys();
                    let until = (now + RETIRED).as_micros();
                    rotation.retired.extend(before.into_iter().map(|key| (key.as_u128(), until)));
                    (rotation.successor, rotation.since) = (None, now.as_micros());
                }
                Some(_) => {}
            }
        } else if rotation.every_days.is_some_and(|days| now >= due(&rotation, days)) {
            match self.rotate(domain).await {
                Ok(next) => rotation.successor = Some(next.key.id.as_u128()),
                Err(AddKeyError::Store(error)) => return Err(error.into()),
                Err(AddKeyError::Keys(error)) => return Err(error),
                // There is no room for it: the owner has as many keys as there may be.
                Err(_) => rotation.since = now.as_micros(),
            }
        }
        Ok(rotation)
    }
}

/// When a key that began then gets its successor.
fn due(rotation: &Rotation, days: u32) -> Timestamp {
    Timestamp::from_micros(rotation.since) + Duration::from_secs(u64::from(days) * 86_400)
}

/// When to look again, if at all.
pub(crate) fn next_look(
    now: Timestamp,
    created_at: Timestamp,
    unverified: bool,
    rotation: &Rotation,
) -> Option<Timestamp> {
    let age = Duration::from_micros(
        u64::try_from(now.as_micros().saturating_sub(created_at.as_micros())).unwrap_or_default(),
    );
    let waits = unverified || !rotation.awaited.is_empty();
    let records = (waits && age < GIVE_UP).then(|| now + (age / 4).clamp(FIRST_LOOK, LONGEST_WAIT));
    let successor = rotation.successor.map(|_| now + FIRST_LOOK);
    let turn = match rotation.successor {
        None => rotation.every_days.map(|days| due(rotation, days)),
        Some(_) => None,
    };
    let retired = rotation.retired.iter().map(|(_, until)| Timestamp::from_micros(*until)).min();
    [records, successor, turn, retired].into_iter().flatten().min()
}
