//! What is logged in an address's place.

use std::fmt::Debug;

/// Gives addresses marks that mean nothing outside their day.
pub trait AddressMarks: Debug + Send + Sync {
    /// The mark of an address: the same for the same address within a day, whatever its case.
    fn mark(&self, address: &str) -> String;
}

/// No marks: every address has the same one.
#[derive(Debug, Clone, Copy)]
pub struct NoMarks;

impl AddressMarks for NoMarks {
    fn mark(&self, _address: &str) -> String {
        "-".to_owned()
    }
}
