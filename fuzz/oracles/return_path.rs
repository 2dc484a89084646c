//! What must hold for the addresses that bounces come back to.

use waxseal_model::{DomainId, RecipientId};

use crate::return_path::ReturnPath;

/// Nothing that a stranger writes is taken, except what was made here; that comes back in any case.
pub(crate) fn check(data: &[u8]) {
    let paths = ReturnPath::new(DomainId::from_u128(7), "mg.example.org", &[42; 32]);
    let text = String::from_utf8_lossy(data);
    if let Some(id) = paths.recipient(&text) {
        let own = paths.address(id);
        assert_eq!(own.strip_suffix("@mg.example.org"), Some(text.to_ascii_lowercase().as_str()));
    }
    let mut bits = [0u8; 16];
    bits.iter_mut().zip(data).for_each(|(slot, byte)| *slot = *byte);
    let id = RecipientId::from_u128(u128::from_be_bytes(bits));
    let own = paths.address(id);
    let (local, _) = own.split_once('@').expect("an address");
    assert_eq!(paths.recipient(local), Some(id));
    assert_eq!(paths.recipient(&local.to_ascii_uppercase()), Some(id));
}
