//! Whom an export is about, and which rows are about them.

use std::collections::BTreeSet;

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, IdenStatic, Iterable, QueryFilter, QueryOrder, QuerySelect,
};
use waxseal_model::{AccountId, Purpose, event::EventDetails};

use super::TABLES;
use crate::{
    entity::{class::Classified, erase::EraseRule, event},
    erasure::recipient::scrub::scrub,
    error::StoreError,
    open::Store,
    rows::RowId,
    suppression::address_hash,
};

/// Whom an export is about.
#[derive(Clone)]
pub enum ExportSubject {
    /// An account, with everything in it.
    Account(AccountId),
    /// One recipient of an account's mail.
    Recipient {
        /// The account.
        account: AccountId,
        /// The recipient's address.
        address: String,
    },
    /// The person behind an SMTP login.
    Login {
        /// The account.
        account: AccountId,
        /// The login.
        login: String,
    },
}

/// Whom an export is about, with what their rows are found by.
pub struct Scope {
    pub(super) account: AccountId,
    who: Who,
}

enum Who {
    Account,
    Recipient {
        /// In lower case.
        address: String,
        hash: Vec<u8>,
        /// Messages that went to them.
        messages: Vec<Vec<u8>>,
        /// Those that went to nobody else.
        alone: Vec<Vec<u8>>,
    },
    Login {
        hash: Vec<u8>,
    },
}

/// Which rows of a table.
pub(super) enum Rows<C> {
    /// All that fit.
    Where(Condition),
    /// Those whose column holds one of these, of those that fit.
    Among(C, Vec<Vec<u8>>, Condition),
}

/// Messages looked at by one statement.
const CHUNK: usize = 500;

impl Store {
    /// What an export about somebody goes through.
    pub async fn export_scope(&self, subject: &ExportSubject) -> Result<Scope, StoreError> {
        Ok(match subject {
            ExportSubject::Account(account) => Scope { account: *account, who: Who::Account },
            ExportSubject::Login { account, login } => {
                let hash = self.inner.keyring.login_hash(&login.to_lowercase());
                Scope { account: *account, who: Who::Login { hash } }
            }
            ExportSubject::Recipient { account, address } => {
                let hash = address_hash(&*self.inner.keyring.pepper(*account).await?, address);
                let messages = self.messages_to(*account, &hash).await?;
                let mut alone: BTreeSet<Vec<u8>> = messages.iter().cloned().collect();
                for chunk in messages.chunks(CHUNK) {
                    for shared in self.shared(*account, &hash, chunk).await? {
                        alone.remove(&shared);
                    }
                }
                let (address, alone) = (address.to_lowercase(), alone.into_iter().collect());
                Scope { account: *account, who: Who::Recipient { address, hash, messages, alone } }
            }
        })
    }

    /// The messages that went to a recipient.
    async fn messages_to(&self, account: AccountId, hash: &[u8]) -> Result<Vec<Vec<u8>>, StoreError> {
        let messages = event::Entity::find()
            .select_only()
            .column(event::Column::Message)
            .distinct()
            .filter(event::Column::Account.eq(account.to_row()))
            .filter(event::Column::RecipientHash.eq(hash.to_vec()))
            .filter(event::Column::Message.is_not_null())
            .order_by_asc(event::Column::Message)
            .into_tuple::<Vec<u8>>()
            .all(self.read_for(Purpose::Export))
            .await?;
        Ok(messages)
    }

    /// Those of the messages that went to others too.
    async fn shared(
        &self,
        account: AccountId,
        hash: &[u8],
        messages: &[Vec<u8>],
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let shared = event::Entity::find()
            .select_only()
            .column(event::Column::Message)
            .distinct()
            .filter(event::Column::Account.eq(account.to_row()))
            .filter(event::Column::RecipientHash.ne(hash.to_vec()))
            .filter(event::Column::Message.is_in(messages.to_vec()))
            .into_tuple::<Vec<u8>>()
            .all(self.read_for(Purpose::Export))
            .await?;
        Ok(shared)
    }
}

impl Scope {
    /// The tables that are gone through.
    pub fn tables(&self) -> &'static [&'static str] {
        match self.who {
            Who::Account => &TABLES,
            Who::Recipient { .. } => {
                &["messages", "bodies", "queue_entries", "events", "inbox_items", "suppressions"]
            }
            Who::Login { .. } => &["smtp_credentials"],
        }
    }

    /// The recipient's address in lower case, if it is about one.
    pub(super) fn recipient(&self) -> Option<&str> {
        match &self.who {
            Who::Recipient { address, .. } => Some(address),
            Who::Account | Who::Login { .. } => None,
        }
    }

    /// Which rows of a table are about them.
    pub(super) fn rows<E: Classified>(&self) -> Option<Rows<E::Column>> {
        let EraseRule::RowsOf(account) = E::ERASE else { return None };
        let own = Condition::all().add(account.eq(self.account.to_row()));
        let column = |name: &str| E::Column::iter().find(|column| column.as_str() == name);
        let rows = match &self.who {
            Who::Account => Rows::Where(own),
            Who::Login { hash } => Rows::Where(own.add(column("login_hash")?.eq(hash.clone()))),
            Who::Recipient { hash, messages, alone, .. } => match E::default().table_name() {
                "messages" => Rows::Among(column("id")?, alone.clone(), own),
                "bodies" => Rows::Among(column("message")?, alone.clone(), own),
                "queue_entries" => Rows::Among(column("message")?, messages.clone(), own),
                "suppressions" => Rows::Where(own.add(column("address_hash")?.eq(hash.clone()))),
                _ => Rows::Where(own.add(column("recipient_hash")?.eq(hash.clone()))),
            },
        };
        Some(rows)
    }
}

/// Takes everybody but the recipient out of what is told of a message.
pub(super) fn without_others(details: &mut EventDetails, address: &str) {
    let others: Vec<String> = details
        .message
        .recipients
        .iter()
        .map(|recipient| recipient.to_lowercase())
        .filter(|recipient| recipient != address)
        .collect();
    for other in others {
        scrub(details, &other);
    }
    // Where the others are not listed, the header may name them all the same.
    if details.message.to.to_lowercase().replace(address, "").contains('@') {
        address.clone_into(&mut details.message.to);
    }
}
