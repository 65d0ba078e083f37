//! Counts of what happened in a run, for metrics: how attempts ended and how long they took, how long tasks waited.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::state::{State, TaskStatus};
use crate::base::Time;
use crate::event::body::ReadyCause;
use crate::event::{AttemptEnded, EndReason};
use crate::plan::graph::TaskIx;

/// Upper bounds of the buckets of a [`Histogram`], in milliseconds; one more holds what is longer than all of them.
pub const BOUNDS_MS: [u64; 12] = [
    100, 1_000, 5_000, 15_000, 60_000, 300_000, 900_000, 1_800_000, 3_600_000, 14_400_000,
    43_200_000, 86_400_000,
];

/// What happened in a run since it began.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Attempts that ended, by program.
    #[serde(default)]
    pub attempts: BTreeMap<String, AttemptCounts>,
    /// Tasks that were made ready once more, by why.
    #[serde(default)]
    pub again: BTreeMap<ReadyCause, u64>,
}

/// How attempts of one program ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptCounts {
    /// How many, by why.
    pub ended: BTreeMap<EndReason, u64>,
    /// From start to end.
    pub took: Histogram,
    /// From the moment at which they could have started to the start.
    pub waited: Histogram,
}

/// Durations, counted by how long they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {
    /// By bucket: up to each of [`BOUNDS_MS`], and longer.
    pub counts: [u64; BOUNDS_MS.len() + 1],
    /// All of them together, in milliseconds.
    pub sum_ms: u64,
}

impl Histogram {
    /// Counts a duration.
    pub fn add(&mut self, ms: u64) {
        self.counts[BOUNDS_MS.partition_point(|bound| *bound < ms)] += 1;
        self.sum_ms = self.sum_ms.saturating_add(ms);
    }

    /// Adds what another one counted.
    pub fn join(&mut self, other: &Self) {
        for (own, more) in self.counts.iter_mut().zip(other.counts) {
            *own += more;
        }
        self.sum_ms = self.sum_ms.saturating_add(other.sum_ms);
    }
}

impl Counts {
    pub(super) fn is_empty(&self) -> bool {
        self.attempts.is_empty() && self.again.is_empty()
    }
}

impl State {
    /// Counts the start of an attempt of a task that still has the status in which it waited for it.
    pub(super) fn count_start(&mut self, task: TaskIx, runtime: &str, at: Time) {
        if let TaskStatus::Ready { since, not_before } = self.tasks[task].status {
            let since = not_before.map_or(since, |moment| moment.max(since));
            self.counted(runtime).waited.add(at.since_ms(since));
        }
    }

    pub(super) fn count_end(&mut self, runtime: &str, end: &AttemptEnded) {
        let counts = self.counted(runtime);
        *counts.ended.entry(end.reason).or_default() += 1;
        counts.took.add(end.duration_ms);
    }

    fn counted(&mut self, runtime: &str) -> &mut AttemptCounts {
        if !self.counts.attempts.contains_key(runtime) {
            self.counts.attempts.insert(runtime.to_owned(), AttemptCounts::default());
        }
        self.counts.attempts.get_mut(runtime).expect("it was just put there")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_in_the_first_bucket_that_is_not_shorter() {
        let mut all = Histogram::default();
        for ms in [0, 100, 101, 86_400_000, 86_400_001] {
            all.add(ms);
        }
        assert_eq!((all.counts[0], all.counts[1]), (2, 1));
        assert_eq!((all.counts[11], all.counts[12]), (1, 1));
        let mut twice = all;
        twice.join(&all);
        assert_eq!((twice.counts[0], twice.sum_ms), (4, 2 * all.sum_ms));
    }
}
