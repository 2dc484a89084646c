//! The schema's history: one set of migrations for SQLite and PostgreSQL.
//!
//! A migration that has landed is never edited; a change is a new file. Names are written out here and
//! not taken from the entities, because an entity shows today's schema and a migration that day's.

use sea_orm_migration::prelude::*;

pub(crate) mod aside;
pub(crate) mod column;
mod m0001_first;
mod m0003_erasure;
mod m0004_archive;
mod m0005_exports;
mod m0007_access;
mod m0010_requests;
mod m0013_content_kept;
mod m0014_networks;
mod m0015_consent;
mod m0016_domain_names;
mod m0017_destinations;
mod m0018_flows;
mod m0019_queue_pauses;
mod m0020_relays;
mod m0021_sources;
mod m0022_trust;
mod m0023_suppression_imports;
mod m0024_domain_details;

pub(crate) use m0014_networks::NETWORK;
pub(crate) use m0016_domain_names::{NAME, PUBLIC_KEY, SELECTOR};
pub(crate) use m0017_destinations::DESTINATION;

/// All migrations, oldest first.
pub(crate) struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_first::First),
            Box::new(m0003_erasure::Erasure),
            Box::new(m0004_archive::Archive),
            Box::new(m0005_exports::Exports),
            Box::new(m0007_access::Access),
            Box::new(m0010_requests::Requests),
            Box::new(m0013_content_kept::ContentKept),
            Box::new(m0014_networks::Networks),
            Box::new(m0015_consent::Consent),
            Box::new(m0016_domain_names::DomainNames),
            Box::new(m0017_destinations::Destinations),
            Box::new(m0018_flows::Flows),
            Box::new(m0019_queue_pauses::QueuePauses),
            Box::new(m0020_relays::Relays),
            Box::new(m0021_sources::Sources),
            Box::new(m0022_trust::Trust),
            Box::new(m0023_suppression_imports::SuppressionImports),
            Box::new(m0024_domain_details::DomainDetails),
        ]
    }
}
