//! What a piece of work costs: wall time, and processor time of every process that it started.

use std::time::Instant;

use rustix::process::{WaitOptions, wait};

/// What one piece of work cost, in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    pub wall: f64,
    pub cpu: f64,
}

/// The costs of the same work, done several times.
#[derive(Debug, Clone, Default)]
pub struct Costs(pub Vec<Cost>);

impl Costs {
    pub fn wall(&self) -> Spread {
        Spread::of(self.0.iter().map(|cost| cost.wall))
    }

    pub fn cpu(&self) -> Spread {
        Spread::of(self.0.iter().map(|cost| cost.cpu))
    }
}

/// Median, least and most of several values; of many values the outermost twentieths are left out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl Spread {
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let cut = if values.len() >= 20 { values.len() / 20 } else { 0 };
        let values = values.get(cut..values.len() - cut).unwrap_or_default();
        let Some((&least, &most)) = values.first().zip(values.last()) else {
            return Self::default();
        };
        Self { median: values[values.len() / 2], least, most }
    }

    /// The same values in another unit.
    pub fn per(self, count: f64) -> Self {
        Self { median: self.median / count, least: self.least / count, most: self.most / count }
    }
}

/// Does the work of both sides in turn, so that what else goes on meets both alike.
pub fn in_turn(rounds: usize, mut a: impl FnMut(), mut b: impl FnMut()) -> (Costs, Costs) {
    let (mut first, mut second) = (Costs::default(), Costs::default());
    for _ in 0..rounds {
        first.0.push(cost(&mut a));
        second.0.push(cost(&mut b));
    }
    (first, second)
}

/// The cost of a piece of work. Processes that outlive it are waited for and counted.
pub fn cost(work: impl FnOnce()) -> Cost {
    let before = processor_ms();
    let clock = stopwatch();
    work();
    let wall = ms(clock);
    reap();
    Cost { wall, cpu: processor_ms() - before }
}

/// Waits for every process that was left to this one, which is the reaper of all below it.
pub fn reap() {
    while wait(WaitOptions::empty()).is_ok() {}
}

/// The clock of all measurements.
#[expect(clippy::disallowed_methods, reason = "microseconds are what is measured here")]
pub fn stopwatch() -> Instant {
    Instant::now()
}

/// Milliseconds since the clock was started.
pub fn ms(clock: Instant) -> f64 {
    clock.elapsed().as_secs_f64() * 1_000.0
}

/// Asks again and again until there is an answer; fails after a minute.
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let clock = stopwatch();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(clock.elapsed().as_secs() < 60, "waited in vain: {what}");
        // Often enough to see a millisecond, seldom enough not to be in the way on two cores.
        std::thread::park_timeout(std::time::Duration::from_micros(200));
    }
}

/// Nanoseconds that a living process was on a processor.
pub fn on_processor_ns(pid: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap_or_default();
    text.split_ascii_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0.0)
}

/// A field of `/proc/PID/smaps_rollup` or `status`, in KiB.
pub fn memory_kib(pid: u32, file: &str, field: &str) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix(field)?.split_ascii_whitespace().next()?.parse().ok())
        .unwrap_or(0.0)
}

/// Processor time of this process and of all children that were reaped; the kernel tells ticks.
fn processor_ms() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit_once(')').map_or("", |(_, rest)| rest).split_ascii_whitespace();
    fields.skip(11).take(4).filter_map(|word| word.parse::<f64>().ok()).sum::<f64>() * 10.0
}
