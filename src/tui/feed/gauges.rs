//! What the processes of all live runs use, looked at now and then.
//!
//! What is shown all the time changes in large steps only, so that a screen on which nothing happens stays as it is.

use std::collections::BTreeMap;

use super::super::world::{Process, World};
use super::followed::Followed;
use crate::base::{RunNumber, Time};
use crate::client::processes::Machine;

/// Milliseconds between two looks.
const LOOK_MS: u64 = 5_000;
/// Milliseconds between two looks while nobody is at work.
const REST_LOOK_MS: u64 = 30_000;
/// Milliseconds between two looks while somebody looks at the numbers.
const CLOSE_LOOK_MS: u64 = 2_000;
/// Bytes by which the memory has to change to be told anew, at least.
const STEP_BYTES: u64 = 10 << 20;

/// Looks at processes now and then.
#[derive(Debug, Default)]
pub(super) struct Gauges {
    looked_at: Option<Time>,
    /// Runs with processes at the last look, and live attempts.
    seen: (usize, usize),
    /// Processor time at the last look.
    cpu: BTreeMap<u32, u64>,
}

impl Gauges {
    /// Looks when it is time; whether anything looks different.
    pub(super) fn look(
        &mut self,
        followed: &BTreeMap<RunNumber, Followed>,
        is_close: bool,
        now: Time,
        world: &mut World,
    ) -> bool {
        let driven: Vec<&Followed> = followed.values().filter(|run| run.is_driven()).collect();
        let live = driven.iter().map(|run| run.live()).sum();
        let seen = (driven.len(), live);
        let pace = match (is_close, live) {
            (true, _) => CLOSE_LOOK_MS,
            (false, 0) if seen == self.seen => REST_LOOK_MS,
            (false, _) => LOOK_MS,
        };
        // That nothing lives any more costs nothing to say.
        if !driven.is_empty() && self.looked_at.is_some_and(|at| now.since_ms(at) < pace) {
            return false;
        }
        self.seen = seen;
        let machine = if driven.is_empty() { Machine::default() } else { Machine::look() };
        let passed = self.looked_at.replace(now).map_or(0, |at| now.since_ms(at));
        let before = std::mem::take(&mut self.cpu);
        let mut found = Vec::new();
        for run in driven {
            for process in run.processes(&machine) {
                let used = before.get(&process.pid).filter(|_| passed > 0);
                let used = used.map(|used| process.cpu_ms.saturating_sub(*used) * 100 / passed);
                self.cpu.insert(process.pid, process.cpu_ms);
                found.push(Process { run: run.number(), cpu_percent: used, process });
            }
        }
        let rss: u64 = found.iter().map(|one| one.process.rss_bytes).sum();
        let told = steady(world.rss_bytes, (!found.is_empty()).then_some(rss));
        let changed = told != world.rss_bytes || (is_close && found != world.processes);
        world.rss_bytes = told;
        world.processes = found;
        changed
    }
}

/// What is told of the memory: the same as before, unless it has changed by much.
fn steady(told: Option<u64>, now: Option<u64>) -> Option<u64> {
    match (told, now) {
        (Some(told), Some(now)) if now.abs_diff(told) < (told / 10).max(STEP_BYTES) => Some(told),
        (_, now) => now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_changes_a_little_is_told_as_before() {
        let mb = |count: u64| Some(count << 20);
        assert_eq!(steady(None, mb(300)), mb(300));
        assert_eq!(steady(mb(300), mb(325)), mb(300));
        assert_eq!(steady(mb(300), mb(331)), mb(331));
        assert_eq!(steady(mb(30), mb(38)), mb(30));
        assert_eq!(steady(mb(30), None), None);
    }
}
