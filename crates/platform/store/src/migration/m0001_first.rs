//! The first schema.
//!
//! Only the tables of an account's settings refer to each other by foreign keys. Messages, queue and
//! event log do not: they are written thousands of times a second and purged each by its own rule.

use sea_orm_migration::{
    prelude::*,
    sea_query::{
        ForeignKey, ForeignKeyAction, ForeignKeyCreateStatement, IndexCreateStatement, TableCreateStatement,
    },
};

use super::column::{
    bytes, counter, flag, index, int, long, optional_bytes, optional_long, optional_text, table, text, unique,
};

/// The first schema.
pub(crate) struct First;

impl MigrationName for First {
    fn name(&self) -> &str {
        "m0001_first"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for First {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in settings().into_iter().chain(mail()).chain(housekeeping()) {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

fn settings() -> Vec<TableCreateStatement> {
    vec![
        table("accounts", [bytes("id"), long("created_at"), bytes("profile"), flag("disabled")], &["id"]),
        owned(table(
            "domains",
            [
                bytes("id"),
                bytes("account"),
                text("name"),
                text("kind"),
                text("state"),
                flag("require_tls"),
                flag("skip_verification"),
                long("message_ttl_secs"),
                bytes("return_path_key"),
                long("created_at"),
            ],
            &["id"],
        )),
        owned(table(
            "dkim_keys",
            [
                bytes("id"),
                bytes("account"),
                bytes("domain"),
                text("selector"),
                text("algorithm"),
                bytes("private_key"),
                bytes("public_key"),
                flag("active"),
                long("created_at"),
            ],
            &["id"],
        ))
        .foreign_key(&mut refers("domain", "domains"))
        .to_owned(),
        owned(table(
            "api_keys",
            [
                bytes("id"),
                bytes("account"),
                optional_bytes("domain"),
                bytes("secret_hash"),
                bytes("label"),
                long("created_at"),
            ],
            &["id"],
        )),
        owned(table(
            "smtp_credentials",
            [
                bytes("id"),
                bytes("account"),
                bytes("domain"),
                bytes("login_hash"),
                bytes("login"),
                bytes("password_hash"),
                long("created_at"),
            ],
            &["id"],
        )),
        owned(table(
            "network_credentials",
            [bytes("id"), bytes("account"), text("network"), long("created_at")],
            &["id"],
        )),
    ]
}

fn mail() -> Vec<TableCreateStatement> {
    vec![
        table(
            "messages",
            [
                bytes("account"),
                bytes("id"),
                bytes("domain"),
                long("created_at"),
                bytes("header_hash"),
                bytes("template"),
                text("options"),
                long("size"),
                long("not_before"),
                long("give_up_at"),
                flag("capture"),
                long("keep_until"),
                optional_long("captured_until"),
                int("pending"),
                optional_long("body_expires_at"),
                flag("deleted"),
            ],
            &["account", "id"],
        ),
        table(
            "bodies",
            [bytes("account"), bytes("message"), int("day"), bytes("mime")],
            &["account", "message"],
        ),
        table(
            "queue_entries",
            [
                bytes("id"),
                bytes("account"),
                bytes("domain"),
                bytes("message"),
                text("recipient_domain"),
                bytes("envelope"),
                int("attempts"),
                long("ready_at"),
                long("due_at"),
                long("give_up_at"),
                long("not_before"),
                long("accepted_at"),
                optional_long("first_attempt_at"),
                flag("capture"),
                optional_bytes("lease"),
                optional_bytes("last_reply"),
            ],
            &["id"],
        ),
        table(
            "events",
            [
                counter("seq"),
                bytes("id"),
                long("at"),
                text("kind"),
                optional_text("severity"),
                bytes("account"),
                bytes("domain"),
                optional_bytes("message"),
                optional_bytes("recipient_hash"),
                optional_bytes("header_hash"),
                bytes("details"),
            ],
            &[],
        ),
        table(
            "inbox_items",
            [
                bytes("account"),
                bytes("id"),
                bytes("domain"),
                bytes("message"),
                bytes("recipient_hash"),
                bytes("envelope"),
                long("captured_at"),
                long("expires_at"),
            ],
            &["account", "id"],
        ),
    ]
}

fn housekeeping() -> Vec<TableCreateStatement> {
    vec![
        table("reader_cursors", [text("reader"), long("seq")], &["reader"]),
        table(
            "suppressions",
            [
                bytes("account"),
                bytes("domain"),
                text("kind"),
                bytes("address_hash"),
                bytes("address"),
                bytes("details"),
                long("created_at"),
            ],
            &["account", "domain", "kind", "address_hash"],
        ),
        table(
            "idempotency_keys",
            [bytes("account"), bytes("key_hash"), bytes("request_hash"), bytes("answer"), long("expires_at")],
            &["account", "key_hash"],
        ),
        table("instance_notes", [text("name"), long("value")], &["name"]),
    ]
}

fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        unique("domains_name", "domains", &["name"]),
        index("domains_account", "domains", &["account", "id"]),
        index("dkim_keys_domain", "dkim_keys", &["account", "domain", "id"]),
        unique("api_keys_secret_hash", "api_keys", &["secret_hash"]),
        index("api_keys_account", "api_keys", &["account", "id"]),
        unique("smtp_credentials_login_hash", "smtp_credentials", &["login_hash"]),
        index("smtp_credentials_domain", "smtp_credentials", &["account", "domain", "id"]),
        unique("network_credentials_network", "network_credentials", &["network"]),
        index("messages_created", "messages", &["created_at"]),
        index("messages_body_expires", "messages", &["body_expires_at"]),
        index("bodies_day", "bodies", &["day", "account"]),
        index("queue_entries_ready", "queue_entries", &["ready_at"]),
        index("queue_entries_recipients", "queue_entries", &["recipient_domain", "ready_at"]),
        // Only what is held: a few hundred rows, however many wait.
        index("queue_entries_held", "queue_entries", &["lease"])
            .cond_where(Expr::col("lease").is_not_null())
            .to_owned(),
        index("queue_entries_domain", "queue_entries", &["account", "domain", "id"]),
        index("queue_entries_message", "queue_entries", &["message"]),
        index("events_domain", "events", &["account", "domain", "at"]),
        index("events_recipient", "events", &["account", "recipient_hash", "at"]),
        index("events_header", "events", &["account", "header_hash", "at"]),
        index("events_at", "events", &["at"]),
        index("inbox_items_message", "inbox_items", &["account", "message"]),
        index("inbox_items_expires", "inbox_items", &["expires_at"]),
        index("idempotency_keys_expires", "idempotency_keys", &["expires_at"]),
    ]
}

fn owned(mut table: TableCreateStatement) -> TableCreateStatement {
    table.foreign_key(&mut refers("account", "accounts")).to_owned()
}

fn refers(column: &'static str, table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .from_col(column)
        .to_tbl(table)
        .to_col("id")
        .on_delete(ForeignKeyAction::Cascade)
        .to_owned()
}
