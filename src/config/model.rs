//! The configuration as the program uses it: checked, typed, complete.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::merge::{Origin, Origins, Row};
use super::run::Run;
use super::trust::TrustItem;
use super::value::is_inside;
use crate::base::slug;

/// The whole configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `[defaults]`
    pub defaults: Defaults,
    /// `[limits]`
    pub limits: Limits,
    /// `[heartbeat]`
    pub heartbeat: Heartbeat,
    /// `[budget]`
    pub budget: Budget,
    /// `[risk]`
    pub risk: Risk,
    /// `[paths]`
    pub paths: Paths,
    /// `[validation]`
    pub validation: Validation,
    /// `[worktree]`
    pub worktree: Worktree,
    /// `[completion]`
    pub completion: Completion,
    /// `[state]`
    pub state: State,
    /// `[run]`
    pub run: Run,
    /// `[runtimes.<name>]`
    pub runtimes: BTreeMap<String, RuntimeTable>,
    /// `[prices.<model>]`
    pub prices: BTreeMap<String, Price>,
    /// `[notify]`
    pub notify: Notify,
    /// `[[hooks]]`: the user's, then the project's, each with where it stands.
    pub hooks: Vec<(Hook, Origin)>,
    /// `[ui]`
    pub ui: Ui,
    /// Where each value comes from.
    pub origins: Origins,
    /// What the project's files would have executed; the workflows' command steps come on top.
    pub executable: Vec<TrustItem>,
    pub(super) rows: Vec<Row>,
}

/// What a run gets when nothing else says it.
#[derive(Debug, Clone, PartialEq)]
pub struct Defaults {
    /// The team.
    pub team: String,
    /// The workflow, before `default`.
    pub workflow: Option<String>,
    /// The runtime, before the first one found.
    pub runtime: Option<String>,
    /// The model, before the runtime's own choice.
    pub model: Option<String>,
    /// What a writing step may do.
    pub permission: Permission,
    /// Level from 0 to 5 up to which gates approve themselves; 0 is never.
    pub autonomy: u8,
    /// Variables that every agent gets besides the allow list.
    pub env: Vec<String>,
    /// Beginnings of a text that make it a goal.
    pub intent: Vec<String>,
}

/// What a writing step may do without being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Nothing without being asked.
    Ask,
    /// Write in the worktree.
    Write,
    /// Everything the user may.
    Full,
}

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Running runs in a project.
    pub runs: u32,
    /// Live agents in a run.
    pub agents: u32,
    /// Live agents on the machine.
    pub machine: u32,
    /// Depth of a crew inside a crew.
    pub max_depth: u32,
    /// Bytes of output of one attempt.
    pub max_output_bytes: u64,
    /// How long `ask` holds.
    pub ask_hold_ms: u64,
    /// How long an attempt may print nothing at first.
    pub first_output_ms: u64,
    /// How long a run may wait for a person before it is put to sleep.
    pub hibernate_ms: u64,
    /// Between SIGTERM and SIGKILL.
    pub grace_ms: u64,
    /// How long an attempt may be silent.
    pub silence_ms: u64,
    /// How long a program may only try the same call again.
    pub retrying_ms: u64,
    /// How long a program may live on after its result.
    pub exit_ms: u64,
    /// The longest wait for a provider that is a task's own.
    pub limit_wait_ms: u64,
    /// Live agents by runtime.
    pub runtime: BTreeMap<String, u32>,
}

/// Ages at which a heartbeat changes its level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat {
    /// From here on `warn`.
    pub warn_ms: u64,
    /// From here on `stale`.
    pub stale_ms: u64,
    /// From here on `dead`.
    pub dead_ms: u64,
}

/// The budget of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// Attempts in a loop.
    pub steps: u32,
    /// Active minutes.
    pub minutes: u32,
    /// Tokens, in and out.
    pub tokens: Option<u64>,
    /// US dollars.
    pub cost_usd: Option<f64>,
}

/// The risk gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Risk {
    /// Which rules apply.
    pub profile: RiskProfile,
    /// Reasons that need no approval.
    pub accept: Vec<String>,
    /// Words of a goal that need approval.
    pub keywords: Vec<String>,
}

/// Which rules the risk gate applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RiskProfile {
    /// All.
    Strict,
    /// None.
    None,
}

/// Patterns of the path policy, relative to the top of the worktree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// What may not be touched; `!` makes an exception, the last match decides.
    pub deny: Vec<String>,
    /// When not empty, all that may be touched.
    pub allow: Vec<String>,
}

/// `[validation]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validation {
    /// Name of a command, or a command line.
    pub default: Option<String>,
    /// Commands by name.
    pub commands: BTreeMap<String, String>,
}

impl Validation {
    /// The command line that checks a run when nothing else is said.
    pub fn default_command(&self) -> Option<&str> {
        let default = self.default.as_ref()?;
        Some(self.commands.get(default).unwrap_or(default))
    }
}

/// `[worktree]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worktree {
    /// As written; see [`Config::worktrees_dir`].
    pub dir: Option<Utf8PathBuf>,
    /// Commands run in a new worktree.
    pub setup: Vec<String>,
    /// Files and folders copied into it.
    pub copy: Vec<Utf8PathBuf>,
    /// How long a finished worktree is kept.
    pub ttl_ms: u64,
}

/// `[completion]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// How a run ends; decided by its worktree when not set.
    pub mode: Option<CompletionMode>,
    /// The branch to merge into.
    pub target: Option<String>,
    /// How long git and the repository's hooks may take for a merge or a push.
    pub timeout_ms: u64,
}

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompletionMode {
    /// Into the target branch.
    Merge,
    /// As a pull request.
    Pr,
    /// As artifacts.
    Deliver,
    /// Not at all.
    None,
}

/// `[state]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// As written; see [`Config::state_dir`].
    pub dir: Option<Utf8PathBuf>,
}

/// A runtime as a user describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuntimeTable {
    /// Program and arguments; empty for a change of a built-in runtime.
    pub command: Vec<String>,
    /// Arguments added to the command line.
    pub args: Vec<String>,
    /// `stdin`, `arg` or `file`.
    pub prompt: Option<String>,
    /// Format of the output.
    pub output: Option<String>,
    /// Variables passed through besides the allow list.
    pub env: Vec<String>,
    /// Program and arguments that go on with a session.
    pub resume: Vec<String>,
    /// Arguments added when a model is asked for.
    pub model: Vec<String>,
    /// Arguments added when tools are offered over MCP.
    pub mcp: Vec<String>,
    /// Its own interactive session.
    pub chat: Vec<String>,
    /// `headless` or `live`.
    pub transport: Option<String>,
    /// The protocol in which it takes input while it works.
    pub live: Option<String>,
    /// Program and arguments for that.
    pub live_command: Vec<String>,
    /// Program and arguments that go on with a session in that way.
    pub live_resume: Vec<String>,
    /// Opens a session of an attempt in a terminal.
    pub attach: Vec<String>,
    /// Opens a new session in a terminal.
    pub interactive: Vec<String>,
    /// Program and arguments that print its version.
    pub version: Vec<String>,
    /// Variables that are set for it.
    pub set: BTreeMap<String, String>,
    /// Another path of a built-in program.
    pub program: Option<String>,
    /// Program and arguments that end well when somebody is logged in; an empty list asks nobody.
    pub login: Option<Vec<String>>,
    /// Arguments for each level of permission.
    pub permissions: BTreeMap<String, Vec<String>>,
    /// The same, where it takes input while it works.
    pub live_permissions: BTreeMap<String, Vec<String>>,
    /// In which form it is told of an MCP server.
    pub mcp_form: Option<String>,
    /// Variables that are set when tools are offered over MCP.
    pub mcp_set: BTreeMap<String, String>,
}

/// US dollars per million tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Price {
    /// Tokens in.
    pub input: f64,
    /// Tokens out.
    pub output: f64,
    /// Tokens read from the cache.
    pub cache: f64,
}

/// `[notify]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// Ring the terminal's bell.
    pub bell: bool,
    /// OSC 9 and OSC 777.
    pub terminal: bool,
    /// The desktop's own notifications.
    pub desktop: bool,
    /// A shell command that gets the notification.
    pub command: Option<String>,
    /// An address that gets the notification.
    pub webhook: Option<String>,
    /// How long each way of telling, hooks too, may take for one notification.
    pub timeout_ms: u64,
}

/// A command run on events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Event types; `*` stands for anything.
    pub on: Vec<String>,
    /// The shell command.
    pub command: String,
}

/// `[ui]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ui {
    /// `auto`, `dark` or `light`.
    pub theme: String,
    /// Plain characters only; decided by the locale when not set.
    pub ascii: Option<bool>,
    /// Keys by action.
    pub keys: BTreeMap<String, Vec<String>>,
}

impl Config {
    /// Every key with its value and origin, in the order of the preset.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Where configuration moves the run state of the project at `root`, if it does.
    pub fn state_dir(&self, root: &Utf8Path) -> Option<Utf8PathBuf> {
        Some(self.moved("state.dir", self.state.dir.as_deref()?, root))
    }

    /// Where configuration moves the worktrees of the project at `root`, if it does.
    pub fn worktrees_dir(&self, root: &Utf8Path) -> Option<Utf8PathBuf> {
        Some(self.moved("worktree.dir", self.worktree.dir.as_deref()?, root))
    }

    /// Variables and flags speak of one project; a folder in the user's file is shared by all, so each gets its own part.
    fn moved(&self, key: &str, dir: &Utf8Path, root: &Utf8Path) -> Utf8PathBuf {
        let dir = root.join(dir);
        let is_shared = matches!(self.origins.of(key), [Origin::User(..)])
            && !is_inside(dir.strip_prefix(root).unwrap_or("".into()));
        if !is_shared {
            return dir;
        }
        let name = root.file_name().and_then(slug::slug).unwrap_or_else(|| "project".to_owned());
        let hash = blake3::hash(root.as_str().as_bytes()).to_hex();
        dir.join(format!("{name}-{}", &hash[..8]))
    }
}
