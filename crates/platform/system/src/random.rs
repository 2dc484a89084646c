//! The machine's randomness.

use waxseal_model::Random;

/// The random generator of aws-lc, seeded by the operating system. Fit for keys and secrets.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    /// Fills `buffer`.
    ///
    /// # Panics
    ///
    /// If the operating system gives no randomness: nothing can be made safely then.
    #[expect(clippy::disallowed_methods, reason = "this is the Random that everything else takes")]
    fn fill(&self, buffer: &mut [u8]) {
        aws_lc_rs::rand::fill(buffer).expect("the operating system gives random bytes");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_fillings_differ() {
        let (mut one, mut other) = ([0u8; 32], [0u8; 32]);
        SystemRandom.fill(&mut one);
        SystemRandom.fill(&mut other);
        assert_ne!(one, other);
        assert_ne!(one, [0u8; 32]);
    }
}
