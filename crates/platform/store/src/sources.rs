//! Addresses that mail leaves from, pools of them, and by which pool the mail of an account or a domain leaves.
//!
//! What an address sent to a provider in a day lies with the notes of the instance: one note for an address and a provider,
//! of the latest day.

use std::{collections::BTreeMap, net::IpAddr};

use sea_orm::{
    ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, sea_query::OnConflict,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use waxseal_model::{AccountId, DomainId, Timestamp, time::Day};

use crate::{
    entity::{instance_note, pool, pool_assignment, source},
    error::StoreError,
    open::Store,
    relay::{RELAYS, RelayOwner},
    retention::insert_note,
    rows::{RowId, time},
    writer::{Effects, Tx},
};

/// What the notes of counts are called: this, the address, the provider, the day.
const COUNTED: &str = "warm-up/";

/// An address that mail leaves from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The address.
    pub address: IpAddr,
    /// Its name for EHLO; `None`: that of the instance.
    pub hello: Option<String>,
    /// Nothing leaves from it for now.
    pub paused: bool,
    /// How it is warmed up, if it is.
    pub warm_up: Option<WarmUp>,
    /// When it was added.
    pub created_at: Timestamp,
}

/// What an address that receivers do not know yet may send: so much a day to each provider, more from day to day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WarmUp {
    /// The first day (UTC): days since 1970. Before it nothing leaves from there.
    pub start: i32,
    /// Recipients on the first day, the second, and so on; after the last day there is no bound.
    pub daily: Vec<u32>,
    /// The same for providers that get another number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub providers: BTreeMap<String, Vec<u32>>,
}

/// A pool of addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// Addresses, with how much each gets in proportion to the others.
    pub members: Vec<Member>,
    /// Where mail goes that none of them may take today.
    pub overflow: Overflow,
    /// When it was set.
    pub created_at: Timestamp,
}

/// An address in a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The address.
    pub address: IpAddr,
    /// Its share of the sum of all weights.
    pub weight: u32,
}

/// Where mail goes that no address of a pool may take today.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overflow {
    /// Nowhere: it waits for the next day.
    Wait,
    /// To the relay that counts for its sender.
    Relay,
    /// To another pool.
    Pool(String),
}

/// By which pool somebody's mail leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Whose mail.
    pub owner: RelayOwner,
    /// The pool.
    pub pool: String,
}

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// Addresses.
    pub sources: Vec<Source>,
    /// Pools.
    pub pools: Vec<Pool>,
    /// Whose mail leaves by which.
    pub assignments: Vec<Assignment>,
}

/// What an address sent to a provider in a day, for its warm-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The address.
    pub address: IpAddr,
    /// The provider.
    pub provider: String,
    /// The day (UTC).
    pub day: Day,
    /// Recipients.
    pub count: u32,
}

impl Store {
    /// Addresses, pools and assignments as they are.
    pub async fn sources(&self) -> Result<Sources, StoreError> {
        let db = &self.inner.readers;
        let sources = source::Entity::find().order_by_asc(source::Column::Address).all(db).await?;
        let pools = pool::Entity::find().order_by_asc(pool::Column::Name).all(db).await?;
        let assignments = pool_assignment::Entity::find().order_by_asc(pool_assignment::Column::Id);
        Ok(Sources {
            sources: sources.into_iter().map(source_of).collect::<Result<_, _>>()?,
            pools: pools.into_iter().map(pool_of).collect::<Result<_, _>>()?,
            assignments: assignments
                .all(db)
                .await?
                .into_iter()
                .map(assignment_of)
                .collect::<Result<_, _>>()?,
        })
    }

    /// Changes whenever [`Self::sources`] may answer otherwise, before anybody hears of the change. Costs a look into memory.
    pub fn source_changes(&self) -> u64 {
        self.relay_changes()
    }

    /// Sets an address, in place of what was said of it before; when it was added stays.
    pub async fn set_source(&self, source: Source) -> Result<(), StoreError> {
        use source::Column;
        let row = source::Model {
            address: source.address.to_string(),
            hello: source.hello,
            paused: source.paused,
            warm_up: source.warm_up.as_ref().map(written).transpose()?,
            created_at: self.inner.clock.now().as_micros(),
        };
        self.inner
            .writer
            .write(RELAYS, move |tx| {
                Box::pin(async move {
                    let all = [Column::Hello, Column::Paused, Column::WarmUp];
                    source::Entity::insert(row.into_active_model())
                        .on_conflict(OnConflict::column(Column::Address).update_columns(all).to_owned())
                        .exec_without_returning(tx)
                        .await?;
                    Ok(())
                })
            })
            .await
    }

    /// Removes an address and what was counted of it; whether it was there. Pools keep naming it.
    pub async fn remove_source(&self, address: IpAddr) -> Result<bool, StoreError> {
        self.inner
            .writer
            .write(RELAYS, move |tx| {
                Box::pin(async move {
                    forget_counts(tx, &format!("{COUNTED}{address}/")).await?;
                    let gone = source::Entity::delete_by_id(address.to_string()).exec(tx).await?;
                    Ok(gone.rows_affected > 0)
                })
            })
            .await
    }

    /// Sets a pool, in place of the one of this name from before.
    pub async fn set_pool(&self, pool: Pool) -> Result<(), StoreError> {
        use pool::Column;
        let row = pool::Model {
            name: pool.name,
            members: written(&pool.members)?,
            overflow: written(&pool.overflow)?,
            created_at: self.inner.clock.now().as_micros(),
        };
        self.inner
            .writer
            .write(RELAYS, move |tx| {
                Box::pin(async move {
                    let all = [Column::Members, Column::Overflow];
                    pool::Entity::insert(row.into_active_model())
                        .on_conflict(OnConflict::column(Column::Name).update_columns(all).to_owned())
                        .exec_without_returning(tx)
                        .await?;
                    Ok(())
                })
            })
            .await
    }

    /// Removes a pool; whether it was there.
    pub async fn remove_pool(&self, name: String) -> Result<bool, StoreError> {
        self.inner
            .writer
            .write(RELAYS, move |tx| {
                Box::pin(
                    async move { Ok(pool::Entity::delete_by_id(name).exec(tx).await?.rows_affected > 0) },
                )
            })
            .await
    }

    /// Has mail of an account or a domain leave by a pool; `None`: by the next that counts.
    pub async fn assign_pool(&self, owner: RelayOwner, pool: Option<String>) -> Result<(), StoreError> {
        use pool_assignment::Column;
        let id = owner.row();
        let row = pool.map(|pool| pool_assignment::Model {
            id: id.clone(),
            account: owner.account.to_row(),
            domain: owner.domain.map(RowId::to_row),
            pool,
            created_at: self.inner.clock.now().as_micros(),
        });
        self.inner
            .writer
            .write(RELAYS, move |tx| {
                Box::pin(async move {
                    let Some(row) = row else {
                        pool_assignment::Entity::delete_by_id(id).exec(tx).await?;
                        return Ok(());
                    };
                    let all = [Column::Pool, Column::CreatedAt];
                    pool_assignment::Entity::insert(row.into_active_model())
                        .on_conflict(OnConflict::column(Column::Id).update_columns(all).to_owned())
                        .exec_without_returning(tx)
                        .await?;
                    Ok(())
                })
            })
            .await
    }

    /// What addresses sent, each to each provider on the latest day that it sent there.
    pub async fn sent_counts(&self) -> Result<Vec<Counted>, StoreError> {
        use instance_note::Column;
        let rows: Vec<(String, i64)> = instance_note::Entity::find()
            .select_only()
            .columns([Column::Name, Column::Value])
            .filter(Column::Name.starts_with(COUNTED))
            .into_tuple()
            .all(&self.inner.readers)
            .await?;
        Ok(rows.into_iter().filter_map(|(name, value)| counted(&name, value)).collect())
    }

    /// Writes down what an address sent, in place of what is written of it and the provider.
    pub async fn note_sent_count(&self, counted: Counted) -> Result<(), StoreError> {
        let Counted { address, provider, day, count } = counted;
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    let prefix = format!("{COUNTED}{address}/{provider}/");
                    forget_counts(tx, &prefix).await?;
                    insert_note(tx, &format!("{prefix}{}", day.0), count.into()).await?;
                    Ok(())
                })
            })
            .await
    }
}

async fn forget_counts(tx: &Tx, prefix: &str) -> Result<(), StoreError> {
    use instance_note::Column;
    instance_note::Entity::delete_many().filter(Column::Name.starts_with(prefix)).exec(tx).await?;
    Ok(())
}

fn counted(name: &str, value: i64) -> Option<Counted> {
    let mut parts = name.strip_prefix(COUNTED)?.split('/');
    let (address, provider, day) = (parts.next()?, parts.next()?, parts.next()?);
    Some(Counted {
        address: address.parse().ok()?,
        provider: provider.to_owned(),
        day: Day(day.parse().ok()?),
        count: u32::try_from(value).unwrap_or(u32::MAX),
    })
}

fn source_of(row: source::Model) -> Result<Source, StoreError> {
    Ok(Source {
        address: row.address.parse().map_err(|_| corrupt("sources", "address"))?,
        hello: row.hello,
        paused: row.paused,
        warm_up: row.warm_up.map(|text| read(&text, ("sources", "warm_up"))).transpose()?,
        created_at: time(row.created_at),
    })
}

fn pool_of(row: pool::Model) -> Result<Pool, StoreError> {
    Ok(Pool {
        members: read(&row.members, ("pools", "members"))?,
        overflow: read(&row.overflow, ("pools", "overflow"))?,
        name: row.name,
        created_at: time(row.created_at),
    })
}

fn assignment_of(row: pool_assignment::Model) -> Result<Assignment, StoreError> {
    const TABLE: &str = "pool_assignments";
    let domain = row.domain.as_ref().map(|id| DomainId::from_row(id, TABLE, "domain")).transpose()?;
    let account = AccountId::from_row(&row.account, TABLE, "account")?;
    Ok(Assignment { owner: RelayOwner { account, domain }, pool: row.pool })
}

const fn corrupt(table: &'static str, column: &'static str) -> StoreError {
    StoreError::Corrupt { table, column }
}

fn written(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| corrupt("sources", "what is to be written"))
}

fn read<T: DeserializeOwned>(
    text: &str,
    (table, column): (&'static str, &'static str),
) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| corrupt(table, column))
}
