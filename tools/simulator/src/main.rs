//! `cargo xtask simulate`: runs worlds by their seeds until one breaks.
#![expect(clippy::print_stdout, reason = "a command talks to whoever runs it")]

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Result;
use clap::Parser;
use waxseal_simulator::{Outcome, Simulator};

/// Runs simulated worlds by their seeds; ends at the first in which something does not hold.
#[derive(Parser)]
struct Wish {
    /// The first seed.
    #[arg(long)]
    from: u64,
    /// How many.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// From one to the next, so that several processes share a range.
    #[arg(long, default_value_t = 1)]
    stride: u64,
    /// No other is begun after so many seconds.
    #[arg(long)]
    within: Option<u64>,
    /// Runs each seed twice, and wants the same history.
    #[arg(long)]
    twice: bool,
    /// Goes on after a seed that fails.
    #[arg(long)]
    all: bool,
    /// Prints every step, also of a seed in which all is well.
    #[arg(long)]
    trace: bool,
}

fn main() -> Result<ExitCode> {
    let wish = Wish::parse();
    let simulator = Simulator::new()?;
    let (mut failed, mut unequal, mut done) = (0, 0, 0);
    #[expect(clippy::disallowed_methods, reason = "whoever runs it has so much real time")]
    let began = Instant::now();
    for index in 0..wish.seeds {
        if wish.within.is_some_and(|seconds| began.elapsed() >= Duration::from_secs(seconds)) {
            break;
        }
        done += 1;
        let seed = wish.from.wrapping_add(index.wrapping_mul(wish.stride));
        let outcome = simulator.run(seed)?;
        if wish.twice {
            let again = simulator.run(seed)?;
            if again.fingerprint != outcome.fingerprint {
                unequal += 1;
                tell_difference(seed, &outcome, &again);
            }
        }
        if wish.trace {
            outcome.trace.iter().for_each(|line| println!("{line}"));
            println!("seed {seed}: {}", outcome.fingerprint);
        }
        if !outcome.broken.is_empty() {
            failed += 1;
            println!("seed {seed} fails: `cargo xtask simulate --seed {seed}` repeats it");
            outcome.broken.iter().for_each(|what| println!("  {what}"));
            if !wish.all {
                if !wish.trace {
                    outcome.trace.iter().for_each(|line| println!("{line}"));
                }
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    println!("{done} seeds from {}: {failed} failed", wish.from);
    if wish.twice {
        println!("{unequal} had another history the second time");
    }
    Ok(if failed + unequal == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tell_difference(seed: u64, one: &Outcome, other: &Outcome) {
    let same = one.trace.iter().zip(&other.trace).take_while(|(one, other)| one == other).count();
    println!("seed {seed} has another history the second time, from step {same} on:");
    for trace in [&one.trace, &other.trace] {
        trace.iter().skip(same.saturating_sub(2)).take(5).for_each(|line| println!("  {line}"));
        println!("  --");
    }
}
