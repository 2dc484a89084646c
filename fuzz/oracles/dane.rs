//! What must hold for TLSA records of strangers.

use waxseal_smtp::dane::{Association, Associations, Usage};

/// A record that is usable has a usage that SMTP has; it tells of the certificate that it holds whole, and of no digest's
/// preimage that is another one. Records are few, and a certificate that none of them tells of matches none.
pub(crate) fn check(data: &[u8]) {
    let records = data.split(|byte| *byte == b'\n').filter_map(|line| {
        let (&[usage, selector, matching], data) = line.split_first_chunk::<3>()?;
        let record = Association::new(usage, selector, matching, data)?;
        assert!(matches!(usage, 2 | 3) && selector < 2 && matching < 3);
        assert_eq!(record.usage() == Usage::EndEntity, usage == 3);
        let (certificate, key): (&[u8], &[u8]) = if selector == 0 { (data, b"") } else { (b"", data) };
        assert_eq!(record.matches(certificate, key), matching == 0, "a digest is not what it is of");
        assert_eq!(record.issuer().is_some(), [usage, selector, matching] == [2, 0, 0]);
        Some(record)
    });
    let told = Associations::new(records);
    let all = || told.of(Usage::TrustAnchor).chain(told.of(Usage::EndEntity));
    assert!(all().count() <= 32);
    assert_eq!(all().count() == 0, told.is_empty());
    // Longer than any record's data: no record holds it.
    let stranger = vec![0; 17_000];
    assert!(all().all(|record| !record.matches(&stranger, &stranger)));
}
