//! The simulated world: disk, processes, supervisor, people and a clock; and the checks from outside.
// Long because the world and its checks look into each other; apart, every field would need an accessor.

mod agents;
mod failures;
mod merge;
mod people;
mod promises;
mod takeovers;

use std::collections::{BTreeMap, BTreeSet};

use crew::base::flow::Access;
use crew::base::{TaskId, Time};
use crew::engine::{
    AttemptVitals, Command, Conflict, Effect, Input, State, Vitals, deadline, react, step,
};
use crew::event::attempt::Report;
use crew::event::body::{
    CheckFinished, DeniedPath, LogTruncated, SupervisorStarted, WorktreeCreated,
};
use crew::event::gate::EvidenceRecorded;
use crew::event::tree::TreeMerged;
use crew::event::{
    Actor, AttemptEnded, Body, Chain, EndReason, Outcome, Record, Rule, Status, StatusKind, Usage,
    Wait,
};
use fastrand::Rng;

use super::plans;

/// Attempts that may live at once on the machine.
const MACHINE_SLOTS: u32 = 4;

/// What happened over a whole simulation; the test asserts that faults did happen.
#[derive(Debug, Default, Clone)]
pub struct Summary {
    pub crashes: u64,
    pub torn: u64,
    pub adopted: u64,
    pub lost: u64,
    pub done: u64,
    pub failed: u64,
    pub blocked: u64,
    pub paused: u64,
    pub waiting: u64,
    pub cancelled: u64,
    pub expanded: u64,
    pub merged: u64,
    pub conflicted: u64,
    pub events: u64,
    pub calls: u64,
    pub firings: u64,
    pub cycles: u64,
    pub decisions: u64,
    pub stalls: u64,
    pub drafts: u64,
    pub over_budget: u64,
    pub merges: u64,
    pub unmerged: u64,
    pub passes: u64,
    pub denied: u64,
    pub slept: u64,
    pub logins: u64,
    pub fallbacks: u64,
    pub taken: u64,
    pub words: u64,
}

impl Summary {
    fn count(&mut self, body: &Body) {
        self.events += 1;
        if let Body::ChannelsFired(fired) = body {
            self.firings += 1;
            self.cycles += u64::from(fired.cycle);
        } else if let Body::DecisionMade(_) = body {
            self.decisions += 1;
        } else if let Body::RunTransitioned(moved) = body {
            self.stalls += u64::from(moved.rule == Rule::T19);
            self.drafts += u64::from(moved.rule == Rule::T03);
            self.over_budget += u64::from(moved.rule == Rule::T22);
            self.denied += u64::from(moved.rule == Rule::T23);
            let sleeps = matches!(moved.to, Status::Waiting { wait: Wait::Limit { .. } });
            self.slept += u64::from(sleeps);
            self.logins += u64::from(moved.rule == Rule::T12 && !sleeps);
            self.merges += u64::from(moved.to == Status::Done { outcome: Outcome::Merged });
            let is_merge = matches!(moved.to, Status::Waiting { wait: Wait::Merge { .. } });
            self.unmerged += u64::from(is_merge && moved.rule != Rule::T28);
        } else if let Body::AttemptStarted(started) = body {
            self.fallbacks += u64::from(!started.model_why.is_empty());
        } else if let Body::PassFinished(_) = body {
            self.passes += 1;
        }
    }

    pub fn add(&mut self, other: &Self) {
        self.crashes += other.crashes;
        self.torn += other.torn;
        self.adopted += other.adopted;
        self.lost += other.lost;
        self.done += other.done;
        self.failed += other.failed;
        self.blocked += other.blocked;
        self.paused += other.paused;
        self.waiting += other.waiting;
        self.cancelled += other.cancelled;
        self.expanded += other.expanded;
        self.merged += other.merged;
        self.conflicted += other.conflicted;
        self.events += other.events;
        self.calls += other.calls;
        self.firings += other.firings;
        self.cycles += other.cycles;
        self.decisions += other.decisions;
        self.stalls += other.stalls;
        self.drafts += other.drafts;
        self.over_budget += other.over_budget;
        self.merges += other.merges;
        self.unmerged += other.unmerged;
        self.passes += other.passes;
        self.denied += other.denied;
        self.slept += other.slept;
        self.logins += other.logins;
        self.fallbacks += other.fallbacks;
        self.taken += other.taken;
        self.words += other.words;
    }
}

/// One process of an attempt, with its shim.
#[derive(Debug, Clone)]
struct Process {
    /// When it ends by itself or because it was told to.
    ends: Option<(Time, AttemptEnded)>,
    /// How it ended: the shim's record, which outlives every crash of the supervisor.
    exit: Option<AttemptEnded>,
    started: Time,
    output: Option<Time>,
    /// Milliseconds that it takes to obey.
    obeys_in: u64,
    stopped: bool,
    /// Gone without a record.
    lost: bool,
    /// When its agent calls, the next call last.
    calls: Vec<Time>,
}

impl Process {
    fn is_alive(&self) -> bool {
        self.exit.is_none() && !self.lost
    }
}

/// What lives in the memory of one supervisor and dies with it.
struct Supervisor {
    state: State,
    chain: Chain,
    spawned: BTreeSet<(usize, u32)>,
    stopped: BTreeSet<(usize, u32)>,
    /// Checks and worktrees being made, with the moment at which they are ready.
    jobs: Vec<(Time, Input)>,
    job_keys: BTreeSet<Effect>,
    /// It moves the target of the merge that is under way.
    is_moving: bool,
}

pub struct World {
    rng: Rng,
    now: Time,
    disk: Vec<u8>,
    processes: BTreeMap<(usize, u32), Process>,
    supervisor: Option<Supervisor>,
    starts_at: Time,
    tree: u32,
    has_worktree: bool,
    /// The target of the run has its work.
    is_merged: bool,
    /// The log as it was folded last.
    known: Folded,
    /// What the last supervisor knew when it died, unless it died around a write.
    left: Option<State>,
    /// Bytes that were on disk when somebody was told that a write succeeded.
    told: usize,
    words: u32,
    resumes: u32,
    /// Until when tasks wait for limits.
    limits: BTreeMap<TaskId, Time>,
    hands: takeovers::Hands,
    crashes_left: u32,
    crash_rate: u8,
    summary: Summary,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let now = Time(1_770_000_000_000);
        let created = plans::created(&mut rng);
        let mut disk = Vec::new();
        let first = record(1, 1, now, Body::RunCreated(created));
        let chain = first.write(Chain::default(), &mut disk);
        let is_draft = rng.u8(0..6) == 0;
        let queued = Status::Queued { resumed: false, not_before: None };
        let (rule, to) = if is_draft { (Rule::T02, Status::Draft) } else { (Rule::T01, queued) };
        let moved = crew::event::body::RunTransitioned { rule, to, text: String::new() };
        record(2, 1, now, moved.into()).write(chain, &mut disk);
        let crash_rate = *rng.choice(&[0, 1, 3, 8]).expect("not empty");
        Self {
            rng,
            now,
            disk,
            processes: BTreeMap::new(),
            supervisor: None,
            starts_at: now,
            tree: 0,
            has_worktree: false,
            is_merged: false,
            known: Folded::default(),
            left: None,
            told: 0,
            words: 0,
            resumes: 0,
            limits: BTreeMap::new(),
            hands: takeovers::Hands::default(),
            crashes_left: 12,
            crash_rate,
            summary: Summary::default(),
        }
    }

    pub fn log_text(&self) -> String {
        String::from_utf8_lossy(&self.disk).into_owned()
    }

    /// Runs until the run rests for good, and checks that it does.
    pub fn run(&mut self) -> Summary {
        for _ in 0..20_000 {
            self.finish_processes();
            let Some(mut supervisor) = self.supervisor.take() else {
                self.now = self.now.max(self.starts_at);
                self.finish_processes();
                if self.rng.u8(0..4) == 0 {
                    self.peers();
                }
                self.start_supervisor();
                continue;
            };
            if !self.turn(&mut supervisor) {
                let is_written = supervisor.state.seq == supervisor.chain.seq;
                self.crash();
                self.left = is_written.then_some(supervisor.state);
                continue;
            }
            let is_over = Self::is_over(&supervisor) && self.hands.are_empty();
            if is_over {
                self.check_end(&supervisor.state);
                return self.summary.clone();
            }
            self.sleep(&mut supervisor);
            self.supervisor = Some(supervisor);
        }
        panic!("the run does not come to an end");
    }

    /// Agents and people change the run while no supervisor lives: any process may append.
    fn peers(&mut self) {
        let (mut peer, alive) = self.open();
        let alive = alive && self.agents(&mut peer) && self.people(&mut peer);
        if !alive {
            self.summary.crashes += 1;
            self.crashes_left -= 1;
        }
        self.left = None;
    }

    /// Folds the disk as a new process would, and looks at every live attempt.
    fn start_supervisor(&mut self) {
        let (mut supervisor, mut alive) = self.open();
        let started = SupervisorStarted { pid: 1, version: "0".into(), host: "sim".into() };
        let input = Input::SupervisorStarted(started);
        alive = alive && self.commit(&mut supervisor, &Actor::Supervisor, &input);
        for (task, number) in live_attempts(&supervisor.state) {
            alive = alive && self.recover(&mut supervisor, task, number);
        }
        if alive {
            self.supervisor = Some(supervisor);
        } else {
            self.crash();
        }
    }

    /// Folds the disk and cuts a torn tail. `false` = the process died in it.
    fn open(&mut self) -> (Supervisor, bool) {
        // Mostly from a checkpoint, as a real process does.
        let known = if self.rng.u8(0..8) > 0 { self.known.clone() } else { Folded::default() };
        self.known = known.follow(&self.disk, |_| {});
        let Folded { state, chain, good } = self.known.clone();
        let state = state.expect("a log begins with its run");
        assert!(good >= self.told, "something that was told to be written is lost");
        let torn = self.disk.len() - good;
        if let Some(left) = self.left.take() {
            assert_eq!(state, left, "the log and the memory of the last supervisor disagree");
        }
        self.disk.truncate(good);
        let mut supervisor = Supervisor {
            state,
            chain,
            spawned: BTreeSet::new(),
            stopped: BTreeSet::new(),
            jobs: Vec::new(),
            job_keys: BTreeSet::new(),
            is_moving: false,
        };
        let mut alive = true;
        if torn > 0 {
            self.summary.torn += 1;
            let cut = LogTruncated { bytes: torn as u64, file: "events.torn".into() };
            alive = self.commit(&mut supervisor, &Actor::Supervisor, &Input::Fact(cut.into()));
        }
        (supervisor, alive)
    }

    /// The table of SPEC section 14 for one attempt that the log believes to live.
    fn recover(&mut self, supervisor: &mut Supervisor, task: usize, number: u32) -> bool {
        let key = (task, number);
        let started = live_since(&supervisor.state, task);
        match self.processes.get(&key) {
            Some(process) if process.is_alive() => {
                supervisor.spawned.insert(key);
                self.summary.adopted += 1;
                true
            }
            Some(process) => {
                let end = process.exit.clone().unwrap_or_else(|| {
                    self.summary.lost += 1;
                    let changed = self.rng.bool().then_some(true);
                    AttemptEnded {
                        changed,
                        ..ended(&supervisor.state, key, EndReason::Lost, started, self.now)
                    }
                });
                self.commit(supervisor, &Actor::Supervisor, &Input::AttemptEnded(end))
            }
            None => {
                let end = ended(&supervisor.state, key, EndReason::Revoked, started, self.now);
                self.commit(supervisor, &Actor::Supervisor, &Input::AttemptEnded(end))
            }
        }
    }

    /// One turn: take in everything that is due, then act. `false` = the supervisor died in it.
    fn turn(&mut self, supervisor: &mut Supervisor) -> bool {
        for input in self.due(supervisor) {
            if !self.commit(supervisor, &Actor::Supervisor, &input) {
                return false;
            }
        }
        if !self.commit(supervisor, &Actor::Supervisor, &Input::Wake) {
            return false;
        }
        if !self.agents(supervisor) || !self.people(supervisor) || !self.hands(supervisor) {
            return false;
        }
        for effect in react(&supervisor.state) {
            if self.dies() {
                return false;
            }
            self.act(supervisor, effect);
        }
        true
    }

    /// Ends of attempts and of background jobs that have happened by now.
    fn due(&mut self, supervisor: &mut Supervisor) -> Vec<Input> {
        let now = self.now;
        let mut inputs: Vec<Input> = Vec::new();
        for (task, number) in live_attempts(&supervisor.state) {
            let Some(process) = self.processes.get(&(task, number)) else { continue };
            if let Some(exit) = &process.exit {
                inputs.push(Input::AttemptEnded(exit.clone()));
            } else if process.lost {
                self.summary.lost += 1;
                let end =
                    ended(&supervisor.state, (task, number), EndReason::Lost, process.started, now);
                let changed = Some(self.rng.u8(0..4) == 0);
                inputs.push(Input::AttemptEnded(AttemptEnded { changed, ..end }));
            }
        }
        let (due, later) = supervisor.jobs.drain(..).partition(|(at, _)| *at <= now);
        supervisor.jobs = later;
        for (_, input) in &due {
            if let Input::Evidence(found) = input {
                let name = found.name.clone();
                supervisor.job_keys.remove(&Effect::Evidence { name });
            } else if let Input::CheckFinished(check) = input {
                // What a person left is looked at under the number of the attempt before.
                let task = supervisor.state.task_ix(&check.task).expect("a task of the plan");
                let attempt = check.attempt;
                supervisor.job_keys.remove(&Effect::Check { task, attempt });
            }
        }
        inputs.extend(Vec::into_iter(due).map(|(_, input)| input));
        inputs
    }

    /// Decides, writes one batch, and checks what was decided. `false` = died around the write.
    fn commit(&mut self, supervisor: &mut Supervisor, actor: &Actor, input: &Input) -> bool {
        let vitals = self.vitals(&supervisor.state);
        let before = supervisor.state.seq;
        let Ok(events) = step(&mut supervisor.state, &vitals, self.now, actor, input) else {
            assert_eq!(supervisor.state.seq, before, "a refused command changed something");
            return true;
        };
        if events.is_empty() {
            return true;
        }
        assert!(supervisor.state.is_consistent(), "the index disagrees with the facts");
        if self.dies() {
            return false;
        }
        let mut bytes = Vec::new();
        let mut chain = supervisor.chain;
        let batch = chain.seq + 1;
        for (actor, epoch, body) in events {
            self.summary.count(&body);
            self.check_limits(&body);
            let next = Record { actor, epoch, ..record(chain.seq + 1, batch, self.now, body) };
            chain = next.write(chain, &mut bytes);
        }
        if self.dies() {
            // The write was torn: any prefix of it may have reached the disk.
            let part = self.rng.usize(0..bytes.len());
            self.disk.extend(&bytes[..part]);
            return false;
        }
        self.disk.extend(&bytes);
        self.told = self.disk.len();
        supervisor.chain = chain;
        !self.dies()
    }

    fn vitals(&self, state: &State) -> Vitals {
        let attempts = state
            .live()
            .map(|(task, live)| {
                let seen = self.processes.get(&(task, live.number));
                let vitals = seen.map_or_else(AttemptVitals::default, |process| AttemptVitals {
                    beat_at: Some(self.now),
                    stdout_at: process.output.filter(|at| *at <= self.now),
                    output_at: process.output.filter(|at| *at <= self.now),
                    ..AttemptVitals::default()
                });
                (task, vitals)
            })
            .collect();
        Vitals { attempts, machine_slots: MACHINE_SLOTS }
    }

    fn act(&mut self, supervisor: &mut Supervisor, effect: Effect) {
        match effect.clone() {
            Effect::CreateChildren { .. } | Effect::TendChildren | Effect::EndChildren => {
                unreachable!("no plan of the simulator proposes runs")
            }
            Effect::BeginMerge | Effect::Merge | Effect::ResolveMerge => {
                self.merge(supervisor, &effect);
            }
            Effect::Spawn { task, attempt } => {
                if supervisor.spawned.insert((task, attempt)) {
                    self.spawn(&supervisor.state, task, attempt);
                }
            }
            Effect::Stop { task, attempt } => self.stop(supervisor, task, attempt),
            Effect::EnsureWorktree => {
                if supervisor.job_keys.insert(effect) {
                    let at = self.now.plus_ms(self.rng.u64(1..200));
                    let made = WorktreeCreated {
                        path: "/w".into(),
                        branch: "crew/x".into(),
                        commit: "c0".into(),
                        tree: None,
                    };
                    let input = if self.rng.u8(0..50) == 0 {
                        supervisor.job_keys.clear();
                        Input::WorktreeFailed("no space left".into())
                    } else {
                        self.has_worktree = true;
                        Input::WorktreeCreated(made)
                    };
                    supervisor.jobs.push((at, input));
                }
            }
            Effect::Evidence { name } => {
                if supervisor.job_keys.insert(effect) {
                    self.run_command(supervisor, name);
                }
            }
            Effect::BringIn { task, attempt } => {
                if supervisor.job_keys.insert(effect) {
                    self.check_merge(&supervisor.state);
                    let at = self.now.plus_ms(self.rng.u64(1..300));
                    let input = self.merged(supervisor.state.task_id(task), attempt);
                    supervisor.jobs.push((at, input));
                }
            }
            Effect::Check { task, attempt } => {
                if supervisor.job_keys.insert(effect) {
                    let check = self.checked(&supervisor.state, task, attempt);
                    let at = self.now.plus_ms(self.rng.u64(1..100));
                    supervisor.jobs.push((at, Input::CheckFinished(check)));
                }
            }
        }
    }

    /// What a look at the tree after an attempt says.
    fn checked(&mut self, state: &State, task: usize, attempt: u32) -> CheckFinished {
        let writes = state.step_of(task).access == Access::Write;
        self.tree += u32::from(writes && self.rng.bool());
        CheckFinished {
            task: state.task_id(task),
            attempt,
            commit: Some(format!("c{}", self.tree)),
            tree: Some(format!("t{}", self.tree)),
            files: 1,
            strays: Vec::new(),
            kept: None,
            denied_count: 0,
            denied: if self.rng.u8(0..150) == 0 {
                vec![DeniedPath { path: ".env".into(), pattern: ".env".into() }]
            } else {
                Vec::new()
            },
            conflicts: Vec::new(),
            error: (self.rng.u8(0..100) == 0).then(|| "git failed".to_owned()),
        }
    }

    /// A merge that succeeds, or that has a conflict, or that git refuses.
    fn merged(&mut self, task: TaskId, attempt: u32) -> Input {
        if self.rng.u8(0..4) == 0 {
            return Input::TreeConflicted(Conflict {
                task,
                attempt,
                commit: "theirs".into(),
                onto: "ours".into(),
                files: vec!["both.txt".into()],
                text: "CONFLICT (content): Merge conflict in both.txt".into(),
            });
        }
        let error = (self.rng.u8(0..50) == 0).then(|| "git failed".to_owned());
        self.tree += u32::from(error.is_none());
        let name = |letter: char| error.is_none().then(|| format!("{letter}{}", self.tree));
        let (commit, tree) = (name('c'), name('t'));
        Input::TreeMerged(TreeMerged { task, attempt, commit, tree, files: 1, by: None, error })
    }

    fn run_command(&mut self, supervisor: &mut Supervisor, name: String) {
        self.check_evidence(&supervisor.state);
        let found = EvidenceRecorded {
            name,
            tree: supervisor.state.tree_key(),
            code: (self.rng.u8(0..20) > 0).then(|| i32::from(self.rng.u8(0..6) == 0)),
            duration_ms: 5,
            tail: "red".into(),
            cached: false,
        };
        let at = self.now.plus_ms(self.rng.u64(1..500));
        supervisor.jobs.push((at, Input::Evidence(found)));
    }

    fn stop(&mut self, supervisor: &mut Supervisor, task: usize, number: u32) {
        if !supervisor.stopped.insert((task, number)) {
            return;
        }
        let now = self.now;
        let Some(process) = self.processes.get_mut(&(task, number)) else {
            // It was never started; the supervisor revokes it.
            let end = ended(&supervisor.state, (task, number), EndReason::Revoked, now, now);
            supervisor.jobs.push((now, Input::AttemptEnded(end)));
            return;
        };
        if process.is_alive() && !process.stopped {
            process.stopped = true;
            let end =
                ended(&supervisor.state, (task, number), EndReason::Stopped, process.started, now);
            let at = now.plus_ms(process.obeys_in);
            if process.ends.as_ref().is_none_or(|(ends, _)| *ends > at) {
                process.ends = Some((at, end));
            }
        }
    }

    /// Processes end whether a supervisor lives or not.
    fn finish_processes(&mut self) {
        for process in self.processes.values_mut() {
            if let Some((at, end)) = &process.ends
                && *at <= self.now
                && process.is_alive()
            {
                let mut end = end.clone();
                end.ended_at = *at;
                end.duration_ms = at.since_ms(process.started);
                process.exit = Some(end);
            }
        }
    }

    fn dies(&mut self) -> bool {
        self.crashes_left > 0 && self.rng.u8(0..100) < self.crash_rate
    }

    fn crash(&mut self) {
        self.summary.crashes += 1;
        self.crashes_left -= 1;
        self.supervisor = None;
        self.starts_at = self.now.plus_ms(self.rng.u64(1..30_000));
        // Sometimes the shims die too, as in a power cut or by an impatient person.
        for process in self.processes.values_mut() {
            if process.is_alive() && self.rng.u8(0..5) == 0 {
                process.lost = true;
            }
        }
    }

    /// Moves the clock to the next moment at which anything can happen.
    fn sleep(&mut self, supervisor: &mut Supervisor) {
        let vitals = self.vitals(&supervisor.state);
        let wake = deadline(&supervisor.state, &vitals, self.now);
        assert!(wake.is_none_or(|wake| wake > self.now), "a deadline in the past spins");
        let ends = self.processes.values().filter(|p| p.is_alive()).filter_map(|p| p.ends.as_ref());
        let output = self.processes.values().filter(|p| p.is_alive()).filter_map(|p| p.output);
        let jobs = supervisor.jobs.iter().map(|(at, _)| *at);
        let calls = self.processes.values().filter_map(|p| p.calls.last().copied());
        let next = ends
            .map(|(at, _)| *at)
            .chain(jobs)
            .chain(calls)
            .chain(self.hands.moments())
            .chain(output.filter(|at| *at > self.now))
            .chain(wake)
            .min();
        let is_busy = matches!(
            supervisor.state.status.kind(),
            StatusKind::Draft
                | StatusKind::Queued
                | StatusKind::Paused
                | StatusKind::Blocked
                | StatusKind::Waiting
        );
        if matches!(supervisor.state.status.kind(), StatusKind::Blocked | StatusKind::Waiting) {
            promises::check_rest(&supervisor.state, self.now);
        }
        match next {
            Some(next) => self.now = self.now.max(next),
            None if is_busy => self.now = self.now.plus_ms(100),
            None => panic!("nothing will ever wake this run: {:?}", supervisor.state.status),
        }
    }

    fn is_over(supervisor: &Supervisor) -> bool {
        let is_merge =
            matches!(supervisor.state.status, Status::Waiting { wait: Wait::Merge { .. } });
        let nothing_due = supervisor.jobs.is_empty() && live_attempts(&supervisor.state).is_empty();
        (supervisor.state.status.is_terminal() || is_merge)
            && nothing_due
            && (is_merge || supervisor.state.is_at_rest())
    }
}

fn retry_one(state: &State) -> Option<Command> {
    let failed =
        (0..state.tasks.len()).find(|&task| state.tasks[task].status.blocks().is_some())?;
    Some(Command::RetryTask { task: state.task_id(failed), runtime: None, message: None })
}

fn record(seq: u64, batch: u64, at: Time, body: Body) -> Record {
    Record { seq, at, actor: Actor::Supervisor, epoch: 1, batch, body }
}

fn live_attempts(state: &State) -> Vec<(usize, u32)> {
    state.live().map(|(task, live)| (task, live.number)).collect()
}

fn live_since(state: &State, task: usize) -> Time {
    state.live().find(|(ix, _)| *ix == task).map_or(Time(0), |(_, live)| live.started_at)
}

fn ended(
    state: &State,
    key: (usize, u32),
    reason: EndReason,
    from: Time,
    to: Time,
) -> AttemptEnded {
    let task: TaskId = state.task_id(key.0);
    AttemptEnded {
        task,
        attempt: key.1,
        reason,
        code: None,
        signal: None,
        ended_at: to,
        duration_ms: to.since_ms(from),
        output_bytes: 0,
        summary: String::new(),
        failure: String::new(),
        session: None,
        report: Report::default(),
        usage: Usage::default(),
        leftovers: 0,
        changed: None,
    }
}

/// A folded log: its state, its chain, and the number of its good bytes.
#[derive(Clone, Default)]
struct Folded {
    state: Option<State>,
    chain: Chain,
    good: usize,
}

impl Folded {
    /// Goes on to the end of a log, which may be a torn line.
    fn follow(mut self, disk: &[u8], mut look: impl FnMut(&Record)) -> Self {
        for line in disk[self.good..].split_inclusive(|byte| *byte == b'\n') {
            let Some(text) = line.strip_suffix(b"\n") else { break };
            let read = Record::read(text, self.chain);
            let (record, next) = read.expect("only the last line can be torn");
            look(&record);
            match &mut self.state {
                None => self.state = State::begin(&record),
                Some(state) => state.apply_record(&record),
            }
            self.chain = next;
            self.good += line.len();
        }
        self
    }
}
