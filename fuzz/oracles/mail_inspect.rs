//! What must hold for messages that are read back.

use waxseal_mail::inspect;

/// Anything is read; each file that is listed is there with the size that was told.
pub(crate) fn check(data: &[u8]) {
    let stored = inspect::stored(data);
    assert!(stored.summary == inspect::summary(data));
    for (index, info) in stored.summary.attachments.iter().enumerate().take(20) {
        let file = inspect::attachment(data, index).expect("a listed file");
        assert!(file.info == *info && file.bytes.len() as u64 == info.size);
    }
    assert!(inspect::attachment(data, stored.summary.attachments.len()).is_none());
    assert!(stored.content_ids.iter().all(|(_, index)| *index < stored.summary.attachments.len()));
}
