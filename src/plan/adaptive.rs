//! Tasks that a planning step proposes: read, checked, and compiled into steps of the plan.
//!
//! The planner proposes, the engine decides: known roles, a limited number of tasks, depth 1. Every
//! task of a phase depends on all tasks of the phase before.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::graph::{ChannelPlan, Plan, StepIx, StepPlan};
use crate::base::flow::{Fire, StepKind};
use crate::base::{StepId, limits, text};

/// The role whose tasks must give a verdict.
const VERIFIER: &str = "verifier";
/// The line before a proposed plan.
pub const START: &str = "ADAPTIVE_PLAN_JSON_START";
/// The line after a proposed plan.
pub const END: &str = "ADAPTIVE_PLAN_JSON_END";

/// What a planner is asked for whose answer held no usable plan.
pub const ASKED: &str = "End with the plan as JSON between the lines `ADAPTIVE_PLAN_JSON_START` and \
    `ADAPTIVE_PLAN_JSON_END`: {\"phases\": [{\"name\": …, \"tasks\": [{\"role\": …, \"title\": …, \"task\": …}]}]}.";

/// A step that was added to a run, with the steps it comes after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AddedStep {
    /// The step.
    pub step: StepPlan,
    /// Steps that must be done before it.
    pub after: Vec<StepId>,
}

#[derive(Deserialize)]
struct Proposal {
    #[serde(default)]
    phases: Vec<Phase>,
    #[serde(default)]
    tasks: Vec<Task>,
}

#[derive(Deserialize)]
struct Phase {
    #[serde(default)]
    name: String,
    tasks: Vec<Task>,
}

#[derive(Deserialize)]
struct Task {
    role: String,
    #[serde(default)]
    title: String,
    #[serde(rename = "task")]
    text: String,
}

/// The text between the markers of an answer, without a code fence around it.
pub fn find(answer: &str) -> Option<&str> {
    between(answer, START, END)
}

/// The text between two markers, without a code fence around it.
pub(super) fn between<'a>(answer: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let from = answer.find(start)? + start.len();
    let rest = &answer[from..];
    let inner = rest.find(end).map_or(rest, |to| &rest[..to]).trim();
    let inner =
        inner.strip_prefix("```json").or_else(|| inner.strip_prefix("```")).unwrap_or(inner);
    Some(inner.strip_suffix("```").unwrap_or(inner).trim())
}

/// Compiles a proposal of the step at `source` into steps.
///
/// # Errors
/// Everything that is wrong with it, in words for the planner.
pub fn compile(plan: &Plan, source: StepIx, proposal: &str) -> Result<Vec<AddedStep>, Vec<String>> {
    let parsed: Proposal = serde_json::from_str(proposal).map_err(|error| {
        vec![format!("the plan between the markers is not the JSON asked for: {error}")]
    })?;
    let mut phases = parsed.phases;
    if !parsed.tasks.is_empty() {
        phases.push(Phase { name: String::new(), tasks: parsed.tasks });
    }
    let wrong = check(plan, &phases);
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let mut added: Vec<AddedStep> = Vec::new();
    let mut before = vec![plan.steps[source].id.clone()];
    for (number, phase) in phases.iter().enumerate() {
        let mut names = Vec::new();
        for (place, task) in phase.tasks.iter().enumerate() {
            let step = step(plan, source, (number + 1, place + 1), phase, task)?;
            names.push(step.id.clone());
            added.push(AddedStep { step, after: before.clone() });
        }
        before = names;
    }
    Ok(added)
}

fn check(plan: &Plan, phases: &[Phase]) -> Vec<String> {
    let mut wrong = Vec::new();
    let count: usize = phases.iter().map(|phase| phase.tasks.len()).sum();
    if count == 0 {
        wrong.push("the plan has no tasks".to_owned());
    }
    if count > limits::ADAPTIVE_TASKS_MAX {
        wrong.push(format!(
            "the plan has {count} tasks; {} is the limit",
            limits::ADAPTIVE_TASKS_MAX
        ));
    }
    for (number, phase) in phases.iter().enumerate() {
        if phase.tasks.is_empty() {
            wrong.push(format!("phase {} has no tasks", number + 1));
        }
        for task in &phase.tasks {
            if !plan.roles.contains_key(&task.role) {
                let known: Vec<&str> = plan.roles.keys().map(String::as_str).collect();
                let near = text::did_you_mean(&task.role, known.iter().copied());
                let hint = near.map_or_else(
                    || format!("the roles are {}", known.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                wrong.push(format!("there is no role `{}`; {hint}", task.role));
            }
            if task.text.trim().is_empty() {
                wrong.push(format!("a task for `{}` says nothing", task.role));
            }
        }
    }
    wrong
}

fn step(
    plan: &Plan,
    source: StepIx,
    (phase_number, place): (usize, usize),
    phase: &Phase,
    task: &Task,
) -> Result<StepPlan, Vec<String>> {
    let first = format!("{}-{phase_number}-{place}-{}", plan.steps[source].id, task.role);
    // An earlier plan of the same step may have used the name.
    let mut name = first.clone();
    let mut round = 1;
    while plan.step_ix(&name).is_some() {
        round += 1;
        name = format!("{first}-{round}");
    }
    let id: StepId = name.parse().map_err(|error| vec![format!("`{name}` is no name: {error}")])?;
    // `check` has looked the role up.
    let Some(role) = plan.roles.get(&task.role) else { return Err(Vec::new()) };
    let title = if task.title.trim().is_empty() {
        String::new()
    } else {
        format!("{}\n\n", task.title.trim())
    };
    Ok(StepPlan {
        id,
        prompt: format!("{title}{}", task.text.trim()),
        phase: (!phase.name.is_empty()).then(|| phase.name.clone()),
        kind: StepKind::Agent,
        // Whoever plays this role is asked for a verdict, in a file or in a plan.
        verify: task.role == VERIFIER,
        ..role.clone()
    })
}

impl Plan {
    /// The plan with one more step, which nothing leads to or away from.
    #[must_use]
    pub fn with_step(&self, step: StepPlan) -> Self {
        let mut plan = self.clone();
        plan.steps.push(step);
        plan
    }

    /// The plan in which nothing waits for these steps, which an earlier plan of `source` has added, and
    /// which of its channels it keeps. The steps keep their positions, and play no part any more.
    #[must_use]
    pub fn without(&self, source: StepIx, gone: &BTreeSet<StepIx>) -> (Self, Vec<bool>) {
        let mut plan = self.clone();
        let keeps =
            |channel: &ChannelPlan| !gone.contains(&channel.from) && !gone.contains(&channel.to);
        let kept: Vec<bool> = self.channels.iter().map(keeps).collect();
        plan.channels.retain(keeps);
        if plan.end.iter().any(|end| gone.contains(end)) {
            plan.end.retain(|end| !gone.contains(end));
            plan.end.push(source);
        }
        (plan, kept)
    }

    /// The plan with steps added behind the step that proposed them.
    ///
    /// What waited for that step waits for the last of the new ones too, and the run ends with them
    /// when it would have ended with it.
    #[must_use]
    pub fn with_added(&self, source: StepIx, added: &[AddedStep]) -> Self {
        let mut plan = self.clone();
        let first = plan.steps.len();
        plan.steps.extend(added.iter().map(|added| added.step.clone()));
        for (offset, added) in added.iter().enumerate() {
            for name in &added.after {
                if let Some(from) = plan.step_ix(name.as_str()) {
                    plan.channels.push(depends_on(&plan, from, first + offset));
                }
            }
        }
        let is_left = |ix: usize| plan.channels.iter().any(|channel| channel.from == ix);
        let last: Vec<StepIx> = (first..plan.steps.len()).filter(|ix| !is_left(*ix)).collect();
        let waiting: Vec<StepIx> = self
            .channels
            .iter()
            .filter(|c| c.depends_on && c.from == source)
            .map(|c| c.to)
            .collect();
        for &to in &waiting {
            for &from in &last {
                plan.channels.push(depends_on(&plan, from, to));
            }
        }
        if plan.end.contains(&source) {
            plan.end.retain(|end| *end != source);
            plan.end.extend(last);
        }
        plan
    }
}

fn depends_on(plan: &Plan, from: StepIx, to: StepIx) -> ChannelPlan {
    ChannelPlan {
        id: format!("{}->{}", plan.steps[from].id, plan.steps[to].id),
        from,
        to,
        gates: Vec::new(),
        fire: Fire::Settled,
        depends_on: true,
        cyclic: false,
        max_cycles: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_found_between_its_markers_with_or_without_a_fence() {
        for answer in [
            "so:\nADAPTIVE_PLAN_JSON_START\n{\"tasks\":[]}\nADAPTIVE_PLAN_JSON_END\nbye",
            "ADAPTIVE_PLAN_JSON_START\n```json\n{\"tasks\":[]}\n```\nADAPTIVE_PLAN_JSON_END",
            "ADAPTIVE_PLAN_JSON_START {\"tasks\":[]}",
        ] {
            assert_eq!(find(answer), Some("{\"tasks\":[]}"), "{answer}");
        }
        assert_eq!(find("no plan here"), None);
    }
}
