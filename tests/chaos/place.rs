//! The place of a trial: a project, a home and a configuration of its own, and the real program used there.

#![expect(clippy::unwrap_used, reason = "without its folder there is no trial")]

use std::fmt::Write;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use crew::runtime::Clock;

use crate::census;
use crate::mount::Mount;
use crate::scene::Scene;

/// Milliseconds after which a command of a person counts as hung.
const CALL_MS: u64 = 60_000;

/// Why a trial failed: the first line says it, the others are what was seen.
pub type Told<T> = Result<T, String>;

/// A command of a person that was given, and how it ended.
#[derive(Debug, Clone)]
pub struct Call {
    pub args: Vec<String>,
    /// `None` when it was killed.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Call {
    pub fn verb(&self) -> &str {
        &self.args[0]
    }

    pub fn json(&self) -> Told<serde_json::Value> {
        serde_json::from_str(&self.out).map_err(|error| format!("no JSON ({error}): {self:?}"))
    }
}

/// The folders of a trial.
pub struct Place {
    keep: Option<tempfile::TempDir>,
    pub root: Utf8PathBuf,
    pub state: Utf8PathBuf,
    /// The small disk that the state lies on, in some trials.
    pub disk: Option<Mount>,
    /// Writing above a limit is an error for its runs, and not a signal that kills.
    pub forgives_limits: bool,
    calls: AtomicU32,
    clock: Clock,
}

impl Place {
    pub fn new(seed: u64, scene: &Scene) -> Self {
        let prefix = format!("crew-chaos-{seed}-");
        let keep = tempfile::Builder::new().prefix(&prefix).tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(keep.path().canonicalize().unwrap()).unwrap();
        for folder in ["home", "config/workflows", "config/agents", "project", "notes", "said"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        let place = Self {
            state: root.join("project/.crew/state"),
            root,
            keep: Some(keep),
            disk: None,
            forgives_limits: false,
            calls: AtomicU32::new(0),
            clock: Clock::start(),
        };
        place.furnish(scene);
        place
    }

    fn furnish(&self, scene: &Scene) {
        for (name, tools) in [("writer", "read, write, edit, bash"), ("reader", "read, grep")] {
            let text = format!(
                "---\nname: {name}\ndescription: d\ntools: {tools}\n---\n\nYou are {name}.\n"
            );
            fs::write(self.root.join(format!("config/agents/{name}.md")), text).unwrap();
        }
        for (name, front, steps) in scene.workflows {
            let text = format!("---\nname: {name}\ndescription: d\n{front}---\n\n{steps}\n");
            fs::write(self.root.join(format!("config/workflows/{name}.workflow.md")), text)
                .unwrap();
        }
        let agent = self.root.join("agent.sh");
        fs::write(&agent, crate::scene::agent(&self.root, scene)).unwrap();
        fs::set_permissions(&agent, fs::Permissions::from_mode(0o755)).unwrap();
        let config = format!(
            "[completion]\nmode = \"{}\"\n[limits]\ngrace = \"300ms\"\nask_hold = \"100ms\"\nruns = 2\n\
             [runtimes.sh]\ncommand = [\"{agent}\"]\n",
            scene.completion
        );
        fs::write(self.root.join("config/config.toml"), config).unwrap();
        fs::write(self.project().join("README.md"), "# sample\n").unwrap();
        fs::write(self.project().join("old.txt"), "old\n").unwrap();
        self.git(&["init", "-q", "--template=", "-b", "main"]).unwrap();
        self.git(&["add", "-A"]).unwrap();
        self.git(&["commit", "-q", "-m", "start"]).unwrap();
        fs::write(self.project().join("mine.txt"), "not in git\n").unwrap();
        if scene.completion == "none" {
            fs::write(self.project().join("old.txt"), "changed by hand\n").unwrap();
        }
    }

    /// Puts the state of the runs on a small disk of its own, where this machine allows it.
    pub fn use_small_disk(&mut self) {
        let at = self.root.join("disk");
        self.disk = Mount::small(&at, "2m");
        if self.disk.is_some() {
            self.state = at.join("state");
        }
    }

    pub fn project(&self) -> Utf8PathBuf {
        self.root.join("project")
    }

    pub fn run(&self, run: u32) -> Utf8PathBuf {
        self.state.join(format!("runs/{run:04}"))
    }

    pub fn log(&self, run: u32) -> Vec<u8> {
        fs::read(self.run(run).join("events.jsonl")).unwrap_or_default()
    }

    /// The lines of a note of the agents.
    pub fn note(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.root.join("notes").join(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    pub fn git(&self, args: &[&str]) -> Told<String> {
        let output = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
            .args(args)
            .current_dir(self.project())
            .env("HOME", self.root.join("home"))
            .env("GIT_OPTIONAL_LOCKS", "0")
            .output()
            .map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(format!("git {args:?}: {output:?}"));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    /// The program, to be run in the project; its output goes to a file each.
    fn spawn(&self, args: &[String]) -> (Child, Utf8PathBuf) {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let said = self.root.join(format!("said/{number}"));
        let crew = env!("CARGO_BIN_EXE_crew");
        let mut command = if self.forgives_limits {
            let mut command = Command::new("env");
            command.args(["--ignore-signal=XFSZ", crew]);
            command
        } else {
            Command::new(crew)
        };
        command
            .args(args)
            .current_dir(self.project())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.root.join("home"))
            .env("USER", "tester")
            .env("CREW_CONFIG_DIR", self.root.join("config"))
            .stdin(Stdio::null())
            .stdout(File::create(said.with_extension("out")).unwrap())
            .stderr(File::create(said.with_extension("err")).unwrap());
        if self.disk.is_some() {
            command.env("CREW_STATE_DIR", &self.state);
        }
        (command.spawn().unwrap(), said)
    }

    /// Waits for a child, at most so long; nothing when it still runs then.
    fn wait(&self, child: &mut Child, ms: u64) -> Option<ExitStatus> {
        let end = self.clock.now().plus_ms(ms);
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return Some(status);
            }
            if self.clock.now() >= end {
                return None;
            }
            pause(1);
        }
    }

    fn told(args: Vec<String>, code: Option<i32>, said: &Utf8Path) -> Call {
        let read = |end| fs::read(said.with_extension(end)).unwrap_or_default();
        let text = |end| String::from_utf8_lossy(&read(end)).into_owned();
        Call { args, code, out: text("out"), err: text("err") }
    }

    /// Runs a verb to its end.
    pub fn call(&self, args: &[&str]) -> Told<Call> {
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        let (mut child, said) = self.spawn(&args);
        let status = self.wait(&mut child, CALL_MS);
        let Some(status) = status else {
            child.kill().unwrap();
            child.wait().unwrap();
            return Err(format!(
                "crew {args:?} hangs\n{:?}",
                Self::told(args.clone(), None, &said)
            ));
        };
        let call = Self::told(args, status.code(), &said);
        if call.err.contains("panicked at") || call.code == Some(101) {
            return Err(format!("crew panics: {call:?}"));
        }
        Ok(call)
    }

    /// Starts a verb and kills it after so long, unless it was quicker.
    pub fn call_cut_short(&self, args: &[&str], ms: u64) -> Call {
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        let (mut child, said) = self.spawn(&args);
        let status = self.wait(&mut child, ms);
        if status.is_none() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        Self::told(args, status.and_then(|status| status.code()), &said)
    }

    /// Starts so many supervisors of a run at the same moment, as commands of several people would.
    pub fn race(&self, run: u32, count: u32) {
        let worktrees = self.project().join(".crew/worktrees");
        let project = self.project();
        let args = ["supervise", project.as_str(), self.state.as_str(), worktrees.as_str()];
        let mut args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        args.push(run.to_string());
        for _ in 0..count {
            let (mut child, _) = self.spawn(&args);
            // Reaped by whoever waits for its thread, so that it does not stay behind as a zombie.
            std::thread::spawn(move || drop(child.wait()));
        }
    }

    /// Everything that helps to understand a trial that failed: processes, and the end of each log.
    pub fn dump(&self) -> String {
        let mut text = format!("folder: {}\n", self.root);
        for process in census::processes(&self.root) {
            writeln!(text, "lives: {}", process.describe()).unwrap();
        }
        for run in (1..).take_while(|run| self.run(*run).join("events.jsonl").exists()) {
            for (name, last) in [("events.jsonl", 20), ("supervisor.log", 12)] {
                let bytes = fs::read(self.run(run).join(name)).unwrap_or_default();
                let whole = String::from_utf8_lossy(&bytes);
                let lines: Vec<&str> = whole.lines().skip(usize::from(last == 20)).collect();
                let from = lines.len().saturating_sub(last);
                writeln!(text, "== run {run}, {name}\n{}", lines[from..].join("\n")).unwrap();
            }
        }
        text
    }

    /// Leaves the folder to whoever wants to know why the trial failed.
    pub fn leave(&mut self) {
        if self.disk.is_some() {
            let copy = self.root.join("state");
            drop(Command::new("cp").args(["-a", self.state.as_str(), copy.as_str()]).status());
        }
        if let Some(keep) = self.keep.take() {
            drop(keep.keep());
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        census::kill_all(&self.root);
        // Before the folder below it is removed.
        self.disk = None;
    }
}

/// Lets some milliseconds pass: for a moment that is arbitrary, or between two looks.
#[expect(clippy::disallowed_methods, reason = "chooses a moment; nothing waits for it")]
pub fn pause(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}
