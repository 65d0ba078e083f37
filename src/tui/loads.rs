//! The thread that loads what is looked at: files, output of commands, the past.
//!
//! What is no longer looked at is let go of. What may have changed is loaded again when the run did.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvError, Sender, TryRecvError};

mod outputs;
mod past;
mod sessions;

use self::outputs::Outputs;
use self::past::Pasts;
use super::calls::Runner;
use super::library::Library;
use super::screen::runs::projects::ProjectRuns;
use super::want::{AttemptRef, Loaded, Want};
use super::world::RunItem;
use crate::base::{RunNumber, redact, text};
use crate::client::Workspace;
use crate::client::briefing::Briefing;
use crate::client::{Listed, patch, projects};
use crate::clock::Clock;
use crate::config::Environment;
use crate::ledger::Ledger;
use crate::snapshot::DecisionRow;
use crate::store::{ProjectDir, files};

/// Bytes of a prompt that are read.
const PROMPT_BYTES_MAX: u64 = 4 << 20;

/// What the thread is told: what is looked at, and the newest event of each run.
pub(super) type Looked = (BTreeSet<Want>, BTreeMap<RunNumber, u64>);

/// What the thread is told.
#[derive(Debug, Clone)]
pub(super) enum Ask {
    /// What is looked at now.
    Looked(Looked),
    /// A file that is read has changed.
    Changed,
    /// Nobody listens any more.
    Quit,
}

/// Loads what is looked at.
pub(super) struct Loader {
    env: Environment,
    clock: Clock,
    dir: ProjectDir,
    runner: Runner,
    library: Library,
    known: BTreeMap<Want, u64>,
    outputs: Outputs,
    pasts: Pasts,
}

impl Loader {
    /// A loader for a project; `sender` is the other end of what it is told, for notifications.
    pub(super) fn new(workspace: &Workspace, runner: Runner, sender: Sender<Ask>) -> Self {
        let dir = workspace.dir.clone();
        let ask = move |ask| {
            // Nobody waits any more when the receiver is gone.
            drop(sender.send(ask));
        };
        let outputs = Outputs::new(dir.clone(), workspace.config.clone(), ask);
        let library = Library::of(workspace);
        let pasts = Pasts::default();
        let (env, clock) = (workspace.env.clone(), Clock::start());
        Self { env, clock, dir, runner, library, known: BTreeMap::new(), outputs, pasts }
    }

    /// Loads until nobody asks any more; `publish` returns whether somebody listens.
    pub(super) fn run(
        mut self,
        told: &Receiver<Ask>,
        mut publish: impl FnMut(Want, Result<Loaded, String>) -> bool,
    ) {
        let mut looked = Looked::default();
        let mut goes_on = false;
        while self.hear(told, &mut looked, goes_on) {
            goes_on = false;
            for want in &looked.0 {
                let stamp = stamp(want, &looked.1);
                // Somebody may have written into a file of a workflow.
                let is_file = matches!(want, Want::Workflows | Want::Workflow(_) | Want::Projects);
                let is_known = !is_file && self.known.get(&want.subject()) == Some(&stamp);
                let loaded = match want {
                    Want::Transcript { .. } | Want::Found { .. } => {
                        let (loaded, more) = self.outputs.look(want, is_known);
                        goes_on |= more;
                        loaded
                    }
                    _ if is_known => None,
                    Want::Attempt(_) => self.outputs.look(want, is_known).0,
                    _ => Some(self.load(want)),
                };
                self.known.insert(want.subject(), stamp);
                if let Some(loaded) = loaded
                    && !publish(want.clone(), loaded)
                {
                    return;
                }
            }
        }
    }

    /// Waits until there is something to do, unless something goes on; whether anybody listens.
    fn hear(&mut self, told: &Receiver<Ask>, looked: &mut Looked, goes_on: bool) -> bool {
        let mut first = match (goes_on, told.try_recv()) {
            (_, Ok(ask)) => Some(ask),
            (true, Err(TryRecvError::Empty)) => None,
            (false, Err(TryRecvError::Empty)) => match told.recv() {
                Ok(ask) => Some(ask),
                Err(RecvError) => return false,
            },
            (_, Err(TryRecvError::Disconnected)) => return false,
        };
        // Only what is looked at now counts.
        while let Some(ask) = first.take().or_else(|| told.try_recv().ok()) {
            match ask {
                Ask::Looked(newer) => {
                    let subjects: BTreeSet<Want> = newer.0.iter().map(Want::subject).collect();
                    self.known.retain(|want, _| subjects.contains(want));
                    self.outputs.retain(&newer.0);
                    let is_past = |want: &Want, number| matches!(want, Want::Past { run, .. } if *run == number);
                    self.pasts.retain(|run| newer.0.iter().any(|want| is_past(want, run)));
                    *looked = newer;
                }
                Ask::Changed => {}
                Ask::Quit => return false,
            }
        }
        true
    }

    fn load(&mut self, want: &Want) -> Result<Loaded, String> {
        match want {
            Want::Prompt { run, task, attempt } => {
                let path = self.dir.run(*run).attempt(task, *attempt).prompt();
                let prompt = files::read_text_capped(&path, PROMPT_BYTES_MAX)
                    .map_err(|error| text::error_chain(&error))?;
                Ok(Loaded::Text(redact::redact(&prompt).into_owned().into()))
            }
            Want::Output(args) => Ok(Loaded::Output(Arc::new(self.runner.run(args, None)))),
            Want::Workflows => Ok(Loaded::Workflows(Arc::new(self.library.list()))),
            Want::Projects => Ok(Loaded::Projects(Arc::new(self.projects()))),
            Want::Workflow(name) => Ok(Loaded::Workflow(Arc::new(self.library.page(name)?))),
            Want::Briefing { run, id } => self.briefing(*run, id),
            Want::Patch { run, task } => {
                let ledger = self.ledger(*run)?;
                let patch = patch::read(&ledger, task.as_ref())
                    .map_err(|error| text::error_chain(&error))?;
                Ok(Loaded::Patch(Arc::new(patch)))
            }
            Want::Past { run, seq } => {
                let past = self.pasts.at(&self.dir, *run, *seq)?;
                Ok(Loaded::Past(Arc::new(past)))
            }
            Want::Transcript { .. } | Want::Found { .. } | Want::Attempt(_) => {
                Err("it is read by itself".to_owned())
            }
        }
    }

    fn projects(&self) -> Vec<ProjectRuns> {
        let known = projects::all(&self.env, self.clock.now());
        let item = |listed: Listed| RunItem {
            number: listed.number,
            row: listed.row.map_err(|error| text::error_chain(&error)),
            damage: listed.damage,
        };
        let runs = |known: projects::Known| ProjectRuns {
            root: known.root,
            name: known.slug,
            runs: known.runs.map(|runs| runs.into_iter().map(item).collect()),
        };
        known.into_iter().map(runs).collect()
    }

    fn ledger(&self, run: RunNumber) -> Result<Ledger, String> {
        Ledger::open(self.dir.run(run)).map_err(|error| text::error_chain(&error))
    }

    fn briefing(&self, run: RunNumber, id: &str) -> Result<Loaded, String> {
        let ledger = self.ledger(run)?;
        let state = ledger.state();
        let rows = DecisionRow::all(state, state.updated_at);
        let row = rows.into_iter().find(|row| row.id == id);
        let row = row.ok_or_else(|| format!("`{id}` of run #{run} is not asked any more"))?;
        Ok(Loaded::Briefing(Arc::new(Briefing::of(&ledger, &row))))
    }
}

/// What a wanted thing depends on: it is loaded again when that changes.
fn stamp(want: &Want, versions: &BTreeMap<RunNumber, u64>) -> u64 {
    match want {
        Want::Prompt { run, .. }
        | Want::Attempt(AttemptRef { run, .. })
        | Want::Briefing { run, .. }
        | Want::Patch { run, .. } => versions.get(run).copied().unwrap_or(0),
        Want::Workflows
        | Want::Projects
        | Want::Workflow(_)
        | Want::Output(_)
        | Want::Past { .. }
        | Want::Transcript { .. }
        | Want::Found { .. } => 0,
    }
}
