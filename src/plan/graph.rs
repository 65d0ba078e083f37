//! Types of the frozen plan.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::children::ChildChoices;
use crate::base::flow::{
    Access, Condition, Expands, FieldType, Fire, Isolation, Join, Loop, MemoryScope, OnStale,
    StepKind,
};
use crate::base::{ArtifactName, StepId, TaskId, limits};

/// Position of a step in its plan.
pub type StepIx = usize;
/// Position of a task in its run: the slots of all steps, in the order of the steps.
pub type TaskIx = usize;

/// A workflow and a team, compiled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Name of the workflow.
    pub workflow: String,
    /// Name of the team; `direct` when roles are played by the agents of their names.
    pub team: String,
    /// Steps in the order of the file.
    pub steps: Vec<StepPlan>,
    /// Channels: those that `dependsOn` stands for, then the declared ones.
    pub channels: Vec<ChannelPlan>,
    /// Gates by their order in the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<GatePlan>,
    /// Shell commands by name: those that `{exec: name}` runs, and the validation.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub commands: BTreeMap<String, CommandPlan>,
    /// Steps that are activated when the run starts.
    pub start: Vec<StepIx>,
    /// Steps that must all be done for the run to be done.
    pub end: Vec<StepIx>,
    /// Step that a person's request for changes goes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rework: Option<StepIx>,
    /// Cycles that the run may make.
    pub max_iterations: u32,
    /// Attempts at once, by team and workflow; the smaller one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<u32>,
    /// What becomes of the work.
    pub completion: Completion,
    /// Agents by name, as far as steps need them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub agents: BTreeMap<String, AgentPlan>,
    /// Skills by name, as far as steps need them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub skills: BTreeMap<String, SkillPlan>,
    /// Attempts at once by role, where limited.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub role_concurrency: BTreeMap<String, u32>,
    /// What a task of each role is, for steps that may add tasks; empty without such a step.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<String, StepPlan>,
    /// What proposed runs may use, for steps that may propose runs; absent without such a step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub child_choices: Option<ChildChoices>,
    /// Values of the workflow's parameters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
}

/// A step, compiled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepPlan {
    /// Its name.
    pub id: StepId,
    /// The role that plays it.
    pub role: String,
    /// The agent behind the role; absent for commands, people and bare end steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// What kind of work it is.
    #[serde(default, skip_serializing_if = "is_default")]
    pub kind: StepKind,
    /// Program that plays the agent; empty for steps that start none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub runtime: String,
    /// Model asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Prompt with its placeholders.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prompt: String,
    /// Shell command of a `kind: command` step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Number of tasks.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub slots: u32,
    /// What it may do to the worktree.
    pub access: Access,
    /// Whether it works on a copy.
    #[serde(default, skip_serializing_if = "is_default")]
    pub isolation: Isolation,
    /// When it starts, when several channels lead to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join: Option<Join>,
    /// Milliseconds for one attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Further attempts after one that failed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub retries: u32,
    /// Its final text becomes this artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<ArtifactName>,
    /// Artifacts that go into its prompt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<ArtifactName>,
    /// Skills that go into its prompt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skills: Vec<String>,
    /// Whether it must give a verdict.
    #[serde(default, skip_serializing_if = "is_default")]
    pub verify: bool,
    /// Commands that its agent may let run while it works.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verifies: Vec<String>,
    /// What it may propose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expands: Option<Expands>,
    /// Whether a person approves the tasks that it adds.
    #[serde(default, skip_serializing_if = "is_default")]
    pub approve: bool,
    /// What becomes of a live attempt when its task goes stale.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_stale: OnStale,
    /// Attempts at once of this step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<u32>,
    /// The autonomous loop.
    #[serde(default, rename = "loop", skip_serializing_if = "Option::is_none")]
    pub looping: Option<Loop>,
    /// The gate or store that an attempt must write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
    /// Part of the workflow that it belongs to; for display.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
}

impl StepPlan {
    /// One task of the same role that resolves the conflict of a task of this step.
    #[must_use]
    pub fn resolving(&self, id: StepId, prompt: String) -> Self {
        Self {
            id,
            prompt,
            slots: 1,
            join: None,
            output: None,
            reads: Vec::new(),
            verify: false,
            verifies: Vec::new(),
            expands: None,
            approve: false,
            max_concurrency: None,
            looping: None,
            contract: None,
            ..self.clone()
        }
    }
}

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_one(number: &u32) -> bool {
    *number == 1
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The word that a step has when its file says nothing.
macro_rules! default_word {
    ($($name:ident::$word:ident),*) => {$(
        impl Default for $name {
            fn default() -> Self {
                Self::$word
            }
        }
    )*};
}

default_word!(StepKind::Agent, Isolation::Shared, OnStale::Drain, Fire::Settled);

/// A one-way connection between two steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelPlan {
    /// Its name.
    pub id: String,
    /// Where it comes from.
    pub from: StepIx,
    /// Where it leads.
    pub to: StepIx,
    /// The gates on it; all must be open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<String>,
    /// When it fires.
    #[serde(default, skip_serializing_if = "is_default")]
    pub fire: Fire,
    /// Whether it stands for a `dependsOn`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub depends_on: bool,
    /// Whether it is declared to lead back.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cyclic: bool,
    /// Firings that lead back, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_cycles: Option<u32>,
}

/// A condition over a small store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GatePlan {
    /// Its name.
    pub id: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The store it reads.
    pub store: String,
    /// Fields of the store with their types.
    pub fields: Vec<(String, FieldType)>,
    /// Roles, steps, `human` or `runtime`.
    pub writers: Vec<String>,
    /// Whether its store is cleared when a cycle reaches past it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub reset_on_cycle: bool,
    /// When it is open.
    pub when: Condition,
    /// What a person is shown who must decide.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub show: Vec<String>,
    /// Autonomy level from which the runtime gives a person's approval itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required_level: Option<u32>,
}

/// A command that the runtime runs on the tree by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandPlan {
    /// For `/bin/sh -c`.
    pub command: String,
    /// Milliseconds that it may take.
    pub timeout_ms: u64,
}

/// What becomes of the work at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Completion {
    /// Merge into the target branch, after a person's word.
    Merge,
    /// Open a pull request, after a person's word.
    Pr,
    /// Artifacts only.
    #[default]
    Deliver,
    /// Nothing.
    None,
}

/// An agent as it stands in a plan.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AgentPlan {
    /// System prompt.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prompt: String,
    /// Tools it may use; empty means the program's own choice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
    /// How hard it thinks, in the program's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thinking: Option<String>,
    /// Models to fall back to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallback_models: Vec<String>,
    /// Where its memory file lies, when it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryScope>,
}

/// A skill as it stands in a plan.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SkillPlan {
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Its text.
    pub text: String,
}

impl Plan {
    /// Whether its parts exist that it names by number, and it is no larger than a plan may be.
    ///
    /// What [`super::build()`] makes is; a log may come from anywhere.
    pub fn is_sound(&self) -> bool {
        let is_step = |step: &StepIx| *step < self.steps.len();
        let tasks: u64 = self.steps.iter().map(|step| u64::from(step.slots)).sum();
        let channels = self.channels.iter().flat_map(|channel| [&channel.from, &channel.to]);
        tasks <= limits::TASKS_MAX as u64
            && self.start.iter().chain(&self.end).chain(&self.rework).chain(channels).all(is_step)
    }

    /// Number of tasks of the whole run.
    pub fn task_count(&self) -> usize {
        self.steps.iter().map(|step| step.slots as usize).sum()
    }

    /// Names of the tasks of one step, in the order of their slots.
    pub fn tasks_of(&self, step: &StepPlan) -> Vec<TaskId> {
        if step.slots == 1 {
            return vec![TaskId::new(step.id.clone(), None)];
        }
        (1..=step.slots).map(|slot| TaskId::new(step.id.clone(), Some(slot))).collect()
    }

    /// Position of the step with this name.
    pub fn step_ix(&self, id: &str) -> Option<StepIx> {
        self.steps.iter().position(|step| step.id.as_str() == id)
    }

    /// Programs that the plan needs, without duplicates.
    pub fn runtimes(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .steps
            .iter()
            .map(|step| step.runtime.as_str())
            .filter(|runtime| !runtime.is_empty())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether any step may change the worktree, also one that a planner may add.
    pub fn has_writers(&self) -> bool {
        self.steps.iter().chain(self.roles.values()).any(|step| step.access == Access::Write)
    }
}
