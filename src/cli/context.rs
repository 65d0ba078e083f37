//! What every verb is given: where it writes, how, and the project it works on.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use camino::{Utf8Path, Utf8PathBuf};

use super::exit::Exit;
use super::report::{CliError, Result};
use crate::base::{RunNumber, Time, text};
use crate::client::find::{find_run, plain_number};
use crate::client::recover::Keeper;
use crate::client::{Workspace, WorkspaceError};
use crate::config::{Config, Environment, Overrides};
use crate::launch::session::Doors;
use crate::ledger::Ledger;
use crate::store::{Project, ProjectDir};

/// What every verb is given.
pub struct Context {
    /// The variables of the process.
    pub env: Environment,
    /// The folder in which the command was given.
    pub cwd: PathBuf,
    /// `--project`.
    pub project_flag: Option<Utf8PathBuf>,
    /// Data goes here.
    pub out: Box<dyn Write>,
    /// Talk goes here.
    pub err: Box<dyn Write>,
    /// `--json`.
    pub json: bool,
    /// `--quiet`.
    pub quiet: bool,
    /// `--yes`.
    pub yes: bool,
    /// Stops the live attempts of a run whose log cannot be written; returns how many.
    pub kill: fn(&Ledger) -> usize,
    /// Whether attempts can be started where the configuration wants them, given a folder that both sides must
    /// see; nothing when that is this machine.
    pub elsewhere: fn(&Config, &Utf8Path) -> Option<std::result::Result<String, String>>,
    /// Opens sessions of people in tasks.
    pub sessions: Doors,
    /// Opens the dashboard, with this run under the cursor; returns how many runs live when it is closed.
    pub dashboard: fn(Workspace, Option<RunNumber>, bool) -> std::io::Result<usize>,
    /// Whether supervisors that runs have lost are started again.
    pub recovers: bool,
    /// Does so, for verbs that stay.
    pub keeper: Keeper,
    /// Whether the output goes to a terminal.
    pub out_is_terminal: bool,
    /// Whether the output may be coloured.
    pub color: bool,
    /// The moment at which the command was given.
    pub now: Time,
    /// Tells the time, for verbs that wait; it never goes backwards.
    pub clock: Box<dyn Fn() -> Time>,
}

impl Context {
    /// Opens the project without values from flags.
    ///
    /// # Errors
    /// The folder or the configuration is not usable.
    pub fn workspace(&self) -> Result<Workspace> {
        self.workspace_with(&Overrides::default())
    }

    /// Opens the project with values from flags.
    ///
    /// # Errors
    /// The folder or the configuration is not usable.
    pub fn workspace_with(&self, overrides: &Overrides) -> Result<Workspace> {
        let opened: std::result::Result<Workspace, WorkspaceError> =
            Workspace::open(self.env.clone(), &self.cwd, self.project_flag.as_deref(), overrides);
        Ok(opened?)
    }

    /// Starts supervisors that runs have lost; called again and again by verbs that stay.
    ///
    /// # Errors
    /// Standard error is gone.
    pub fn look_after(&mut self, workspace: &Workspace) -> Result<()> {
        if self.recovers {
            for line in self.keeper.look(workspace, (self.clock)()) {
                self.say(&line)?;
            }
        }
        Ok(())
    }

    /// Where the project's files are.
    ///
    /// # Errors
    /// The folder is not usable, or the configuration where it has to be read.
    pub fn project_dir(&self) -> Result<ProjectDir> {
        Ok(Workspace::locate(&self.env, &self.cwd, self.project_flag.as_deref())?)
    }

    /// Finds a run by what a person typed, and opens it.
    ///
    /// # Errors
    /// There is no such run, or its log cannot be read.
    pub fn run(&self, workspace: &Workspace, wanted: &str) -> Result<(RunNumber, Ledger)> {
        open_in(&workspace.dir, wanted)
    }

    /// Finds and opens a run without reading more of the configuration than leads to it.
    ///
    /// # Errors
    /// There is no such run, or its log cannot be read.
    pub fn run_quickly(&self, wanted: &str) -> Result<(ProjectDir, Ledger)> {
        let dir = self.project_dir()?;
        let (_, ledger) = open_in(&dir, wanted)?;
        Ok((dir, ledger))
    }

    /// Tells on standard error that a run's log is damaged, or that a newer version wrote it.
    ///
    /// Returns the exit code of a verb that would have ended with `exit`.
    ///
    /// # Errors
    /// Standard error is gone.
    pub fn check_health(&mut self, ledger: &Ledger, exit: Exit) -> Result<Exit> {
        let number = ledger.state().created.number;
        if let Some(damage) = &ledger.health().damage {
            self.report_damage(number, &damage.to_string())?;
            return Ok(Exit::Io);
        }
        if let Some(why) = &ledger.health().read_only {
            self.say(&format!("note: run #{number} can only be read: {why}"))?;
        }
        Ok(exit)
    }

    /// Tells on standard error where a run's log is damaged.
    ///
    /// # Errors
    /// Standard error is gone.
    pub fn report_damage(&mut self, number: RunNumber, damage: &str) -> Result<()> {
        let error = CliError::new(Exit::Io, "damaged", damage)
            .hinted(format!("what is shown stands for the lines before; `crew verify {number}`"));
        Ok(error.write(self.json, &mut self.err)?)
    }

    /// Whether a person can be asked: both ends of the conversation are terminals.
    pub fn is_interactive(&self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal() && !self.json
    }

    /// Writes one JSON document and a newline.
    ///
    /// # Errors
    /// Nobody reads, or the disk is full.
    pub fn write_json<T: serde::Serialize>(&mut self, document: &T) -> Result<()> {
        let text = serde_json::to_string(document)
            .map_err(|error| CliError::new(Exit::Io, "io", error.to_string()))?;
        writeln!(self.out, "{text}")?;
        Ok(())
    }

    /// Says something to the person, unless `--quiet` or `--json`.
    ///
    /// # Errors
    /// Standard error is gone.
    pub fn say(&mut self, said: &str) -> Result<()> {
        if !self.quiet && !self.json {
            writeln!(self.err, "{}", text::printable(said))?;
        }
        Ok(())
    }
}

fn open_in(dir: &ProjectDir, wanted: &str) -> Result<(RunNumber, Ledger)> {
    // A number that has a log needs no list of all runs; everything else is found with it.
    let plain = plain_number(wanted).filter(|number| dir.run(*number).events().exists());
    let number = match plain {
        Some(number) => number,
        None => find_run(&Project::open(dir.clone())?, wanted)?,
    };
    Ok((number, Ledger::open(dir.run(number))?))
}
