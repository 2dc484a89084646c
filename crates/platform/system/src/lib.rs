//! The machine's own time and chance, behind the traits of `waxseal-model`.
//!
//! Beside them: what has to be asked of the system for the process as a whole.
//!
//! Everything else takes a [`Clock`](waxseal_model::Clock) and a [`Random`](waxseal_model::Random);
//! these two are what the binary hands to it.

pub mod clock;
pub mod core_dump;
pub mod descriptors;
pub mod memory;
pub mod random;
pub mod users;

pub use clock::SystemClock;
pub use memory::Memory;
pub use random::SystemRandom;
