//! The project that a command works on: its files, its configuration, and who gives the command.

use std::path::Path;

use camino::Utf8Path;

use crate::base::RunNumber;
use crate::base::flow::MemoryScope;
use crate::config::{Config, ConfigError, Environment, Overrides, Problem};
use crate::event::Actor;
use crate::ledger::{Ledger, OpenError};
use crate::store::memory::{Homes, Memory};
use crate::store::{DiscoverError, Found, Project, ProjectDir, ProjectError, discover};

/// An open project.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// The variables of the process.
    pub env: Environment,
    /// Where the project is.
    pub found: Found,
    /// The configuration that holds here.
    pub config: Config,
    /// What of the configuration was ignored.
    pub warnings: Vec<Problem>,
    /// The project's own files.
    pub dir: ProjectDir,
}

/// Why a project cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// There is no such folder, or its checkout is broken.
    #[error(transparent)]
    Discover(#[from] DiscoverError),
    /// The configuration is invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The project's state cannot be read or made.
    #[error(transparent)]
    Project(#[from] ProjectError),
}

impl Workspace {
    /// Opens the project of `cwd`, or of the folder that `--project` names; creates nothing.
    ///
    /// # Errors
    /// The folder or the configuration is not usable.
    pub fn open(
        env: Environment,
        cwd: &Path,
        flag: Option<&Utf8Path>,
        overrides: &Overrides,
    ) -> Result<Self, WorkspaceError> {
        let found = discover(cwd, flag)?;
        let (config, warnings) = Config::load(&env, Some(&found.root), overrides).valid()?;
        let state = config.state_dir(&found.root);
        let worktrees = config.worktrees_dir(&found.root);
        let dir = ProjectDir::new(found.root.clone(), state, worktrees);
        Ok(Self { env, found, config, warnings, dir })
    }

    /// Where the files of a project are, reading no more of the configuration than decides that.
    ///
    /// Nearly nobody moves the state of runs, and reading all layers takes longer than showing a run.
    ///
    /// # Errors
    /// The folder is not usable, or the configuration where it has to be read.
    pub fn locate(
        env: &Environment,
        cwd: &Path,
        flag: Option<&Utf8Path>,
    ) -> Result<ProjectDir, WorkspaceError> {
        if may_move_state(env) {
            return Ok(Self::open(env.clone(), cwd, flag, &Overrides::default())?.dir);
        }
        Ok(ProjectDir::new(discover(cwd, flag)?.root, None, None))
    }

    /// The project's counters, read; a project without runs has none yet.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn project(&self) -> Result<Project, ProjectError> {
        Project::open(self.dir.clone())
    }

    /// Opens a run.
    ///
    /// # Errors
    /// Its log cannot be read.
    pub fn run(&self, number: RunNumber) -> Result<Ledger, OpenError> {
        Ledger::open(self.dir.run(number))
    }

    /// The memory file of an agent, as a run that works in the project's folder would show it.
    pub fn memory(&self, scope: MemoryScope, agent: &str) -> Memory {
        let (user, root) = (self.env.config_dir(), &self.found.root);
        Memory::load(scope, agent, &Homes { user: user.as_deref(), root, work: root })
    }

    /// The person at this terminal, as the log names them.
    pub fn human(&self) -> Actor {
        Actor::Human(self.env.user().unwrap_or("unknown").to_owned())
    }
}

/// Whether a variable or the user's file could move the state; a project's file may not.
fn may_move_state(env: &Environment) -> bool {
    if env.variables().any(|(name, _)| name.starts_with("CREW_STATE")) {
        return true;
    }
    let Some(folder) = env.config_dir() else { return false };
    match std::fs::read_to_string(folder.join("config.toml")) {
        Ok(text) => text.contains("state"),
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}
