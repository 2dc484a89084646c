//! The log: to standard error, as text or JSON, without people's addresses.
//!
//! **Invariant:** everything that is written passes [`waxseal_model::redact`], whatever crate it comes from, and a field that the
//! inventory does not know is not written. A panic tells where it happened and nothing of what was in hand.

mod line;
mod terminal;
#[cfg(test)]
mod tests;

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
