//! The first event of every log: a run with its whole compiled plan.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::base::{RunNumber, Time};
use crate::plan::{Plan, Policy, Risk};

/// A run was created.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunCreated {
    /// Version of the log's format.
    pub format: u32,
    /// Number of the run in its project.
    pub number: RunNumber,
    /// Slug of the project; `project#number` names the run.
    pub project: String,
    /// Slug of the run, unique among its project's worktrees and branches.
    pub slug: String,
    /// Random name (128 bits); marks of attempts are derived from it.
    pub uid: String,
    /// What is to be done, redacted.
    pub goal: String,
    /// The frozen plan.
    pub plan: Arc<Plan>,
    /// Limits that hold for this run.
    pub limits: Limits,
    /// What it may use up and touch, and what must hold before its work counts.
    #[serde(default)]
    pub policy: Box<Policy>,
    /// Risks that lie in the way it was started; those of its words and its budget follow from these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub risks: Vec<Risk>,
    /// Order in the queue.
    #[serde(default)]
    pub priority: Priority,
    /// Runs that must be done first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<RunNumber>,
    /// The run that this one tries again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<RunNumber>,
    /// Where the work starts from; absent without git.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<GitBase>,
    /// Folder that the tasks work in when there is no worktree.
    pub root: Utf8PathBuf,
    /// Arguments added to the command line of a runtime, for this run only.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub runtime_args: BTreeMap<String, Vec<String>>,
    /// How deep this run is nested in other runs (0 = started by a person).
    #[serde(default)]
    pub depth: u32,
    /// The run that proposed this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentLink>,
    /// Flags that it was started with and that runs which it starts get as well.
    #[serde(default, skip_serializing_if = "Flags::is_empty")]
    pub flags: Box<Flags>,
}

/// Where a run comes from that another run proposed; no two runs have the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentLink {
    /// The other run.
    pub number: RunNumber,
    /// Its proposal, from 1.
    pub round: u32,
    /// What this run is called in the proposal.
    pub key: String,
}

/// What a person asked for on the command line that decides how agents are played.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Flags {
    /// `-a`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// `-m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// `--in-place`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_place: bool,
    /// `--validate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validate: Option<String>,
    /// The schedule that started the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleLink>,
    /// Where the run comes from, when it was imported: then it is only looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<ImportLink>,
}

/// Where an imported run comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportLink {
    /// What it was called there: `shop#5`.
    pub from: String,
    /// Hash of the last line of its log there.
    pub head: String,
}

/// Where a run comes from that a schedule started; no two runs have the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleLink {
    /// Name of the schedule.
    pub name: String,
    /// The time that it was due.
    pub due: Time,
}

impl Flags {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Where a run's worktree starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitBase {
    /// Branch that the work is meant for; absent on a detached head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Commit that the worktree is created from.
    pub commit: String,
    /// Tree of that commit.
    pub tree: String,
    /// Folder of the worktree.
    pub worktree: Utf8PathBuf,
    /// Branch of the run.
    pub branch: String,
}

/// Limits of one run, from configuration and flags, frozen at its start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Attempts at once in this run.
    pub agents: u32,
    /// Attempts at once by runtime, where limited.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub runtime: BTreeMap<String, u32>,
    /// Milliseconds without any output before attention is raised.
    pub first_output_ms: u64,
    /// Milliseconds of silence before the agent is nudged.
    pub silence_ms: u64,
    /// Milliseconds that a program may do nothing but try the same call again, before it counts as failed.
    #[serde(default = "five_minutes")]
    pub retrying_ms: u64,
    /// Milliseconds that a program may live on after its result, before it is ended.
    #[serde(default = "half_a_minute")]
    pub exit_ms: u64,
    /// Milliseconds of the longest wait for a provider that is a task's own; in a longer one the run sleeps.
    #[serde(default = "one_minute")]
    pub limit_wait_ms: u64,
    /// Milliseconds between asking to stop and killing.
    pub grace_ms: u64,
    /// Bytes of output of one attempt.
    pub output_bytes_max: u64,
    /// Milliseconds of a heartbeat's age: warn, stale, dead.
    pub heartbeat_ms: [u64; 3],
    /// Nesting of crews.
    pub depth_max: u32,
    /// Milliseconds without an answer after which a waiting run is put to sleep.
    #[serde(default = "two_hours")]
    pub hibernate_ms: u64,
    /// Gates that ask for this level of autonomy or less approve themselves; 0 = never.
    #[serde(default, skip_serializing_if = "is_never")]
    pub autonomy: u32,
    /// Milliseconds that an agent's question holds its turn before the task is parked.
    #[serde(default = "one_minute")]
    pub ask_hold_ms: u64,
}

fn five_minutes() -> u64 {
    5 * 60_000
}

fn half_a_minute() -> u64 {
    30_000
}

fn one_minute() -> u64 {
    60_000
}

fn two_hours() -> u64 {
    2 * 60 * 60 * 1_000
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_never(level: &u32) -> bool {
    *level == 0
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            agents: 3,
            runtime: BTreeMap::new(),
            first_output_ms: 60_000,
            silence_ms: 600_000,
            retrying_ms: five_minutes(),
            exit_ms: half_a_minute(),
            limit_wait_ms: one_minute(),
            grace_ms: 5_000,
            output_bytes_max: 1 << 30,
            heartbeat_ms: [30_000, 60_000, 300_000],
            depth_max: 2,
            hibernate_ms: two_hours(),
            autonomy: 0,
            ask_hold_ms: one_minute(),
        }
    }
}

/// Order of runs in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words say it")]
pub enum Priority {
    Urgent,
    High,
    #[default]
    Normal,
    Low,
}
