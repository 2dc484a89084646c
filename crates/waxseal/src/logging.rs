//! The log: to standard error, as text or JSON, without people's addresses.
//!
//! **Invariant:** everything that is written passes [`waxseal_model::redact`], whatever crate it comes from, and a field that the
//! inventory does not know is not written. A panic tells where it happened and nothing of what was in hand.

mod line;
mod terminal;

use std::{
    io::{self, Write},
    sync::{Arc, OnceLock},
};

use tracing_subscriber::{
    EnvFilter, fmt::MakeWriter, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};
use waxseal_model::redact::marked;
pub(crate) use waxseal_model::redact::redacted;
use waxseal_privacy::log_marks::LogMarks;
use waxseal_system::{SystemClock, SystemRandom};

use self::line::Line;
pub(crate) use self::terminal::for_terminal;
use crate::config::{LogFormat, LogLevel};

/// The marks of a process that runs for days.
static MARKS: OnceLock<Arc<LogMarks>> = OnceLock::new();

/// The marks that stand in addresses' place; none in a process that only carries out a command.
pub(crate) fn marks() -> Option<Arc<LogMarks>> {
    MARKS.get().cloned()
}

/// Starts logging for a server: addresses have marks.
pub(crate) fn start_for_days(level: LogLevel, format: LogFormat) {
    MARKS.get_or_init(|| Arc::new(LogMarks::new(Arc::new(SystemClock::new()), Arc::new(SystemRandom))));
    start(level, format);
}

/// Starts logging. Later calls change nothing.
pub(crate) fn start(level: LogLevel, format: LogFormat) {
    let layer = tracing_subscriber::fmt::layer().with_writer(StandardError).event_format(Line::new(format));
    // Fails only if it has been started already.
    let _ = tracing_subscriber::registry().with(filter(level)).with(layer).try_init();
}

/// From now on a panic tells its place and nothing else: its message may quote what was in hand.
pub(crate) fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
        if tracing::dispatcher::has_been_set() {
            tracing::error!(place, "panicked; this is a fault of Waxseal, please report it");
        } else {
            eprintln!("waxseal: panicked at {place}; this is a fault of Waxseal, please report it");
        }
    }));
}

/// Our own crates at the chosen level, all others at most at `info`: they do not know what is personal. Those that ask the DNS
/// say nothing at all: they quote the names that they were asked for, and those are whom customers write to.
fn filter(level: LogLevel) -> EnvFilter {
    EnvFilter::new(match level {
        LogLevel::Error => "error,hickory=off",
        LogLevel::Warn => "warn,hickory=off",
        LogLevel::Info => "warn,waxseal=info,hickory=off",
        LogLevel::Debug => "info,waxseal=debug,hickory=off",
        LogLevel::Trace => "info,waxseal=trace,hickory=off",
    })
}

/// Standard error behind [`marked`].
struct StandardError;

impl<'a> MakeWriter<'a> for StandardError {
    type Writer = RedactingWriter<io::Stderr>;

    fn make_writer(&'a self) -> Self::Writer {
        RedactingWriter(io::stderr())
    }
}

/// Redacts what is written. The layer above writes each entry in one piece.
struct RedactingWriter<W>(W);

impl<W: Write> Write for RedactingWriter<W> {
    fn write(&mut self, entry: &[u8]) -> io::Result<usize> {
        let entry_text = String::from_utf8_lossy(entry);
        let clean = match MARKS.get() {
            Some(marks) => marked(&entry_text, &**marks),
            None => redacted(&entry_text),
        };
        self.0.write_all(clean.as_bytes())?;
        Ok(entry.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
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
}
