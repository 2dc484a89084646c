//! The tables of the database, one file each. Private: nothing outside this crate knows a table.
//!
//! Every file classifies its columns by an exhaustive `match`: a column that nobody classified does
//! not compile.

pub(crate) mod access_grant;
pub(crate) mod account;
pub(crate) mod api_key;
pub(crate) mod archive_job;
pub(crate) mod body;
pub(crate) mod class;
pub(crate) mod dkim_key;
pub(crate) mod domain;
pub(crate) mod erase;
pub(crate) mod erasure_count;
pub(crate) mod event;
pub(crate) mod export;
pub(crate) mod idempotency_key;
pub(crate) mod inbox_item;
pub(crate) mod instance_note;
pub(crate) mod kind;
pub(crate) mod message;
pub(crate) mod migration;
pub(crate) mod network_credential;
pub(crate) mod pool;
pub(crate) mod pool_assignment;
pub(crate) mod privacy_request;
pub(crate) mod queue_entry;
pub(crate) mod queue_pause;
pub(crate) mod reader_cursor;
pub(crate) mod relay;
pub(crate) mod smtp_credential;
pub(crate) mod source;
pub(crate) mod sts_policy;
pub(crate) mod suppression;
pub(crate) mod suppression_import;
pub(crate) mod tls_result;
