//! From start to stop of a run: latencies, memory, and what waiting costs.

use std::time::Duration;

use crew::runtime::{ExitFile, process};
use crew::store::{AttemptDir, RunDir};

use super::Given;
use super::measure::{Spread, memory_kib, ms, on_processor_ns, reap, stopwatch, until};
use super::report::Row;
use super::stage::{Stage, attempt, must};

const ROUNDS: usize = 15;
/// Milliseconds between the wish to stop and SIGKILL, as the stage configures it.
const GRACE_MS: f64 = 1_000.0;

pub fn rows(given: &Given) -> Vec<Row> {
    let mut rows = start_and_stop(given);
    rows.push(stop_tree(given));
    rows.extend(ten_agents(given));
    rows
}

/// Until the agent's first byte is in its file; and from `crew stop` until nothing is left.
fn start_and_stop(given: &Given) -> Vec<Row> {
    let stage = Stage::new(given);
    stage.workflow("one", "echo started; exec sleep 600", 1);
    let (mut start, mut stop) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let clock = stopwatch();
        detach(&stage, "one");
        let dir = first(&stage.newest());
        until("output", || std::fs::metadata(dir.stdout()).ok().filter(|file| file.len() > 0));
        start.push(ms(clock));
        stop.push(stop_ms(&stage, &[dir]));
    }
    vec![
        Row::limit("`crew run -d` until its agent has printed", "ms", Spread::of(start), 50.0),
        Row::limit("`crew stop` of an agent that obeys", "ms", Spread::of(stop), 100.0),
    ]
}

/// Five processes that ignore every polite signal.
fn stop_tree(given: &Given) -> Row {
    let stage = Stage::new(given);
    let command = "trap '' INT TERM; for n in 1 2 3 4; do sleep 600 & done; echo started; wait";
    stage.workflow("tree", command, 1);
    let beyond = (0..5).map(|_| {
        detach(&stage, "tree");
        let dir = first(&stage.newest());
        until("output", || std::fs::metadata(dir.stdout()).ok().filter(|file| file.len() > 0));
        stop_ms(&stage, &[dir]) - GRACE_MS
    });
    let beyond = Spread::of(beyond.collect::<Vec<_>>());
    Row::limit(
        "`crew stop` of a tree of 5 that ignores signals, beyond the grace",
        "ms",
        beyond,
        100.0,
    )
}

/// What ten agents that say nothing cost.
fn ten_agents(given: &Given) -> Vec<Row> {
    let mut stage = Stage::new(given);
    stage.agents = 10;
    stage.workflow("ten", "echo started; exec sleep 600", 10);
    detach(&stage, "ten");
    let run = stage.newest();
    let dirs: Vec<AttemptDir> =
        (1..=10).map(|slot| attempt(&run, &format!("work/{slot}"))).collect();
    let shims: Vec<u32> = dirs
        .iter()
        .map(|dir| {
            until("shim", || crew::runtime::attempt_files::ShimFile::read(dir).ok()?).shim.pid
        })
        .collect();
    let supervisor = until("supervisor", || supervisor(&run));
    let alone = |pid| {
        let field = |field| memory_kib(pid, "smaps_rollup", field);
        (field("Private_Clean:") + field("Private_Dirty:")) / 1_024.0
    };
    let resident = |pid| memory_kib(pid, "status", "VmRSS:") / 1_024.0;
    let of =
        |pids: &[u32], read: &dyn Fn(u32) -> f64| Spread::of(pids.iter().map(|pid| read(*pid)));
    let mut rows = vec![
        Row::limit("supervisor of 10 live tasks: memory", "MiB", of(&[supervisor], &alone), 12.0),
        Row::limit("… with shared pages", "MiB", of(&[supervisor], &resident), 12.0),
        Row::limit("shim: memory", "MiB", of(&shims, &alone), 3.0),
        Row::limit("… with shared pages", "MiB", of(&shims, &resident), 3.0),
    ];
    let idle = idle_percent(&[supervisor]);
    rows.push(Row::limit("idle supervisor of 10 agents", "% of a core", idle, 0.05));
    rows.push(Row::limit("10 idle shims together", "% of a core", idle_percent(&shims), 0.1));
    stop_ms(&stage, &dirs);
    rows
}

fn idle_percent(pids: &[u32]) -> Spread {
    let sum = || pids.iter().map(|pid| on_processor_ns(*pid)).sum::<f64>();
    let shares = (0..3).map(|_| {
        let (before, clock) = (sum(), stopwatch());
        // The one thing here that is about time passing.
        while clock.elapsed() < Duration::from_secs(5) {
            std::thread::park_timeout(Duration::from_secs(1));
        }
        (sum() - before) / 1e6 / ms(clock) * 100.0
    });
    Spread::of(shares.collect::<Vec<_>>())
}

fn detach(stage: &Stage, workflow: &str) {
    must(&mut stage.crew(&["run", "-d", "-w", workflow, "--in-place", "-q", "bench"]));
}

fn first(run: &RunDir) -> AttemptDir {
    attempt(run, "work")
}

fn supervisor(run: &RunDir) -> Option<u32> {
    let text = std::fs::read_to_string(run.supervisor_json()).ok()?;
    let about: serde_json::Value = serde_json::from_str(&text).ok()?;
    u32::try_from(about["pid"].as_u64()?).ok()
}

/// Stops the newest run; from the wish until every attempt has its record and nothing lives.
fn stop_ms(stage: &Stage, dirs: &[AttemptDir]) -> f64 {
    let number = stage.newest().path().file_name().unwrap_or_default().to_owned();
    let clock = stopwatch();
    must(&mut stage.crew(&["stop", &number, "--yes", "-q"]));
    for dir in dirs {
        until("exit record", || ExitFile::read(dir).ok()?);
    }
    let taken = ms(clock);
    reap();
    assert!(process::descendants(std::process::id()).is_empty(), "something lives");
    taken
}
