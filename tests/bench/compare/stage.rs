//! A person's account and a project in folders of their own, on the disk of the build.

use std::fmt::Write as _;
use std::process::{Command, Stdio};

use camino::{Utf8Path, Utf8PathBuf};
use crew::base::{RunNumber, TaskId};
use crew::event::{Body, Chain, Record};
use crew::store::{AttemptDir, Project, ProjectDir, ProjectLock, RunDir};

use super::Given;

/// A home, a configuration and a project that nobody else knows.
pub struct Stage {
    pub top: Utf8PathBuf,
    pub project: Utf8PathBuf,
    /// Live agents in a run.
    pub agents: u32,
}

impl Stage {
    /// A new stage in a folder that is removed when everything was measured: on a file system that
    /// has just lost thousands of files new ones are slow to make.
    pub fn new(given: &Given) -> Self {
        let folder = tempfile::tempdir_in(given.folder.path()).expect("folder").keep();
        let top = Utf8PathBuf::try_from(folder).expect("UTF-8");
        let project = top.join("shop");
        for folder in [&project, &top.join("config/workflows"), &top.join("run")] {
            std::fs::create_dir_all(folder).expect("folder");
        }
        let stage = Self { top, project, agents: 8 };
        // A repository of its own: else the one that is being built here would be the project.
        must(stage.command("git").args(["init", "-q"]));
        stage
    }

    /// A program in the project; it prints nowhere.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", &self.top)
            .env("USER", "ada")
            .env("LANG", "C.UTF-8")
            .env("XDG_RUNTIME_DIR", self.top.join("run"))
            .env("CREW_CONFIG_DIR", self.top.join("config"))
            .env("CREW_LIMITS_AGENTS", self.agents.to_string())
            .env("CREW_LIMITS_MACHINE", "64")
            .env("CREW_LIMITS_GRACE", "1s")
            .current_dir(&self.project)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }

    /// crew with these arguments.
    pub fn crew(&self, args: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_crew"));
        command.args(args);
        command
    }

    /// A user's workflow of one step, played by a shell command in so many slots.
    pub fn workflow(&self, name: &str, command: &str, slots: u32) {
        self.workflow_text(
            name,
            &format!("## work\nkind: command\ncommand: {command}\naccess: none\nslots: {slots}\n"),
        );
    }

    /// A user's workflow.
    pub fn workflow_text(&self, name: &str, steps: &str) {
        let text = format!(
            "---\nname: {name}\ndescription: d\npolicy:\n  completion: none\n---\n\n{steps}"
        );
        let path = self.top.join(format!("config/workflows/{name}.workflow.md"));
        std::fs::write(path, text).expect("workflow");
    }

    /// Lets one run of this workflow go to its end.
    pub fn run(&self, workflow: &str) {
        must(&mut self.crew(&["run", "-w", workflow, "--in-place", "-q", "bench"]));
    }

    pub fn dir(&self) -> ProjectDir {
        ProjectDir::new(self.project.clone(), None, None)
    }

    /// The newest run.
    pub fn newest(&self) -> RunDir {
        let runs = Project::open(self.dir()).expect("project").runs().expect("runs");
        self.dir().run(*runs.iter().max().expect("a run"))
    }

    /// Copies the first run until there are so many; each says its own number.
    pub fn copy_runs(&self, count: u32) {
        let dir = self.dir();
        let first = RunNumber(1);
        let log = std::fs::read_to_string(dir.run(first).events()).expect("log");
        let mut project = Project::open(dir.clone()).expect("project");
        let lock = ProjectLock::take(&dir).expect("lock");
        while project.allocate(&lock).expect("number").0 < count {}
        let open: Vec<RunNumber> = project.open_runs().collect();
        project.close(&lock, open).expect("closed");
        for number in 2..=count {
            let dir = dir.run(RunNumber(number));
            std::fs::create_dir_all(dir.path()).expect("folder");
            std::fs::write(dir.events(), renumbered(&log, number)).expect("log");
        }
    }
}

/// The first attempt of a task of the only step.
pub fn attempt(run: &RunDir, task: &str) -> AttemptDir {
    let task: TaskId = task.parse().expect("a task");
    run.attempt(&task, 1)
}

/// Runs a program that must succeed.
#[track_caller]
pub fn must(command: &mut Command) {
    let status = command.status().expect("started");
    assert!(status.success(), "{status}: {command:?}");
}

/// A line for each job, as job runners read them.
pub fn numbers(count: u32) -> String {
    (1..=count).fold(String::new(), |mut text, number| {
        writeln!(text, "{number}").expect("text grows");
        text
    })
}

/// The first place of a program on the usual path.
pub fn installed(program: &str) -> Option<Utf8PathBuf> {
    ["/usr/local/bin", "/usr/bin", "/bin"]
        .iter()
        .map(|dir| Utf8Path::new(dir).join(program))
        .find(|path| path.is_file())
}

fn renumbered(log: &str, number: u32) -> Vec<u8> {
    let (mut read, mut written) = (Chain::default(), Chain::default());
    let mut out = Vec::new();
    for line in log.lines() {
        let (mut record, next) = Record::read(line.as_bytes(), read).expect("a line");
        read = next;
        if let Body::RunCreated(created) = &mut record.body {
            created.number = RunNumber(number);
        }
        written = record.write(written, &mut out);
    }
    out
}
