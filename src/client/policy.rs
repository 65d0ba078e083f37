//! The policy of a run: what configuration, workflow and flags say, frozen when it starts.

use std::collections::BTreeMap;

use super::plan::validation_name;
use super::start::RunRequest;
use super::workspace::Workspace;
use crate::base::flow::Permission;
use crate::base::limits;
use crate::config::{Config, Origin, Permission as Writers, RiskProfile as Configured};
use crate::plan::Policy;
use crate::plan::graph::CommandPlan;
use crate::plan::policy::{Budget, MergePolicy, PathPolicy, RiskPolicy, WorktreePolicy};
use crate::resource::{Policy as Asked, RiskProfile, Scope, WorkflowFile};

/// The policy of a run of this workflow, which `scope` brings and whose commands are `commands`.
///
/// A project's file makes it stricter and never looser (SPEC 19).
pub fn policy_of(
    workspace: &Workspace,
    workflow: &WorkflowFile,
    scope: Scope,
    commands: &BTreeMap<String, CommandPlan>,
    request: &RunRequest,
) -> Policy {
    let config = &workspace.config;
    let tightened;
    let asked = if scope == Scope::Project {
        tightened = tightened_of(&workflow.policy);
        &tightened
    } else {
        &workflow.policy
    };
    let own = budget_of(config, asked, scope);
    let budget = least(over(own, request.budget), request.left);
    let name = validation_name(workflow);
    let completion = &asked.completion;
    let target = completion.target.clone().or_else(|| config.completion.target.clone());
    Policy {
        budget,
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
        permission: request.permission.unwrap_or(match config.defaults.permission {
            Writers::Ask => Permission::Ask,
            Writers::Write => Permission::Edit,
            Writers::Full => Permission::Full,
        }),
        worktree: WorktreePolicy {
            setup: config.worktree.setup.clone(),
            copy: config.worktree.copy.iter().map(ToString::to_string).collect(),
            keep_ms: workflow.worktree.ttl_ms,
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

/// What a project's workflow may ask for: nothing that loosens a rule.
fn tightened_of(asked: &Asked) -> Asked {
    let mut asked = asked.clone();
    asked.risk = asked.risk.filter(|profile| *profile == RiskProfile::Strict);
    asked.paths_deny.retain(|glob| !glob.starts_with('!'));
    asked.completion.require_clean_repo =
        asked.completion.require_clean_repo.filter(|clean| *clean);
    asked.completion.revalidate = asked.completion.revalidate.filter(|again| *again);
    asked
}

/// What the run may use up: the workflow's numbers, else those that somebody has configured; a project's
/// workflow may only lower these.
fn budget_of(config: &Config, asked: &Asked, scope: Scope) -> Budget {
    let asked = &asked.budget;
    let is_set = |key: &str| config.origins.of(key).iter().any(|origin| *origin != Origin::Preset);
    let set = |key: &str, value: u32| is_set(key).then_some(value);
    let minutes = |minutes: u32| u64::from(minutes) * 60_000;
    let own = Budget {
        steps: set("budget.steps", config.budget.steps),
        active_ms: set("budget.minutes", config.budget.minutes).map(minutes),
        tokens: config.budget.tokens,
        cost_usd: config.budget.cost_usd,
    };
    let asked = Budget {
        steps: asked.steps,
        active_ms: asked.minutes.map(minutes),
        tokens: asked.tokens.map(u64::from),
        cost_usd: asked.cost,
    };
    if scope == Scope::Project { least(own, asked) } else { over(own, asked) }
}

/// The second budget where it says something, else the first.
fn over(first: Budget, second: Budget) -> Budget {
    Budget {
        steps: second.steps.or(first.steps),
        active_ms: second.active_ms.or(first.active_ms),
        tokens: second.tokens.or(first.tokens),
        cost_usd: second.cost_usd.or(first.cost_usd),
    }
}

/// What both budgets allow.
fn least(first: Budget, second: Budget) -> Budget {
    fn lower<T: Copy + PartialOrd>(a: Option<T>, b: Option<T>) -> Option<T> {
        match (a, b) {
            (Some(a), Some(b)) => Some(if b < a { b } else { a }),
            (a, b) => a.or(b),
        }
    }
    Budget {
        steps: lower(first.steps, second.steps),
        active_ms: lower(first.active_ms, second.active_ms),
        tokens: lower(first.tokens, second.tokens),
        cost_usd: lower(first.cost_usd, second.cost_usd),
    }
}
