//! Relays of accounts and of their domains: which server mail goes to instead of its recipients', and how much of it.
//!
//! All of it rests sealed under the account's key; only delivery opens the password.

use sea_orm::{
    ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, Select,
    sea_query::{Expr, OnConflict},
};
use waxseal_model::{AccountId, DomainId, Purpose, Sealed, Timestamp, category};
use zeroize::Zeroizing;

use crate::{
    deletion::DeletionKind,
    entity::relay::{self, Column},
    error::StoreError,
    open::Store,
    purpose::rows_for,
    rows::{RowId, time},
    vault::Slot,
    writer::Effects,
};

const TABLE: &str = "relays";
const URL: Slot = Slot::new(TABLE, "url");
const LOGIN: Slot = Slot::new(TABLE, "login");
const CREDENTIALS: Slot = Slot::new(TABLE, "credentials");

/// Whose relay it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RelayOwner {
    /// The account.
    pub account: AccountId,
    /// A domain of it; `None`: all of its domains that have no relay of their own.
    pub domain: Option<DomainId>,
}

/// What is said to a relay to be let in (RFC 4954).
pub struct RelayLogin {
    /// User.
    pub user: String,
    /// Password.
    pub password: String,
}

/// A relay to be set.
pub enum NewRelay {
    /// None: to the recipients' servers, whatever others have.
    Direct,
    /// A server.
    Server {
        /// `smtp://HOST:PORT` or `smtps://HOST:PORT`, without a login.
        url: String,
        /// Login.
        login: Option<RelayLogin>,
        /// How much goes there, in percent; the rest goes to the recipients' servers.
        share: u8,
    },
}

/// A relay as it is shown: without its password.
pub struct Relay {
    /// Whose it is.
    pub owner: RelayOwner,
    /// Where it is; `None`: mail goes to the recipients' servers.
    pub url: Option<Sealed<String, category::Url>>,
    /// As whom we log in.
    pub login: Option<Sealed<String, category::Username>>,
    /// How much goes there, in percent.
    pub share: u8,
    /// When it was set.
    pub created_at: Timestamp,
}

/// A relay as delivery needs it.
pub struct RelayRule {
    /// Whose it is.
    pub owner: RelayOwner,
    /// Where mail goes.
    pub way: RelayWay,
}

/// Where mail goes.
pub enum RelayWay {
    /// To the recipients' servers.
    Direct,
    /// To a server.
    Server {
        /// As in [`NewRelay`].
        url: Sealed<String, category::Url>,
        /// Login.
        login: Option<Sealed<RelayLogin, category::Credentials>>,
        /// How much goes there, in percent.
        share: u8,
    },
    /// It cannot be read, or its account is closed: nobody knows where, so nothing of it may leave.
    Unreadable,
}

impl RelayOwner {
    /// The id of its row.
    pub(crate) fn row(self) -> Vec<u8> {
        self.domain.map_or_else(|| self.account.to_row(), RowId::to_row)
    }
}

impl RelayLogin {
    /// As it rests. Neither part has a NUL (RFC 4616).
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        [self.user.as_bytes(), &[0], self.password.as_bytes()].concat()
    }

    fn from_text(text: &str) -> Option<Self> {
        let (user, password) = text.split_once('\0')?;
        Some(Self { user: user.to_owned(), password: password.to_owned() })
    }
}

impl Store {
    /// Sets the relay of an account or a domain, in place of the one from before.
    pub async fn set_relay(&self, owner: RelayOwner, new: NewRelay) -> Result<(), StoreError> {
        let (id, account) = (owner.row(), owner.account);
        let key = self.inner.keyring.account_key(account).await?;
        let seal = |slot, value: &[u8]| self.inner.seal(&key, slot, account, &id, value).map(Some);
        let (url, login, credentials, share) = match new {
            NewRelay::Direct => (None, None, None, 0),
            NewRelay::Server { url, login: None, share } => (seal(URL, url.as_bytes())?, None, None, share),
            NewRelay::Server { url, login: Some(login), share } => {
                let both = Zeroizing::new(login.to_bytes());
                let (user, both) = (seal(LOGIN, login.user.as_bytes())?, seal(CREDENTIALS, &both)?);
                (seal(URL, url.as_bytes())?, user, both, share)
            }
        };
        let row = relay::Model {
            account: account.to_row(),
            domain: owner.domain.map(RowId::to_row),
            url,
            login,
            credentials,
            share: share.into(),
            created_at: self.inner.clock.now().as_micros(),
            id,
        };
        self.inner
            .writer
            .write(RELAYS, move |tx| {
                Box::pin(async move {
                    let all =
                        [Column::Url, Column::Login, Column::Credentials, Column::Share, Column::CreatedAt];
                    relay::Entity::insert(row.into_active_model())
                        .on_conflict(OnConflict::column(Column::Id).update_columns(all).to_owned())
                        .exec_without_returning(tx)
                        .await?;
                    Ok(())
                })
            })
            .await
    }

    /// Sets how much goes to a relay, in percent; whether there is one. What goes elsewhere by decision has none.
    pub async fn set_relay_share(&self, owner: RelayOwner, share: u8) -> Result<bool, StoreError> {
        self.inner
            .writer
            .write(RELAYS, move |tx| {
                Box::pin(async move {
                    let changed = relay::Entity::update_many()
                        .col_expr(Column::Share, Expr::value(i32::from(share)))
                        .filter(Column::Id.eq(owner.row()))
                        .filter(Column::Account.eq(owner.account.to_row()))
                        .filter(Column::Url.is_not_null())
                        .exec(tx)
                        .await?;
                    Ok(changed.rows_affected > 0)
                })
            })
            .await
    }

    /// Removes a relay; whether there was one.
    pub async fn remove_relay(&self, owner: RelayOwner) -> Result<bool, StoreError> {
        let which = || {
            let those = relay::Entity::find_by_id(owner.row());
            those.filter(Column::Account.eq(owner.account.to_row()))
        };
        if which().count(&self.inner.readers).await? == 0 {
            return Ok(false);
        }
        let noted = self.note_deletion(DeletionKind::Relay, owner.account, owner.row()).await?;
        self.carry_out(noted, RELAYS, move |tx| {
            Box::pin(async move {
                let gone = relay::Entity::delete_many()
                    .filter(Column::Id.eq(owner.row()))
                    .filter(Column::Account.eq(owner.account.to_row()))
                    .exec(tx)
                    .await?;
                Ok(gone.rows_affected > 0)
            })
        })
        .await
    }

    /// The relay of an account or a domain.
    pub async fn relay(&self, owner: RelayOwner) -> Result<Option<Relay>, StoreError> {
        let row = of_account(owner.account).filter(Column::Id.eq(owner.row()));
        match row.one(self.read_for(Purpose::CustomerAccess)).await? {
            Some(row) => self.relay_of(row).await,
            None => Ok(None),
        }
    }

    /// All relays of an account, its own and those of its domains.
    pub async fn relays(&self, account: AccountId) -> Result<Vec<Relay>, StoreError> {
        let rows = of_account(account).order_by_asc(Column::Id);
        let mut relays = Vec::new();
        for row in rows.all(self.read_for(Purpose::CustomerAccess)).await? {
            relays.extend(self.relay_of(row).await?);
        }
        Ok(relays)
    }

    /// The relays of everybody, without what closed accounts say to theirs. One that cannot be read does not keep others from
    /// theirs.
    pub async fn relay_rules(&self) -> Result<Vec<RelayRule>, StoreError> {
        let rows = rows_for::<relay::Entity>(Purpose::Delivery);
        let mut rules = Vec::new();
        for row in rows.all(self.read_for(Purpose::Delivery)).await? {
            let Ok(owner) = owner_of(&row) else {
                tracing::error!("a relay cannot be read, nor whose it is");
                continue;
            };
            let way = match self.way_of(owner.account, &row).await {
                // Its account is going. What is still in somebody's hands takes no other way meanwhile.
                _ if self.closed_until_erased(owner.account).is_some() => RelayWay::Unreadable,
                Err(StoreError::Erased) => RelayWay::Unreadable,
                Err(StoreError::Corrupt { .. }) => {
                    tracing::error!("a relay cannot be read: its mail waits until it is set again");
                    RelayWay::Unreadable
                }
                outcome => outcome?,
            };
            rules.push(RelayRule { owner, way });
        }
        Ok(rules)
    }

    /// Changes whenever [`Self::relay_rules`] may answer otherwise, before anybody hears of the change. Costs a look into
    /// memory.
    pub fn relay_changes(&self) -> u64 {
        self.inner.writer.changes().relays.borrow().wrapping_add(self.closed_changes())
    }

    /// The relay of a row; `None` if the account's keys were destroyed.
    async fn relay_of(&self, row: relay::Model) -> Result<Option<Relay>, StoreError> {
        let owner = owner_of(&row)?;
        let open = async |slot, sealed: Option<&Vec<u8>>| match sealed {
            Some(sealed) => self.inner.open_text(slot, owner.account, &row.id, sealed).await.map(Some),
            None => Ok(None),
        };
        let opened =
            async { Ok((open(URL, row.url.as_ref()).await?, open(LOGIN, row.login.as_ref()).await?)) };
        let (url, login) = match opened.await {
            Err(StoreError::Erased) => return Ok(None),
            outcome => outcome?,
        };
        let (url, login) = (url.map(Sealed::new), login.map(Sealed::new));
        Ok(Some(Relay { owner, url, login, share: share_of(&row)?, created_at: time(row.created_at) }))
    }

    async fn way_of(&self, account: AccountId, row: &relay::Model) -> Result<RelayWay, StoreError> {
        let Some(url) = &row.url else { return Ok(RelayWay::Direct) };
        let url = Sealed::new(self.inner.open_text(URL, account, &row.id, url).await?);
        let login = match &row.credentials {
            Some(sealed) => {
                let both = self.inner.open_text(CREDENTIALS, account, &row.id, sealed).await?;
                let login = RelayLogin::from_text(&Zeroizing::new(both));
                let corrupt = StoreError::Corrupt { table: TABLE, column: "credentials" };
                Some(Sealed::new(login.ok_or(corrupt)?))
            }
            None => None,
        };
        Ok(RelayWay::Server { url, login, share: share_of(row)? })
    }
}

/// The queue is looked at anew: what waited for the relay from before may go on.
pub(crate) const RELAYS: Effects = Effects {
    queue: true,
    log: false,
    suppressions: false,
    ways_in: false,
    relays: true,
    whole_tables: false,
    weight: 0,
};

fn of_account(account: AccountId) -> Select<relay::Entity> {
    rows_for::<relay::Entity>(Purpose::CustomerAccess).filter(Column::Account.eq(account.to_row()))
}

fn owner_of(row: &relay::Model) -> Result<RelayOwner, StoreError> {
    let domain = row.domain.as_ref().map(|id| DomainId::from_row(id, TABLE, "domain")).transpose()?;
    Ok(RelayOwner { account: AccountId::from_row(&row.account, TABLE, "account")?, domain })
}

fn share_of(row: &relay::Model) -> Result<u8, StoreError> {
    u8::try_from(row.share).map_err(|_| StoreError::Corrupt { table: TABLE, column: "share" })
}
