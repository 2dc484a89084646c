//! Everything about one recipient within an account, found by keyed hash: the journal does not know the address.
//!
//! What goes: entries that wait, events, captured messages, messages to them alone with content and idempotency
//! results. Of a message to several people the others keep their events; whatever in it names the erased address is
//! taken out, and its content is kept no longer than somebody still waits for it; of a captured one it goes at once.
//! What is told of mail to others names them no more either. Suppressions stay as hashes: the wish not to be written
//! to outlives the address.

mod apply;
mod events;
mod mentions;
mod messages;
mod plan;
mod queue;
pub(crate) mod scrub;
pub(crate) mod somebody;

use sea_orm::{
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter,
    sea_query::{Expr, ExprTrait},
};
use waxseal_model::AccountId;

pub(crate) use self::somebody::{Somebody, canonical};
use super::rows::add_count;
use crate::{
    deletion::Noted,
    entity::{event, inbox_item, suppression},
    error::StoreError,
    open::Store,
    rows::RowId,
    suppression::{address_hash, older_hash},
    writer::Effects,
};

/// The tables with columns about recipients: all of them are gone through here.
#[cfg(test)]
const ABOUT_RECIPIENTS: [&str; 8] = [
    "bodies",
    "events",
    "idempotency_keys",
    "inbox_items",
    "messages",
    "queue_entries",
    "queue_pauses",
    "suppressions",
];

/// Who is to be erased, and from where.
struct Wanted {
    account: AccountId,
    hash: Vec<u8>,
    whom: Somebody,
}

impl Store {
    /// The hash by which an account's rows about a recipient are found, however the address is written. Rows that an
    /// older version keeps under another one are put under it.
    pub(crate) async fn recipient_hash(
        &self,
        account: AccountId,
        address: &str,
    ) -> Result<Vec<u8>, StoreError> {
        let pepper = self.inner.keyring.pepper(account).await?;
        let hash = address_hash(&pepper, address);
        if let Some(older) = older_hash(&pepper, address) {
            self.take_over(account, older, hash.clone()).await?;
        }
        Ok(hash)
    }

    async fn take_over(&self, account: AccountId, older: Vec<u8>, hash: Vec<u8>) -> Result<(), StoreError> {
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    event::Entity::update_many()
                        .col_expr(event::Column::RecipientHash, Expr::value(hash.clone()))
                        .filter(event::Column::Account.eq(account.to_row()))
                        .filter(event::Column::RecipientHash.eq(older.clone()))
                        .exec(tx)
                        .await?;
                    inbox_item::Entity::update_many()
                        .col_expr(inbox_item::Column::RecipientHash, Expr::value(hash))
                        .filter(inbox_item::Column::Account.eq(account.to_row()))
                        .filter(inbox_item::Column::RecipientHash.eq(older))
                        .exec(tx)
                        .await?;
                    Ok(())
                })
            })
            .await
    }

    async fn wanted(&self, account: AccountId, hash: Vec<u8>) -> Result<Wanted, StoreError> {
        let pepper = self.inner.keyring.pepper(account).await?;
        Ok(Wanted { account, whom: Somebody::hashed(pepper, hash.clone()), hash })
    }

    /// How many rows about this recipient an account has: events, captured messages, entries that wait, suppressions
    /// with an address, pauses. Where there is none of these, messages that are still there and went to them.
    pub async fn recipient_rows(&self, account: AccountId, address: &str) -> Result<u64, StoreError> {
        let hash = self.recipient_hash(account, address).await?;
        let db = &self.inner.readers;
        let events = event::Entity::find()
            .filter(event::Column::Account.eq(account.to_row()))
            .filter(event::Column::RecipientHash.eq(hash.clone()))
            .count(db)
            .await?;
        let captured = inbox_item::Entity::find()
            .filter(inbox_item::Column::Account.eq(account.to_row()))
            .filter(inbox_item::Column::RecipientHash.eq(hash.clone()))
            .count(db)
            .await?;
        let suppressed = suppression::Entity::find().filter(suppressed(account, &hash)).count(db).await?;
        let wanted = self.wanted(account, hash).await?;
        let waiting = self.waiting_for(&wanted).await?.len() as u64;
        let paused = self.paused_recipient_rows(account, &wanted.hash).await?;
        match events + captured + suppressed + waiting + paused {
            0 => self.messages_reached(&wanted).await,
            rows => Ok(rows),
        }
    }

    /// Goes once through everything that the account has about a recipient; how many rows went or were changed.
    pub(super) async fn erase_recipient_rows(
        &self,
        erasure: i64,
        account: AccountId,
        hash: &[u8],
        limit: u64,
    ) -> Result<u64, StoreError> {
        let wanted = self.wanted(account, hash.to_vec()).await?;
        let mut total = self.drop_waiting(erasure, &wanted).await?;
        loop {
            let batch = self.erase_events(erasure, &wanted, limit).await?;
            total += batch;
            if batch == 0 {
                break;
            }
        }
        total += self.erase_messages(erasure, &wanted).await?;
        total += self.erase_mentions(erasure, &wanted).await?;
        total += self.erase_captured(erasure, account, hash).await?;
        total += self.blank_suppressions(erasure, account, hash).await?;
        let paused = self.forget_paused_recipient(account, hash).await?;
        self.count_erased(erasure, "queue_pauses", paused).await?;
        total += paused;
        Ok(total)
    }

    async fn erase_captured(&self, erasure: i64, account: AccountId, hash: &[u8]) -> Result<u64, StoreError> {
        let only = sea_orm::Condition::all().add(inbox_item::Column::RecipientHash.eq(hash.to_vec()));
        let deleted = self.delete_items(Noted::default(), account, only).await?;
        self.count_erased(erasure, "inbox_items", deleted).await?;
        Ok(deleted)
    }

    async fn blank_suppressions(
        &self,
        erasure: i64,
        account: AccountId,
        hash: &[u8],
    ) -> Result<u64, StoreError> {
        let which = suppressed(account, hash);
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move {
                    let changed = suppression::Entity::update_many()
                        .col_expr(suppression::Column::Address, Expr::value(Vec::<u8>::new()))
                        .col_expr(suppression::Column::Details, Expr::value(Vec::<u8>::new()))
                        .filter(which)
                        .exec(tx)
                        .await?;
                    add_count(tx, erasure, "suppressions", changed.rows_affected).await?;
                    Ok(changed.rows_affected)
                })
            })
            .await
    }

    async fn count_erased(&self, erasure: i64, store: &'static str, rows: u64) -> Result<(), StoreError> {
        self.inner
            .writer
            .write(Effects::default(), move |tx| {
                Box::pin(async move { add_count(tx, erasure, store, rows).await })
            })
            .await
    }
}

/// Suppressions of the recipient that still have an address.
fn suppressed(account: AccountId, hash: &[u8]) -> Expr {
    suppression::Column::Account
        .eq(account.to_row())
        .and(suppression::Column::AddressHash.eq(hash.to_vec()))
        .and(suppression::Column::Address.ne(Vec::<u8>::new()))
}

#[cfg(test)]
mod tests {
    use waxseal_model::data_class::Subject;

    use std::sync::Arc;

    use sea_orm::IntoActiveModel as _;
    use waxseal_model::{
        DomainId, EventId, KeyId, ManualClock, SeededRandom, Timestamp,
        event::{EventDetails, EventKind},
        suppression::SuppressionKind,
    };

    use super::*;
    use crate::{
        Engine, MasterKey, StoreConfig,
        account::{AccountProfile, KeyScope, NewAccount, NewApiKey},
        entity::erase::{EraseRule, tables},
        message::NewEvent,
        suppression::{ADDRESS, DETAILS, NewSuppression, SuppressionDetails, place},
    };

    const COMPOSED: &str = "jos\u{e9}@x.example";
    const DECOMPOSED: &str = "jose\u{301}@x.example";

    async fn store(folder: &std::path::Path) -> (Store, AccountId) {
        let config = StoreConfig {
            engine: Engine::Sqlite,
            data_dir: folder.to_owned(),
            master_key: MasterKey::File(folder.join("master.key")),
            keys_dir: None,
        };
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
        let store = Store::open(config, clock, Arc::new(SeededRandom::new(7))).await.expect("a store");
        let (account, created_at) = (AccountId::from_u128(1), Timestamp::from_secs(0));
        let profile = AccountProfile { name: String::new(), email: String::new(), company: None };
        let key = NewApiKey {
            id: KeyId::from_u128(2),
            account,
            scope: KeyScope::Account,
            secret_hash: [0; 32],
            label: String::new(),
            created_at,
        };
        let new = NewAccount { id: account, created_at, profile };
        store.create_account(new, key).await.expect("an account");
        (store, account)
    }

    /// An event and a suppression as an older version kept them, which hashed letters as they came.
    async fn kept_by_an_older_version(store: &Store, account: AccountId, domain: DomainId) {
        let event = NewEvent {
            id: EventId::from_u128(3),
            at: Timestamp::from_secs(1_800_000_000),
            kind: EventKind::Delivered,
            severity: None,
            account,
            domain,
            message: None,
            details: EventDetails { recipient: Some(DECOMPOSED.into()), ..EventDetails::default() },
        };
        store.append_events(vec![event]).await.expect("an event");
        let entry = NewSuppression {
            account,
            domain,
            kind: SuppressionKind::Complaint,
            address: DECOMPOSED.into(),
            details: SuppressionDetails::default(),
            created_at: Timestamp::from_secs(0),
        };
        let mut row = store.suppression_row(entry).await.expect("a row").into_row();
        let pepper = store.inner.keyring.pepper(account).await.expect("a pepper");
        let older = pepper.hash(b"address", DECOMPOSED.as_bytes());
        row.address_hash.clone_from(&older);
        let key = store.inner.keyring.account_key(account).await.expect("a key");
        let bound = place(&row);
        row.address =
            store.inner.seal(&key, ADDRESS, account, &bound, DECOMPOSED.as_bytes()).expect("sealed");
        row.details = store
            .inner
            .seal_json(&key, DETAILS, account, &bound, &SuppressionDetails::default())
            .expect("sealed");
        let row = store.inner.listed.admit(row, None);
        let write = store.inner.writer.write(Effects::default(), move |tx| {
            Box::pin(async move {
                event::Entity::update_many()
                    .col_expr(event::Column::RecipientHash, Expr::value(older))
                    .exec(tx)
                    .await?;
                suppression::Entity::insert(row.into_row().into_active_model())
                    .exec_without_returning(tx)
                    .await?;
                Ok(())
            })
        });
        write.await.expect("written");
    }

    #[tokio::test]
    async fn what_an_older_version_kept_by_another_hash_is_erased_and_its_wishes_hold() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, account) = store(folder.path()).await;
        let domain = DomainId::from_u128(4);
        kept_by_an_older_version(&store, account, domain).await;
        let listed = async || {
            let found = store.suppressions_of(account, domain, &[COMPOSED.to_owned()]).await.expect("read");
            found.iter().map(|(_, entry)| entry.address.is_some()).collect::<Vec<_>>()
        };
        assert_eq!(listed().await, [true]);
        let asked = store.ask_recipient_erasure(account, COMPOSED).await.expect("asked");
        let begun = store.begin_erasure(&asked).await.expect("begun").expect("not taken back");
        while store.erase_batch(&begun, 3).await.expect("a batch") > 0 {}
        let events = event::Entity::find().count(&store.inner.readers).await.expect("counted");
        assert_eq!((events, listed().await), (0, vec![false]), "the wish is left, by its hash");
        store.close().await;
    }

    #[test]
    fn every_table_about_recipients_is_gone_through() {
        let mut about: Vec<&str> = tables()
            .iter()
            // What domains ask and are told is of no account, and goes in its time.
            .filter(|table| table.erase != EraseRule::InTime)
            .filter(|table| {
                (table.classes)("").iter().any(|column| {
                    matches!(column.class.subject, Subject::Recipient | Subject::CustomerAndRecipient)
                })
            })
            .map(|table| table.name)
            // What people asked stays until its own term: that they were answered has to be shown.
            .filter(|name| *name != "privacy_requests")
            .collect();
        about.sort_unstable();
        assert_eq!(about, ABOUT_RECIPIENTS);
    }
}
