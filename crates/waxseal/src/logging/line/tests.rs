//! What a line holds, and what not.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use tracing_subscriber::layer::SubscriberExt as _;

use super::*;

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn logged(format: LogFormat, log: impl FnOnce()) -> String {
    let written = Written::default();
    let to = written.clone();
    let layer =
        tracing_subscriber::fmt::layer().with_writer(move || to.clone()).event_format(Line::new(format));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
    let bytes = written.0.lock().expect("not poisoned").clone();
    String::from_utf8(bytes).expect("UTF-8")
}

fn log_both() {
    tracing::warn!(target: "waxseal", code = 550, subject = "surprise party", error = "no\nway", "refused");
}

#[test]
fn a_field_that_the_inventory_does_not_know_is_left_out() {
    let text = logged(LogFormat::Text, log_both);
    assert!(text.ends_with("Z  WARN waxseal: refused code=550 error=no\\nway unlisted=1\n"), "{text}");
    let json = logged(LogFormat::Json, log_both);
    let line: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        (&line["message"], &line["code"], &line["unlisted"]),
        (&"refused".into(), &550.into(), &1.into())
    );
    assert!(!text.contains("party") && !json.contains("party"));
}
