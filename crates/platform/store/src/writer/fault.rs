//! Why a group was not written.

use std::{fmt, sync::Arc};

use sea_orm::DbErr;

use crate::error::StoreError;

/// Why a group was not written, for each caller in it.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// The disk is full.
    Full,
    /// Anything else of the database or the disk.
    Other(Arc<str>),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => StoreError::Full.fmt(f),
            Self::Other(why) => f.write_str(why),
        }
    }
}

impl From<DbErr> for Fault {
    fn from(error: DbErr) -> Self {
        StoreError::from(error).into()
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full => Self::Full,
            StoreError::Unavailable(source) => Self::Other(source.to_string().into()),
            other => Self::Other(other.to_string().into()),
        }
    }
}

impl From<&Fault> for StoreError {
    fn from(fault: &Fault) -> Self {
        match fault {
            Fault::Full => Self::Full,
            Fault::Other(why) => Self::Unavailable(why.as_ref().into()),
        }
    }
}
