//! What must hold for TLS-RPT records of strangers.

use waxseal_smtp::tls_rpt::{Place, places};

/// There are few places, each once; a URL is one that the record spells out, an address is one line with one domain.
pub(crate) fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Some(places) = places(text.split('\n')) else { return };
    assert!((1..=8).contains(&places.len()));
    for (index, place) in places.iter().enumerate() {
        assert!(!places[..index].contains(place));
        match place {
            Place::Https(url) => {
                assert!(text.contains(url.as_str()) && url.len() <= 2_048);
                assert!(url.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://")));
                assert!(
                    url.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b',' | b';' | b'!'))
                );
            }
            Place::Mailto(address) => {
                let (_, domain) = address.rsplit_once('@').expect("an address");
                assert!(!domain.is_empty() && !domain.starts_with('['));
                assert!(!address.chars().any(char::is_control) && address.is_ascii());
            }
        }
    }
}
