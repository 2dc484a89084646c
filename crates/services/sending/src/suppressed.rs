//! Recipients that a domain no longer writes to.

use std::collections::HashMap;

use waxseal_mail::Address;
use waxseal_model::{Access, actor, purpose, suppression::Verdict};
use waxseal_store::{Store, StoreError, domain::Domain};

/// Verdicts by [`Address::key`], for those of `addresses` that have one.
pub(crate) async fn verdicts(
    store: &Store,
    domain: &Domain,
    addresses: &[Address],
    tags: &[String],
) -> Result<HashMap<String, Verdict>, StoreError> {
    let mut keys: Vec<String> = addresses.iter().map(Address::key).collect();
    let access = Access::new(actor::System, purpose::Suppression);
    let found = store.verdicts((domain.account, domain.id), &keys, tags, &access).await?;
    Ok(found.into_iter().map(|(index, verdict)| (std::mem::take(&mut keys[index]), verdict)).collect())
}
