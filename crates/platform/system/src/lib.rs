//! The machine's own time and chance, behind the traits of `waxseal-model`.
//!
//! Everything else takes a [`Clock`](waxseal_model::Clock) and a [`Random`](waxseal_model::Random);
//! these two are what the binary hands to it.

pub mod clock;
pub mod random;

pub use clock::SystemClock;
pub use random::SystemRandom;
