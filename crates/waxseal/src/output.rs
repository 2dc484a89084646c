//! Standard output, which whoever reads may close at any time: `waxseal privacy map | head`.

use std::io::Write as _;

/// Writes and flushes. A reader that has gone is no fault.
pub(crate) fn write(text: std::fmt::Arguments<'_>) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_fmt(text).and_then(|()| stdout.flush());
}

/// Writes a line to standard output.
macro_rules! say {
    ($($argument:tt)*) => {
        $crate::output::write(format_args!("{}\n", format_args!($($argument)*)))
    };
}

pub(crate) use say;
