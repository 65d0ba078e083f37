//! Every path of the program. Nothing else joins path components of `.crew/`.

use camino::{Utf8Path, Utf8PathBuf};

use crate::base::flow::MemoryScope;
use crate::base::{ArtifactName, RunNumber, TaskId};

/// Name of crew's folder in a project.
pub const CREW_DIR: &str = ".crew";

/// Where an agent's memory file of this scope lies, below the folder that its scope names.
///
/// For `user` that is the folder of the user's configuration, else a checkout of the project.
pub fn memory_file(scope: MemoryScope, agent: &str) -> Utf8PathBuf {
    memory_folder(scope).join(agent).join("MEMORY.md")
}

/// The folder of all agents' memory files of this scope.
pub fn memory_folder(scope: MemoryScope) -> Utf8PathBuf {
    match scope {
        MemoryScope::User => "agent-memory".into(),
        MemoryScope::Project => Utf8Path::new(CREW_DIR).join("agent-memory"),
        MemoryScope::Local => Utf8Path::new(CREW_DIR).join("agent-memory-local"),
    }
}

/// A project on disk: its root, and the folder of its run state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectDir {
    root: Utf8PathBuf,
    state: Utf8PathBuf,
    worktrees: Utf8PathBuf,
}

impl ProjectDir {
    /// The project at `root`, with its state in `state` when configuration moves it.
    pub fn new(
        root: Utf8PathBuf,
        state: Option<Utf8PathBuf>,
        worktrees: Option<Utf8PathBuf>,
    ) -> Self {
        let crew = root.join(CREW_DIR);
        Self {
            state: state.unwrap_or_else(|| crew.join("state")),
            worktrees: worktrees.unwrap_or_else(|| crew.join("worktrees")),
            root,
        }
    }

    /// The project's root folder.
    pub fn root(&self) -> &Utf8Path {
        &self.root
    }

    /// `.crew/`: committed configuration and resources.
    pub fn crew(&self) -> Utf8PathBuf {
        self.root.join(CREW_DIR)
    }

    /// `.crew/config.toml`.
    pub fn config(&self) -> Utf8PathBuf {
        self.crew().join("config.toml")
    }

    /// Run state; holds its own `.gitignore`.
    pub fn state(&self) -> &Utf8Path {
        &self.state
    }

    /// Slug, next run number, open runs.
    pub fn project_json(&self) -> Utf8PathBuf {
        self.state.join("project.json")
    }

    /// Exclusive lock of `project.json` and of the run queue.
    pub fn project_lock(&self) -> Utf8PathBuf {
        self.state.join("project.lock")
    }

    /// What is remembered of the project's schedules.
    pub fn schedules_json(&self) -> Utf8PathBuf {
        self.state.join("schedules.json")
    }

    /// Held by the scheduler of the project for its whole life.
    pub fn scheduler_lock(&self) -> Utf8PathBuf {
        self.state.join("scheduler.lock")
    }

    /// Pid and start of the scheduler that holds the lock.
    pub fn scheduler_json(&self) -> Utf8PathBuf {
        self.state.join("scheduler.json")
    }

    /// What the dashboard remembers: what was seen, and drafts.
    pub fn dashboard_json(&self) -> Utf8PathBuf {
        self.state.join("dashboard.json")
    }

    /// Folder of all runs.
    pub fn runs(&self) -> Utf8PathBuf {
        self.state.join(super::files::RUNS)
    }

    /// One run.
    pub fn run(&self, number: RunNumber) -> RunDir {
        RunDir { dir: self.runs().join(number.folder()) }
    }

    /// Folder of all worktrees; holds its own `.gitignore`.
    pub fn worktrees(&self) -> &Utf8Path {
        &self.worktrees
    }

    /// The worktree of the run with this slug.
    pub fn worktree(&self, slug: &str) -> Utf8PathBuf {
        self.worktrees.join(slug)
    }
}

/// The folder of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDir {
    dir: Utf8PathBuf,
}

impl RunDir {
    /// The run in this folder.
    pub fn at(dir: Utf8PathBuf) -> Self {
        Self { dir }
    }

    /// The folder itself.
    pub fn path(&self) -> &Utf8Path {
        &self.dir
    }

    /// Another run of the same project.
    #[must_use]
    pub fn sibling(&self, number: RunNumber) -> Self {
        Self { dir: self.dir.with_file_name(number.folder()) }
    }

    /// The truth.
    pub fn events(&self) -> Utf8PathBuf {
        self.dir.join("events.jsonl")
    }

    /// There, and locked, while a supervisor asks another machine whether it sees that.
    pub fn probe(&self, supervisor: u32) -> Utf8PathBuf {
        self.dir.join(format!(".probe-{supervisor}"))
    }

    /// Where a writer puts the torn tail it found before event `seq`.
    pub fn torn(&self, seq: u64) -> Utf8PathBuf {
        self.dir.join(format!("events.torn-{seq}"))
    }

    /// Held for each append.
    pub fn run_lock(&self) -> Utf8PathBuf {
        self.dir.join("run.lock")
    }

    /// Held by the live supervisor for its whole life.
    pub fn supervisor_lock(&self) -> Utf8PathBuf {
        self.dir.join("supervisor.lock")
    }

    /// Pid, start time, host, version and heartbeat of the supervisor.
    pub fn supervisor_json(&self) -> Utf8PathBuf {
        self.dir.join("supervisor.json")
    }

    /// The supervisor's own log file.
    pub fn supervisor_log(&self) -> Utf8PathBuf {
        self.dir.join("supervisor.log")
    }

    /// What the conflict radar found; anybody may delete it.
    pub fn radar(&self) -> Utf8PathBuf {
        self.dir.join("radar.json")
    }

    /// How far the log was told to people.
    pub fn notices(&self) -> Utf8PathBuf {
        self.dir.join("notices.json")
    }

    /// Folded state with the log offset it stands for.
    pub fn snapshot(&self) -> Utf8PathBuf {
        self.dir.join("snapshot.json")
    }

    /// The compiled plan, as the first event holds it.
    pub fn workflow(&self) -> Utf8PathBuf {
        self.dir.join("workflow.json")
    }

    /// Folder of the mailbox projections.
    pub fn mailbox(&self) -> Utf8PathBuf {
        self.dir.join("mailbox")
    }

    /// Messages to one address: `run`, `human` or a task id.
    pub fn mailbox_of(&self, address: &str) -> Utf8PathBuf {
        self.mailbox().join(format!("{}.jsonl", address.replace('/', ".")))
    }

    /// Folder of the files that tasks produced.
    pub fn artifacts(&self) -> Utf8PathBuf {
        self.dir.join("artifacts")
    }

    /// One artifact.
    pub fn artifact(&self, name: &ArtifactName) -> Utf8PathBuf {
        self.artifacts().join(name.as_str())
    }

    /// Folder in which agents find the crew program, when it is not called `crew`.
    pub fn programs(&self) -> Utf8PathBuf {
        self.dir.join("bin")
    }

    /// Folder of the decision projections.
    pub fn decisions(&self) -> Utf8PathBuf {
        self.dir.join("decisions")
    }

    /// What stood in a tree before somebody wrote there, as far as path checks need it; `checked`: the
    /// listing that served the last check.
    pub fn listing(&self, tree: &str, checked: bool) -> Utf8PathBuf {
        let end = if checked { ".checked" } else { "" };
        self.dir.join(format!("paths-{tree}.json{end}"))
    }

    /// Folder of one task: its attempts, and what people did in it.
    pub fn task(&self, task: &TaskId) -> Utf8PathBuf {
        self.tasks().join(task.file_name())
    }

    /// The folders of all tasks.
    pub fn tasks(&self) -> Utf8PathBuf {
        self.dir.join("tasks")
    }

    /// Folder of one attempt.
    pub fn attempt(&self, task: &TaskId, number: u32) -> AttemptDir {
        AttemptDir { dir: self.task(task).join(number.to_string()) }
    }

    /// The folders of all attempts that there are, whatever the log says of them.
    pub fn attempts(&self) -> impl Iterator<Item = AttemptDir> {
        let tasks = self.tasks().read_dir_utf8().into_iter().flatten().flatten();
        let folders =
            tasks.flat_map(|task| task.path().read_dir_utf8().into_iter().flatten().flatten());
        let is_number = |name: &str| name.parse::<u32>().is_ok();
        let attempts = folders.filter(move |folder| is_number(folder.file_name()));
        attempts.map(|folder| AttemptDir::at(folder.into_path()))
    }

    /// Held by the process of the person who has taken the task over, for as long as the session lasts.
    pub fn attach_lock(&self, task: &TaskId) -> Utf8PathBuf {
        self.task(task).join("attach.lock")
    }

    /// What the terminal of the session showed that event `seq` began.
    pub fn attached(&self, task: &TaskId, seq: u64) -> Utf8PathBuf {
        self.task(task).join(format!("attached-{seq}.log"))
    }
}

/// The folder of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptDir {
    dir: Utf8PathBuf,
}

impl AttemptDir {
    /// The attempt in this folder.
    pub fn at(dir: Utf8PathBuf) -> Self {
        Self { dir }
    }

    /// The folder itself.
    pub fn path(&self) -> &Utf8Path {
        &self.dir
    }

    /// Held by the shim for its whole life.
    pub fn attempt_lock(&self) -> Utf8PathBuf {
        self.dir.join("attempt.lock")
    }

    /// Inherited by the agent's whole tree: held means somebody lives.
    pub fn alive_lock(&self) -> Utf8PathBuf {
        self.dir.join("alive.lock")
    }

    /// Shared lock of the processes that ask a person and wait: held means the attempt's clocks stand still.
    pub fn ask_lock(&self) -> Utf8PathBuf {
        self.dir.join("ask.lock")
    }

    /// Exists when the attempt must not start any more.
    pub fn revoked(&self) -> Utf8PathBuf {
        self.dir.join("revoked")
    }

    /// The prompt as the agent got it.
    pub fn prompt(&self) -> Utf8PathBuf {
        self.dir.join("prompt.md")
    }

    /// What the shim starts.
    pub fn command(&self) -> Utf8PathBuf {
        self.dir.join("command.json")
    }

    /// The agent's token, for its calls of `crew tool`.
    pub fn token(&self) -> Utf8PathBuf {
        self.dir.join("token")
    }

    /// BLAKE3 of the token, its task and its attempt.
    pub fn token_hash(&self) -> Utf8PathBuf {
        self.dir.join("token.blake3")
    }

    /// The MCP servers that the agent program is given.
    pub fn mcp_config(&self) -> Utf8PathBuf {
        self.dir.join("mcp.json")
    }

    /// The plan that the agent proposed by a call.
    pub fn proposal(&self) -> Utf8PathBuf {
        self.dir.join("proposal.json")
    }

    /// The agent's standard output, as it came.
    pub fn stdout(&self) -> Utf8PathBuf {
        self.dir.join("stdout.jsonl")
    }

    /// The agent's standard error, as it came.
    pub fn stderr(&self) -> Utf8PathBuf {
        self.dir.join("stderr.log")
    }

    /// Fifo for runtimes that take live input.
    pub fn stdin(&self) -> Utf8PathBuf {
        self.dir.join("stdin")
    }

    /// What an agent is to be told while it works, one order a line; there for programs that take it.
    pub fn live(&self) -> Utf8PathBuf {
        self.dir.join("live.jsonl")
    }

    /// What became of that, and what the program asks, one note a line.
    pub fn notes(&self) -> Utf8PathBuf {
        self.dir.join("notes.jsonl")
    }

    /// Pid, start time and boot id of shim and agent.
    pub fn shim(&self) -> Utf8PathBuf {
        self.dir.join("shim.json")
    }

    /// Where the attempt runs when that is not this machine, and what is known of it there.
    pub fn place(&self) -> Utf8PathBuf {
        self.dir.join("place.json")
    }

    /// The values of its environment on their way to a job; gone as soon as the job has begun.
    pub fn environment(&self) -> Utf8PathBuf {
        self.dir.join("environment")
    }

    /// What a job says that cannot begin.
    pub fn job_output(&self) -> Utf8PathBuf {
        self.dir.join("job.log")
    }

    /// Touched by the shim; its modification time is the heartbeat.
    pub fn heartbeat(&self) -> Utf8PathBuf {
        self.dir.join("heartbeat")
    }

    /// How the attempt ended; written once, atomically.
    pub fn exit(&self) -> Utf8PathBuf {
        self.dir.join("exit.json")
    }
}
