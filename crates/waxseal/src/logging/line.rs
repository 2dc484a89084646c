//! One line for each event: as text or as JSON, with the fields that the inventory knows and no others.

use std::fmt::{self, Debug, Write as _};

use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};
use waxseal_model::Clock;
use waxseal_privacy::inventory;
use waxseal_system::SystemClock;

use crate::config::LogFormat;

/// The field that carries the sentence.
const MESSAGE: &str = "message";
/// The field that counts what was left out.
const UNLISTED: &str = "unlisted";

/// Writes events.
pub(super) struct Line {
    format: LogFormat,
    clock: SystemClock,
}

impl Line {
    pub(super) fn new(format: LogFormat) -> Self {
        Self { format, clock: SystemClock::new() }
    }
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        if fields.unlisted > 0 {
            fields.known.insert(UNLISTED.to_owned(), fields.unlisted.into());
        }
        let (level, target) = (event.metadata().level(), event.metadata().target());
        // Microseconds, always six of them: lines sort as they came.
        let at = self.clock.now().to_jiff().strftime("%Y-%m-%dT%H:%M:%S.%6fZ");
        match self.format {
            LogFormat::Text => {
                write!(to, "{at} {level:>5} {target}:")?;
                if let Some(sentence) = &fields.sentence {
                    write!(to, " {}", shown(sentence))?;
                }
                for (name, value) in &fields.known {
                    write!(to, " {name}={}", shown(value))?;
                }
            }
            LogFormat::Json => {
                let mut line = Map::new();
                line.insert("timestamp".to_owned(), at.to_string().into());
                line.insert("level".to_owned(), level.as_str().into());
                line.extend(fields.sentence.map(|sentence| (MESSAGE.to_owned(), sentence)));
                line.extend(fields.known);
                line.insert("target".to_owned(), target.into());
                write!(to, "{}", Value::Object(line))?;
            }
        }
        writeln!(to)
    }
}

/// A value of a line of text. What is not the code's own must not begin a line of its own.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => {
            text.escape_debug().collect::<String>().replace("\\\"", "\"").replace("\\'", "'")
        }
        other => other.to_string(),
    }
}

/// The fields of an event.
#[derive(Default)]
struct Fields {
    sentence: Option<Value>,
    known: Map<String, Value>,
    unlisted: u64,
}

impl Fields {
    fn note(&mut self, field: &Field, value: impl Into<Value>) {
        if field.name() == MESSAGE {
            self.sentence = Some(value.into());
        } else if inventory::is_log_field(field.name()) {
            self.known.insert(field.name().to_owned(), value.into());
        } else {
            self.unlisted += 1;
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = String::new();
        // Writing to a String does not fail; a value that cannot be printed is cut off.
        let _ = write!(text, "{value:?}");
        self.note(field, text);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.note(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.note(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.note(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.note(field, value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.note(field, u64::try_from(value).unwrap_or(u64::MAX));
    }
}

#[cfg(test)]
mod tests;
