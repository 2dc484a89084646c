//! Reply texts without addresses, for places that rest in the clear.

/// The longest scrubbed text, in characters.
const MAX: usize = 300;

/// The text with everything that contains an `@` replaced by `<address>`, cut to 300 characters.
pub(crate) fn scrub(text: &str) -> String {
    let words = text.split_whitespace().map(|word| if word.contains('@') { "<address>" } else { word });
    words.collect::<Vec<_>>().join(" ").chars().take(MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_do_not_stay() {
        assert_eq!(
            scrub("550 5.1.1 <alice@example.com>: Recipient address rejected"),
            "550 5.1.1 <address> Recipient address rejected"
        );
        assert_eq!(scrub("mailto:a@b.example,c@d.example no"), "<address> no");
        assert_eq!(scrub(&"x".repeat(500)).len(), MAX);
    }
}
