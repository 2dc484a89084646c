//! Reply texts without addresses, for whoever runs the instance.

use waxseal_model::redact;

/// The longest scrubbed text, in characters.
const MAX: usize = 300;

/// The text with `<address>` in the place of addresses, however they are written, cut to 300 characters.
pub(crate) fn scrub(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let clean = redact::replaced(&words, |_| Some("<address>".to_owned()));
    // What is left with a sign of an address is none that we know how to end: the whole word goes.
    let clean = clean.split(' ').map(|word| if word.contains('@') { "<address>" } else { word });
    clean.collect::<Vec<_>>().join(" ").replace("<<address>>", "<address>").chars().take(MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_do_not_stay() {
        assert_eq!(
            scrub("550 5.1.1 <alice@example.com>: Recipient address rejected"),
            "550 5.1.1 <address>: Recipient address rejected"
        );
        assert_eq!(scrub("mailto:a@b.example,c@d.example no"), "mailto:<address>,<address> no");
        assert_eq!(scrub(r#"<"john doe"@b.example> unknown"#), "<address> unknown");
        assert_eq!(scrub("see https://b.example/?who=ann%40b.example"), "see https://b.example/?<address>");
        assert_eq!(scrub("ann@ is nobody"), "<address> is nobody");
        assert_eq!(scrub(&"x".repeat(500)).len(), MAX);
    }
}
