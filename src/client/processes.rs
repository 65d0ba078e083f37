//! What the processes of a run use of the machine: memory, processor time, and when they gave a sign of life.
//!
//! Read from `/proc` in one pass; where a platform has none, nothing is known.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde::Deserialize;

use super::vitals::{look, supervisor};
use crate::base::{TaskId, Time, limits, stat};
use crate::engine::State;
use crate::store::{RunDir, files};

/// One process of a run with everything below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// The task whose attempt it is; absent for the supervisor.
    pub task: Option<TaskId>,
    /// The number of the attempt; 0 for the supervisor.
    pub attempt: u32,
    /// Its number.
    pub pid: u32,
    /// Processes, with those below it.
    pub count: usize,
    /// Bytes of memory that are in use.
    pub rss_bytes: u64,
    /// Milliseconds of processor time.
    pub cpu_ms: u64,
    /// Last beat of its heart.
    pub beat_at: Option<Time>,
    /// When it printed something last.
    pub output_at: Option<Time>,
}

/// All processes of this machine at one moment.
#[derive(Debug, Default)]
pub struct Machine {
    /// The name of this boot.
    boot_id: String,
    all: BTreeMap<u32, Stat>,
    below: BTreeMap<u32, Vec<u32>>,
}

/// What is known of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    parent: u32,
    start: u64,
    cpu_ms: u64,
    rss_bytes: u64,
}

/// The processes of an attempt, as its shim has written them down.
#[derive(Deserialize)]
struct Shim {
    shim: Pid,
    #[serde(default)]
    boot_id: String,
}

#[derive(Deserialize)]
struct Pid {
    pid: u32,
    start: u64,
}

impl Machine {
    /// Looks at every process.
    pub fn look() -> Self {
        let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let mut machine = Self { boot_id: boot_id.trim().to_owned(), ..Self::default() };
        let page = rustix::param::page_size() as u64;
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            let text = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            if let Some(stat) = Stat::parse(&text, page) {
                machine.all.insert(pid, stat);
                machine.below.entry(stat.parent).or_default().push(pid);
            }
        }
        machine
    }

    /// A process with everything below it, less what is below others; nothing when it is gone.
    fn tree(&self, pid: u32, others: &BTreeSet<u32>) -> Option<Process> {
        self.all.get(&pid)?;
        let mut sum = Process {
            task: None,
            attempt: 0,
            pid,
            count: 0,
            rss_bytes: 0,
            cpu_ms: 0,
            beat_at: None,
            output_at: None,
        };
        let mut open = vec![pid];
        while let Some(pid) = open.pop() {
            let Some(stat) = self.all.get(&pid) else { continue };
            sum.count += 1;
            sum.rss_bytes += stat.rss_bytes;
            sum.cpu_ms += stat.cpu_ms;
            let below = self.below.get(&pid).into_iter().flatten();
            open.extend(below.filter(|pid| !others.contains(pid)));
        }
        Some(sum)
    }
}

impl Stat {
    fn parse(text: &str, page: u64) -> Option<Self> {
        let stat = stat::Stat::parse(text)?;
        let (cpu_ms, rss_bytes) = (stat.cpu_ms(), stat.rss_pages * page);
        Some(Self { parent: stat.parent, start: stat.start, cpu_ms, rss_bytes })
    }
}

/// The processes of a run that live: its supervisor, and its attempts in the order of the plan.
pub fn processes(dir: &RunDir, state: &State, machine: &Machine) -> Vec<Process> {
    let seen = look(dir, state).vitals.attempts;
    let mut attempts = Vec::new();
    for (ix, live) in state.live() {
        let task = state.task_id(ix);
        let file = dir.attempt(&task, live.number).shim();
        let text = files::read_capped(file, limits::STATE_FILE_BYTES_MAX).ok();
        let shim = text.and_then(|text| serde_json::from_slice::<Shim>(&text).ok());
        // A number that another process has by now is nobody's, and that of another machine says nothing here.
        let shim = shim.filter(|Shim { shim, boot_id }| {
            *boot_id == machine.boot_id
                && machine.all.get(&shim.pid).is_some_and(|stat| stat.start == shim.start)
        });
        let Some(tree) =
            shim.and_then(|Shim { shim, .. }| machine.tree(shim.pid, &BTreeSet::new()))
        else {
            continue;
        };
        let vitals = seen.get(&ix);
        attempts.push(Process {
            task: Some(task),
            attempt: live.number,
            beat_at: vitals.and_then(|vitals| vitals.beat_at),
            output_at: vitals.and_then(|vitals| vitals.output_at),
            ..tree
        });
    }
    // The supervisor has started the attempts; what they use is not its own.
    let shims: BTreeSet<u32> = attempts.iter().map(|attempt| attempt.pid).collect();
    let supervisor = supervisor(dir).pid.and_then(|pid| machine.tree(pid, &shims));
    supervisor.into_iter().chain(attempts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_name_with_brackets_does_not_move_the_fields() {
        let text = "7 (a) b (c)) S 3 7 7 0 -1 4194304 1 0 0 0 11 22 0 0 20 0 1 0 4242 900 5 1";
        let stat = Stat::parse(text, 4_096).unwrap();
        let expected = Stat { parent: 3, start: 4_242, cpu_ms: 330, rss_bytes: 20_480 };
        assert_eq!(stat, expected);
        assert_eq!(Stat::parse("7 (a", 4_096), None);
    }

    #[test]
    fn a_tree_is_summed_up_and_one_that_is_gone_is_nothing() {
        let machine = Machine::look();
        if machine.all.is_empty() {
            return;
        }
        let own = machine.tree(std::process::id(), &BTreeSet::new()).unwrap();
        assert!(own.count >= 1 && own.rss_bytes > 100_000);
        let parent = machine.all[&std::process::id()].parent;
        let above = machine.tree(parent, &BTreeSet::new()).unwrap();
        assert!(above.count > own.count && above.rss_bytes > own.rss_bytes);
        let own = BTreeSet::from([std::process::id()]);
        assert!(machine.tree(parent, &own).unwrap().count < above.count);
        assert_eq!(machine.tree(u32::MAX, &own), None);
    }
}
