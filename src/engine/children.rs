//! Runs that a run starts (SPEC 5.2, T06, T07, T11b, T13c): from a proposal to the end of the last one.
//!
//! A proposal becomes open children in one event. Their task is done, and its step is not, until every
//! one of them has ended: whatever comes after the step sees how they ended.

use serde::{Deserialize, Serialize};

use super::input::Refusal;
use super::state::{State, TaskStatus};
use crate::base::{RunNumber, StepId, limits};
use crate::event::child::{
    ChildCreated, ChildEnd, ChildEnded, ChildrenProposed, ChildrenRefused, ChildrenReleased,
};
use crate::event::{BlockedReason, Body, CancelReason, Rule, Status, StatusKind};
use crate::plan::ChildPlan;
use crate::plan::children::compile;
use crate::plan::graph::StepIx;

/// A run that this run proposed, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChildState {
    /// The step that proposed it.
    pub step: StepId,
    /// The proposal, from 1.
    pub round: u32,
    /// What was proposed.
    pub plan: ChildPlan,
    /// Its number, once it exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<RunNumber>,
    /// Whether it may start.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub released: bool,
    /// Whether its step begins again, or has failed: nobody waits for it any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub abandoned: bool,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<ChildEnd>,
}

impl ChildState {
    /// Whether the run waits for it.
    pub fn is_open(&self) -> bool {
        self.end.is_none() && !self.abandoned
    }
}

impl State {
    /// Children that must be ended with this run, or with the round of their step.
    pub fn children_to_end(&self) -> impl Iterator<Item = &ChildState> {
        let is_over = self.status.is_terminal();
        self.children
            .iter()
            .filter(move |child| child.end.is_none() && (is_over || child.abandoned))
    }

    /// The runs of a proposal that are to be created now, as drafts.
    ///
    /// Nothing while its task is not done, or while a person has not approved it.
    pub fn children_to_create(&self) -> impl Iterator<Item = &ChildState> {
        self.children
            .iter()
            .filter(|child| child.is_open() && child.number.is_none() && self.is_confirmed(child))
    }

    /// What runs this step may propose now.
    ///
    /// # Errors
    /// Everything that is wrong with the proposal, in words for the planner.
    pub fn check_runs(&self, proposal: &str) -> Result<Vec<ChildPlan>, Vec<String>> {
        let Some(choices) = &self.plan().child_choices else {
            return Err(vec!["no step of this workflow may propose runs".to_owned()]);
        };
        let (depth, max) = (self.created.depth, self.created.limits.depth_max);
        if depth + 1 >= max {
            return Err(vec![format!(
                "this run is nested {depth} deep; `limits.max_depth` is {max}"
            )]);
        }
        let runs = compile(choices, proposal)?;
        let (known, max) = (self.children.len(), limits::CHILD_RUNS_TOTAL_MAX);
        if known + runs.len() > max {
            let text = format!(
                "this run has proposed {known} runs before; {max} are the limit for all its rounds"
            );
            return Err(vec![text]);
        }
        Ok(runs)
    }

    /// Whether children are under way that nobody outside has to approve first.
    pub(super) fn has_children_under_way(&self) -> bool {
        self.children.iter().any(|child| child.is_open() && self.is_confirmed(child))
    }

    /// Whether the task that proposed a child is done, and a person agreed where one must.
    fn is_confirmed(&self, child: &ChildState) -> bool {
        let Some(step) = self.step_ix(&child.step) else { return false };
        let is_approved =
            !self.plan().steps[step].approve || self.steps[step].approved == Some(true);
        let is_done = |task: usize| matches!(self.tasks[task].status, TaskStatus::Done { .. });
        is_approved && self.tasks_of(step).all(is_done)
    }

    /// Number of the next proposal.
    pub(super) fn next_round(&self) -> u32 {
        self.children.iter().map(|child| child.round).max().unwrap_or(0) + 1
    }

    /// Children of a step that it waits for.
    pub(super) fn open_children(&self, step: StepIx) -> u32 {
        let id = &self.plan().steps[step].id;
        let open = self.children.iter().filter(|child| child.step == *id && child.is_open());
        u32::try_from(open.count()).unwrap_or(u32::MAX)
    }

    pub(super) fn children_proposed(&mut self, proposed: &ChildrenProposed) {
        let Some(step) = self.step_ix(proposed.task.step()) else { return };
        self.steps[step].expanded = true;
        self.steps[step].expanded_seq = self.seq;
        self.steps[step].added = u32::try_from(proposed.runs.len()).unwrap_or(u32::MAX);
        let name = self.step_name(step);
        self.children.extend(proposed.runs.iter().map(|plan| ChildState {
            step: name.clone(),
            round: proposed.round,
            plan: plan.clone(),
            number: None,
            released: false,
            abandoned: false,
            end: None,
        }));
        self.count_children(step);
    }

    pub(super) fn child_created(&mut self, created: &ChildCreated) {
        if let Some(child) = self.child_mut(created.round, &created.key) {
            child.number = Some(created.number);
        }
    }

    pub(super) fn children_released(&mut self, released: &ChildrenReleased) {
        for child in self.children.iter_mut().filter(|child| child.round == released.round) {
            child.released = true;
        }
    }

    /// Their task has failed: a person who resumes the run has the step propose again.
    pub(super) fn children_refused(&mut self, refused: &ChildrenRefused) {
        let Some(child) = self.children.iter().find(|child| child.round == refused.round) else {
            return;
        };
        let Some(step) = self.step_ix(&child.step) else { return };
        let why = format!("its runs cannot be created: {}", refused.why);
        let blocks = Some(BlockedReason::WorkflowInvalid);
        for task in self.tasks_of(step) {
            self.set_task(task, TaskStatus::Failed { why: why.clone(), blocks });
        }
        self.steps[step].expanded = false;
        self.abandon_children(step);
    }

    pub(super) fn child_ended(&mut self, ended: &ChildEnded) {
        let Some(child) = self.child_mut(ended.round, &ended.key) else { return };
        child.end = Some(ended.end.clone());
        let id = child.step.clone();
        if let Some(step) = self.step_ix(&id) {
            self.count_children(step);
        }
    }

    /// Nobody waits any more for the children of a step.
    pub(super) fn abandon_children(&mut self, step: StepIx) {
        let id = self.step_name(step);
        for child in self.children.iter_mut().filter(|child| child.step == id && child.is_open()) {
            child.abandoned = true;
        }
        self.count_children(step);
    }

    fn count_children(&mut self, step: StepIx) {
        let plan = self.shared_plan().clone();
        let open = self.open_children(step);
        self.index.set_children(&plan, &self.steps, step, open);
    }

    fn child_mut(&mut self, round: u32, key: &str) -> Option<&mut ChildState> {
        self.children.iter_mut().find(|child| child.round == round && child.plan.key == key)
    }

    fn child(&self, round: u32, key: &str) -> Option<&ChildState> {
        self.children.iter().find(|child| child.round == round && child.plan.key == key)
    }
}

/// All runs of a proposal exist: they may start together (T06).
pub(super) fn release(state: &State) -> Option<Body> {
    let held = state.children.iter().find(|child| child.is_open() && !child.released)?;
    let round = held.round;
    let mut same = state.children.iter().filter(|child| child.round == round && child.is_open());
    let is_ready = same.all(|child| child.number.is_some()) && state.is_confirmed(held);
    is_ready.then(|| ChildrenReleased { round }.into())
}

/// A child exists; what is known already is nothing new.
pub(super) fn created(state: &State, created: &ChildCreated) -> Vec<Body> {
    let child = state.child(created.round, &created.key);
    let is_new = child.is_some_and(|child| child.number.is_none());
    if is_new { vec![created.clone().into()] } else { Vec::new() }
}

/// The runs of a proposal cannot be created.
pub(super) fn refused(state: &State, refused: &ChildrenRefused) -> Vec<Body> {
    let mut waiting = state.children_to_create().filter(|child| child.round == refused.round);
    if waiting.next().is_some() { vec![refused.clone().into()] } else { Vec::new() }
}

/// A child has ended.
pub(super) fn ended(state: &State, ended: &ChildEnded) -> Vec<Body> {
    let child = state.child(ended.round, &ended.key);
    let is_new = child.is_some_and(|child| child.end.is_none());
    if is_new { vec![ended.clone().into()] } else { Vec::new() }
}

/// The row by which a run ends with its parent; nothing when it has ended already.
///
/// # Errors
/// The run is nobody's child, or another's.
pub(super) fn end_with_parent(
    state: &State,
    parent: RunNumber,
) -> Result<Option<(Rule, Status)>, Refusal> {
    check_parent(state, parent)?;
    let rule = match state.status.kind() {
        StatusKind::Draft => Rule::T07,
        StatusKind::Queued => Rule::T09,
        StatusKind::Running
        | StatusKind::Waiting
        | StatusKind::Paused
        | StatusKind::Blocked
        | StatusKind::Merging => Rule::T36,
        StatusKind::Done | StatusKind::Failed | StatusKind::Cancelled | StatusKind::Archived => {
            return Ok(None);
        }
    };
    Ok(Some((rule, Status::Cancelled { reason: CancelReason::Parent })))
}

/// Refuses commands of a run to a run that it did not propose.
///
/// # Errors
/// The run is nobody's child, or another's.
pub(super) fn check_parent(state: &State, parent: RunNumber) -> Result<(), Refusal> {
    if state.created.parent.as_ref().is_some_and(|link| link.number == parent) {
        return Ok(());
    }
    let reason = format!("run #{} was not proposed by run #{parent}", state.created.number);
    Err(Refusal { code: "forbidden", reason, hint: String::new() })
}
