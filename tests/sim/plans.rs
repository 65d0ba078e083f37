//! Random plans.

use std::collections::BTreeMap;
use std::sync::Arc;

use crew::base::flow::{Access, Expands, Fire, Isolation, Join, Loop, OnStale, StepKind};
use crew::base::{RunNumber, StepId};
use crew::event::{GitBase, Limits, Priority, RunCreated};
use crew::plan::graph::{AgentPlan, CommandPlan};
use crew::plan::policy::Budget;
use crew::plan::{ChannelPlan, Completion, Plan, Policy, StepPlan};
use fastrand::Rng;

use super::flows;

/// A plan of up to twelve steps, each depending on some before it; half of the plans are moved by
/// gates and channels and have fewer steps, as they go round.
pub fn random(rng: &mut Rng) -> Plan {
    let is_plain = rng.bool();
    let count = if is_plain { rng.usize(1..=12) } else { rng.usize(2..=7) };
    let mut steps = Vec::new();
    let mut channels: Vec<ChannelPlan> = Vec::new();
    for to in 0..count {
        for from in 0..to {
            if rng.u8(0..100) < 30 {
                channels.push(depends_on(from, to));
            }
        }
        let in_degree = channels.iter().filter(|channel| channel.to == to).count();
        steps.push(step(rng, to, in_degree));
    }
    let mut role = step(rng, 0, 0);
    (role.kind, role.expands, role.verify, role.slots, role.join) =
        (StepKind::Agent, None, false, 1, None);
    role.looping = None;
    "rt-0".clone_into(&mut role.runtime);
    let start = (0..count).filter(|ix| channels.iter().all(|c| c.to != *ix)).collect();
    let end = (0..count).filter(|ix| channels.iter().all(|c| c.from != *ix)).collect();
    let fallback_models = vec!["second".to_owned(), "third".to_owned()];
    let agent = AgentPlan { fallback_models, ..AgentPlan::default() };
    let mut plan = Plan {
        workflow: "random".into(),
        team: "random".into(),
        steps,
        channels,
        gates: Vec::new(),
        commands: BTreeMap::new(),
        start,
        end,
        rework: None,
        max_iterations: 5,
        max_concurrency: rng.bool().then(|| rng.u32(1..5)),
        completion: *rng
            .choice(&[Completion::Deliver, Completion::Merge, Completion::None])
            .expect("not empty"),
        agents: BTreeMap::from([("agent".to_owned(), agent)]),
        skills: BTreeMap::new(),
        role_concurrency: if rng.u8(0..4) == 0 {
            BTreeMap::from([("role-0".to_owned(), 1)])
        } else {
            BTreeMap::new()
        },
        params: BTreeMap::new(),
        roles: BTreeMap::from([("role-0".to_owned(), role)]),
        child_choices: None,
    };
    if !is_plain {
        flows::add(rng, &mut plan);
        plan.start = flows::starts(&plan);
    }
    plan
}

pub fn depends_on(from: usize, to: usize) -> ChannelPlan {
    ChannelPlan {
        id: format!("s{from}->s{to}"),
        from,
        to,
        gates: Vec::new(),
        fire: Fire::Settled,
        depends_on: true,
        cyclic: false,
        max_cycles: None,
    }
}

fn step(rng: &mut Rng, ix: usize, in_degree: usize) -> StepPlan {
    let kind = match rng.u8(0..20) {
        0 => StepKind::Human,
        1 => StepKind::End,
        2..=4 => StepKind::Command,
        _ => StepKind::Agent,
    };
    let id: StepId = format!("s{ix}").parse().expect("a name");
    StepPlan {
        id,
        role: format!("role-{}", rng.u8(0..3)),
        agent: (kind == StepKind::Agent && rng.bool()).then(|| "agent".to_owned()),
        kind,
        runtime: if kind == StepKind::Agent {
            format!("rt-{}", rng.u8(0..2))
        } else {
            String::new()
        },
        model: rng.bool().then(|| "first".to_owned()),
        prompt: "do {goal}".into(),
        command: None,
        slots: if rng.u8(0..4) == 0 { rng.u32(1..4) } else { 1 },
        access: *rng.choice(&[Access::Read, Access::Write, Access::None]).expect("not empty"),
        isolation: if rng.u8(0..5) == 0 { Isolation::Snapshot } else { Isolation::Shared },
        join: (in_degree > 1 && rng.u8(0..4) == 0).then_some(Join::Any),
        timeout_ms: rng.bool().then(|| rng.u64(5_000..600_000)),
        retries: rng.u32(0..3),
        output: None,
        reads: Vec::new(),
        skills: Vec::new(),
        verify: kind == StepKind::Agent && rng.u8(0..5) == 0,
        verifies: Vec::new(),
        expands: (kind == StepKind::Agent && rng.u8(0..8) == 0).then_some(Expands::Adaptive),
        approve: false,
        on_stale: OnStale::Drain,
        max_concurrency: (rng.u8(0..6) == 0).then(|| rng.u32(1..3)),
        looping: (kind == StepKind::Agent && rng.u8(0..5) == 0)
            .then(|| Loop { steps: rng.u32(1..5), validate: rng.bool() }),
        contract: None,
        phase: None,
    }
}

/// A quarter of the runs has a budget, and every fourth asks before it is told risky things.
fn policy(rng: &mut Rng) -> Policy {
    let mut policy = Policy::default();
    if rng.u8(0..4) == 0 {
        policy.budget = Budget {
            active_ms: rng.bool().then(|| rng.u64(60_000..1_200_000)),
            tokens: rng.bool().then(|| rng.u64(20..100)),
            ..Budget::default()
        };
    }
    policy.risk.is_strict = rng.u8(0..4) == 0;
    policy.risk.keywords = vec!["word".into()];
    policy
}

/// The first event of a random run.
pub fn created(rng: &mut Rng) -> RunCreated {
    let mut plan = random(rng);
    let validates = rng.bool();
    if validates {
        let check = CommandPlan { command: "true".into(), timeout_ms: 1_000 };
        plan.commands.insert("check".to_owned(), check);
    }
    for looping in plan.steps.iter_mut().filter_map(|step| step.looping.as_mut()) {
        looping.validate &= validates;
    }
    let mut policy = policy(rng);
    policy.validation = validates.then(|| "check".to_owned());
    policy.budget.steps = (rng.u8(0..4) == 0).then(|| rng.u32(1..8));
    let limits = Limits {
        agents: rng.u32(1..6),
        runtime: if rng.u8(0..4) == 0 {
            BTreeMap::from([("rt-0".to_owned(), 1)])
        } else {
            BTreeMap::new()
        },
        ..Limits::default()
    };
    let git = (plan.completion == Completion::Merge).then(|| GitBase {
        target: Some("main".into()),
        commit: "c0".into(),
        tree: "t0".into(),
        worktree: "/w".into(),
        branch: "crew/x".into(),
    });
    RunCreated {
        format: 1,
        number: RunNumber(1),
        project: "sim".into(),
        slug: "x".into(),
        uid: format!("{:032x}", rng.u128(..)),
        goal: "x".into(),
        plan: Arc::new(plan),
        policy: Box::new(policy),
        risks: Vec::new(),
        limits,
        priority: Priority::Normal,
        after: Vec::new(),
        retry_of: None,
        git,
        root: "/p".into(),
        runtime_args: BTreeMap::new(),
        depth: 0,
        parent: None,
        flags: Box::default(),
    }
}
