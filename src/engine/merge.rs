//! Taking finished work over: what a try consists of, and what follows from how it went (SPEC 8.5).
//!
//! A try begins on record before anything happens, and what it is about to move is on record before it
//! moves. So whoever finds a run in `merging` knows whether somebody was at it, and where to look.

use serde::{Deserialize, Serialize};

use super::effect::Effect;
use super::fire;
use super::input::Refusal;
use super::state::State;
use crate::base::ArtifactName;
use crate::base::flow::StepKind;
use crate::event::decision::{Action, DecisionKind, DecisionMade};
use crate::event::merge::{
    MergeBuilt, MergeFinished, MergeRefusal, MergeResult, MergeStarted, MergeStopping,
};
use crate::event::{
    Actor, BlockedReason, Body, CancelReason, MergeTrouble, Outcome, Rule, Status, StatusKind, Wait,
};
use crate::plan::Completion;
use crate::plan::graph::{StepIx, StepPlan};

/// A try to take the work over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeState {
    /// The branch that is to get the work.
    pub target: String,
    /// Number of the event that began it.
    pub seq: u64,
    /// What the target was about to move to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built: Option<MergeBuilt>,
    /// Another supervisor found it: whoever was at it is gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub orphaned: bool,
    /// A person ends the run unless the work is in the target already.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stopping: bool,
    /// What became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<MergeResult>,
}

impl MergeState {
    pub(super) fn begin(started: &MergeStarted, seq: u64) -> Self {
        Self {
            target: started.target.clone(),
            seq,
            built: None,
            orphaned: false,
            stopping: false,
            result: None,
        }
    }
}

impl State {
    /// The try that is under way, while the run is merging.
    pub fn merging(&self) -> Option<&MergeState> {
        let is_merging = self.status.kind() == StatusKind::Merging;
        self.merge.as_ref().filter(|merge| is_merging && merge.seq > self.status_seq)
    }

    /// The branch that is to get the work: the one a person named last, else the policy's, else the one
    /// that was checked out at the start.
    pub fn merge_target(&self) -> Option<&str> {
        let mut decided = self.decisions.iter().rev().filter_map(|entry| entry.verdict.as_ref());
        let named = decided.find_map(|verdict| verdict.into.as_deref());
        let frozen = self.created.policy.merge.target.as_deref();
        let first = || self.created.git.as_ref().and_then(|git| git.target.as_deref());
        named.or(frozen).or_else(first)
    }

    /// Why the last try did not succeed, while the run waits for another word about it.
    pub fn merge_obstacle(&self) -> Option<&MergeResult> {
        let Status::Waiting { wait: Wait::Merge { trouble: Some(_), .. } } = &self.status else {
            return None;
        };
        self.merge.as_ref().and_then(|merge| merge.result.as_ref())
    }

    /// Whether the target may be moving at this moment: nobody knows yet whether it has.
    pub fn is_target_moving(&self) -> bool {
        self.merging().is_some_and(|merge| merge.built.is_some() && merge.result.is_none())
    }
}

impl State {
    /// Takes an event about the try in.
    pub(super) fn edit_merge(&mut self, edit: impl FnOnce(&mut MergeState)) {
        if let Some(merge) = &mut self.merge {
            edit(merge);
        }
    }

    /// Whoever drove the run before is gone, and with it the try that was under way.
    pub(super) fn orphan_merge(&mut self) {
        if self.merging().is_some_and(|merge| merge.result.is_none()) {
            self.edit_merge(|merge| merge.orphaned = true);
        }
    }
}

/// What is to be done about a run that is merging.
pub(super) fn effect(state: &State) -> Option<Effect> {
    if state.status.kind() != StatusKind::Merging || !has_branch(state) {
        return None;
    }
    match state.merging() {
        None => Some(Effect::BeginMerge),
        Some(merge) if merge.result.is_some() => None,
        Some(merge) if merge.orphaned => Some(Effect::ResolveMerge),
        Some(_) => Some(Effect::Merge),
    }
}

/// Whether the run's end is a branch that somebody gets.
fn has_branch(state: &State) -> bool {
    matches!(state.plan().completion, Completion::Merge | Completion::Pr)
        && state.worktree.is_some()
}

/// What follows for a run that is merging.
pub(super) fn complete(state: &State) -> Option<(Rule, Status)> {
    if !has_branch(state) {
        // Delivering needs nothing from outside: the artifacts are in the run's folder.
        return Some((Rule::T32, Status::Done { outcome: Outcome::Delivered }));
    }
    let merge = state.merging()?;
    let done = |outcome| {
        let rule = if merge.orphaned { Rule::T39 } else { Rule::T32 };
        Some((rule, Status::Done { outcome }))
    };
    let why = match merge.result.as_ref()? {
        MergeResult::Merged { .. } => return done(Outcome::Merged),
        MergeResult::PrOpened { .. } => return done(Outcome::PrOpened),
        MergeResult::Nothing { .. } => return done(Outcome::NoChanges),
        MergeResult::Refused { why, .. } => *why,
    };
    if merge.stopping {
        return Some((Rule::T36, Status::Cancelled { reason: CancelReason::Stopped }));
    }
    let branch = state.worktree.as_ref().map(|made| made.branch.clone()).unwrap_or_default();
    let (rule, trouble) = if why == MergeRefusal::Interrupted {
        (Rule::T39, MergeTrouble::Interrupted)
    } else {
        (Rule::T33, MergeTrouble::Error)
    };
    let wait = Wait::Merge { branch, trouble: Some(trouble) };
    Some((rule, Status::Waiting { wait }))
}

/// The user's configuration lets crew merge green work by itself; the decision is on record as any other.
pub(super) fn by_itself(state: &State) -> Option<Body> {
    let Status::Waiting { wait: Wait::Merge { trouble: None, .. } } = &state.status else {
        return None;
    };
    let policy = &state.created.policy;
    let green = policy.validation.as_ref().and_then(|name| state.evidence_of(name));
    let may = policy.merge.by_itself
        && green.is_some_and(super::facts::CommandEvidence::is_green)
        && state.merge_target().is_some();
    let entry = state.open_decision(DecisionKind::Merge, "").filter(|_| may)?;
    Some(
        DecisionMade {
            id: entry.opened.id.clone(),
            action: Action::Merge,
            text: "`defaults.autonomy` of the user's configuration allows it".to_owned(),
            by: Actor::Supervisor,
            write: None,
            accepts: Vec::new(),
            into: None,
        }
        .into(),
    )
}

/// Who is asked to merge must know where to; nothing is known on a detached head.
pub(super) fn check_target(state: &State, into: Option<&str>) -> Result<(), Refusal> {
    let number = state.created.number;
    if into.or_else(|| state.merge_target()).is_none() {
        let reason =
            format!("run #{number} was started on no branch, so there is none to merge into");
        let hint = format!("name one: `crew merge {number} --into BRANCH`");
        return Err(Refusal::state(reason, hint));
    }
    Ok(())
}

/// A try begins, unless one is under way.
pub(super) fn started(state: &State) -> Vec<Body> {
    let is_wanted = effect(state) == Some(Effect::BeginMerge);
    let target = state.merge_target().filter(|_| is_wanted);
    target.map(|target| MergeStarted { target: target.to_owned() }.into()).into_iter().collect()
}

/// What is about to move; only as long as nobody has ended the run.
pub(super) fn built(state: &State, built: &MergeBuilt) -> Vec<Body> {
    let is_wanted = effect(state) == Some(Effect::Merge);
    is_wanted.then(|| built.clone().into()).into_iter().collect()
}

/// What became of a try.
pub(super) fn finished(state: &State, finished: &MergeFinished) -> Vec<Body> {
    let is_open = state.merging().is_some_and(|merge| merge.result.is_none());
    is_open.then(|| finished.clone().into()).into_iter().collect()
}

/// A stop that arrives while the target may have moved waits for the answer; nothing: it wins at once.
pub(super) fn stop(state: &State) -> Option<Vec<Body>> {
    if !state.is_target_moving() {
        return None;
    }
    let is_known = state.merging().is_some_and(|merge| merge.stopping);
    Some(if is_known { Vec::new() } else { vec![MergeStopping {}.into()] })
}

/// What is declared must be there before it counts as delivered.
pub(super) fn deliver(state: &State) -> (Rule, Status) {
    let missing = missing_outputs(state);
    let Some((first, _)) = missing.first() else { return (Rule::T27, Status::Merging) };
    let detail = format!(
        "the run ends without {}; `crew resume {}` sends the work back to `{}`",
        named(state, &missing),
        state.created.number,
        state.step_name(*first)
    );
    (Rule::T24b, Status::Blocked { reason: BlockedReason::ContractViolation, detail })
}

/// The work goes back to the first step whose declared output is missing, when the run is blocked for that.
pub(super) fn ask_for_outputs(state: &State) -> Option<Body> {
    let reason = BlockedReason::ContractViolation;
    let is_blocked = matches!(&state.status, Status::Blocked { reason: why, .. } if *why == reason);
    let is_end = state.plan().completion == Completion::Deliver && state.index.blocking.is_empty();
    let missing = missing_outputs(state);
    let (first, _) = missing.first().filter(|_| is_blocked && is_end)?;
    let feedback = format!(
        "The run cannot end without {}. An answer, or a file of that name, is stored as the output.",
        named(state, &missing)
    );
    Some(fire::sent_back(state, *first, feedback).into())
}

/// Declared outputs that are missing when artifacts are to be delivered, with their steps.
fn missing_outputs(state: &State) -> Vec<(StepIx, &ArtifactName)> {
    let steps = state.plan().steps.iter().enumerate();
    // Only agents and commands answer with something that is stored.
    let stores = |step: &StepPlan| matches!(step.kind, StepKind::Agent | StepKind::Command);
    let played = steps.filter(|(ix, step)| stores(step) && state.is_step_done(*ix));
    let declared = played.filter_map(|(ix, step)| Some((ix, step.output.as_ref()?)));
    declared.filter(|(_, name)| !state.artifacts.contains_key(*name)).collect()
}

fn named(state: &State, outputs: &[(StepIx, &ArtifactName)]) -> String {
    let named = outputs
        .iter()
        .map(|(step, name)| format!("`{}` of `{}`", name.as_str(), state.step_name(*step)));
    named.collect::<Vec<_>>().join(", ")
}
