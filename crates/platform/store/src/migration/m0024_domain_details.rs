//! What owners say about their domains, and when a domain is to be looked after.

use sea_orm_migration::prelude::*;

use super::column::{index, optional_bytes, optional_long};

/// Details of domains.
pub(crate) struct DomainDetails;

impl MigrationName for DomainDetails {
    fn name(&self) -> &str {
        "m0024_domain_details"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for DomainDetails {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for mut column in [optional_bytes("details"), optional_long("tend_at")] {
            let table = Table::alter().table("domains").add_column(&mut column).to_owned();
            manager.alter_table(table).await?;
        }
        manager.create_index(index("domains_tend", "domains", &["tend_at"])).await
    }
}
