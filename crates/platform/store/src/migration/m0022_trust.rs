//! What recipients' domains ask of TLS, and how connections to them went.

use sea_orm_migration::prelude::*;

use super::column::{bytes, index, int, long, table};

/// Kept policies, and results to be reported.
pub(crate) struct Trust;

impl MigrationName for Trust {
    fn name(&self) -> &str {
        "m0022_trust"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Trust {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [bytes("destination"), int("day"), bytes("policy"), long("until")];
        manager.create_table(table("sts_policies", columns, &["destination"])).await?;
        manager.create_index(index("sts_policies_until", "sts_policies", &["until"])).await?;
        let columns = [int("day"), bytes("destination"), bytes("results"), long("due_at"), int("attempts")];
        manager.create_table(table("tls_results", columns, &["day", "destination"])).await?;
        manager.create_index(index("tls_results_due", "tls_results", &["due_at"])).await
    }
}
