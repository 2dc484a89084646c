//! SMTP credentials (login and password) and network credentials (a place instead of a password).

mod network;

use sea_orm::{
    ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, sea_query::Expr,
};
use waxseal_model::{AccountId, CredentialId, DomainId, Purpose, Sealed, Timestamp, category};

use crate::{
    deletion::{self, Noted},
    entity::smtp_credential,
    error::StoreError,
    open::Store,
    rows::{RowId, insert_all, or_conflict, time},
    seal::key_number,
    vault::Slot,
    writer::Effects,
};

pub use network::{NetworkCredential, NewNetworkCredential};

/// An SMTP credential to be made.
pub struct NewSmtpCredential {
    /// Id.
    pub id: CredentialId,
    /// Account.
    pub account: AccountId,
    /// Domain that the credential sends for.
    pub domain: DomainId,
    /// Full login address, lower case.
    pub login: String,
    /// Argon2id hash in PHC form.
    pub password_hash: String,
    /// Time of making.
    pub created_at: Timestamp,
}

/// An SMTP credential.
pub struct SmtpCredential {
    /// Id.
    pub id: CredentialId,
    /// Account.
    pub account: AccountId,
    /// Domain.
    pub domain: DomainId,
    /// Full login address.
    pub login: Sealed<String, category::Username>,
    /// Argon2id hash in PHC form.
    pub password_hash: Sealed<String, category::Password>,
    /// Time of making.
    pub created_at: Timestamp,
}

pub(crate) const LOGIN: Slot = Slot::new("smtp_credentials", "login");
pub(crate) const PASSWORD: Slot = Slot::new("smtp_credentials", "password_hash");

impl Store {
    /// Adds an SMTP credential under a key of its own; a conflict if the login is taken.
    pub async fn create_smtp_credential(&self, credential: NewSmtpCredential) -> Result<(), StoreError> {
        let NewSmtpCredential { id, account, domain, login, password_hash, created_at } = credential;
        let key = self.inner.keyring.login_key(account).await?;
        let row = smtp_credential::Model {
            id: id.to_row(),
            account: account.to_row(),
            domain: domain.to_row(),
            login_hash: self.inner.keyring.login_hash(&login.to_lowercase()),
            login: self.inner.seal(&key, LOGIN, account, &id.to_bytes(), login.as_bytes())?,
            password_hash: self.inner.seal(
                &key,
                PASSWORD,
                account,
                &id.to_bytes(),
                password_hash.as_bytes(),
            )?,
            created_at: created_at.as_micros(),
        };
        let unreadable = self.unreadable_login(&row.login_hash).await?;
        let row = row.into_active_model();
        let made = self
            .inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    if let Some(unreadable) = unreadable {
                        smtp_credential::Entity::delete_by_id(unreadable).exec(tx).await?;
                    }
                    insert_all(tx, vec![row]).await.map_err(or_conflict("credential"))
                })
            })
            .await;
        if made.is_err() {
            self.inner.keyring.drop_login_key(account, key.number()).await?;
        }
        made
    }

    /// What is left of a deleted login in a database that was put back: its key is gone, and its place is free.
    async fn unreadable_login(&self, hash: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let row = smtp_credential::Entity::find()
            .filter(smtp_credential::Column::LoginHash.eq(hash.to_vec()))
            .one(&self.inner.readers)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let id = row.id.clone();
        Ok(self.smtp_of(row).await?.is_none().then_some(id))
    }

    /// The credential with this login (compared in lower case), found by keyed hash.
    pub async fn smtp_credential(&self, login: &str) -> Result<Option<SmtpCredential>, StoreError> {
        let row = smtp_credential::Entity::find()
            .filter(
                smtp_credential::Column::LoginHash.eq(self.inner.keyring.login_hash(&login.to_lowercase())),
            )
            .one(self.read_for(Purpose::Authentication))
            .await?;
        match row {
            Some(row) => self.smtp_of(row).await,
            None => Ok(None),
        }
    }

    /// Whether the account has this credential.
    pub async fn has_smtp_credential(
        &self,
        account: AccountId,
        id: CredentialId,
    ) -> Result<bool, StoreError> {
        let read = async {
            let found = smtp_credential::Entity::find_by_id(id.to_row())
                .filter(smtp_credential::Column::Account.eq(account.to_row()))
                .count(self.read_for(Purpose::Authentication))
                .await?;
            Ok((found > 0).then_some(account))
        };
        Ok(self.recent(&self.inner.recent_logins, (account, id), |account| *account, read).await?.is_some())
    }

    /// All credentials of a domain, oldest first.
    pub async fn smtp_credentials(
        &self,
        account: AccountId,
        domain: DomainId,
    ) -> Result<Vec<SmtpCredential>, StoreError> {
        let rows = smtp_credential::Entity::find()
            .filter(smtp_credential::Column::Account.eq(account.to_row()))
            .filter(smtp_credential::Column::Domain.eq(domain.to_row()))
            .order_by_asc(smtp_credential::Column::Id)
            .all(self.read_for(Purpose::Authentication))
            .await?;
        let mut credentials = Vec::new();
        for row in rows {
            credentials.extend(self.smtp_of(row).await?);
        }
        Ok(credentials)
    }

    /// Sets a new password hash; whether the credential exists.
    pub async fn change_smtp_password(
        &self,
        account: AccountId,
        id: CredentialId,
        password_hash: String,
    ) -> Result<bool, StoreError> {
        let Some(number) = self.login_key_of(account, id).await? else { return Ok(false) };
        let key = self.inner.keyring.by_number(number).await?;
        let sealed = self.inner.seal(&key, PASSWORD, account, &id.to_bytes(), password_hash.as_bytes())?;
        let slot = deletion::PASSWORD;
        let noted = self.inner.seal(&key, slot, account, &id.to_bytes(), password_hash.as_bytes())?;
        // Of two at once the later entry is what is in force.
        let _one = self.inner.replacing.lock().await;
        let noted = self.note_password(account, id.to_row(), noted).await?;
        self.write_password(noted, account, id.to_row(), sealed).await
    }

    /// Puts a sealed password in place; whether the credential exists.
    pub(crate) async fn write_password(
        &self,
        noted: Noted,
        account: AccountId,
        id: Vec<u8>,
        sealed: Vec<u8>,
    ) -> Result<bool, StoreError> {
        self.carry_out(noted, Effects { ways_in: true, ..Effects::default() }, move |tx| {
            Box::pin(async move {
                let changed = smtp_credential::Entity::update_many()
                    .col_expr(smtp_credential::Column::PasswordHash, Expr::value(sealed))
                    .filter(smtp_credential::Column::Id.eq(id))
                    .filter(smtp_credential::Column::Account.eq(account.to_row()))
                    .exec(tx)
                    .await?;
                Ok(changed.rows_affected > 0)
            })
        })
        .await
    }

    /// Deletes an SMTP credential, its key first: no copy of it can be read anywhere. Whether there was one.
    pub async fn delete_smtp_credential(
        &self,
        account: AccountId,
        id: CredentialId,
    ) -> Result<bool, StoreError> {
        let Some(number) = self.login_key_of(account, id).await? else { return Ok(false) };
        self.inner.keyring.drop_login_key(account, number).await?;
        self.inner
            .writer
            .write(Effects { ways_in: true, ..Effects::default() }, move |tx| {
                Box::pin(async move {
                    let deleted = smtp_credential::Entity::delete_many()
                        .filter(smtp_credential::Column::Id.eq(id.to_row()))
                        .filter(smtp_credential::Column::Account.eq(account.to_row()))
                        .exec(tx)
                        .await?;
                    Ok(deleted.rows_affected > 0)
                })
            })
            .await
    }

    /// The number of the key that an account's credential rests under.
    async fn login_key_of(&self, account: AccountId, id: CredentialId) -> Result<Option<i64>, StoreError> {
        let row = smtp_credential::Entity::find_by_id(id.to_row())
            .filter(smtp_credential::Column::Account.eq(account.to_row()))
            .one(&self.inner.readers)
            .await?;
        row.map(|row| key_number(LOGIN.at(account, &row.id), &row.login)).transpose()
    }

    /// The credential of a row; `None` if its key was destroyed: then it is deleted, or about to be.
    async fn smtp_of(&self, row: smtp_credential::Model) -> Result<Option<SmtpCredential>, StoreError> {
        let account = AccountId::from_row(&row.account, "smtp_credentials", "account")?;
        let login = match self.inner.open_text(LOGIN, account, &row.id, &row.login).await {
            Err(StoreError::Erased) => return Ok(None),
            outcome => outcome?,
        };
        let password_hash = match self.inner.open_text(PASSWORD, account, &row.id, &row.password_hash).await {
            Err(StoreError::Erased) => return Ok(None),
            outcome => outcome?,
        };
        Ok(Some(SmtpCredential {
            id: CredentialId::from_row(&row.id, "smtp_credentials", "id")?,
            account,
            domain: DomainId::from_row(&row.domain, "smtp_credentials", "domain")?,
            login: Sealed::new(login),
            password_hash: Sealed::new(password_hash),
            created_at: time(row.created_at),
        }))
    }
}
