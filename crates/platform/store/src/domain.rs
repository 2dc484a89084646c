//! Sending domains and their DKIM keys. A name rests sealed; its domain is found by a keyed hash. Where the account's keys
//! are destroyed nobody can read it any more, and the domain counts as gone.

mod change;
mod details;
mod dkim;
mod remove;

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, FromQueryResult, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Select, TryInsertResult, sea_query::IntoCondition,
};
use waxseal_model::{AccountId, DomainId, Purpose, Sealed, Timestamp, category};
use zeroize::Zeroizing;

use crate::{
    entity::{dkim_key, domain},
    error::StoreError,
    open::Store,
    rows::{RowId, insert_all, or_conflict, time},
    vault::Slot,
    writer::{Effects, Tx},
};

pub use change::{Changed, DomainChange, KeyChange};
pub use details::{
    Checked, ClickTracking, DkimAuthority, DomainDetails, RecordState, Rotation, SpamAction, Tracking,
    WebScheme,
};
pub use dkim::{DkimAlgorithm, DkimKey, NewDkimKey};
pub use remove::ToTend;
pub(crate) use remove::{delete_key_beside_others, end};

/// Whether mail of a domain leaves the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DomainKind {
    /// Mail is delivered to its recipients' servers.
    Custom,
    /// Mail is kept in the account's inbox.
    Sandbox,
}

/// Whether a domain may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DomainState {
    /// It may send.
    Active,
    /// Its DNS records have not been seen yet.
    Unverified,
    /// It may not send.
    Disabled,
}

/// Settings of a domain that its owner changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DomainSettings {
    /// Never fall back to plaintext.
    pub require_tls: bool,
    /// Do not check certificates of recipients' servers.
    pub skip_verification: bool,
    /// How long accepted messages can be retrieved, in seconds; 0: gone when settled.
    pub message_ttl_secs: u32,
    /// The rest.
    pub details: DomainDetails,
}

/// A domain to be made.
pub struct NewDomain {
    /// Id.
    pub id: DomainId,
    /// Account.
    pub account: AccountId,
    /// Name: lower-case A-labels, unique in the instance; sealed at rest.
    pub name: String,
    /// Kind.
    pub kind: DomainKind,
    /// State.
    pub state: DomainState,
    /// Settings.
    pub settings: DomainSettings,
    /// Key of the return path's tokens (32 bytes), sealed at rest.
    pub return_path_key: Vec<u8>,
    /// Time of making.
    pub created_at: Timestamp,
    /// Its DKIM keys.
    pub dkim_keys: Vec<NewDkimKey>,
    /// When it is to be looked after, if it is.
    pub tend_at: Option<Timestamp>,
}

/// How a domain is found.
#[derive(PartialEq, Eq, Hash)]
pub(crate) enum DomainKey {
    /// By the hash of its name.
    Name(Vec<u8>),
    /// By its id, in an account.
    Id(AccountId, DomainId),
}

/// A domain.
#[derive(Clone)]
pub struct Domain {
    /// Id.
    pub id: DomainId,
    /// Account.
    pub account: AccountId,
    /// Name: lower-case A-labels.
    pub name: String,
    /// Kind.
    pub kind: DomainKind,
    /// State.
    pub state: DomainState,
    /// Settings.
    pub settings: DomainSettings,
    /// Time of making.
    pub created_at: Timestamp,
}

/// The state of a domain whose rows are going.
const DELETED: &str = "deleted";
/// That of one whose rows went once. They go once more: something may have been on its way to it.
const EMPTIED: &str = "emptied";
const NAME: Slot = Slot::new("domains", "name");
const DETAILS: Slot = Slot::new("domains", "details");
const RETURN_PATH_KEY: Slot = Slot::new("domains", "return_path_key");

impl Store {
    /// Makes a domain with its keys; a conflict if the name is taken in the instance.
    pub async fn create_domain(&self, domain: NewDomain) -> Result<(), StoreError> {
        let (row, keys) = self.domain_rows(domain).await?;
        let unreadable = self.unreadable_domain(&row.name_hash).await?;
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    if let Some(unreadable) = unreadable {
                        domain::Entity::delete_by_id(unreadable).exec(tx).await?;
                    }
                    // Where the database itself refuses a value, PostgreSQL quotes it in its log, for good.
                    let made = domain::Entity::insert(row.into_active_model())
                        .on_conflict_do_nothing_on([domain::Column::NameHash])
                        .exec_without_returning(tx)
                        .await?;
                    if !matches!(made, TryInsertResult::Inserted(1)) {
                        return Err(StoreError::Conflict { what: "domain" });
                    }
                    let keys = keys.into_iter().map(IntoActiveModel::into_active_model).collect();
                    insert_all::<dkim_key::ActiveModel, _>(tx, keys).await.map_err(or_conflict("dkim key"))
                })
            })
            .await
    }

    /// What is left of a domain whose account was erased: it goes with the rest of the account's rows, which a database that
    /// was put back may have again. Until then its name is free.
    async fn unreadable_domain(&self, hash: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let row = found()
            .filter(domain::Column::NameHash.eq(hash.to_vec()))
            .into_model::<Found>()
            .one(&self.inner.readers)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let id = row.id.clone();
        Ok(self.domain_of(row).await?.is_none().then_some(id))
    }

    /// The account's domain of this name.
    pub async fn domain_by_name(&self, account: AccountId, name: &str) -> Result<Option<Domain>, StoreError> {
        Ok(self.domain_of_instance(name).await?.filter(|domain| domain.account == account))
    }

    /// The domain of this name, whoever owns it: for doors that know no account yet.
    pub async fn domain_of_instance(&self, name: &str) -> Result<Option<Domain>, StoreError> {
        let hash = self.inner.keyring.name_hash(name);
        self.read_domain(domain::Column::NameHash.eq(hash.clone()), DomainKey::Name(hash)).await
    }

    /// The account's domain with this id.
    pub async fn domain(&self, account: AccountId, id: DomainId) -> Result<Option<Domain>, StoreError> {
        let which = Condition::all()
            .add(domain::Column::Id.eq(id.to_row()))
            .add(domain::Column::Account.eq(account.to_row()));
        self.read_domain(which, DomainKey::Id(account, id)).await
    }

    /// The domain that is found so, read now or a moment ago.
    async fn read_domain(
        &self,
        which: impl IntoCondition,
        key: DomainKey,
    ) -> Result<Option<Domain>, StoreError> {
        let read = async {
            let row = found()
                .filter(which)
                .into_model::<Found>()
                .one(self.read_for(Purpose::CustomerAccess))
                .await?;
            match row {
                Some(row) => self.domain_of(row).await,
                None => Ok(None),
            }
        };
        self.recent(&self.inner.recent_domains, key, |domain| domain.account, read).await
    }

    /// The account's domains, newest first, with the count of all.
    pub async fn domains(
        &self,
        account: AccountId,
        skip: u64,
        limit: u64,
    ) -> Result<(u64, Vec<Domain>), StoreError> {
        let all = found().filter(domain::Column::Account.eq(account.to_row()));
        let count = all.clone().count(self.read_for(Purpose::CustomerAccess)).await?;
        let rows = all
            .order_by_desc(domain::Column::Id)
            .offset(skip)
            .limit(limit)
            .into_model::<Found>()
            .all(self.read_for(Purpose::CustomerAccess))
            .await?;
        let (some, mut domains) = (!rows.is_empty(), Vec::with_capacity(rows.len()));
        for row in rows {
            domains.extend(self.domain_of(row).await?);
        }
        // They are all under one key: where it is destroyed, none is there.
        Ok((if some && domains.is_empty() { 0 } else { count }, domains))
    }

    /// The key of the domain's return-path tokens.
    pub async fn return_path_key(
        &self,
        account: AccountId,
        domain: DomainId,
    ) -> Result<Option<Sealed<Vec<u8>, category::SystemAuthentication>>, StoreError> {
        let key: Option<Vec<u8>> = domain::Entity::find_by_id(domain.to_row())
            .select_only()
            .column(domain::Column::ReturnPathKey)
            .filter(domain::Column::Account.eq(account.to_row()))
            .into_tuple()
            .one(self.read_for(Purpose::Signing))
            .await?;
        match key {
            Some(key) => {
                self.inner.open_bytes(RETURN_PATH_KEY, account, &domain.to_row(), &key).await.map(Some)
            }
            None => Ok(None),
        }
    }

    async fn domain_rows(&self, new: NewDomain) -> Result<(domain::Model, Vec<dkim_key::Model>), StoreError> {
        let (id, account) = (new.id, new.account);
        let key = self.inner.keyring.account_key(account).await?;
        let return_path_key = Zeroizing::new(new.return_path_key);
        let row = domain::Model {
            id: id.to_row(),
            account: account.to_row(),
            name: self.inner.seal(&key, NAME, account, &id.to_bytes(), new.name.as_bytes())?,
            name_hash: self.inner.keyring.name_hash(&new.name),
            kind: new.kind.as_str().to_owned(),
            state: new.state.as_str().to_owned(),
            require_tls: new.settings.require_tls,
            skip_verification: new.settings.skip_verification,
            message_ttl_secs: i64::from(new.settings.message_ttl_secs),
            return_path_key: self.inner.seal(
                &key,
                RETURN_PATH_KEY,
                account,
                &id.to_bytes(),
                &return_path_key,
            )?,
            created_at: new.created_at.as_micros(),
            details: self.inner.sealed_details(&key, account, id, &new.settings.details)?,
            tend_at: new.tend_at.map(Timestamp::as_micros),
        };
        let keys = new.dkim_keys.into_iter().map(|dkim| self.inner.dkim_row(&key, account, id, dkim));
        Ok((row, keys.collect::<Result<_, _>>()?))
    }

    /// The domain of a row; `None` if the account's keys were destroyed.
    async fn domain_of(&self, row: Found) -> Result<Option<Domain>, StoreError> {
        let corrupt = |column| StoreError::Corrupt { table: "domains", column };
        let account = AccountId::from_row(&row.account, "domains", "account")?;
        let name = match self.inner.open_text(NAME, account, &row.id, &row.name).await {
            Err(StoreError::Erased) => return Ok(None),
            outcome => outcome?,
        };
        let details = match &row.details {
            Some(sealed) => self.inner.open_json(DETAILS, account, &row.id, sealed).await?,
            None => DomainDetails::default(),
        };
        Ok(Some(Domain {
            id: DomainId::from_row(&row.id, "domains", "id")?,
            account,
            name,
            kind: DomainKind::parse(&row.kind).ok_or_else(|| corrupt("kind"))?,
            state: DomainState::parse(&row.state).ok_or_else(|| corrupt("state"))?,
            settings: DomainSettings {
                require_tls: row.require_tls,
                skip_verification: row.skip_verification,
                message_ttl_secs: u32::try_from(row.message_ttl_secs)
                    .map_err(|_| corrupt("message_ttl_secs"))?,
                details,
            },
            created_at: time(row.created_at),
        }))
    }
}

/// A row without its key, which is for signing alone.
#[derive(FromQueryResult)]
struct Found {
    id: Vec<u8>,
    account: Vec<u8>,
    name: Vec<u8>,
    kind: String,
    state: String,
    require_tls: bool,
    skip_verification: bool,
    message_ttl_secs: i64,
    created_at: i64,
    details: Option<Vec<u8>>,
}

/// Whether the account has this domain.
pub(crate) async fn exists(tx: &Tx, account: AccountId, id: DomainId) -> Result<bool, StoreError> {
    let row = domain::Entity::find_by_id(id.to_row())
        .filter(domain::Column::Account.eq(account.to_row()))
        .filter(is_there());
    Ok(row.count(tx).await? > 0)
}

/// Not deleted.
fn is_there() -> sea_orm::sea_query::SimpleExpr {
    domain::Column::State.is_not_in([DELETED, EMPTIED])
}

/// Domains that are not deleted.
fn found() -> Select<domain::Entity> {
    domain::Entity::find().filter(is_there()).select_only().columns([
        domain::Column::Id,
        domain::Column::Account,
        domain::Column::Name,
        domain::Column::Kind,
        domain::Column::State,
        domain::Column::RequireTls,
        domain::Column::SkipVerification,
        domain::Column::MessageTtlSecs,
        domain::Column::CreatedAt,
        domain::Column::Details,
    ])
}

impl DomainKind {
    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Custom => "custom",
            Self::Sandbox => "sandbox",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Custom, Self::Sandbox].into_iter().find(|kind| kind.as_str() == text)
    }
}

impl DomainState {
    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Unverified => "unverified",
            Self::Disabled => "disabled",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Unverified, Self::Disabled].into_iter().find(|state| state.as_str() == text)
    }
}
