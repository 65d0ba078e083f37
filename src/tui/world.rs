//! What the dashboard knows: all runs as rows, and those that live or are looked at in full.
//!
//! Read-only and without anything of the screen: made by [`super::feed`], shared as it is, and the
//! same for the present and for a replayed past.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::Utf8PathBuf;

use crate::base::{RunNumber, TaskId, Time};
use crate::client::processes;
use crate::engine::{Explanation, State, Vitals, explain_gate, explain_run, explain_task};
use crate::event::takeover::HandBack;
use crate::event::{Body, EndReason, Record};
use crate::plan::Plan;
use crate::snapshot::story;
use crate::snapshot::{Class, Live, MessageRow, RunRow, StatusView, SupervisorRow, TaskRow};

/// A task of a run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskRef {
    /// The run.
    pub run: RunNumber,
    /// The task; absent for the run as a whole.
    pub task: Option<TaskId>,
}

impl TaskRef {
    /// As commands name it: `5/coding`, `5`.
    pub fn name(&self) -> String {
        match &self.task {
            Some(task) => format!("{}/{task}", self.run),
            None => self.run.to_string(),
        }
    }
}

/// Everything that is known at one moment.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// When it was read.
    pub now: Time,
    /// Name of the project.
    pub project: String,
    /// The project's folder.
    pub root: Utf8PathBuf,
    /// All runs, the newest first.
    pub runs: Vec<RunItem>,
    /// Runs that live or are looked at, in full.
    pub views: BTreeMap<RunNumber, Arc<RunView>>,
    /// Live agents that a machine may have.
    pub slots: u32,
    /// Bytes of memory of all their processes, in large steps; absent where nothing runs or nobody knows.
    pub rss_bytes: Option<u64>,
    /// Their processes, as of the last look.
    pub processes: Vec<Process>,
    /// Tokens in each of the last minutes, the newest last.
    pub tokens: Vec<u64>,
    /// Why the runs cannot be read.
    pub problem: Option<String>,
    /// Whether the files were read once.
    pub is_read: bool,
}

/// A process of a live run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// The run.
    pub run: RunNumber,
    /// Percent of one processor since the look before; absent at the first one.
    pub cpu_percent: Option<u64>,
    /// The process, with everything below it.
    pub process: processes::Process,
}

/// A run in the list of all runs.
#[derive(Debug, Clone, PartialEq)]
pub struct RunItem {
    /// Its number.
    pub number: RunNumber,
    /// What is known of it, or why nothing is.
    pub row: Result<RunRow, String>,
    /// Where its log is broken; the row stands for the lines before.
    pub damage: Option<String>,
}

impl RunItem {
    /// How much it needs a look.
    pub fn class(&self) -> Class {
        match (&self.row, &self.damage) {
            (Err(_), _) | (_, Some(_)) => Class::Failed,
            (Ok(row), None) => row.class(),
        }
    }
}

/// One run in full, now or at a moment of its past.
#[derive(Debug, Clone, PartialEq)]
pub struct RunView {
    /// Its rows.
    pub status: StatusView,
    /// Its workflow and team.
    pub plan: Arc<Plan>,
    /// Its messages, in the order in which they were sent.
    pub messages: Vec<MessageRow>,
    /// What happened last, the newest at the end.
    pub story: Vec<StoryLine>,
    /// What its live attempts do, by task.
    pub activity: BTreeMap<TaskId, Activity>,
    /// Why the run is in its status.
    pub why: Explanation,
    /// Why its tasks are in theirs, as far as anybody looks.
    pub whys: BTreeMap<TaskId, Explanation>,
    /// Why its gates are in theirs, with who wrote what.
    pub gates: BTreeMap<String, Explanation>,
    /// Programs that met a limit, and when it ends, the first end of each.
    pub limits: BTreeMap<String, Time>,
    /// Where its log is broken, or why it is only read.
    pub damage: Option<String>,
}

/// One line of what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoryLine {
    /// Number of the event.
    pub seq: u64,
    /// When.
    pub at: Time,
    /// The task it is about.
    pub task: Option<TaskId>,
    /// What.
    pub text: String,
    /// Whether it belongs into a short story.
    pub is_major: bool,
    /// Whether it tells how well the run's processes are.
    pub is_of_health: bool,
}

/// What a live attempt does now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Activity {
    /// What kind of thing, in a word: `thinking`, `Bash`, `writes`.
    pub word: String,
    /// The command, the file, the last words.
    pub detail: String,
    /// Whether a tool of the agent runs.
    pub is_tool: bool,
    /// Since when, as far as it was seen.
    pub since: Option<Time>,
    /// The last lines that it printed, the newest at the end.
    pub lines: Vec<String>,
}

impl StoryLine {
    /// The line of an event.
    pub fn of(record: &Record) -> Self {
        let line = story::line(record);
        Self {
            seq: record.seq,
            at: record.at,
            task: line.task,
            text: line.text,
            is_major: line.is_major,
            is_of_health: is_of_health(&record.body),
        }
    }
}

impl RunView {
    /// The run of a state, its rows, and why it is in its status; all stand for the same moment.
    pub fn of(status: StatusView, state: &State, story: Vec<StoryLine>, why: Explanation) -> Self {
        Self {
            plan: Arc::clone(state.expanded.as_ref().unwrap_or(&state.created.plan)),
            messages: MessageRow::all(state),
            story,
            activity: BTreeMap::new(),
            why,
            whys: BTreeMap::new(),
            gates: gates(state, status.now),
            limits: limits(state, status.now),
            damage: None,
            status,
        }
    }

    /// The run as it was at a moment of its past: nothing of its processes is known.
    pub fn past(state: &State, story: Vec<StoryLine>, now: Time) -> Self {
        // What ran then had a supervisor, or an event would say that it was lost.
        let supervisor = SupervisorRow { live: true, pid: None };
        let live = Live { supervisor, ..Live::default() };
        let mut view = Self::of(
            StatusView::of(state, &live, now),
            state,
            story,
            explain_run(state, &Vitals::default(), now),
        );
        for (ix, row) in view.status.tasks.iter().enumerate() {
            let why = explain_task(state, &Vitals::default(), now, ix);
            view.whys.insert(row.id.clone(), why);
        }
        view
    }

    /// Its number.
    pub fn number(&self) -> RunNumber {
        self.status.run.number
    }

    /// One of its tasks.
    pub fn task(&self, task: &TaskId) -> Option<&TaskRow> {
        self.status.tasks.iter().find(|row| row.id == *task)
    }

    /// Whether the other one would look the same, whatever the clock says.
    pub fn looks_like(&self, other: &Self) -> bool {
        let still = |view: &Self| {
            let mut view = view.clone();
            view.status.now = Time(0);
            view.status.run.active_ms = 0;
            view.status.run.budget.used.active_ms = 0;
            for task in &mut view.status.tasks {
                task.active_ms = 0;
            }
            view.why.evidence.iter_mut().for_each(|evidence| evidence.age_ms = None);
            for why in view.whys.values_mut().chain(view.gates.values_mut()) {
                why.evidence.iter_mut().for_each(|evidence| evidence.age_ms = None);
            }
            view
        };
        self.status.version == other.status.version && still(self) == still(other)
    }
}

/// Whether an event tells how well processes are: who took a run up again, who fell silent, what was mended.
fn is_of_health(body: &Body) -> bool {
    match body {
        Body::SupervisorStarted(_)
        | Body::RunNoted(_)
        | Body::HeartbeatChanged(_)
        | Body::AttentionRaised(_) => true,
        Body::TaskHandedBack(back) => back.how == HandBack::Lost,
        Body::AttemptEnded(end) => end.reason == EndReason::Lost,
        _ => false,
    }
}

/// Why each gate is open or closed.
fn gates(state: &State, now: Time) -> BTreeMap<String, Explanation> {
    let gates = state.plan().gates.iter();
    gates.filter_map(|gate| Some((gate.id.clone(), explain_gate(state, now, &gate.id)?))).collect()
}

/// When the limits end that programs have met.
fn limits(state: &State, now: Time) -> BTreeMap<String, Time> {
    let mut limits: BTreeMap<String, Time> = BTreeMap::new();
    for limited in state.limited.iter().filter(|limited| limited.until > now) {
        let until = limits.entry(limited.runtime.clone()).or_insert(limited.until);
        *until = limited.until.min(*until);
    }
    limits
}

impl World {
    /// One of the runs of the list.
    pub fn item(&self, number: RunNumber) -> Option<&RunItem> {
        self.runs.iter().find(|item| item.number == number)
    }

    /// The row of a run that is there and can be read.
    pub fn row(&self, number: RunNumber) -> Option<&RunRow> {
        self.item(number)?.row.as_ref().ok()
    }
}
