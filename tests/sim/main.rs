//! Deterministic simulation of a run: random plans, agents and faults on a virtual clock.
//!
//! The engine and the log's lines are the real ones; processes, disk and time are simulated. A seed
//! replays exactly. `CREW_SIM_SEEDS=100000 cargo test --test sim` runs more seeds,
//! `CREW_SIM_SEED=17` one, with its log printed.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a failing seed is told to whoever runs the test"
)]

mod flows;
mod plans;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs one seed; the panic of a failed check carries the message.
fn run(seed: u64, show: bool) -> world::Summary {
    let mut world = world::World::new(seed);
    let outcome = catch_unwind(AssertUnwindSafe(|| world.run()));
    match outcome {
        Ok(summary) => {
            if show {
                println!("{}", world.log_text());
            }
            summary
        }
        Err(panic) => {
            eprintln!("seed {seed} failed; its log:\n{}", world.log_text());
            std::panic::resume_unwind(panic);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the test's own switches, not the program's")]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn every_seed_keeps_the_promises_of_a_run() {
    if let Some(seed) = number("CREW_SIM_SEED") {
        println!("{:?}", run(seed, true));
        return;
    }
    let seeds = number("CREW_SIM_SEEDS").unwrap_or(2_000);
    let mut total = world::Summary::default();
    for seed in 0..seeds {
        let outcome = catch_unwind(|| run(seed, false));
        let Ok(summary) = outcome else {
            panic!("seed {seed} broke a promise; CREW_SIM_SEED={seed} replays it");
        };
        total.add(&summary);
    }
    // The faults must really happen, or the test proves nothing.
    assert!(total.crashes > seeds / 10, "{total:?}");
    assert!(total.torn > seeds / 100, "{total:?}");
    assert!(total.adopted > seeds / 100 && total.lost > seeds / 100, "{total:?}");
    assert!(total.done > seeds / 5 && total.failed > seeds / 20, "{total:?}");
    assert!(total.blocked > seeds / 100 && total.paused > seeds / 50, "{total:?}");
    assert!(total.expanded > seeds / 50, "{total:?}");
    assert!(total.merged > seeds / 50 && total.conflicted > seeds / 200, "{total:?}");
    assert!(total.firings > seeds / 2 && total.cycles > seeds / 5, "{total:?}");
    assert!(total.decisions > seeds / 4 && total.stalls > seeds / 50, "{total:?}");
    assert!(total.drafts > seeds / 20 && total.over_budget > seeds / 100, "{total:?}");
    assert!(total.merges > seeds / 250 && total.unmerged > seeds / 500, "{total:?}");
    assert!(total.passes > seeds / 5 && total.denied > 0, "{total:?}");
    assert!(total.slept > seeds / 100 && total.logins > seeds / 50, "{total:?}");
    assert!(total.fallbacks > seeds / 50, "{total:?}");
    assert!(total.taken > seeds / 10 && total.words > seeds / 20, "{total:?}");
    println!("{seeds} seeds: {total:?}");
}
