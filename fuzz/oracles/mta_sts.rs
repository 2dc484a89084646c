//! What must hold for MTA-STS policies and records of strangers.

use waxseal_smtp::mta_sts::{Mode, Policy, record_id};

/// A policy that asks for servers allows none that it does not spell out, however its patterns are written; it holds for a
/// year at most. An id is short and plain.
pub(crate) fn check(data: &[u8]) {
    if let Ok(policy) = Policy::parse(data) {
        assert!(policy.max_age() <= 31_557_600);
        let text = String::from_utf8_lossy(data).to_ascii_lowercase();
        assert!(policy.mode() == Mode::None || text.contains("mx:"));
        for host in ["", ".", "a", "mx.b.example", "a.mx.b.example", "..b.example", "*.b.example"] {
            let below = host.split_once('.').map_or("", |(_, rest)| rest);
            let named = text.contains(host) || text.contains(&format!("*.{below}"));
            assert!(!policy.allows(host) || (!host.is_empty() && named), "{host}");
        }
    }
    let text = String::from_utf8_lossy(data);
    if let Some(id) = record_id(text.lines()) {
        assert!((1..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
}
