//! A project with a home and a configuration of its own, in which the real program is run.

#![expect(clippy::unwrap_used, reason = "what a test stands on fails the test")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};

use camino::Utf8PathBuf;
use crew::base::{RunNumber, TaskId};
use crew::engine::State;
use crew::event::{AttemptEnded, Body, Record, Status};
use crew::ledger::Ledger;
use crew::runtime::Pid;
use crew::runtime::process::{self, Signal};
use crew::store::{AttemptDir, ProjectDir, RunDir};

use crate::support::{wait_until, wait_until_or};

/// Settings that make tests quick, and let a run end without asking whether to merge.
pub const LIMITS: &str = "[completion]\nmode = \"none\"\n[limits]\ngrace = \"400ms\"\n";

/// A project; whatever still lives of its runs is killed when the test ends.
pub struct TestEnv {
    _keep: tempfile::TempDir,
    pub root: Utf8PathBuf,
    /// Where runs keep their state, when that is not below the project.
    pub state: Option<Utf8PathBuf>,
}

impl TestEnv {
    /// A git repository with one commit.
    pub fn new() -> Self {
        let env = Self::without_git();
        env.git(&["init", "-q", "-b", "main"]);
        fs::write(env.project().join("README.md"), "# sample\n").unwrap();
        env.git(&["add", "-A"]);
        env.git(&["commit", "-q", "-m", "start"]);
        env
    }

    /// A folder that is no repository.
    pub fn without_git() -> Self {
        let keep = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(keep.path().canonicalize().unwrap()).unwrap();
        for folder in ["bin", "home", "config/workflows", "config/agents", "project", "notes"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        let env = Self { _keep: keep, root, state: None };
        env.config("");
        env.agent_file("writer", "read, write, edit, bash");
        env.agent_file("reader", "read, grep");
        env
    }

    fn agent_file(&self, name: &str, tools: &str) {
        let text =
            format!("---\nname: {name}\ndescription: d\ntools: {tools}\n---\n\nYou are {name}.\n");
        fs::write(self.root.join(format!("config/agents/{name}.md")), text).unwrap();
    }

    pub fn project(&self) -> Utf8PathBuf {
        self.root.join("project")
    }

    /// Where agents leave marks for the test.
    pub fn notes(&self) -> Utf8PathBuf {
        self.root.join("notes")
    }

    /// Lines of a note, none while it does not exist.
    pub fn note(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.notes().join(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// The user's configuration: [`LIMITS`] and more.
    pub fn config(&self, more: &str) {
        self.whole_config(&format!("{LIMITS}{more}\n"));
    }

    pub fn whole_config(&self, text: &str) {
        fs::write(self.root.join("config/config.toml"), text).unwrap();
    }

    /// A runtime `sh` that plays every agent with this script; `$NOTES` is the folder of notes.
    pub fn agent(&self, script: &str) {
        self.agent_with(script, "");
    }

    /// The same with further keys in the tables `[runtimes.sh]` and those after it.
    pub fn agent_with(&self, script: &str, more: &str) {
        let path = self.program("agent.sh", script);
        self.config(&format!("[runtimes.sh]\ncommand = [\"{path}\"]\n{more}"));
    }

    /// An executable shell script.
    pub fn program(&self, name: &str, script: &str) -> Utf8PathBuf {
        let path = self.root.join(name);
        fs::write(&path, format!("#!/bin/sh\nNOTES={}\n{script}\n", self.notes())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// A workflow of the user.
    pub fn workflow(&self, name: &str, front: &str, steps: &str) {
        let text = format!("---\nname: {name}\ndescription: d\n{front}---\n\n{steps}\n");
        fs::write(self.root.join(format!("config/workflows/{name}.workflow.md")), text).unwrap();
    }

    pub fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
            .args(args)
            .current_dir(self.project())
            .env("HOME", self.root.join("home"))
            .output()
            .unwrap();
        assert!(output.status.success(), "git {args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// The program, to be run in the project.
    pub fn crew(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crew"));
        // What a test puts into `bin` is found first.
        let bin = self.root.join("bin").into_std_path_buf();
        let path =
            std::iter::once(bin).chain(std::env::split_paths("/usr/local/bin:/usr/bin:/bin"));
        command
            .args(args)
            .current_dir(self.project())
            .env_clear()
            .env("PATH", std::env::join_paths(path).unwrap())
            .env("HOME", self.root.join("home"))
            .env("USER", "tester")
            .env("CREW_CONFIG_DIR", self.root.join("config"))
            .stdin(Stdio::null());
        if let Some(state) = &self.state {
            command.env("CREW_STATE_DIR", state);
        }
        command
    }

    pub fn output(&self, args: &[&str]) -> Output {
        self.crew(args).output().unwrap()
    }

    /// Runs a verb that must succeed; returns what it printed.
    pub fn ok(&self, args: &[&str]) -> String {
        let output = self.output(args);
        assert!(output.status.success(), "crew {args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a verb that must end with this exit code; returns what it said.
    pub fn fails(&self, code: i32, args: &[&str]) -> String {
        let output = self.output(args);
        assert_eq!(output.status.code(), Some(code), "crew {args:?}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Starts a detached run; `crew run GOAL -d ARGS`.
    pub fn start(&self, goal: &str, args: &[&str]) -> u32 {
        let all = [&["run", goal, "-d"], args].concat();
        self.ok(&all).trim().parse().unwrap()
    }

    /// A detached run of a workflow of the user, played by the runtime `sh`.
    pub fn start_workflow(&self, name: &str) -> u32 {
        self.start("do it", &["-w", name, "-a", "sh"])
    }

    pub fn dir(&self) -> ProjectDir {
        ProjectDir::new(self.project(), self.state.clone(), None)
    }

    pub fn run_dir(&self, run: u32) -> RunDir {
        self.dir().run(RunNumber(run))
    }

    pub fn ledger(&self, run: u32) -> Ledger {
        Ledger::open_whole(self.run_dir(run)).unwrap()
    }

    pub fn state(&self, run: u32) -> State {
        self.ledger(run).state().clone()
    }

    pub fn status(&self, run: u32) -> Status {
        self.state(run).status
    }

    /// The status in one word, with its reason or outcome: `blocked(session_lost)`.
    pub fn status_text(&self, run: u32) -> String {
        let status = self.status(run);
        match status.reason() {
            Some(reason) => format!("{}({reason})", status.kind().as_str()),
            None => status.kind().as_str().to_owned(),
        }
    }

    /// Word for the status of a task.
    pub fn task(&self, run: u32, task: &str) -> String {
        let state = self.state(run);
        state.tasks[state.task_ix(&id(task)).unwrap()].status.as_str().to_owned()
    }

    pub fn attempts(&self, run: u32, task: &str) -> u32 {
        let state = self.state(run);
        state.tasks[state.task_ix(&id(task)).unwrap()].attempts
    }

    pub fn records(&self, run: u32) -> Vec<Record> {
        let mut records = Vec::new();
        let mut reader = crew::store::LogReader::open(self.run_dir(run).events());
        reader.catch_up(|record| records.push(record)).unwrap();
        records
    }

    /// The ends of all attempts of a run, in order.
    pub fn ends(&self, run: u32) -> Vec<AttemptEnded> {
        let records = self.records(run).into_iter();
        records
            .filter_map(
                |record| {
                    if let Body::AttemptEnded(end) = record.body { Some(end) } else { None }
                },
            )
            .collect()
    }

    pub fn attempt(&self, run: u32, task: &str, number: u32) -> AttemptDir {
        self.run_dir(run).attempt(&id(task), number)
    }

    pub fn stdout(&self, run: u32, task: &str, number: u32) -> String {
        let bytes = fs::read(self.attempt(run, task, number).stdout()).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The live supervisor of a run.
    pub fn supervisor(&self, run: u32) -> Option<Pid> {
        let text = fs::read_to_string(self.run_dir(run).supervisor_json()).ok()?;
        let about: serde_json::Value = serde_json::from_str(&text).ok()?;
        let pid = u32::try_from(about["pid"].as_u64()?).ok()?;
        let found = Pid { pid, start: about["start"].as_u64()? };
        process::is_alive(found).then_some(found)
    }

    /// Whether the first line of a run can be read: one that another run starts is not there at once.
    pub fn has_run(&self, run: u32) -> bool {
        Ledger::open(self.run_dir(run)).is_ok()
    }

    pub fn wait_status(&self, run: u32, wanted: &str) {
        let holds = || {
            if !self.has_run(run) {
                return false;
            }
            let status = self.status_text(run);
            status == wanted || status.split('(').next() == Some(wanted)
        };
        wait_until_or(&format!("run {run} is {wanted}"), holds, || self.found());
    }

    /// Where all runs are, and what their supervisors said last: why something did not come true.
    fn found(&self) -> String {
        let runs = (1..).take_while(|run| self.run_dir(*run).events().exists());
        let found = runs.map(|run| {
            let log = fs::read_to_string(self.run_dir(run).supervisor_log()).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let last = lines[lines.len().saturating_sub(12)..].join("\n    ");
            format!("run {run}: {}\n    {last}\n", self.status_text(run))
        });
        found.collect()
    }

    /// Waits until a run is at rest and nothing lives any more; returns its status in words.
    pub fn rest(&self, run: u32) -> String {
        let holds = || {
            let state = self.state(run);
            state.is_at_rest() && state.status.kind() != crew::event::StatusKind::Queued
        };
        wait_until_or(&format!("run {run} is at rest"), holds, || self.found());
        self.assert_nothing_lives();
        self.status_text(run)
    }

    /// Every process that this project's runs have started, and that lives: its environment names the folder.
    pub fn processes(&self) -> Vec<Pid> {
        let own = std::process::id();
        let numbers = fs::read_dir("/proc").unwrap().filter_map(|entry| {
            entry.ok()?.file_name().to_str()?.parse::<u32>().ok().filter(|pid| *pid != own)
        });
        numbers
            .filter_map(|pid| {
                let found = Pid::of(pid)?;
                let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
                let is_ours = String::from_utf8_lossy(&environment).contains(self.root.as_str());
                (is_ours && process::is_alive(found)).then_some(found)
            })
            .collect()
    }

    /// Supervisor, shims, agents and what they started are gone, or are about to go.
    pub fn assert_nothing_lives(&self) {
        wait_until("nothing lives any more", || self.processes().is_empty());
    }
}

impl Drop for TestEnv {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.tell();
        }
        // What is killed may have started something since it was listed.
        loop {
            let found = self.processes();
            if found.is_empty() {
                return;
            }
            for process in found {
                drop(process::signal(process, Signal::KILL));
            }
        }
    }
}

impl TestEnv {
    /// Says how far the runs came, for whoever looks at a test that failed.
    #[expect(clippy::print_stderr, reason = "a failed test tells what it saw")]
    fn tell(&self) {
        let Ok(runs) = self.dir().runs().read_dir_utf8() else { return };
        for run in runs.flatten() {
            for name in ["events.jsonl", "supervisor.log"] {
                let text = fs::read_to_string(run.path().join(name)).unwrap_or_default();
                let lines: Vec<&str> =
                    text.lines().skip(usize::from(name == "events.jsonl")).collect();
                let from = lines.len().saturating_sub(30);
                eprintln!("== {}/{name}\n{}", run.file_name(), lines[from..].join("\n"));
            }
        }
        for process in self.processes() {
            let line = fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
            eprintln!(
                "lives: {} {}",
                process.pid,
                String::from_utf8_lossy(&line).replace('\0', " ")
            );
        }
    }
}

pub fn id(task: &str) -> TaskId {
    task.parse().unwrap()
}
