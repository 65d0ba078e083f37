//! A person's account and a project in folders of their own, and the real program working there.

#![expect(clippy::unwrap_used, reason = "what a test stands on fails the test")]

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;

use camino::Utf8PathBuf;
use crew::base::Time;
use crew::engine::{Input, Vitals};
use crew::event::attempt::{AttemptEnded, EndReason, Report};
use crew::event::body::RunTransitioned;
use crew::event::{Actor, Limits, Priority, Rule, RunCreated, Status};
use crew::ledger::Ledger;
use crew::plan::Plan;
use crew::runtime::Clock;
use crew::store::{FileLock, Project, ProjectDir, ProjectLock, seal};

/// A home, a configuration folder and a project that nobody else knows.
pub struct TestEnv {
    _keep: tempfile::TempDir,
    pub home: Utf8PathBuf,
    pub project: Utf8PathBuf,
}

/// How a command ended.
#[derive(Debug)]
pub struct Output {
    pub stdout: String,
    pub stderr: String,
    pub code: i32,
}

impl Output {
    /// Fails unless the command ended with this code.
    #[track_caller]
    pub fn code(self, expected: i32) -> Self {
        assert_eq!(self.code, expected, "{self:#?}");
        self
    }

    /// Fails unless standard error has this text.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "not said: {text}\n{self:#?}");
        self
    }

    /// Fails unless standard output has this text.
    #[track_caller]
    pub fn prints(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "not printed: {text}\n{self:#?}");
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// The error on standard error, as JSON.
    #[track_caller]
    pub fn json_error(&self) -> serde_json::Value {
        let text: serde_json::Value =
            serde_json::from_str(&self.stderr).unwrap_or_else(|error| panic!("{error}: {self:#?}"));
        text["error"].clone()
    }
}

impl TestEnv {
    pub fn new() -> Self {
        let keep = tempfile::tempdir().unwrap();
        let top = Utf8PathBuf::try_from(keep.path().canonicalize().unwrap()).unwrap();
        let (home, project) = (top.join("home"), top.join("shop"));
        for folder in [&home, &project, &home.join("config")] {
            std::fs::create_dir_all(folder).unwrap();
        }
        Self { _keep: keep, home, project }
    }

    /// The program, in the project, with nothing of the environment of the tests but the path.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crew"));
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", &self.home)
            .env("USER", "ada")
            .env("LANG", "C.UTF-8")
            .env("CREW_CONFIG_DIR", self.home.join("config"))
            .current_dir(&self.project)
            .stdin(Stdio::null());
        command
    }

    /// Runs the program with these arguments.
    pub fn crew(&self, args: &[&str]) -> Output {
        Self::output(self.command().args(args))
    }

    /// Runs the program with these arguments and this standard input.
    pub fn crew_with_input(&self, args: &[&str], input: &str) -> Output {
        let mut command = self.command();
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        told(&output)
    }

    pub fn output(command: &mut Command) -> Output {
        told(&command.output().unwrap())
    }

    /// Writes a file of the project.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.project.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn dir(&self) -> ProjectDir {
        ProjectDir::new(self.project.clone(), None, None)
    }

    /// A queued run that the test drives: no supervisor is started for it.
    pub fn run(&self, slug: &str, plan: &str) -> Run {
        let mut run = self.run_for_supervisor(slug, plan);
        let lock = FileLock::try_exclusive(&run.ledger.dir().supervisor_lock()).unwrap();
        run.driver = Some(lock.expect("nobody else drives a run that was just made"));
        run
    }

    /// The same, with everything that it does long ago.
    pub fn old_run(&self, slug: &str, plan: &str) -> Run {
        let mut run = self.run(slug, plan);
        run.at = Some(LONG_AGO);
        run
    }

    /// A run that exists.
    pub fn open(&self, number: u32) -> Run {
        let dir = self.dir().run(crew::base::RunNumber(number));
        Run { ledger: Ledger::open(dir).unwrap(), driver: None, clock: Clock::start(), at: None }
    }

    /// A queued run that nobody drives yet.
    pub fn run_for_supervisor(&self, slug: &str, plan: &str) -> Run {
        let uid = seal::mint_in(&self.home.join(".local/state/crew")).unwrap();
        self.run_named(slug, plan, uid)
    }

    /// The same with this name, whoever made it.
    pub fn run_named(&self, slug: &str, plan: &str, uid: String) -> Run {
        let dir = self.dir();
        let mut project = Project::ensure(dir.clone()).unwrap();
        let lock = ProjectLock::take(&dir).unwrap();
        let number = project.allocate(&lock).unwrap();
        drop(lock);
        let plan: Plan =
            serde_json::from_str(plan).unwrap_or_else(|error| panic!("{error}: {plan}"));
        let person = Actor::Human("ada".to_owned());
        let created = RunCreated {
            format: 1,
            number,
            project: project.slug().to_owned(),
            slug: slug.to_owned(),
            uid,
            goal: format!("do {slug}"),
            plan: Arc::new(plan),
            policy: Box::default(),
            risks: Vec::new(),
            limits: Limits::default(),
            priority: Priority::Normal,
            after: Vec::new(),
            retry_of: None,
            git: None,
            root: self.project.clone(),
            depth: 0,
            parent: None,
            flags: Box::default(),
            runtime_args: std::collections::BTreeMap::default(),
        };
        let to = Status::Queued { resumed: false, not_before: None };
        let queued = RunTransitioned { rule: Rule::T01, to, text: String::new() };
        let events = vec![(person.clone(), 1, created.into()), (person, 1, queued.into())];
        let clock = Clock::start();
        let ledger = Ledger::create(dir.run(number), clock.now(), events).unwrap();
        Run { ledger, driver: None, clock, at: None }
    }
}

fn told(output: &std::process::Output) -> Output {
    Output {
        stdout: String::from_utf8(output.stdout.clone()).unwrap(),
        stderr: String::from_utf8(output.stderr.clone()).unwrap(),
        code: output.status.code().unwrap_or(-1),
    }
}

/// A run whose supervisor is the test itself.
pub struct Run {
    pub ledger: Ledger,
    driver: Option<FileLock>,
    clock: Clock,
    at: Option<Time>,
}

/// A moment that was over when these tests were written.
const LONG_AGO: Time = Time(1_777_627_800_000);

impl Run {
    fn now(&self) -> Time {
        self.at.unwrap_or_else(|| self.clock.now())
    }

    pub fn commit(&mut self, input: Input) {
        let vitals = Vitals { machine_slots: 8, ..Vitals::default() };
        self.ledger.commit(self.now(), &vitals, &Actor::Supervisor, input).unwrap();
    }

    /// Makes it running; the attempts of its first step are live.
    pub fn start(mut self) -> Self {
        use crew::engine::Command::Promote;
        self.commit(Input::Command(Promote { dependencies: Some(Ok(())) }));
        self
    }

    /// Ends the live attempt of a task.
    pub fn end(&mut self, task: &str, reason: EndReason, report: Report) {
        self.ledger.refresh().unwrap();
        let task: crew::base::TaskId = task.parse().unwrap();
        let state = self.ledger.state();
        let attempt = state.tasks[state.task_ix(&task).unwrap()].attempts;
        self.commit(Input::AttemptEnded(AttemptEnded {
            task,
            attempt,
            reason,
            code: (reason == EndReason::Exited).then_some(0),
            signal: None,
            ended_at: self.now(),
            duration_ms: 1,
            output_bytes: 1,
            summary: String::new(),
            failure: String::new(),
            session: None,
            report,
            usage: crew::event::Usage::default(),
            leftovers: 0,
            changed: Some(false),
        }));
    }

    /// The word for its status, as it is now on disk.
    pub fn status(&mut self) -> &'static str {
        self.ledger.refresh().unwrap();
        self.ledger.state().status.kind().as_str()
    }

    /// The word for the status of one of its tasks.
    pub fn task(&mut self, id: &str) -> &'static str {
        self.ledger.refresh().unwrap();
        let state = self.ledger.state();
        state.tasks[state.task_ix(&id.parse().unwrap()).unwrap()].status.as_str()
    }

    /// Number of the newest event.
    pub fn seq(&mut self) -> u64 {
        self.ledger.refresh().unwrap();
        self.ledger.state().seq
    }

    /// The types of all its events.
    pub fn events(&self) -> String {
        std::fs::read_to_string(self.ledger.dir().events()).unwrap()
    }

    /// Lets real supervisors drive it from now on.
    pub fn release(&mut self) {
        self.driver = None;
    }
}

/// One agent, then two reviewers.
pub const CODING: &str = r#"{"workflow": "ship", "team": "default", "completion": "none", "max_iterations": 5,
    "steps": [
        {"id": "coding", "role": "coder", "runtime": "mytool", "access": "read", "slots": 1},
        {"id": "review", "role": "reviewer", "runtime": "mytool", "access": "read", "slots": 2}],
    "channels": [{"id": "a", "from": 0, "to": 1, "depends_on": true}], "start": [0], "end": [1]}"#;

/// A person who is asked.
pub const ASKING: &str = r#"{"workflow": "ask", "team": "default", "completion": "none", "max_iterations": 5,
    "steps": [{"id": "approve", "role": "human", "kind": "human", "prompt": "Ship it?", "access": "none", "slots": 1}],
    "channels": [], "start": [0], "end": [0]}"#;

/// Two people who are asked at the same time.
pub const ASKING_TWICE: &str = r#"{"workflow": "ask", "team": "default", "completion": "none", "max_iterations": 5,
    "steps": [{"id": "approve", "role": "human", "kind": "human", "prompt": "Ship it?", "access": "none", "slots": 2}],
    "channels": [], "start": [0], "end": [0]}"#;

/// A shell command.
pub const SHELL: &str = r#"{"workflow": "shell", "team": "default", "completion": "none", "max_iterations": 5,
    "steps": [{"id": "check", "role": "check", "kind": "command", "command": "true", "access": "read", "slots": 1}],
    "channels": [], "start": [0], "end": [0]}"#;

/// The gate of a person between two agents, and one of two reviewers behind them.
pub const GATED: &str = r#"{"workflow": "gated", "team": "default", "completion": "none", "max_iterations": 5,
    "steps": [
        {"id": "coding", "role": "coder", "runtime": "mytool", "access": "none", "slots": 1},
        {"id": "review", "role": "reviewer", "runtime": "mytool", "access": "none", "slots": 2},
        {"id": "ship", "role": "coder", "runtime": "mytool", "access": "none", "slots": 1}],
    "channels": [
        {"id": "a", "from": 0, "to": 1, "gates": ["approval"]},
        {"id": "b", "from": 1, "to": 2, "gates": ["votes"]}],
    "gates": [
        {"id": "approval", "description": "Is it good?", "store": "approval", "writers": ["human"],
         "fields": [["approved", "bool"], ["note", "text"]], "show": ["artifact:plan.md", "gate:votes"],
         "when": {"check": {"field": "approved", "op": {"eq": true}}}},
        {"id": "votes", "store": "votes", "writers": ["reviewer"],
         "fields": [["votes", {"map_of": ["approve", "reject"]}]],
         "when": {"count": {"field": "votes", "eq": "approve", "min": 2}}}],
    "start": [0], "end": [2]}"#;

/// Two gates that wait for a person at the same time.
pub const TWO_GATES: &str = r#"{"workflow": "gated", "team": "default", "completion": "none", "max_iterations": 5,
    "steps": [
        {"id": "coding", "role": "coder", "runtime": "mytool", "access": "none", "slots": 1},
        {"id": "docs", "role": "coder", "runtime": "mytool", "access": "none", "slots": 1},
        {"id": "ship", "role": "coder", "runtime": "mytool", "access": "none", "slots": 1}],
    "channels": [
        {"id": "a", "from": 0, "to": 1, "gates": ["first"]},
        {"id": "b", "from": 0, "to": 2, "gates": ["second"]}],
    "gates": [
        {"id": "first", "store": "first", "writers": ["human"], "fields": [["yes", "bool"]],
         "when": {"check": {"field": "yes", "op": {"eq": true}}}},
        {"id": "second", "store": "second", "writers": ["human"], "fields": [["yes", "bool"]],
         "when": {"check": {"field": "yes", "op": {"eq": true}}}}],
    "start": [0], "end": [1, 2]}"#;
