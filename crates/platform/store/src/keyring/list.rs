//! What keys there are: whose, of which class and day, never their bytes.

use sea_orm::{EntityTrait, QueryOrder};
use waxseal_model::{AccountId, time::Day};

use super::{
    KeyClass, Keyring,
    entity::{self, ring_key},
};
use crate::{error::StoreError, seal::DataKey};

/// A key of the ring, without the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its number, which whatever is sealed under it names.
    pub number: i64,
    /// What it seals: `account`, `profile`, `login`, `pepper`, `content`, `event`, `request` or `trust`.
    pub class: &'static str,
    /// Whose it is; of a request of somebody who has no account, the request's id; zero of what is nobody's.
    pub account: AccountId,
    /// The UTC day whose content, events, requests or domains it seals; `None` for what does not go by days.
    pub day: Option<Day>,
    /// The epoch it is wrapped under.
    pub epoch: i64,
}

impl Keyring {
    /// Every key, in the order in which they were made.
    pub(crate) async fn keys(&self) -> Result<Vec<KeyInfo>, StoreError> {
        let _file = self.file.lock().await;
        let rows = ring_key::Entity::find().order_by_asc(ring_key::Column::Id).all(&self.db).await?;
        rows.iter().map(info).collect()
    }

    /// Every key of the ring, ready for use, whatever it is for.
    pub(crate) async fn every_key(&self) -> Result<Vec<DataKey>, StoreError> {
        let mut epochs = self.file.lock().await;
        let mut keys = Vec::new();
        for row in ring_key::Entity::find().all(&self.db).await? {
            keys.push(DataKey::new(row.id, &*self.bytes(&row, &mut epochs).await?)?);
        }
        Ok(keys)
    }
}

fn info(row: &ring_key::Model) -> Result<KeyInfo, StoreError> {
    let name = entity::name_of(row)?;
    let of_day =
        matches!(name.class, KeyClass::Content | KeyClass::Event | KeyClass::Request | KeyClass::Trust);
    let day = of_day.then_some(name.day);
    Ok(KeyInfo { number: row.id, class: name.class.as_str(), account: name.account, day, epoch: row.epoch })
}
