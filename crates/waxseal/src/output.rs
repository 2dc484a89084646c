//! Standard output, which whoever reads may close at any time: `waxseal privacy map | head`.

use std::io::Write as _;

/// Writes and flushes. A reader that has gone is no fault.
pub(crate) fn write(text: std::fmt::Arguments<'_>) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_fmt(text).and_then(|()| stdout.flush());
}

/// An error with its causes, each said once: some say their cause themselves.
pub(crate) fn told(error: &anyhow::Error) -> String {
    let mut said = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if said.is_empty() {
            said = cause;
        } else if !said.ends_with(&cause) {
            said.push_str(": ");
            said.push_str(&cause);
        }
    }
    said
}

/// Writes a line to standard output.
macro_rules! say {
    ($($argument:tt)*) => {
        $crate::output::write(format_args!("{}\n", format_args!($($argument)*)))
    };
}

pub(crate) use say;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let cause = || std::io::Error::other("File exists (os error 17)");
        let path = "a.zip".to_owned();
        let said = waxseal_privacy::export::ExportError::File { path, source: cause() };
        assert_eq!(told(&said.into()), "a.zip: File exists (os error 17)");
        let added = anyhow::Error::from(cause()).context("a.zip");
        assert_eq!(told(&added), "a.zip: File exists (os error 17)");
    }
}
