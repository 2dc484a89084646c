//! Connections that read for one purpose, and can read nothing else.

use std::path::Path;

use sea_orm::{ConnectionTrait as _, DatabaseConnection};
use waxseal_model::Purpose;

use super::{patient::Patient, postgres, restrict, sqlite};
use crate::error::{OpenError, StoreError};

/// A pool for each purpose; connections are made when somebody wants one.
pub(crate) struct Readers {
    pools: Vec<(Purpose, Patient)>,
    everything: Patient,
}

impl Readers {
    /// On SQLite, beside the connections that read everything.
    pub(crate) async fn sqlite(path: &Path, everything: &DatabaseConnection) -> Result<Self, OpenError> {
        let mut pools = Vec::new();
        for purpose in Purpose::ALL {
            pools.push((purpose, Patient::new(sqlite::connect(path, sqlite::Use::For(purpose)).await?)));
        }
        Ok(Self { pools, everything: Patient::new(everything.clone()) })
    }

    /// On PostgreSQL, under a role for each purpose. Where the roles cannot be made, every purpose reads with the rights
    /// of the store's own user: that is said in the log and by `policy verify`.
    pub(crate) async fn postgres(url: &str, everything: &DatabaseConnection) -> Result<Self, OpenError> {
        let mut pools = Vec::new();
        match everything.execute_unprepared(&restrict::postgres()).await {
            Ok(_) => {
                for purpose in Purpose::ALL {
                    let pool = postgres::connect_as(url, &restrict::role(purpose))?;
                    pools.push((purpose, Patient::new(pool)));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "no roles for purposes: the database's user may not make roles (CREATEROLE)");
            }
        }
        Ok(Self { pools, everything: Patient::new(everything.clone()) })
    }

    /// For a purpose.
    pub(crate) fn of(&self, purpose: Purpose) -> &Patient {
        self.pools.iter().find(|(of, _)| *of == purpose).map_or(&self.everything, |(_, pool)| pool)
    }

    /// Whether the database holds each purpose to its columns.
    pub(crate) const fn are_held(&self) -> bool {
        !self.pools.is_empty()
    }

    /// Closes the connections.
    pub(crate) async fn close(&self) -> Result<(), StoreError> {
        for (_, pool) in &self.pools {
            DatabaseConnection::clone(pool).close().await?;
        }
        Ok(())
    }
}
