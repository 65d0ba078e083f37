//! Chaos: real runs of the real program under fire, and what must hold afterwards, checked from outside.
//!
//! Each trial has a project, a home and an account of its own, plays one scene with scripted agents, lets
//! accidents happen that its seed chooses, and brings every run to its end as a person would. `docs/reliability.md`
//! says what is injected and what is checked. `CREW_CHAOS_TRIALS` says how many trials (300), `CREW_CHAOS_SEED` the
//! seed of the first (1; each further one has the next number), `CREW_CHAOS_JOBS` how many at a time.
//!
//! A trial that fails leaves its folder and prints its seed: `CREW_CHAOS_SEED=<seed> CREW_CHAOS_TRIALS=1` plays it
//! again, with the same scene and accidents; only the moments in the life of real processes are never quite the same.

#![expect(clippy::print_stderr, reason = "the harness tells what it saw when something broke")]

#[expect(dead_code, reason = "shared with tests that need more of it")]
#[path = "support/mount.rs"]
mod mount;

#[path = "chaos/census.rs"]
mod census;
#[path = "chaos/check.rs"]
mod check;
#[path = "chaos/damage.rs"]
mod damage;
#[path = "chaos/fire.rs"]
mod fire;
#[path = "chaos/oracle.rs"]
mod oracle;
#[path = "chaos/person.rs"]
mod person;
#[path = "chaos/place.rs"]
mod place;
#[path = "chaos/scene.rs"]
mod scene;
#[path = "chaos/trial.rs"]
mod trial;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crew::runtime::Clock;

/// Trials of one `cargo test`.
const TRIALS: u64 = 300;
/// Trials at a time, for each processor: they mostly wait.
const JOBS_PER_CPU: u64 = 4;
/// Failed trials after which no further one is begun.
const FAILURES_MAX: usize = 5;

#[expect(clippy::disallowed_methods, reason = "the test's own switches, not the program's")]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What all trials together did and saw.
#[derive(Default)]
struct Session {
    counts: Mutex<BTreeMap<String, u64>>,
    failures: Mutex<Vec<String>>,
}

impl Session {
    fn play(&self, seed: u64) {
        let told = catch_unwind(AssertUnwindSafe(|| trial::play(seed)));
        match told {
            Ok(Ok(counts)) => {
                let mut all = self.counts.lock().expect("nobody panics with it");
                for (what, count) in counts {
                    *all.entry(what).or_default() += count;
                }
            }
            Ok(Err(why)) => self.fail(seed, &why),
            Err(_) => self.fail(seed, "the harness itself panicked"),
        }
    }

    fn fail(&self, seed: u64, why: &str) {
        let again = format!("CREW_CHAOS_SEED={seed} CREW_CHAOS_TRIALS=1 plays it again");
        eprintln!("==== trial {seed} failed; {again}\n{why}");
        let first = why.lines().next().unwrap_or_default();
        self.failures.lock().expect("nobody panics with it").push(format!("{seed}: {first}"));
    }

    fn has_failed_enough(&self) -> bool {
        self.failures.lock().expect("nobody panics with it").len() >= FAILURES_MAX
    }
}

#[test]
fn whatever_is_killed_full_or_damaged_nothing_is_lost_and_every_run_comes_to_its_end() {
    let trials = number("CREW_CHAOS_TRIALS").unwrap_or(TRIALS);
    let first = number("CREW_CHAOS_SEED").unwrap_or(1);
    let cpus = std::thread::available_parallelism().map_or(2, |count| count.get() as u64);
    let jobs = number("CREW_CHAOS_JOBS").unwrap_or(cpus * JOBS_PER_CPU).min(trials).max(1);
    let clock = Clock::start();
    let begun = clock.now();
    let (session, next) = (Session::default(), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= trials || session.has_failed_enough() {
                        return;
                    }
                    session.play(first + index);
                }
            });
        }
    });
    let failures = session.failures.into_inner().expect("nobody panics with it");
    let counts = session.counts.into_inner().expect("nobody panics with it");
    let seconds = clock.now().since_ms(begun) / 1_000;
    println!("{trials} trials from seed {first} in {seconds} s, {jobs} at a time:");
    for (what, count) in &counts {
        println!("  {count:>7}  {what}");
    }
    assert!(failures.is_empty(), "{} trials failed:\n{}", failures.len(), failures.join("\n"));
    if trials >= TRIALS {
        let never: Vec<&str> =
            fire::NAMES.into_iter().filter(|name| !counts.contains_key(*name)).collect();
        // The accidents must really happen, or the test proves nothing.
        assert!(never.is_empty(), "never happened: {never:?}");
    }
}
