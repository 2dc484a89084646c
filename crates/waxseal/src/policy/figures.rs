//! Figures in words.

use anyhow::{Result, ensure};
use waxseal_model::Timestamp;
use waxseal_store::retention::Held;

/// `12 bodies, the oldest of 2026-03-01T00:00:00Z, 0 past their limit`. An error if any is past its limit.
pub(super) fn kept(held: Held, what: &str) -> Result<String> {
    let oldest = held.oldest.map(|oldest| format!(", the oldest of {}", moment(oldest))).unwrap_or_default();
    let text = format!("{} {what}{oldest}, {} past their limit", held.count, held.past);
    ensure!(
        held.past == 0,
        "{text}: retention has not deleted them; is purging paused, or no server running?"
    );
    Ok(text)
}

/// A time to the second.
pub(super) fn moment(at: Timestamp) -> String {
    format!("{:.0}", at.to_jiff())
}
