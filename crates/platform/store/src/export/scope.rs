//! Whom an export is about, and which rows are about them.

use std::collections::BTreeSet;

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, IdenStatic, Iterable, QueryFilter, QueryOrder, QuerySelect,
};
use waxseal_model::{AccountId, Purpose, comparable, event::EventDetails};

use super::TABLES;
use crate::{
    entity::{class::Classified, erase::EraseRule, event},
    erasure::recipient::{
        Somebody, canonical,
        scrub::{Sender, reached, scrub},
    },
    error::StoreError,
    open::Store,
    request::NOBODY,
    rows::RowId,
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
        /// In the form to compare.
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
    Requester {
        /// In the form to compare.
        address: String,
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
                let address = canonical(address);
                let hash = self.recipient_hash(*account, &address).await?;
                let mut messages: BTreeSet<Vec<u8>> =
                    self.messages_to(*account, &hash).await?.into_iter().collect();
                let mut alone = messages.clone();
                self.add_reached(*account, &address, &mut messages, &mut alone).await?;
                let messages: Vec<Vec<u8>> = messages.into_iter().collect();
                for chunk in messages.chunks(CHUNK) {
                    for shared in self.shared(*account, &hash, chunk).await? {
                        alone.remove(&shared);
                    }
                }
                let alone = alone.into_iter().collect();
                Scope { account: *account, who: Who::Recipient { address, hash, messages, alone } }
            }
        })
    }

    /// What an export of what somebody who has no account asked about their data goes through.
    pub fn requests_scope(address: &str) -> Scope {
        Scope { account: NOBODY, who: Who::Requester { address: comparable(address) } }
    }

    /// Adds the messages that went to a recipient by what they tell themselves: their events may be over. Those that
    /// went to others too are taken out of `alone`.
    async fn add_reached(
        &self,
        account: AccountId,
        address: &str,
        messages: &mut BTreeSet<Vec<u8>>,
        alone: &mut BTreeSet<Vec<u8>>,
    ) -> Result<(), StoreError> {
        let whom = Somebody::among(std::iter::once(address));
        let mut after = Vec::new();
        loop {
            let page = self.messages_behind(account, &after).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after.clone_from(&last.id);
            for row in page {
                let details = self.template_of(account, &row).await?;
                let Some(is_alone) = details.and_then(|details| reached(&details, &whom)) else { continue };
                if is_alone {
                    alone.insert(row.id.clone());
                } else {
                    alone.remove(&row.id);
                }
                messages.insert(row.id);
            }
        }
    }

    /// The messages that events say went to a recipient.
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
            Who::Requester { .. } => &["privacy_requests"],
        }
    }

    /// The address, in the form to compare, of the one person it is about, if it is about one.
    pub(super) fn person(&self) -> Option<&str> {
        match &self.who {
            Who::Recipient { address, .. } | Who::Requester { address } => Some(address),
            Who::Account | Who::Login { .. } => None,
        }
    }

    /// Which rows of a table are about them.
    pub(super) fn rows<E: Classified>(&self) -> Option<Rows<E::Column>> {
        let EraseRule::RowsOf(account) = E::ERASE else { return None };
        let own = Condition::all().add(account.eq(self.account.to_row()));
        let column = |name: &str| E::Column::iter().find(|column| column.as_str() == name);
        let rows = match &self.who {
            // Whose a request is, is sealed: a row is looked at when it is open.
            Who::Account | Who::Requester { .. } => Rows::Where(own),
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
    let recipients = details.message.recipients.clone();
    let own = Somebody::among(std::iter::once(address));
    let others = Somebody::among(recipients.iter().map(String::as_str).filter(|other| !own.is(other)));
    scrub(details, &others, Sender::Too);
    // Where the others are not listed, the header may name them all the same.
    let to = &details.message.to;
    if to.matches('@').count() > usize::from(own.is_named_in(to)) {
        address.clone_into(&mut details.message.to);
    }
}
