//! Plays a run without processes: workflows are written as in files, attempts end when a test says so.
//!
//! After every step the log is folded a second time and compared: the state is nothing but a fold of its events.
// Long because every rule is played with these words.

// Long because every test of the engine plays through this one door.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::Utf8Path;
use crew::base::{RunNumber, TaskId, Time};
use crew::engine::{
    Caller, Command, Conflict, Effect, Input, Proof, Refusal, State, Vitals, checkpoint, react,
    step,
};
use crew::event::attempt::{Question, Report};
use crew::event::body::{CheckFinished, DeniedPath, RunTransitioned, WorktreeCreated};
use crew::event::decision::Action;
use crew::event::gate::{ChannelsFired, EvidenceRecorded};
use crew::event::message::{Delivery, Message, MessageKind, MessagePriority};
use crew::event::tree::TreeMerged;
use crew::event::{
    Actor, AttemptEnded, Body, EndReason, GitBase, Limits, Priority, Record, Rule, RunCreated,
    Status, Usage,
};
use crew::plan::graph::CommandPlan;
use crew::plan::{BuildInput, Completion, Plan, Policy, build};
use crew::resource::{Catalog, Roots, workflow};
use serde_json::Value;

/// The moment at which every run of these tests is created.
const START: Time = Time(1_777_627_800_000);

/// Compiles the text of a workflow; roles are played by the built-in agents of their names.
pub fn plan(text: &str) -> Plan {
    let (file, findings) = workflow::parse(Utf8Path::new("test.workflow.md"), text);
    let errors: Vec<_> = findings.iter().filter(|found| found.is_error()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    compile(&file, &Catalog::load(&Roots::default()))
}

/// Compiles a built-in workflow.
pub fn builtin(name: &str) -> Plan {
    let catalog = Catalog::load(&Roots::default());
    let file = catalog.workflow(name).expect("a built-in workflow").file.clone();
    compile(&file, &catalog)
}

fn compile(file: &workflow::WorkflowFile, catalog: &Catalog) -> Plan {
    let check = CommandPlan { command: "true".to_owned(), timeout_ms: 60_000 };
    build(&BuildInput {
        workflow: file,
        team: None,
        catalog,
        runtime_flag: Some("rehearsal"),
        model_flag: None,
        default_runtime: "rehearsal",
        default_model: None,
        params: &BTreeMap::new(),
        completion: Completion::None,
        commands: BTreeMap::from([("check".to_owned(), check)]),
    })
    .expect("the workflow compiles")
}

/// A run that is being played.
pub struct Play {
    pub state: State,
    mirror: State,
    pub now: Time,
    pub log: Vec<Body>,
    /// What commands of the workflow exit with; without a value they do not run.
    pub exec: Option<i32>,
    /// The tree that writers leave; without a value each leaves a new one.
    pub frozen: Option<u32>,
    /// What the next attempt that is looked at touched although it may not.
    pub denied: Vec<DeniedPath>,
    /// Whether a queued run gets a slot at once.
    pub promotes: bool,
    pub vitals: Vitals,
    /// How many of the next merges do not fit.
    pub conflicts: u32,
    /// Whether merges are done at all.
    pub merges: bool,
    tree: u32,
    messages: u32,
}

impl Play {
    /// Starts a run of this workflow, without git.
    pub fn of(text: &str) -> Self {
        Self::new(plan(text))
    }

    pub fn new(plan: Plan) -> Self {
        Self::start(plan, None)
    }

    /// Starts a run in a worktree, whose end a person decides about.
    pub fn with_git(mut plan: Plan) -> Self {
        plan.completion = Completion::Merge;
        let base = GitBase {
            target: Some("main".into()),
            commit: "c0".into(),
            tree: "t0".into(),
            worktree: "/w".into(),
            branch: "crew/x".into(),
        };
        Self::start(plan, Some(base))
    }

    /// Starts a run with a policy of its own.
    pub fn with_policy(plan: Plan, policy: Policy) -> Self {
        Self::start_with(plan, None, policy)
    }

    fn start(compiled: Plan, git: Option<GitBase>) -> Self {
        Self::start_with(compiled, git, Policy::default())
    }

    fn start_with(compiled: Plan, git: Option<GitBase>, policy: Policy) -> Self {
        let created = RunCreated {
            format: 1,
            number: RunNumber(1),
            project: "test".into(),
            slug: "x".into(),
            uid: "0".repeat(32),
            goal: "the goal".into(),
            plan: Arc::new(compiled),
            policy: Box::new(policy),
            risks: Vec::new(),
            limits: Limits { agents: 8, ..Limits::default() },
            priority: Priority::Normal,
            after: Vec::new(),
            retry_of: None,
            git,
            root: "/p".into(),
            runtime_args: BTreeMap::new(),
            depth: 0,
            parent: None,
            flags: Box::default(),
        };
        let first = record(1, START, created.into());
        let mut state = State::begin(&first).expect("the first record begins a run");
        let to = Status::Queued { resumed: false, not_before: None };
        let queued = RunTransitioned { rule: Rule::T01, to, text: String::new() };
        state.apply_record(&record(2, START, queued.into()));
        let mut play = Self {
            mirror: state.clone(),
            state,
            now: START,
            log: Vec::new(),
            exec: Some(0),
            frozen: None,
            denied: Vec::new(),
            promotes: true,
            vitals: Vitals { machine_slots: 16, ..Vitals::default() },
            conflicts: 0,
            merges: true,
            tree: 0,
            messages: 0,
        };
        play.tick();
        play
    }

    /// Begins again with the plan and limits that the run has now.
    pub fn restart(&mut self) {
        let (plan, created) = (Arc::clone(&self.state.created.plan), (*self.state.created).clone());
        *self = Self::start((*plan).clone(), None);
        let limits = created.limits.clone();
        self.draft();
        self.adopt(RunCreated { limits, ..(*self.state.created).clone() });
        let to = Status::Queued { resumed: false, not_before: None };
        let moved = RunTransitioned { rule: Rule::T01, to, text: String::new() };
        for state in [&mut self.state, &mut self.mirror] {
            state.apply_record(&record(2, START, moved.clone().into()));
        }
    }

    /// The run was created like this instead.
    pub fn adopt(&mut self, created: RunCreated) {
        self.state.created = Arc::new(created);
        self.mirror.created = Arc::clone(&self.state.created);
    }

    /// Makes the run a draft again, before anything has happened in it.
    pub fn draft(&mut self) {
        let first = record(1, START, (*self.state.created).clone().into());
        self.state = State::begin(&first).expect("the first record begins a run");
        self.mirror = self.state.clone();
        self.log.clear();
    }

    /// One input, the effects that follow, and a new slot when the run is queued again.
    pub fn give(&mut self, actor: &Actor, input: &Input) -> Result<Vec<Body>, Refusal> {
        let from = self.log.len();
        self.step(actor, input)?;
        self.tick();
        Ok(self.log[from..].to_vec())
    }

    fn step(&mut self, actor: &Actor, input: &Input) -> Result<bool, Refusal> {
        let before = self.state.clone();
        let events = match step(&mut self.state, &self.vitals, self.now, actor, input) {
            Ok(events) => events,
            Err(refusal) => {
                assert_eq!(self.state, before, "a refused command changed something");
                return Err(refusal);
            }
        };
        assert!(events.len() < 500, "a storm of events: {:#?}", &events[480..]);
        for (actor, epoch, body) in &events {
            let seq = self.mirror.seq + 1;
            let body = body.clone();
            self.log.push(body.clone());
            let record =
                Record { seq, at: self.now, actor: actor.clone(), epoch: *epoch, batch: seq, body };
            self.mirror.apply_record(&record);
            assert!(self.mirror.is_consistent(), "the index disagrees after {:?}", record.body);
        }
        assert_eq!(self.mirror, self.state, "the log and the memory disagree");
        let again = checkpoint::read(&checkpoint::write(&self.state)).expect("reads back");
        assert_eq!(again, self.state, "a checkpoint is not what it was made of");
        Ok(!events.is_empty())
    }

    /// Everything that the runtime does by itself.
    pub fn tick(&mut self) {
        for _ in 0..50 {
            let mut moved = false;
            if self.promotes && matches!(self.state.status, Status::Queued { .. }) {
                let command = Command::Promote { dependencies: Some(Ok(())) };
                moved |= self.step(&Actor::Supervisor, &Input::Command(command)).is_ok();
            }
            for effect in react(&self.state) {
                moved |= self.act(&effect);
            }
            moved |= self.step(&Actor::Supervisor, &Input::Wake).expect("a wake is not refused");
            if !moved {
                return;
            }
        }
        panic!("the run does not come to rest: {:#?}", &self.log[self.log.len() - 20..]);
    }

    fn act(&mut self, effect: &Effect) -> bool {
        let input = match effect {
            Effect::EnsureWorktree => Input::WorktreeCreated(WorktreeCreated {
                path: "/w".into(),
                branch: "crew/x".into(),
                commit: "c0".into(),
                tree: None,
            }),
            Effect::Evidence { name } => {
                let Some(code) = self.exec else { return false };
                Input::Evidence(self.found(name, code))
            }
            Effect::Check { task, attempt } => {
                if self.state.step_of(*task).access == crew::base::flow::Access::Write {
                    self.tree = self.frozen.unwrap_or(self.tree + 1);
                }
                Input::CheckFinished(CheckFinished {
                    task: self.state.task_id(*task),
                    attempt: *attempt,
                    commit: Some(format!("c{}", self.tree)),
                    tree: Some(format!("t{}", self.tree)),
                    files: 1,
                    strays: Vec::new(),
                    kept: None,
                    denied_count: 0,
                    conflicts: Vec::new(),
                    denied: std::mem::take(&mut self.denied),
                    error: None,
                })
            }
            Effect::Stop { task, attempt } => {
                let id = self.state.task_id(*task);
                Input::AttemptEnded(self.ended(&id.to_string(), *attempt, EndReason::Stopped))
            }
            Effect::BringIn { .. } if !self.merges => return false,
            Effect::BringIn { task, attempt } => self.bring_in(*task, *attempt),
            Effect::BeginMerge => Input::MergeStarted,
            // Tests say themselves what becomes of child runs and merges.
            Effect::Spawn { .. }
            | Effect::CreateChildren { .. }
            | Effect::TendChildren
            | Effect::EndChildren
            | Effect::Merge
            | Effect::ResolveMerge => return false,
        };
        self.step(&Actor::Supervisor, &input).expect("facts are not refused")
    }

    /// A merge that succeeds, or does not fit as often as the test says.
    fn bring_in(&mut self, task: usize, attempt: u32) -> Input {
        let id = self.state.task_id(task);
        if self.conflicts > 0 {
            self.conflicts -= 1;
            return Input::TreeConflicted(Conflict {
                task: id,
                attempt,
                commit: "theirs".to_owned(),
                onto: "ours".to_owned(),
                files: vec!["both.txt".to_owned()],
                text: "CONFLICT (content): Merge conflict in both.txt".to_owned(),
            });
        }
        self.tree += 1;
        Input::TreeMerged(TreeMerged {
            task: id,
            attempt,
            commit: Some(format!("c{}", self.tree)),
            tree: Some(format!("t{}", self.tree)),
            files: 1,
            by: None,
            error: None,
        })
    }

    pub fn found(&self, name: &str, code: i32) -> EvidenceRecorded {
        EvidenceRecorded {
            name: name.to_owned(),
            tree: self.state.tree_key(),
            code: Some(code),
            duration_ms: 5,
            tail: if code == 0 { String::new() } else { "2 tests failed".to_owned() },
            cached: false,
        }
    }

    fn ended(&self, task: &str, attempt: u32, reason: EndReason) -> AttemptEnded {
        AttemptEnded {
            task: id(task),
            attempt,
            reason,
            code: (reason == EndReason::Exited).then_some(0),
            signal: None,
            ended_at: self.now,
            duration_ms: 10,
            output_bytes: 10,
            summary: String::new(),
            failure: String::new(),
            session: None,
            report: Report { spoke: true, ..Report::default() },
            usage: Usage::default(),
            leftovers: 0,
            changed: None,
        }
    }

    /// Number of the live attempt of a task.
    pub fn attempt(&self, task: &str) -> u32 {
        let found = self.live_attempt(task);
        found.unwrap_or_else(|| panic!("`{task}` is {}", self.task(task)))
    }

    fn live_attempt(&self, task: &str) -> Option<u32> {
        let ix = self.state.task_ix(&id(task)).unwrap_or_else(|| panic!("no task `{task}`"));
        self.state.tasks[ix].status.as_live().map(|live| live.number)
    }

    /// Ends the live attempt of a task well.
    pub fn end(&mut self, task: &str) {
        self.end_with(task, |_| {});
    }

    pub fn end_with(&mut self, task: &str, edit: impl FnOnce(&mut AttemptEnded)) {
        self.now = self.now.plus_ms(1_000);
        let mut end = self.ended(task, self.attempt(task), EndReason::Exited);
        edit(&mut end);
        self.give(&Actor::Supervisor, &Input::AttemptEnded(end)).expect("facts are not refused");
    }

    /// Lets an attempt fail for good: with retries it fails as often as it may.
    pub fn fail(&mut self, task: &str) {
        self.end_with(task, |end| end.report.failed = Some("it cannot be done".to_owned()));
    }

    /// The caller that is the live attempt of a task.
    pub fn agent(&self, task: &str) -> Caller {
        Caller::Agent { task: id(task), attempt: self.live_attempt(task).unwrap_or(1) }
    }

    pub fn write(&mut self, task: &str, gate: &str, data: &Value) -> Result<Vec<Body>, Refusal> {
        let by = self.agent(task);
        self.write_as(by, gate, data)
    }

    pub fn write_as(&mut self, by: Caller, gate: &str, data: &Value) -> Result<Vec<Body>, Refusal> {
        self.now = self.now.plus_ms(1_000);
        let actor = by.actor();
        let data = data.as_object().expect("an object").clone();
        let command = Command::WriteGate { gate: gate.to_owned(), data, by };
        self.give(&actor, &Input::Command(command))
    }

    /// Writes and ends: the usual turn.
    pub fn turn(&mut self, task: &str, gate: &str, data: &Value) {
        self.write(task, gate, data).unwrap_or_else(|refusal| panic!("{refusal:?}"));
        self.end(task);
    }

    pub fn person(&mut self, command: Command) -> Result<Vec<Body>, Refusal> {
        self.now = self.now.plus_ms(1_000);
        self.give(&Actor::Human("ada".into()), &Input::Command(command))
    }

    pub fn decide(
        &mut self,
        target: Option<&str>,
        action: Action,
        text: &str,
    ) -> Result<Vec<Body>, Refusal> {
        self.decide_with(target, action, text, Proof::Minted("m".repeat(64)))
    }

    pub fn decide_with(
        &mut self,
        target: Option<&str>,
        action: Action,
        text: &str,
        proof: Proof,
    ) -> Result<Vec<Body>, Refusal> {
        let by = Actor::Human("ada".into());
        let (target, text) = (target.map(str::to_owned), text.to_owned());
        self.person(Command::Decide { target, action, text, proof, by, into: None })
    }

    pub fn approve(&mut self, target: &str) {
        self.decide(Some(target), Action::Approve, "")
            .unwrap_or_else(|refusal| panic!("{refusal:?}"));
    }

    pub fn answer(&mut self, task: &str, text: &str) {
        self.decide(Some(task), Action::Answer, text)
            .unwrap_or_else(|refusal| panic!("{refusal:?}"));
    }

    pub fn resume(&mut self) {
        self.person(Command::Resume { message: None, add_steps: 0 }).expect("it can be resumed");
    }

    pub fn ask(&mut self, task: &str, text: &str, choices: &[&str]) -> Result<Vec<Body>, Refusal> {
        let choices = choices.iter().map(|choice| (*choice).to_owned()).collect();
        let question = Question { text: text.to_owned(), choices };
        let attempt = self.attempt(task);
        let actor = Actor::Agent(id(task));
        let command = Command::Ask { task: id(task), attempt, question };
        self.give(&actor, &Input::Command(command))
    }

    /// A message by somebody, with writes into gates.
    pub fn send(
        &mut self,
        by: Caller,
        to: &str,
        gates: &[(&str, Value)],
    ) -> Result<Vec<Body>, Refusal> {
        self.messages += 1;
        let message = self.message(&by, to, self.messages);
        let data = |value: &Value| value.as_object().expect("an object").clone();
        let gates = gates.iter().map(|(gate, value)| ((*gate).to_owned(), data(value))).collect();
        self.give(&by.actor(), &Input::Command(Command::Send { message, gates, by }))
    }

    pub fn message(&self, by: &Caller, to: &str, number: u32) -> Message {
        Message {
            id: format!("m{number}"),
            at: self.now,
            from: by.actor().to_string(),
            to: to.to_owned(),
            kind: MessageKind::Message,
            priority: MessagePriority::Normal,
            delivery: Delivery::NextTurn,
            text: format!("message {number}"),
            data: None,
            reply_to: None,
        }
    }

    /// The status with its reason: `blocked(stalled)`, `waiting(gate)`.
    pub fn status(&self) -> String {
        let value = serde_json::to_value(&self.state.status).expect("a status serialises");
        let word = self.state.status.kind().as_str();
        let detail = if let Status::Waiting { wait } = &self.state.status {
            Some(wait.as_str())
        } else {
            value["reason"].as_str().or_else(|| value["outcome"].as_str())
        };
        detail.map_or_else(|| word.to_owned(), |detail| format!("{word}({detail})"))
    }

    /// The detail of a blocked or failed run.
    pub fn detail(&self) -> String {
        self.state.status.detail().unwrap_or_default().to_owned()
    }

    /// The word for a task's status.
    pub fn task(&self, task: &str) -> &'static str {
        let ix = self.state.task_ix(&id(task)).unwrap_or_else(|| panic!("no task `{task}`"));
        self.state.tasks[ix].status.as_str()
    }

    /// Names of the tasks that live.
    pub fn live(&self) -> Vec<String> {
        self.state.live().map(|(task, _)| self.state.task_id(task).to_string()).collect()
    }

    /// Every firing so far.
    pub fn firings(&self) -> Vec<&ChannelsFired> {
        fn fired(body: &Body) -> Option<&ChannelsFired> {
            if let Body::ChannelsFired(fired) = body { Some(fired) } else { None }
        }
        self.log.iter().filter_map(fired).collect()
    }

    /// How often a channel fired.
    pub fn fired(&self, channel: &str) -> usize {
        self.firings().iter().filter(|fired| fired.channels.iter().any(|c| c == channel)).count()
    }

    /// How often the log holds an event of this type.
    pub fn count(&self, kind: &str) -> usize {
        self.log.iter().filter(|body| body.kind() == kind).count()
    }

    /// Value of a field in the store of a gate.
    pub fn stored(&self, store: &str, field: &str) -> Value {
        let found = self.state.stores.get(store).and_then(|store| store.data.get(field));
        found.cloned().unwrap_or(Value::Null)
    }

    /// Subjects of the decisions that can be made now, with their actions.
    pub fn asked(&self) -> Vec<String> {
        let open = self.state.decisions.iter().filter(|entry| self.state.is_asked(entry));
        open.map(|entry| {
            let words: Vec<&str> = entry.opened.actions.iter().map(|a| a.as_str()).collect();
            format!("{} {}: {}", entry.opened.kind, entry.opened.subject, words.join(" "))
        })
        .collect()
    }
}

pub fn id(task: &str) -> TaskId {
    task.parse().unwrap_or_else(|_| panic!("`{task}` is no task"))
}

fn record(seq: u64, at: Time, body: Body) -> Record {
    Record { seq, at, actor: Actor::Supervisor, epoch: 1, batch: 1, body }
}
