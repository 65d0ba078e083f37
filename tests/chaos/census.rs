//! Who lives: processes by the folder that their environment names, read from `/proc` without the program's own code.

use std::fs;
use std::sync::OnceLock;

use camino::Utf8Path;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};

/// What a process is, by its command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Supervisor,
    Shim,
    /// A command that a person gave, or an agent's call.
    Call,
    /// An agent, what it started, a command of the workflow, git.
    Agent,
}

/// One living process.
#[derive(Debug, Clone)]
pub struct Process {
    pid: i32,
    start: u64,
    pub kind: Kind,
    pub line: String,
}

/// Field 22 of `stat`, and whether the process is over and waits to be reaped.
fn stat(pid: i32) -> Option<(u64, bool)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let rest: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    Some((rest.get(19)?.parse().ok()?, matches!(rest[0], "Z" | "X")))
}

/// Clock ticks from boot to the start of this program: who is older belongs to no trial.
fn begun() -> u64 {
    static BEGUN: OnceLock<u64> = OnceLock::new();
    let own = || stat(i32::try_from(std::process::id()).unwrap_or_default());
    *BEGUN.get_or_init(|| own().map_or(0, |(start, _)| start))
}

/// Every living process whose environment names this folder.
pub fn processes(root: &Utf8Path) -> Vec<Process> {
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let found = pids.filter(|pid| *pid != own).filter_map(|pid| {
        let (start, is_over) = stat(pid)?;
        if is_over || start < begun() {
            return None;
        }
        let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
        let names =
            environment.windows(root.as_str().len()).any(|part| part == root.as_str().as_bytes());
        if !names {
            return None;
        }
        let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        let mut words = line.split(' ');
        let is_crew =
            words.next().is_some_and(|program| program == "crew" || program.ends_with("/crew"));
        let kind = match (is_crew, words.next()) {
            (true, Some("supervise")) => Kind::Supervisor,
            (true, Some("shim")) => Kind::Shim,
            (true, _) => Kind::Call,
            (false, _) => Kind::Agent,
        };
        Some(Process { pid, start, kind, line })
    });
    found.collect()
}

impl Process {
    /// Sends a signal to exactly this process.
    pub fn signal(&self, signal: Signal) -> bool {
        let is_same = stat(self.pid).is_some_and(|(start, _)| start == self.start);
        let pid = Pid::from_raw(self.pid).filter(|_| is_same);
        pid.is_some_and(|pid| kill_process(pid, signal).is_ok())
    }

    /// Lets it write files up to this size and no further; `None` takes the limit away.
    pub fn limit_files(&self, bytes: Option<u64>) -> bool {
        let limit = Rlimit { current: bytes, maximum: None };
        let pid = Pid::from_raw(self.pid);
        pid.is_some_and(|pid| prlimit(Some(pid), Resource::Fsize, limit).is_ok())
    }

    /// One line about it, for whoever looks at a trial that failed.
    pub fn describe(&self) -> String {
        let waits = fs::read_to_string(format!("/proc/{}/wchan", self.pid)).unwrap_or_default();
        let state = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        let state = state.rsplit_once(") ").map_or("?", |rest| &rest.1[..1]).to_owned();
        format!("{} {:?} {state} {waits} {}", self.pid, self.kind, self.line)
    }
}

/// Kills everything of this folder, until nothing is left.
pub fn kill_all(root: &Utf8Path) {
    loop {
        let found = processes(root);
        if found.is_empty() {
            return;
        }
        for process in found {
            process.signal(Signal::KILL);
        }
    }
}
