//! The thread that loads what is looked at: files, output of commands, the past.
//!
//! What is no longer looked at is let go of. What may have changed is loaded again when the run did.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use super::calls::Runner;
use super::library::Library;
use super::want::{Loaded, Want};
use super::world::{RunView, StoryLine};
use crate::base::{RunNumber, redact, text};
use crate::ledger::Ledger;
use crate::store::{ProjectDir, files, tail};

/// Bytes of a prompt that are read.
const PROMPT_BYTES_MAX: u64 = 4 << 20;
/// Lines of the story that go with a past moment.
const STORY_LINES: usize = 400;

/// What the thread is told: what is looked at, and the newest event of each run.
pub(super) type Looked = (BTreeSet<Want>, BTreeMap<RunNumber, u64>);

/// Loads what is looked at.
pub(super) struct Loader {
    dir: ProjectDir,
    runner: Runner,
    library: Library,
    known: BTreeMap<Want, u64>,
}

impl Loader {
    pub(super) fn new(dir: ProjectDir, runner: Runner, library: Library) -> Self {
        Self { dir, runner, library, known: BTreeMap::new() }
    }

    /// Loads until nobody asks any more; `publish` returns whether somebody listens.
    pub(super) fn run(
        mut self,
        told: &Receiver<Looked>,
        mut publish: impl FnMut(Want, Result<Loaded, String>) -> bool,
    ) {
        while let Ok(mut looked) = told.recv() {
            // Only what is looked at now counts.
            while let Ok(newer) = told.try_recv() {
                looked = newer;
            }
            let (wants, versions) = looked;
            self.known.retain(|want, _| wants.contains(want));
            for want in wants {
                let stamp = stamp(&want, &versions);
                // Somebody may have written into a file.
                let may_differ = matches!(want, Want::Workflows | Want::Workflow(_));
                if !may_differ && self.known.get(&want) == Some(&stamp) {
                    continue;
                }
                let loaded = self.load(&want);
                self.known.insert(want.clone(), stamp);
                if !publish(want, loaded) {
                    return;
                }
            }
        }
    }

    fn load(&self, want: &Want) -> Result<Loaded, String> {
        match want {
            Want::Prompt { run, task, attempt } => {
                let path = self.dir.run(*run).attempt(task, *attempt).prompt();
                let prompt = files::read_text_capped(&path, PROMPT_BYTES_MAX)
                    .map_err(|error| text::error_chain(&error))?;
                Ok(Loaded::Text(redact::redact(&prompt).into_owned().into()))
            }
            Want::Output(args) => Ok(Loaded::Output(Arc::new(self.runner.run(args, None)))),
            Want::Workflows => Ok(Loaded::Workflows(Arc::new(self.library.list()))),
            Want::Workflow(name) => Ok(Loaded::Workflow(Arc::new(self.library.page(name)?))),
            Want::Past { run, seq } => self.past(*run, *seq),
        }
    }

    fn past(&self, run: RunNumber, seq: u64) -> Result<Loaded, String> {
        let told = |error: &dyn std::error::Error| text::error_chain(error);
        let ledger = Ledger::open_at(self.dir.run(run), seq).map_err(|error| told(&error))?;
        let state = ledger.state();
        let records =
            tail::last_records(ledger.dir().events(), usize::MAX).map_err(|error| told(&error))?;
        let mut story: Vec<StoryLine> =
            records.iter().filter(|record| record.seq <= seq).map(StoryLine::of).collect();
        story.drain(..story.len().saturating_sub(STORY_LINES));
        let moment = state.updated_at;
        Ok(Loaded::Past(Arc::new(RunView::past(state, story, moment))))
    }
}

/// What a wanted thing depends on: it is loaded again when that changes.
fn stamp(want: &Want, versions: &BTreeMap<RunNumber, u64>) -> u64 {
    match want {
        Want::Prompt { run, .. } => versions.get(run).copied().unwrap_or(0),
        Want::Output(_) | Want::Workflows | Want::Workflow(_) | Want::Past { .. } => 0,
    }
}
