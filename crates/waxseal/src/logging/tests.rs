//! What is written, and what is not.

use super::*;

/// What a thread logs.
#[derive(Clone, Default)]
struct Kept(Arc<std::sync::Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, entry: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("whole").extend_from_slice(entry);
        Ok(entry.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn names_that_the_dns_is_asked_for_are_not_written_at_any_level() {
    for level in [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace] {
        let kept = Kept::default();
        let writer = kept.clone();
        let layer = tracing_subscriber::fmt::layer().with_writer(move || writer.clone());
        let subscriber = tracing_subscriber::registry().with(filter(level)).with(layer);
        tracing::subscriber::with_default(subscriber, || {
            tracing::error!(target: "hickory_net::dnssec", "no proof for recipient.test");
            tracing::error!(target: "hickory_resolver", "recipient.test has no address");
            tracing::error!(target: "waxseal_net", "the nameservers do not answer");
        });
        let written = String::from_utf8(kept.0.lock().expect("whole").clone()).expect("text");
        assert!(
            written.contains("nameservers") && !written.contains("recipient.test"),
            "{level:?}: {written}"
        );
    }
}

#[test]
fn an_address_in_an_entry_is_not_written_whoever_made_the_entry() {
    let mut writer = RedactingWriter(Vec::new());
    writer.write_all(b"WARN some_crate: cannot talk to <somebody@recipient.test>\n").expect("written");
    let written = String::from_utf8(writer.0).expect("text");
    assert!(written.starts_with("WARN some_crate: cannot talk to "), "{written}");
    assert!(!written.contains("somebody") && !written.contains('@'), "{written}");
}
