//! Watches over one agent until it and everything it started is gone.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use rustix::fs::{Timespec, Timestamps, UTIME_NOW, futimens};
use rustix::process::{WaitOptions, WaitStatus, kill_process_group, wait};

use crate::base::Time;
use crate::base::limits::{HEARTBEAT_MS, KILL_WAIT_MS, LEFTOVER_GRACE_MS};
use crate::clock::Clock;
use crate::runtime::attempt_files::{CommandFile, EndReason, Escalation};
use crate::runtime::process::{self, Pid, Signal};
use crate::store::AttemptDir;

use super::hold::Hold;
use super::signals::Signals;
use super::spawn::Spawned;

/// Milliseconds between two passes that kill what was started since the last one.
const KILL_PASS_MS: u64 = 20;

/// How it ended, as far as processes tell.
pub(super) struct Outcome {
    /// How the agent itself ended; `None` when even SIGKILL did not end it.
    pub(super) status: Option<WaitStatus>,
    /// Why.
    pub(super) reason: EndReason,
    /// The strongest signal of the stop.
    pub(super) escalation: Escalation,
    /// Descendants that lived on after the agent or had to be killed.
    pub(super) leftovers: usize,
}

/// The watch over one agent.
pub(super) struct Watch<'a> {
    dir: &'a AttemptDir,
    command: &'a CommandFile,
    clock: &'a Clock,
    signals: &'a mut Signals,
    agent: u32,
    input: Option<File>,
    deadline: Option<Time>,
    hold: Hold,
    beat_at: Time,
    heartbeat: Option<File>,
    status: Option<WaitStatus>,
    stop: Option<Stop>,
    /// When the descendants that the agent left behind are killed.
    leftovers_kill_at: Option<Time>,
    leftovers: BTreeSet<Pid>,
}

/// A stop that has begun.
struct Stop {
    reason: EndReason,
    since: Time,
    sent: Escalation,
}

impl<'a> Watch<'a> {
    /// A watch over an agent that was started just now.
    pub(super) fn new(
        dir: &'a AttemptDir,
        command: &'a CommandFile,
        clock: &'a Clock,
        signals: &'a mut Signals,
        spawned: Spawned,
    ) -> Self {
        let now = clock.now();
        Self {
            dir,
            command,
            clock,
            signals,
            agent: spawned.pid,
            input: spawned.input,
            deadline: command.deadline_ms.map(|ms| now.plus_ms(ms)),
            hold: Hold::new(dir, command.hold_ms, now),
            beat_at: now.plus_ms(HEARTBEAT_MS),
            heartbeat: None,
            status: None,
            stop: None,
            leftovers_kill_at: None,
            leftovers: BTreeSet::new(),
        }
    }

    /// Begins to stop the agent; a stop that has begun goes on as it is.
    pub(super) fn stop(&mut self, reason: EndReason) {
        let since = self.clock.now();
        self.stop.get_or_insert(Stop { reason, since, sent: Escalation::None });
    }

    /// Watches until nothing is left, or what is left cannot be killed.
    pub(super) fn run(mut self) -> Outcome {
        // A trivial agent has ended before the first look and costs nothing but this call.
        while self.reap() {
            let now = self.clock.now();
            if now >= self.give_up_at() {
                break;
            }
            self.beat(now);
            if self.status.is_some() {
                self.clear_leftovers(now);
            } else {
                self.guard(now);
            }
            let wake_at = self.wake_at(now);
            self.signals.wait(wake_at.since_ms(self.clock.now()));
        }
        if self.stop.is_some() || !self.leftovers.is_empty() {
            self.clear_marked();
        }
        Outcome {
            status: self.status,
            reason: self.stop.as_ref().map_or(EndReason::Exited, |s| s.reason),
            escalation: self.stop.as_ref().map_or(Escalation::None, |s| s.sent),
            leftovers: self.leftovers.len(),
        }
    }

    /// Reaps every child that has ended; `false` when none is left, living or dead.
    ///
    /// As the shim is the subreaper, orphans of the whole tree become its children: no child left
    /// proves that no descendant is left.
    fn reap(&mut self) -> bool {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => {
                    if pid.as_raw_pid().cast_unsigned() == self.agent {
                        self.status = Some(status);
                    }
                }
                Ok(None) => return true,
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return false,
            }
        }
    }

    /// While the agent runs: follows wishes and limits, and takes the next step of a stop.
    fn guard(&mut self, now: Time) {
        if self.signals.stop_asked() {
            self.stop(EndReason::Stopped);
        }
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            self.look_for_hold(now);
        }
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            self.stop(EndReason::Deadline);
        }
        if self.signals.close_input_asked() {
            self.input = None;
        }
        while let Some((step, at)) = self.next_step() {
            if self.clock.now() < at {
                break;
            }
            self.take(step);
            if step == Escalation::Kill {
                break;
            }
        }
    }

    /// The next step of the stop, and when it is due; killing is repeated until it has worked.
    fn next_step(&self) -> Option<(Escalation, Time)> {
        let stop = self.stop.as_ref()?;
        let grace = self.command.grace_ms;
        Some(match stop.sent {
            Escalation::None => (Escalation::Int, stop.since),
            Escalation::Int => (Escalation::Term, stop.since.plus_ms(grace / 2)),
            Escalation::Term | Escalation::Kill => (Escalation::Kill, stop.since.plus_ms(grace)),
        })
    }

    fn take(&mut self, step: Escalation) {
        match step {
            Escalation::None => {}
            Escalation::Int => self.signal_group(Signal::INT),
            Escalation::Term => {
                self.signal_group(Signal::TERM);
                for process in self.others() {
                    signal(process, Signal::TERM);
                }
            }
            Escalation::Kill => {
                // Listed before the group dies: afterwards nobody could say who was left.
                let others = self.others();
                self.signal_group(Signal::KILL);
                for &process in &others {
                    signal(process, Signal::KILL);
                }
                self.leftovers.extend(others);
            }
        }
        if let Some(stop) = &mut self.stop {
            stop.sent = step;
        }
    }

    /// Invariant: the group is signalled only while its leader is not reaped; until then its number
    /// cannot be given to another process.
    fn signal_group(&self, signal: Signal) {
        if self.status.is_none()
            && let Some(group) = process::rustix_pid(self.agent)
        {
            // It fails when the whole group is gone, which is what was wanted.
            let _ = kill_process_group(group, signal);
        }
    }

    /// After the agent's end: asks what it left behind to end, then kills it.
    fn clear_leftovers(&mut self, now: Time) {
        let is_first = self.leftovers_kill_at.is_none();
        let kill_at = self.first_kill_of_leftovers(now);
        let kill_at = *self.leftovers_kill_at.get_or_insert(kill_at);
        let send = match (now >= kill_at, is_first) {
            (true, _) => Signal::KILL,
            (false, true) => Signal::TERM,
            (false, false) => return,
        };
        for process in self.others() {
            signal(process, send);
            self.leftovers.insert(process);
        }
    }

    /// A stop's grace period holds for the agent and for what it leaves behind together.
    fn first_kill_of_leftovers(&self, now: Time) -> Time {
        let short = now.plus_ms(LEFTOVER_GRACE_MS.min(self.command.grace_ms));
        match &self.stop {
            Some(stop) => short.min(stop.since.plus_ms(self.command.grace_ms)),
            None => short,
        }
    }

    /// Kills what carries the mark but is no descendant any more, for example because it was
    /// started by some other process on the agent's behalf.
    fn clear_marked(&mut self) {
        let strays = process::marked(&self.command.mark);
        if !strays.is_empty() {
            process::kill_marked(&self.command.mark, Duration::ZERO);
            self.leftovers.extend(strays);
        }
    }

    /// Every living descendant but the agent itself.
    fn others(&self) -> Vec<Pid> {
        let mut found = process::descendants(std::process::id());
        found.retain(|process| process.pid != self.agent);
        found
    }

    /// While a question holds the turn its time stands still, and its slot is for others.
    fn look_for_hold(&mut self, now: Time) {
        let held_ms = self.hold.look(now);
        self.deadline = self.deadline.map(|deadline| deadline.plus_ms(held_ms));
    }

    /// Shows that the shim lives, and looks at the size of the output.
    fn beat(&mut self, now: Time) {
        if now < self.beat_at {
            return;
        }
        self.beat_at = now.plus_ms(HEARTBEAT_MS);
        if self.heartbeat.is_none() {
            self.heartbeat = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(self.dir.heartbeat())
                .ok();
        }
        if let Some(file) = &self.heartbeat {
            let at = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
            // A heartbeat that cannot be written is seen as a missing one, which is the truth.
            let _ = futimens(file, &Timestamps { last_access: at, last_modification: at });
        }
        self.look_for_hold(now);
        let (stdout, stderr) = super::output_bytes(self.dir);
        if stdout.saturating_add(stderr) > self.command.max_output_bytes {
            self.stop(EndReason::OutputLimit);
        }
    }

    /// When there is something to do even if no signal comes.
    fn wake_at(&self, now: Time) -> Time {
        let next = if self.status.is_some() {
            self.leftovers_kill_at
        } else {
            match self.next_step() {
                Some((_, at)) => Some(at),
                // The deadline of a held turn moves with every beat: nothing to wake up for.
                None => self.deadline.filter(|_| !self.hold.is_held()),
            }
        };
        // What is due but still there is being killed: look again soon.
        let next = next.map(|at| if at <= now { now.plus_ms(KILL_PASS_MS) } else { at });
        next.map_or(self.beat_at, |at| at.min(self.beat_at))
    }

    /// When nothing more can be done about what still lives.
    fn give_up_at(&self) -> Time {
        let kill_at = if self.status.is_some() {
            self.leftovers_kill_at
        } else {
            let stop = self.stop.as_ref();
            stop.map(|stop| stop.since.plus_ms(self.command.grace_ms))
        };
        kill_at.map_or(Time(i64::MAX), |at| at.plus_ms(KILL_WAIT_MS))
    }
}

/// A process that cannot be signalled (gone, or of another user) is left to the time limit.
fn signal(process: Pid, signal: Signal) {
    drop(process::signal(process, signal));
}
