//! What a project's runs did and do, as numbers for monitoring (SPEC section 20).
//!
//! Counters are folds of the logs: they survive every restart, and nothing has to run for them to be right.

use std::collections::BTreeMap;

use serde::Serialize;

use super::many::each;
use super::vitals::look;
use crate::base::limits::APPEND_PROBES;
use crate::base::{RunNumber, Time};
use crate::engine::counts::{BOUNDS_MS, Counts, Histogram};
use crate::engine::{Spending, heartbeat};
use crate::event::StatusKind;
use crate::event::body::HeartbeatLevel;
use crate::ledger::{Ledger, OpenError};
use crate::snapshot::RunRow;
use crate::store::{Project, ProjectError};

/// What kind of number a metric is, in the words of Prometheus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Durations by how long they are.
    Histogram,
}

/// One metric with all its samples.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metric {
    /// `crew_…`, with the unit and `_total` where the conventions of Prometheus ask for them.
    pub name: &'static str,
    /// What it says.
    pub help: &'static str,
    /// What kind of number it is.
    pub kind: Kind,
    /// One for each combination of labels.
    pub samples: Vec<Sample>,
}

/// One number, or one histogram.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sample {
    /// What it is about.
    pub labels: BTreeMap<&'static str, String>,
    /// How much.
    #[serde(flatten)]
    pub value: Value,
}

/// How much.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A number.
    Number {
        /// It.
        value: f64,
    },
    /// Durations.
    Durations {
        /// Each bucket: its upper bound in seconds, and how many were in it alone; the last has no bound.
        buckets: Vec<(Option<f64>, u64)>,
        /// All of them together, in seconds.
        sum: f64,
    },
}

impl Value {
    fn number(value: f64) -> Self {
        Self::Number { value }
    }

    fn durations(histogram: &Histogram) -> Self {
        let bounds = BOUNDS_MS.iter().map(|ms| Some(seconds(*ms))).chain([None]);
        Self::Durations {
            buckets: bounds.zip(histogram.counts).collect(),
            sum: seconds(histogram.sum_ms),
        }
    }
}

/// Metrics of a project, and the runs that could not be read.
#[derive(Debug)]
pub struct Collected {
    /// In the order in which they are documented.
    pub metrics: Vec<Metric>,
    /// Since when counters count: the beginning of the oldest run.
    pub since: Time,
    /// What is missing in them.
    pub unreadable: Vec<(RunNumber, OpenError)>,
}

/// What one run adds.
struct OfRun {
    row: RunRow,
    tasks: BTreeMap<&'static str, u64>,
    levels: Vec<HeartbeatLevel>,
    counts: Counts,
    spendings: Vec<Spending>,
    log_bytes: u64,
}

/// Counts what all runs of a project did, and looks at what they do now.
///
/// # Errors
/// The project's files cannot be read.
pub fn collect(project: &Project, now: Time) -> Result<Collected, ProjectError> {
    let runs = project.runs().map_err(ProjectError::from)?;
    let (read, mut unreadable) = each(project, &runs, |_, ledger| of_run(ledger, now));
    // A folder whose first event was never written is no run yet.
    unreadable.retain(|(_, error)| !error.is_missing());
    let mut table = Table::new(project.slug());
    table.add("crew_info", "Version of crew.", Kind::Gauge, |samples| {
        samples.put(&[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    });
    of_runs(&mut table, &read);
    of_attempts(&mut table, &read);
    of_use(&mut table, &read);
    if let Ok(took) = append_probe(project) {
        let help = "How long a durable write of one event takes in the state folder now.";
        table.add("crew_log_append_seconds", help, Kind::Gauge, |samples| samples.put(&[], took));
    }
    let since = read.iter().map(|run| run.row.created_at).min().unwrap_or(now);
    Ok(Collected { metrics: table.metrics, since, unreadable })
}

fn of_run(ledger: &Ledger, now: Time) -> OfRun {
    let state = ledger.state();
    let live = look(ledger.dir(), state);
    let mut tasks: BTreeMap<&'static str, u64> = BTreeMap::new();
    for task in &state.tasks {
        *tasks.entry(task.status.as_str()).or_default() += 1;
    }
    let levels = state.live().map(|(task, attempt)| match live.vitals.attempts.get(&task) {
        Some(seen) => heartbeat(state, attempt, seen, now).0,
        None => attempt.heartbeat,
    });
    OfRun {
        tasks,
        levels: levels.collect(),
        counts: state.counts.clone(),
        spendings: state.spendings.clone(),
        log_bytes: ledger.dir().events().metadata().map_or(0, |file| file.len()),
        row: RunRow::of(state, live.supervisor, now),
    }
}

fn of_runs(table: &mut Table, read: &[OfRun]) {
    table.add("crew_runs", "Runs by status.", Kind::Gauge, |samples| {
        for status in StatusKind::ALL {
            let count = read.iter().filter(|run| run.row.status == status).count();
            samples.put(&[("status", status.as_str())], float(count as u64));
        }
    });
    let own: Vec<&OfRun> = read.iter().filter(|run| run.row.imported.is_none()).collect();
    let sum = |of: &dyn Fn(&OfRun) -> u64| float(own.iter().map(|run| of(run)).sum());
    let mut one = |name, help, kind, value: f64| {
        table.add(name, help, kind, |samples| samples.put(&[], value));
    };
    let decisions = sum(&|run| run.row.decisions as u64);
    one("crew_decisions_waiting", "Decisions that wait for a person.", Kind::Gauge, decisions);
    let lost = |run: &OfRun| u64::from(run.row.needs_supervisor() && !run.row.supervisor.live);
    one("crew_runs_without_supervisor", "Runs that nobody drives.", Kind::Gauge, sum(&lost));
    let active = sum(&|run| run.row.active_ms) / 1_000.0;
    let help = "Time during which at least one agent of a run was at work.";
    one("crew_run_active_seconds_total", help, Kind::Counter, active);
    one("crew_log_bytes", "Size of all event logs.", Kind::Gauge, sum(&|run| run.log_bytes));
    table.add("crew_tasks", "Tasks by status.", Kind::Gauge, |samples| {
        let mut all: BTreeMap<&str, u64> = BTreeMap::new();
        for (status, count) in own.iter().flat_map(|run| &run.tasks) {
            *all.entry(status).or_default() += count;
        }
        for (status, count) in all {
            samples.put(&[("status", status)], float(count));
        }
    });
    let help = "Live attempts by how long ago their last sign of life is.";
    table.add("crew_attempts_live", help, Kind::Gauge, |samples| {
        for (level, word) in LEVELS {
            let levels = own.iter().flat_map(|run| &run.levels);
            let count = levels.filter(|found| **found == level).count();
            samples.put(&[("heartbeat", word)], float(count as u64));
        }
    });
}

const LEVELS: [(HeartbeatLevel, &str); 4] = [
    (HeartbeatLevel::Healthy, "healthy"),
    (HeartbeatLevel::Warn, "warn"),
    (HeartbeatLevel::Stale, "stale"),
    (HeartbeatLevel::Dead, "dead"),
];

fn of_attempts(table: &mut Table, read: &[OfRun]) {
    let mut all = Counts::default();
    for run in read.iter().filter(|run| run.row.imported.is_none()) {
        for (runtime, counts) in &run.counts.attempts {
            let sum = all.attempts.entry(runtime.clone()).or_default();
            sum.took.join(&counts.took);
            sum.waited.join(&counts.waited);
            for (reason, count) in &counts.ended {
                *sum.ended.entry(*reason).or_default() += count;
            }
        }
        for (cause, count) in &run.counts.again {
            *all.again.entry(*cause).or_default() += count;
        }
    }
    table.add("crew_attempts_total", "Attempts that ended.", Kind::Counter, |samples| {
        for (runtime, counts) in &all.attempts {
            for (reason, count) in &counts.ended {
                samples.put(&[("runtime", runtime), ("reason", &word(reason))], float(*count));
            }
        }
    });
    let help = "How long attempts took.";
    table.add("crew_attempt_duration_seconds", help, Kind::Histogram, |samples| {
        for (runtime, counts) in &all.attempts {
            samples.durations(&[("runtime", runtime)], &counts.took);
        }
    });
    let help = "How long tasks that could start waited for a slot.";
    table.add("crew_task_queue_seconds", help, Kind::Histogram, |samples| {
        for (runtime, counts) in &all.attempts {
            samples.durations(&[("runtime", runtime)], &counts.waited);
        }
    });
    table.add("crew_retries_total", "Tasks that began again, by why.", Kind::Counter, |samples| {
        for (cause, count) in &all.again {
            samples.put(&[("cause", &word(cause))], float(*count));
        }
    });
}

fn of_use(table: &mut Table, read: &[OfRun]) {
    #[derive(Default)]
    struct Used {
        tokens: [u64; 3],
        cost_usd: f64,
        unpriced: u64,
    }
    let mut all: BTreeMap<(&str, &str), Used> = BTreeMap::new();
    for entry in read.iter().flat_map(|run| &run.spendings) {
        let model = entry.model.as_deref().unwrap_or_default();
        let sum = all.entry((&entry.runtime, model)).or_default();
        let usage = &entry.usage;
        let more = [usage.input_tokens, usage.output_tokens, usage.cache_tokens];
        for (sum, more) in sum.tokens.iter_mut().zip(more) {
            *sum = sum.saturating_add(more);
        }
        sum.cost_usd += usage.cost_usd.unwrap_or(0.0);
        sum.unpriced += u64::from(usage.unpriced);
    }
    table.add("crew_tokens_total", "Tokens that programs told.", Kind::Counter, |samples| {
        for ((runtime, model), used) in &all {
            for (kind, count) in ["input", "output", "cached"].into_iter().zip(used.tokens) {
                let labels = [("runtime", *runtime), ("model", *model), ("kind", kind)];
                samples.put(&labels, float(count));
            }
        }
    });
    let help = "US dollars that are known to be spent.";
    table.add("crew_cost_usd_total", help, Kind::Counter, |samples| {
        for ((runtime, model), used) in &all {
            samples.put(&[("runtime", *runtime), ("model", *model)], used.cost_usd);
        }
    });
    let help = "Attempts of which nobody knows what they cost.";
    table.add("crew_attempts_unpriced_total", help, Kind::Counter, |samples| {
        for ((runtime, model), used) in &all {
            samples.put(&[("runtime", *runtime), ("model", *model)], float(used.unpriced));
        }
    });
}

#[expect(clippy::disallowed_methods, reason = "it measures, and no state follows from it")]
/// Seconds that a durable write of one event takes: the middle one of a few, into a file of its own.
fn append_probe(project: &Project) -> std::io::Result<f64> {
    use std::io::Write;
    let folder = project.dir().state();
    let mut file = tempfile::tempfile_in(folder)?;
    let line = [b'.'; 300];
    let mut all = Vec::new();
    for _ in 0..APPEND_PROBES {
        let begin = std::time::Instant::now();
        file.write_all(&line)?;
        file.sync_data()?;
        all.push(begin.elapsed().as_secs_f64());
    }
    all.sort_by(f64::total_cmp);
    Ok(all[all.len() / 2])
}

/// The metrics that are there already, and the project that all of them are about.
struct Table<'a> {
    project: &'a str,
    metrics: Vec<Metric>,
}

impl<'a> Table<'a> {
    fn new(project: &'a str) -> Self {
        Self { project, metrics: Vec::new() }
    }

    fn add(
        &mut self,
        name: &'static str,
        help: &'static str,
        kind: Kind,
        fill: impl FnOnce(&mut Samples<'_>),
    ) {
        let mut samples = Samples { project: self.project, all: Vec::new() };
        fill(&mut samples);
        self.metrics.push(Metric { name, help, kind, samples: samples.all });
    }
}

struct Samples<'a> {
    project: &'a str,
    all: Vec<Sample>,
}

impl Samples<'_> {
    fn put(&mut self, labels: &[(&'static str, &str)], value: f64) {
        self.sample(labels, Value::number(value));
    }

    fn durations(&mut self, labels: &[(&'static str, &str)], histogram: &Histogram) {
        self.sample(labels, Value::durations(histogram));
    }

    fn sample(&mut self, labels: &[(&'static str, &str)], value: Value) {
        let project = [("project", self.project)];
        let labels = project.iter().chain(labels).map(|(name, text)| (*name, (*text).to_owned()));
        self.all.push(Sample { labels: labels.collect(), value });
    }
}

/// The word of a unit variant, as it stands in the log.
fn word(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

fn seconds(ms: u64) -> f64 {
    float(ms) / 1_000.0
}

#[expect(
    clippy::cast_precision_loss,
    reason = "metrics are floats; beyond 2^53 nobody counts by one"
)]
fn float(count: u64) -> f64 {
    count as f64
}
