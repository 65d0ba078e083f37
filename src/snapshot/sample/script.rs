//! A run of three steps as inputs to the engine; tests of the binary include this file, too.

use std::collections::BTreeMap;
use std::sync::Arc;

use crew::base::flow::{Access, CheckOp, Condition, FieldType, Fire, Isolation, OnStale, StepKind};
use crew::base::{RunNumber, TaskId, Time};
use crew::engine::{Command, Input, Proof};
use crew::event::attempt::{Question, Report};
use crew::event::body::{CheckFinished, RunTransitioned, SupervisorStarted, WorktreeCreated};
use crew::event::decision::Action;
use crew::event::{
    Actor, AttemptEnded, Body, EndReason, GitBase, Limits, Priority, Rule, RunCreated, Status,
    Usage,
};
use crew::plan::{ChannelPlan, Completion, GatePlan, Plan, StepPlan};

/// When the run was created.
pub const START: Time = Time(1_777_627_800_000);

/// The first event: planning, coding, and a review in two slots.
pub fn created() -> RunCreated {
    let mut planning = step("planning", "planner", "claude");
    planning.output = Some("plan.md".parse().expect("a name"));
    let mut coding = step("coding", "coder", "claude");
    coding.access = Access::Write;
    coding.model = Some("sonnet".into());
    let mut review = step("review", "reviewer", "codex");
    (review.slots, review.verify) = (2, true);
    let plan = Plan {
        workflow: "coding".into(),
        team: "default".into(),
        steps: vec![planning, coding, review],
        channels: vec![channel(0, 1), channel(1, 2)],
        gates: Vec::new(),
        commands: BTreeMap::new(),
        start: vec![0],
        end: vec![2],
        rework: None,
        max_iterations: 5,
        max_concurrency: None,
        completion: Completion::Merge,
        agents: BTreeMap::new(),
        skills: BTreeMap::new(),
        role_concurrency: BTreeMap::new(),
        params: BTreeMap::new(),
        roles: BTreeMap::new(),
        child_choices: None,
    };
    RunCreated {
        runtime_args: BTreeMap::new(),
        format: 1,
        number: RunNumber(5),
        project: "shop".into(),
        slug: "add-refunds".into(),
        uid: "00000000000000000000000000000005".into(),
        goal: "Add refunds to the shop".into(),
        plan: Arc::new(plan),
        policy: Box::default(),
        risks: Vec::new(),
        limits: Limits::default(),
        priority: Priority::Normal,
        after: Vec::new(),
        retry_of: None,
        git: Some(GitBase {
            target: Some("main".into()),
            commit: "c0".into(),
            tree: "t0".into(),
            worktree: "/shop/.crew/worktrees/add-refunds".into(),
            branch: "crew/add-refunds".into(),
        }),
        root: "/shop".into(),
        depth: 0,
        parent: None,
        flags: Box::default(),
    }
}

/// The same, but a person must approve the plan before the coding.
pub fn created_with_approval() -> RunCreated {
    let mut created = created();
    let mut plan = Plan::clone(&created.plan);
    let approved = Condition::Check { field: "approved".into(), op: CheckOp::Eq(true.into()) };
    plan.gates = vec![GatePlan {
        id: "approval".into(),
        description: "Is the plan good?".into(),
        store: "approval".into(),
        fields: vec![("approved".into(), FieldType::Bool), ("note".into(), FieldType::Text)],
        writers: vec!["human".into()],
        reset_on_cycle: false,
        when: approved,
        show: vec!["diff".into(), "artifact:plan.md".into()],
        required_level: None,
    }];
    plan.channels[0].gates = vec!["approval".into()];
    plan.channels[0].depends_on = false;
    created.plan = Arc::new(plan);
    created
}

/// What a person says about that plan, with milliseconds after the start.
pub fn approval(is_good: bool) -> (u64, Input) {
    let action = if is_good { Action::Approve } else { Action::Reject };
    let text = if is_good { String::new() } else { "too large".to_owned() };
    let decide = Command::Decide {
        target: Some("approval".into()),
        action,
        text,
        proof: Proof::Minted("0".repeat(64)),
        by: Actor::Human("ada".into()),
        into: None,
    };
    (90_000, Input::Command(decide))
}

/// The first batch of the log of a run.
pub fn first(created: RunCreated) -> Vec<(Actor, u32, Body)> {
    let to = Status::Queued { resumed: false, not_before: None };
    let queued = RunTransitioned { rule: Rule::T01, to, text: String::new() };
    let ada = || Actor::Human("ada".into());
    vec![(ada(), 1, created.into()), (ada(), 1, queued.into())]
}

/// What happens until the second step is at work, with milliseconds after the start.
pub fn started() -> Vec<(u64, Input)> {
    let supervisor =
        SupervisorStarted { pid: 4_242, version: "0.1.0".into(), host: "forge".into() };
    let worktree = WorktreeCreated {
        path: "/shop/.crew/worktrees/add-refunds".into(),
        branch: "crew/add-refunds".into(),
        commit: "c0".into(),
        tree: None,
    };
    vec![
        (100, Input::Command(Command::Promote { dependencies: Some(Ok(())) })),
        (200, Input::SupervisorStarted(supervisor)),
        (300, Input::WorktreeCreated(worktree)),
        (65_300, ended("planning", 65_300, "wrote the plan")),
    ]
}

/// The second step asks.
pub fn question() -> Vec<(u64, Input)> {
    let Input::AttemptEnded(mut end) = ended("coding", 80_000, "") else { return Vec::new() };
    let choices = vec!["cents".to_owned(), "euros".to_owned()];
    end.report.question = Some(Question { text: "Are amounts in cents?".into(), choices });
    vec![(80_000, Input::AttemptEnded(end)), (80_100, checked("coding", 0))]
}

/// The second step finishes and the third finds it good.
pub fn finished() -> Vec<(u64, Input)> {
    let pass = |task, ms| {
        let Input::AttemptEnded(mut end) = ended(task, ms, "looks right") else {
            return Input::Wake;
        };
        end.report.verdict = Some(true);
        Input::AttemptEnded(end)
    };
    vec![
        (245_300, ended("coding", 245_300, "refunds use the Money type")),
        (245_400, checked("coding", 3)),
        (260_400, pass("review/1", 260_400)),
        (275_400, pass("review/2", 275_400)),
    ]
}

fn checked(task: &str, files: u32) -> Input {
    Input::CheckFinished(CheckFinished {
        task: name(task),
        attempt: 1,
        commit: Some("c1".into()),
        tree: Some(if files == 0 { "t0" } else { "t1" }.into()),
        files,
        strays: Vec::new(),
        kept: None,
        denied: Vec::new(),
        denied_count: 0,
        conflicts: Vec::new(),
        error: None,
    })
}

fn ended(task: &str, ms: u64, summary: &str) -> Input {
    Input::AttemptEnded(AttemptEnded {
        task: name(task),
        attempt: 1,
        reason: EndReason::Exited,
        code: Some(0),
        signal: None,
        ended_at: START.plus_ms(ms),
        duration_ms: 15_000,
        output_bytes: 2_048,
        summary: summary.into(),
        failure: String::new(),
        session: None,
        report: Report { spoke: true, ..Report::default() },
        usage: Usage {
            input_tokens: 1_200,
            output_tokens: 300,
            cache_tokens: 4_000,
            cost_usd: Some(0.25),
            ..Usage::default()
        },
        leftovers: 0,
        changed: Some(task == "coding"),
    })
}

fn name(task: &str) -> TaskId {
    task.parse().expect("a task")
}

fn channel(from: usize, to: usize) -> ChannelPlan {
    ChannelPlan {
        id: format!("{from}-{to}"),
        from,
        to,
        gates: Vec::new(),
        fire: Fire::Settled,
        depends_on: true,
        cyclic: false,
        max_cycles: None,
    }
}

fn step(id: &str, role: &str, runtime: &str) -> StepPlan {
    StepPlan {
        verifies: Vec::new(),
        expands: None,
        approve: false,
        contract: None,
        id: id.parse().expect("a name"),
        role: role.into(),
        agent: Some(role.into()),
        kind: StepKind::Agent,
        runtime: runtime.into(),
        model: None,
        prompt: "{goal}".into(),
        command: None,
        slots: 1,
        access: Access::None,
        isolation: Isolation::Shared,
        join: None,
        timeout_ms: None,
        retries: 0,
        output: None,
        reads: Vec::new(),
        skills: Vec::new(),
        verify: false,
        on_stale: OnStale::Drain,
        max_concurrency: None,
        looping: None,
        phase: None,
    }
}
