//! Processes by (pid, start time): found, measured and signalled, never by name.
//!
//! A pid alone names nothing: it is given to another process as soon as its owner is gone. Whatever
//! is signalled here was checked to be the very process that was meant.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use crate::base::limits::KILL_WAIT_MS;
use crate::base::stat::Stat;
use crate::clock::Clock;

pub use rustix::process::Signal;

/// Name of the variable that marks the agent of an attempt and all it starts.
pub const MARK: &str = "CREW_ATTEMPT";

/// One process of this boot, for ever: its pid and when it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pid {
    /// Number of the process.
    pub pid: u32,
    /// Clock ticks from boot to its start (field 22 of `/proc/PID/stat`).
    pub start: u64,
}

impl Pid {
    /// The process that has this number now.
    pub fn of(pid: u32) -> Option<Self> {
        Some(Self { pid, start: start_time(pid)? })
    }

    /// This very process.
    pub fn own() -> Option<Self> {
        Self::of(std::process::id())
    }
}

/// What a process uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Bytes of memory that are in use now.
    pub rss_bytes: u64,
    /// Milliseconds of processor time since it started.
    pub cpu_ms: u64,
}

/// When a process started, in clock ticks since boot.
pub fn start_time(pid: u32) -> Option<u64> {
    stat_of(pid).map(|stat| stat.start)
}

/// Name of this boot; process ids of another one mean nothing.
pub fn boot_id() -> String {
    read_small("/proc/sys/kernel/random/boot_id")
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}

/// Name of this machine.
pub fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Whether the process still runs. One that ended and was not reaped yet does not.
pub fn is_alive(process: Pid) -> bool {
    stat_of(process.pid).is_some_and(|stat| stat.start == process.start && !stat.is_over())
}

/// Every living process below `pid`, without itself, parents before children.
pub fn descendants(pid: u32) -> Vec<Pid> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::from([pid]);
    let mut open = vec![pid];
    while let Some(parent) = open.pop() {
        for child in children(parent) {
            if !seen.insert(child) {
                continue;
            }
            // The parent is compared again: the number may have changed hands since it was listed.
            if let Some(stat) = stat_of(child).filter(|stat| stat.parent == parent) {
                open.push(child);
                if !stat.is_over() {
                    found.push(Pid { pid: child, start: stat.start });
                }
            }
        }
    }
    found
}

/// Every living process of this user, but this one, that has `CREW_ATTEMPT=mark` in its environment.
pub fn marked(mark: &str) -> Vec<Pid> {
    let entry = format!("{MARK}={mark}");
    all_processes()
        .filter(|&pid| pid != std::process::id())
        .filter_map(|pid| {
            let before = stat_of(pid).filter(|stat| !stat.is_over())?;
            let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
            environment
                .split(|&byte| byte == 0)
                .any(|line| line == entry.as_bytes())
                .then_some(Pid { pid, start: before.start })
        })
        .filter(|&process| is_alive(process))
        .collect()
}

/// Sends a signal to exactly this process; `false` when it is gone.
///
/// # Errors
/// The system refuses, for example because the process has changed its user.
pub fn signal(process: Pid, signal: Signal) -> io::Result<bool> {
    let Some(handle) = open(process)? else {
        return Ok(false);
    };
    // One that ended takes signals without complaint until it is reaped.
    if !is_alive(process) {
        return Ok(false);
    }
    match pidfd_send_signal(&handle, signal) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::SRCH) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// A handle that turns readable when this very process ends; `None` when it is gone.
///
/// # Errors
/// No descriptor is free.
pub fn open(process: Pid) -> io::Result<Option<OwnedFd>> {
    // The handle is opened first: should the number change hands before this check, the start
    // time differs; should it change hands after it, the handle still means the old process.
    let handle = open_number(process.pid)?;
    Ok(handle.filter(|_| start_time(process.pid) == Some(process.start)))
}

/// A handle to whoever has this number now: for children of this process that it did not reap yet.
pub(super) fn open_number(pid: u32) -> io::Result<Option<OwnedFd>> {
    let Some(pid) = rustix_pid(pid) else {
        return Ok(None);
    };
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(handle) => Ok(Some(handle)),
        Err(rustix::io::Errno::SRCH) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Ends everything that carries this mark, and what those have started: SIGTERM, and SIGKILL after
/// the grace period. Returns how many processes there were.
///
/// For an attempt whose shim is gone. Blocks for the grace period and some seconds at most.
pub fn kill_marked(mark: &str, grace: Duration) -> usize {
    let clock = Clock::start();
    let kill_at = clock.now().plus_ms(u64::try_from(grace.as_millis()).unwrap_or(u64::MAX));
    let mut seen: BTreeSet<Pid> = BTreeSet::new();
    let mut empty_looks = 0;
    loop {
        // A process that ends has lost its environment some time before it is gone.
        let mut alive = family(mark);
        alive.extend(seen.iter().filter(|&&process| is_alive(process)));
        let now = clock.now();
        // One that becomes another program has no environment for a moment: look twice.
        empty_looks = if alive.is_empty() { empty_looks + 1 } else { 0 };
        if empty_looks == 2 || now > kill_at.plus_ms(KILL_WAIT_MS) {
            return seen.len();
        }
        let killing = now >= kill_at;
        for &process in &alive {
            // Everyone is asked once and killed as often as it takes. A refusal means that the
            // process has another user: it is counted and given up with the others.
            let is_new = seen.insert(process);
            let sent = match (killing, is_new) {
                (true, _) => signal(process, Signal::KILL),
                (false, true) => signal(process, Signal::TERM),
                (false, false) => Ok(true),
            };
            drop(sent);
        }
        if !alive.is_empty() {
            let wait_ms = if killing { 20 } else { kill_at.since_ms(now) };
            wait_for_one(&alive, Duration::from_millis(wait_ms.min(250)));
        }
    }
}

/// Memory and processor time of one process.
pub fn usage(pid: u32) -> Option<Usage> {
    let stat = stat_of(pid)?;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let rss_kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok())
        .unwrap_or(0);
    Some(Usage { rss_bytes: rss_kib * 1_024, cpu_ms: stat.cpu_ms() })
}

/// Memory and processor time of a process and of everything below it.
pub fn tree_usage(pid: u32) -> Usage {
    let below = descendants(pid).into_iter().map(|process| process.pid);
    std::iter::once(pid).chain(below).filter_map(usage).fold(Usage::default(), |sum, one| Usage {
        rss_bytes: sum.rss_bytes + one.rss_bytes,
        cpu_ms: sum.cpu_ms + one.cpu_ms,
    })
}

/// Closes every descriptor but the three standard streams.
///
/// To be called first thing in a process that outlives who started it: a lock or a pipe that a
/// shell left open would otherwise stay open for as long as the process lives.
pub fn close_inherited() {
    // Newer kernels tell how many there are: the standard streams alone are nothing to close.
    if fs::metadata("/proc/self/fd").is_ok_and(|folder| folder.len() == 3) {
        return;
    }
    let Ok(folder) = fs::read_dir("/proc/self/fd") else {
        return;
    };
    let inherited: Vec<i32> = folder
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|&number| number > 2)
        .collect();
    for number in inherited {
        // One of them was the folder itself, which is closed by now.
        let _ = nix::unistd::close(number);
    }
}

/// The kernel's own type for the number of a process.
pub(super) fn rustix_pid(pid: u32) -> Option<rustix::process::Pid> {
    rustix::process::Pid::from_raw(i32::try_from(pid).ok()?)
}

fn stat_of(pid: u32) -> Option<Stat> {
    Stat::parse(&read_small(&format!("/proc/{pid}/stat"))?)
}

/// Processes with the mark and their descendants, which may have dropped it.
fn family(mark: &str) -> BTreeSet<Pid> {
    let own = std::process::id();
    let roots = marked(mark);
    let below: Vec<Pid> = roots.iter().flat_map(|root| descendants(root.pid)).collect();
    roots.into_iter().chain(below).filter(|process| process.pid != own).collect()
}

/// Waits until one of the processes has ended, or the time is over.
fn wait_for_one(processes: &BTreeSet<Pid>, at_most: Duration) {
    let mut handles = Vec::new();
    for &process in processes {
        match open(process) {
            Ok(Some(handle)) => handles.push(handle),
            Ok(None) => return,
            // Without a descriptor left the time limit alone must do.
            Err(_) => {}
        }
    }
    let mut polls: Vec<PollFd<'_>> =
        handles.iter().map(|handle| PollFd::new(handle, PollFlags::IN)).collect();
    // Woken early by a signal: the caller looks again anyway.
    let _ = poll(&mut polls, Timespec::try_from(at_most).ok().as_ref());
}

/// Direct children, of all threads of the process.
fn children(pid: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for thread in threads.flatten() {
        let Ok(list) = fs::read_to_string(thread.path().join("children")) else {
            return children_by_parent(pid);
        };
        found.extend(list.split_ascii_whitespace().filter_map(|n| n.parse::<u32>().ok()));
    }
    found
}

/// The same for kernels that do not list children, and for threads that end meanwhile.
fn children_by_parent(parent: u32) -> Vec<u32> {
    all_processes().filter(|&pid| stat_of(pid).is_some_and(|stat| stat.parent == parent)).collect()
}

fn all_processes() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// Reads a small file of `/proc` with three system calls instead of six.
fn read_small(path: &str) -> Option<String> {
    let file = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let mut bytes = [0; 1_024];
    let length = rustix::io::read(&file, &mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes[..length]).into_owned())
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    fn sleeper(mark: &str) -> Child {
        Command::new("sleep").arg("600").env(MARK, mark).stdin(Stdio::null()).spawn().unwrap()
    }

    #[test]
    fn a_program_name_with_brackets_does_not_move_the_fields() {
        let text = "7 (a) b (c)) S 3 7 7 0 -1 4194304 1 0 0 0 11 22 0 0 20 0 1 0 4242 0 0";
        let stat = Stat::parse(text).unwrap();
        assert_eq!((stat.parent, stat.start, stat.cpu_ticks), (3, 4_242, 33));
        assert!(!stat.is_over());
        assert!(Stat::parse("7 (a").is_none());
    }

    #[test]
    fn an_ended_process_is_not_alive_even_before_it_is_reaped() {
        let mut child = sleeper("not-alive");
        let process = Pid::of(child.id()).unwrap();
        assert!(is_alive(process));
        assert!(signal(process, Signal::KILL).unwrap());
        wait_for_one(&BTreeSet::from([process]), Duration::from_mins(1));
        assert!(!is_alive(process));
        child.wait().unwrap();
        assert!(!is_alive(process));
        assert!(!signal(process, Signal::KILL).unwrap());
    }

    #[test]
    fn a_process_with_another_start_time_is_never_signalled() {
        let mut child = sleeper("other-start");
        let process = Pid::of(child.id()).unwrap();
        let other = Pid { start: process.start + 1, ..process };
        assert!(!signal(other, Signal::KILL).unwrap());
        assert!(!is_alive(other));
        assert!(is_alive(process));
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn descendants_are_found_over_several_levels() {
        let mut child = Command::new("sh")
            .args(["-c", "sh -c 'sleep 600; :' & read line"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        while descendants(child.id()).len() < 2 {
            std::thread::yield_now();
        }
        let found = descendants(child.id());
        assert_eq!(found.len(), 2);
        assert!(descendants(std::process::id()).len() >= 3);
        for process in found {
            signal(process, Signal::KILL).unwrap();
        }
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    #[test]
    fn only_the_marked_are_found_and_killed() {
        let mut wanted = sleeper("mark-a");
        let mut other = sleeper("mark-ab");
        while marked("mark-a").is_empty() {
            std::thread::yield_now();
        }
        assert_eq!(marked("mark-a"), [Pid::of(wanted.id()).unwrap()]);
        assert_eq!(kill_marked("mark-a", Duration::from_mins(1)), 1);
        assert!(!wanted.wait().unwrap().success());
        assert!(other.try_wait().unwrap().is_none());
        assert_eq!(kill_marked("mark-ab", Duration::ZERO), 1);
        other.wait().unwrap();
    }

    #[test]
    fn usage_of_a_tree_is_more_than_that_of_its_root() {
        let mut child = sleeper("usage");
        let own = usage(std::process::id()).unwrap();
        assert!(own.rss_bytes > 100_000);
        assert!(tree_usage(std::process::id()).rss_bytes > own.rss_bytes / 2);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(usage(u32::MAX), None);
        assert_eq!(boot_id().len(), 36);
    }
}
