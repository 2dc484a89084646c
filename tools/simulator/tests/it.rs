//! Worlds by number, as a test: the same ones each time. `cargo xtask simulate` runs others.

use waxseal_simulator::Simulator;

#[test]
fn nothing_is_lost_or_early_or_left_over_in_any_of_these_worlds() {
    let simulator = Simulator::new().expect("a simulator");
    for seed in 0..24 {
        let outcome = simulator.run(seed).expect("a world");
        assert!(outcome.broken.is_empty(), "seed {seed}: {:#?}", outcome.broken);
    }
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let simulator = Simulator::new().expect("a simulator");
    for seed in 24..30 {
        let (one, other) = (simulator.run(seed).expect("a world"), simulator.run(seed).expect("a world"));
        let step = one.trace.iter().zip(&other.trace).position(|(one, other)| one != other);
        assert_eq!(step, None, "seed {seed} goes another way");
        assert_eq!(one.fingerprint, other.fingerprint, "seed {seed}");
    }
}
