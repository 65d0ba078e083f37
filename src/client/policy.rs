//! The policy of a run: what configuration, workflow and flags say, frozen when it starts.

use std::collections::BTreeMap;

use super::plan::validation_name;
use super::workspace::Workspace;
use crate::base::limits;
use crate::config::{Config, Origin, RiskProfile as Configured};
use crate::plan::Policy;
use crate::plan::graph::CommandPlan;
use crate::plan::policy::{Budget, MergePolicy, PathPolicy, RiskPolicy};
use crate::resource::{RiskProfile, WorkflowFile};

/// The policy of a run of this workflow, whose commands are `commands`.
pub fn policy_of(
    workspace: &Workspace,
    workflow: &WorkflowFile,
    commands: &BTreeMap<String, CommandPlan>,
) -> Policy {
    let config = &workspace.config;
    let asked = &workflow.policy;
    let name = validation_name(workflow);
    let completion = &asked.completion;
    let target = completion.target.clone().or_else(|| config.completion.target.clone());
    Policy {
        budget: budget_of(config, workflow),
        paths: paths_of(config, Some(workflow)),
        validation: commands.contains_key(name).then(|| name.to_owned()),
        risk: RiskPolicy {
            is_strict: config.risk.profile == Configured::Strict
                && asked.risk != Some(RiskProfile::None),
            accept: config.risk.accept.clone(),
            keywords: config.risk.keywords.clone(),
        },
        merge: MergePolicy {
            target: target.filter(|name| name != "current"),
            allows_dirty_checkout: completion.require_clean_repo == Some(false),
            skips_validation: completion.revalidate == Some(false),
            by_itself: config.defaults.autonomy >= limits::AUTONOMY_OF_MERGE,
        },
    }
}

/// What attempts may touch: a workflow may only tighten what the configuration says.
pub(super) fn paths_of(config: &Config, workflow: Option<&WorkflowFile>) -> PathPolicy {
    let asked = workflow.map(|workflow| &workflow.policy);
    // The last match decides: an exception of the workflow cannot undo what the configuration denies.
    let own = asked.into_iter().flat_map(|policy| &policy.paths_deny);
    PathPolicy {
        deny: own.chain(&config.paths.deny).cloned().collect(),
        allow: config.paths.allow.clone(),
        within: asked.map(|policy| policy.paths_allow.clone()).unwrap_or_default(),
    }
}

/// What the run may use up: the workflow's numbers, else those that somebody has configured.
fn budget_of(config: &Config, workflow: &WorkflowFile) -> Budget {
    let asked = &workflow.policy.budget;
    let is_set = |key: &str| config.origins.of(key).iter().any(|origin| *origin != Origin::Preset);
    let set = |key: &str, value: u32| is_set(key).then_some(value);
    let minutes = asked.minutes.or_else(|| set("budget.minutes", config.budget.minutes));
    Budget {
        steps: asked.steps.or_else(|| set("budget.steps", config.budget.steps)),
        active_ms: minutes.map(|minutes| u64::from(minutes) * 60_000),
        tokens: asked.tokens.map(u64::from).or(config.budget.tokens),
        cost_usd: asked.cost.or(config.budget.cost_usd),
    }
}
