//! Suppression lists of a domain.

mod change;
mod correct;
mod listed;
mod page;

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, sea_query::OnConflict};
use waxseal_model::{
    Access, AccountId, DomainId, Purpose, Sealed, Timestamp, category,
    comparable::decomposed,
    purpose,
    suppression::{SuppressionKind, Verdict},
};

use crate::{
    deletion::{DeletionKind, Noted},
    entity::suppression,
    erasure::recipient::canonical,
    error::StoreError,
    open::Store,
    rows::{RowId, time},
    seal::Pepper,
    vault::Slot,
    writer::{Effects, Tx},
};
pub(crate) use change::put_if_unchanged;
pub(crate) use listed::{Admitted, Listed};
pub use page::{ListPage, ListPlace};

/// An entry to be made (an entry with the same domain, kind and address is replaced).
#[derive(Clone)]
pub struct NewSuppression {
    /// Account.
    pub account: AccountId,
    /// Domain.
    pub domain: DomainId,
    /// Kind.
    pub kind: SuppressionKind,
    /// Address (compared in lower case, its letters composed).
    pub address: String,
    /// Details.
    pub details: SuppressionDetails,
    /// Time of making.
    pub created_at: Timestamp,
}

/// What is known besides the address.
#[derive(Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct SuppressionDetails {
    /// Reply code of a bounce.
    pub code: String,
    /// Reply text of a bounce, or reason of an allow entry.
    pub error: String,
    /// Tags unsubscribed from; `*` is all.
    pub tags: Vec<String>,
}

/// An entry with its address opened only for a purpose.
pub struct Suppression {
    /// Kind.
    pub kind: SuppressionKind,
    /// Address as it was given; `None` once the recipient was erased: the wish is still honoured, by its hash.
    pub address: Option<Sealed<String, category::Email>>,
    /// Details.
    pub details: Sealed<SuppressionDetails, category::Preferences>,
    /// Time of making.
    pub created_at: Timestamp,
}

pub(crate) const ADDRESS: Slot = Slot::new("suppressions", "address");
pub(crate) const DETAILS: Slot = Slot::new("suppressions", "details");

impl Store {
    /// Adds or replaces entries.
    pub async fn suppress(&self, entries: Vec<NewSuppression>) -> Result<(), StoreError> {
        let mut rows = Vec::with_capacity(entries.len());
        for entry in entries {
            rows.push(self.suppression_row(entry).await?);
        }
        self.inner
            .writer
            .write(Effects { suppressions: true, ..Effects::default() }, move |tx| {
                Box::pin(async move { upsert(tx, rows).await })
            })
            .await
    }

    /// All entries of any kind for these addresses: for each, its index in `addresses` and the entry.
    pub async fn suppressions_of(
        &self,
        account: AccountId,
        domain: DomainId,
        addresses: &[String],
    ) -> Result<Vec<(usize, Suppression)>, StoreError> {
        let key = self.inner.keyring.pepper(account).await?;
        let hashes: Vec<(usize, Vec<u8>)> = (addresses.iter().enumerate())
            .flat_map(|(index, address)| {
                let own = hashes_on_lists(&key, address);
                own.chain(domain_hash(&key, address)).map(move |hash| (index, hash))
            })
            .collect();
        let mut found = Vec::new();
        if !self.may_be_listed(hashes.iter().map(|(_, hash)| hash.as_slice())) {
            return Ok(found);
        }
        for hashes in hashes.chunks(LOOK_UP) {
            let rows = suppression::Entity::find()
                .filter(suppression::Column::Account.eq(account.to_row()))
                .filter(suppression::Column::Domain.eq(domain.to_row()))
                .filter(suppression::Column::Kind.is_in(SuppressionKind::ALL.map(SuppressionKind::as_str)))
                .filter(suppression::Column::AddressHash.is_in(hashes.iter().map(|(_, hash)| hash.clone())))
                .all(self.read_for(Purpose::Suppression))
                .await?;
            for row in rows {
                for (index, hash) in hashes {
                    if *hash == row.address_hash {
                        found.push((*index, self.suppression_of(account, &row).await?));
                    }
                }
            }
        }
        Ok(found)
    }

    /// Whom of `addresses` this domain writes no message with these tags to: index and why. `access` opens the tags that
    /// they unsubscribed from.
    pub async fn verdicts(
        &self,
        (account, domain): (AccountId, DomainId),
        addresses: &[String],
        tags: &[String],
        access: &Access<purpose::Suppression>,
    ) -> Result<Vec<(usize, Verdict)>, StoreError> {
        let found = self.suppressions_of(account, domain, addresses).await?;
        let mut entries: BTreeMap<usize, Vec<(SuppressionKind, &[String])>> = BTreeMap::new();
        for (index, entry) in &found {
            entries.entry(*index).or_default().push((entry.kind, &entry.details.open(access).tags));
        }
        Ok(entries.iter().filter_map(|(index, of)| Some((*index, Verdict::of(of, tags)?))).collect())
    }

    /// Removes an entry; whether there was one.
    pub async fn unsuppress(
        &self,
        account: AccountId,
        domain: DomainId,
        kind: SuppressionKind,
        address: &str,
    ) -> Result<bool, StoreError> {
        let rows = self.entries_of(account, address, &[kind]).await?;
        let rows: Vec<_> = rows.into_iter().filter(|row| row.domain == domain.to_row()).collect();
        let mut noted = Noted::default();
        for row in &rows {
            noted.and(self.note_deletion(DeletionKind::Suppression, account, place(row)).await?);
        }
        self.carry_out(noted, Effects::default(), move |tx| {
            Box::pin(async move {
                let mut deleted = 0;
                for row in rows {
                    let key = (row.account, row.domain, row.kind, row.address_hash);
                    deleted += suppression::Entity::delete_by_id(key).exec(tx).await?.rows_affected;
                }
                Ok(deleted > 0)
            })
        })
        .await
    }

    /// The row of an entry, which is known to be on its way from now on.
    pub(crate) async fn suppression_row(&self, entry: NewSuppression) -> Result<Admitted, StoreError> {
        let NewSuppression { account, domain, kind, address, details, created_at } = entry;
        let key = self.inner.keyring.account_key(account).await?;
        let pepper = self.inner.keyring.pepper(account).await?;
        let mut row = suppression::Model {
            account: account.to_row(),
            domain: domain.to_row(),
            kind: kind.as_str().to_owned(),
            address_hash: address_hash(&pepper, &address),
            address: Vec::new(),
            details: Vec::new(),
            created_at: created_at.as_micros(),
        };
        let place = place(&row);
        row.address = self.inner.seal(&key, ADDRESS, account, &place, address.as_bytes())?;
        row.details = self.inner.seal_json(&key, DETAILS, account, &place, &details)?;
        Ok(self.inner.listed.admit(row, domain_hash(&pepper, &address)))
    }

    async fn suppression_of(
        &self,
        account: AccountId,
        row: &suppression::Model,
    ) -> Result<Suppression, StoreError> {
        let place = place(row);
        let kind = SuppressionKind::parse(&row.kind)
            .ok_or(StoreError::Corrupt { table: "suppressions", column: "kind" })?;
        let created_at = time(row.created_at);
        if row.address.is_empty() {
            let details = Sealed::new(SuppressionDetails::default());
            return Ok(Suppression { kind, address: None, details, created_at });
        }
        Ok(Suppression {
            kind,
            address: Some(Sealed::new(self.inner.open_text(ADDRESS, account, &place, &row.address).await?)),
            details: Sealed::new(self.inner.open_json(DETAILS, account, &place, &row.details).await?),
            created_at,
        })
    }
}

/// Addresses looked up by one statement.
pub(crate) const LOOK_UP: usize = 256;

/// The hash by which an address is found: of the form in which addresses are compared.
pub(crate) fn address_hash(pepper: &Pepper, address: &str) -> Vec<u8> {
    pepper.hash(b"address", canonical(address).as_bytes())
}

/// The hash by which an older version, which composed no letters, found an address that came with its letters taken
/// apart; `None` where that would be the same.
pub(crate) fn older_hash(pepper: &Pepper, address: &str) -> Option<Vec<u8>> {
    let composed = canonical(address);
    let decomposed = decomposed(&composed);
    (decomposed != composed).then(|| pepper.hash(b"address", decomposed.as_bytes()))
}

/// The hash of an address's domain, by which an entry for all of its addresses is found: `@` and its name stand for them. `None` for such
/// an entry itself.
pub(crate) fn domain_hash(pepper: &Pepper, address: &str) -> Option<Vec<u8>> {
    let canonical = canonical(address);
    let at = canonical.rfind('@').filter(|at| *at > 0)?;
    Some(pepper.hash(b"address", canonical.get(at..)?.as_bytes()))
}

/// The hashes by which an entry of a list is found: what somebody wished of an older version lasts.
fn hashes_on_lists(pepper: &Pepper, address: &str) -> impl Iterator<Item = Vec<u8>> + use<> {
    std::iter::once(address_hash(pepper, address)).chain(older_hash(pepper, address))
}

/// Adds or replaces rows.
pub(crate) async fn upsert(tx: &Tx, rows: Vec<Admitted>) -> Result<(), StoreError> {
    for row in rows {
        suppression::Entity::insert(row.into_row().into_active_model())
            .on_conflict(
                OnConflict::columns([
                    suppression::Column::Account,
                    suppression::Column::Domain,
                    suppression::Column::Kind,
                    suppression::Column::AddressHash,
                ])
                .update_columns([
                    suppression::Column::Address,
                    suppression::Column::Details,
                    suppression::Column::CreatedAt,
                ])
                .to_owned(),
            )
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

/// What the sealed values of an entry are bound to.
pub(crate) fn place(row: &suppression::Model) -> Vec<u8> {
    [row.domain.as_slice(), row.address_hash.as_slice(), row.kind.as_bytes()].concat()
}
