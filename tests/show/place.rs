//! A project with runs on disk, and the real binary with a home of its own.

use std::process::{Command, Stdio};

use camino::Utf8PathBuf;
use crew::base::RunNumber;
use crew::engine::{Input, Vitals};
use crew::event::{Actor, RunCreated};
use crew::ledger::Ledger;
use crew::store::{Project, ProjectDir, ProjectLock, RunDir};

use super::script;

pub struct Place {
    _guard: tempfile::TempDir,
    pub home: Utf8PathBuf,
    pub dir: ProjectDir,
    project: Project,
}

#[derive(Debug)]
#[must_use = "either look at the output or at the exit code"]
pub struct Output {
    pub out: String,
    pub err: String,
    pub code: i32,
}

impl Place {
    pub fn new() -> Self {
        let guard = tempfile::tempdir().unwrap();
        let home = Utf8PathBuf::try_from(guard.path().canonicalize().unwrap()).unwrap();
        let dir = ProjectDir::new(home.join("shop"), None, None);
        std::fs::create_dir_all(dir.crew()).unwrap();
        let project = Project::ensure(dir.clone()).unwrap();
        Self { _guard: guard, home, dir, project }
    }

    /// A run of which these inputs are known.
    pub fn run(&mut self, inputs: impl IntoIterator<Item = (u64, Input)>) -> Ledger {
        self.run_of(script::created(), inputs)
    }

    /// A run with this first event, of which these inputs are known.
    pub fn run_of(
        &mut self,
        mut created: RunCreated,
        inputs: impl IntoIterator<Item = (u64, Input)>,
    ) -> Ledger {
        let lock = ProjectLock::take(&self.dir).unwrap();
        let number = self.project.allocate(&lock).unwrap();
        created.number = number;
        created.uid = crew::store::seal::mint_in(&self.home.join(".local/state/crew")).unwrap();
        let first = script::first(created);
        let mut ledger = Ledger::create(self.dir.run(number), script::START, first).unwrap();
        for (ms, input) in inputs {
            play(&mut ledger, ms, input);
        }
        ledger
    }

    pub fn run_dir(&self, number: u32) -> RunDir {
        self.dir.run(RunNumber(number))
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crew"));
        command
            // The runs here are made by hand: nobody is to drive them.
            .arg("--no-recover")
            .args(args)
            .current_dir(self.dir.root())
            .env_clear()
            .env("HOME", &self.home)
            .env("PATH", "/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .env("COLUMNS", "100")
            .stdin(Stdio::null());
        command
    }

    pub fn crew(&self, args: &[&str]) -> Output {
        let done = self.command(args).output().unwrap();
        Output {
            out: String::from_utf8(done.stdout).unwrap(),
            err: String::from_utf8(done.stderr).unwrap(),
            code: done.status.code().unwrap(),
        }
    }
}

impl Output {
    /// The document on standard output.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Standard output of a command that had to end with this code.
    pub fn ended(self, code: i32) -> String {
        assert_eq!(self.code, code, "{self:?}");
        self.out
    }
}

pub fn play(ledger: &mut Ledger, ms: u64, input: Input) {
    let vitals = Vitals { machine_slots: 8, ..Vitals::default() };
    let at = script::START.plus_ms(ms);
    ledger.commit(at, &vitals, &Actor::Supervisor, input).unwrap();
}
