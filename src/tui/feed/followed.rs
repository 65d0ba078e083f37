//! One run that is followed: its folded state, and what its live attempts print.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use camino::Utf8PathBuf;

use super::super::world::{RunView, StoryLine, TaskRef};
use super::activity::Reader;
use crate::base::{RunNumber, TaskId, Time, limits};
use crate::client::processes::{Machine, Process, processes};
use crate::client::radar::conflicts;
use crate::client::transcript::Formats;
use crate::client::{explain, view as seen};
use crate::ledger::Ledger;
use crate::store::{ProjectDir, tail};

/// Lines of a run's story that are kept, the newest.
const STORY_LINES: usize = 400;

/// One run that is followed.
pub(super) struct Followed {
    project: ProjectDir,
    ledger: Ledger,
    story: Vec<StoryLine>,
    readers: BTreeMap<TaskId, Reader>,
    view: Option<Arc<RunView>>,
    /// For what the view was built last, and when.
    built: Option<(u64, BTreeSet<TaskRef>, Time)>,
    lost: Option<String>,
}

impl Followed {
    /// Opens a run; nothing when it cannot be read, which its row says.
    pub(super) fn open(project: &ProjectDir, number: RunNumber) -> Option<Self> {
        let ledger = Ledger::open(project.run(number)).ok()?;
        let last = tail::last_records(ledger.dir().events(), STORY_LINES).unwrap_or_default();
        let known = ledger.state().seq;
        // What came between the two readings comes again with the next look.
        let story = last.iter().filter(|record| record.seq <= known).map(StoryLine::of).collect();
        let project = project.clone();
        Some(Self {
            project,
            ledger,
            story,
            readers: BTreeMap::new(),
            view: None,
            built: None,
            lost: None,
        })
    }

    /// Reads what is new; whether anything looks different.
    pub(super) fn look(
        &mut self,
        looked: &BTreeSet<TaskRef>,
        formats: &Formats,
        now: Time,
    ) -> bool {
        let story = &mut self.story;
        let read = self.ledger.refresh_with(|record| story.push(StoryLine::of(record)));
        self.lost = read.err().map(|error| crate::base::text::error_chain(&error));
        let surplus = self.story.len().saturating_sub(STORY_LINES);
        self.story.drain(..surplus);
        self.read_attempts(formats, now);
        let mine: BTreeSet<TaskRef> =
            looked.iter().filter(|one| one.run == self.number()).cloned().collect();
        let seq = self.ledger.state().seq;
        let is_same = self.built.as_ref().is_some_and(|(known, looked, at)| {
            *known == seq && *looked == mine && now.since_ms(*at) < limits::SAFETY_POLL_MS
        });
        // Nothing that does not live changes by itself, but that its supervisor may have died.
        if is_same && !self.lives() && self.lost.is_none() {
            return false;
        }
        let new = self.build(&mine, now);
        self.built = Some((seq, mine, now));
        let changed = self.view.as_ref().is_none_or(|old| !old.looks_like(&new));
        if changed {
            self.view = Some(Arc::new(new));
        }
        changed
    }

    fn build(&self, looked: &BTreeSet<TaskRef>, now: Time) -> RunView {
        let state = self.ledger.state();
        let why = explain(&self.ledger, None, now);
        let mut view = RunView::of(seen(&self.ledger, now), state, self.story.clone(), why);
        view.status.conflicts = conflicts(&self.project, state);
        for task in looked.iter().filter_map(|looked| looked.task.as_ref()) {
            view.whys.insert(task.clone(), explain(&self.ledger, Some(task), now));
        }
        view.activity =
            self.readers.iter().map(|(task, reader)| (task.clone(), reader.activity())).collect();
        let health = self.ledger.health();
        let damage = health.damage.as_ref().map(ToString::to_string);
        view.damage = self.lost.clone().or(damage).or_else(|| health.read_only.clone());
        view
    }

    /// Reads what the live attempts have printed.
    fn read_attempts(&mut self, formats: &Formats, now: Time) {
        let state = self.ledger.state();
        let mut live = BTreeSet::new();
        for (ix, attempt) in state.live() {
            let task = state.task_id(ix);
            let known = self.readers.get(&task).is_some_and(|reader| reader.is_of(attempt.number));
            if !known {
                let dir = self.ledger.dir().attempt(&task, attempt.number);
                let format = formats.of_attempt(&dir, &attempt.runtime);
                let reader = Reader::open(dir.stdout(), format, attempt.number);
                self.readers.insert(task.clone(), reader);
            }
            live.insert(task);
        }
        self.readers.retain(|task, _| live.contains(task));
        for reader in self.readers.values_mut() {
            reader.read(now);
        }
    }

    /// What is known of the run.
    pub(super) fn view(&self) -> Arc<RunView> {
        Arc::clone(self.view.as_ref().expect("a followed run was looked at before it is shown"))
    }

    pub(super) fn number(&self) -> RunNumber {
        self.ledger.state().created.number
    }

    /// Whether something of it may change by time alone.
    pub(super) fn lives(&self) -> bool {
        self.ledger.state().live_count() > 0
    }

    /// Whether processes of it live.
    pub(super) fn is_driven(&self) -> bool {
        let view = self.view.as_ref();
        self.lives() || view.is_some_and(|view| view.status.run.supervisor.live)
    }

    /// How many attempts are live.
    pub(super) fn live(&self) -> usize {
        self.ledger.state().live_count()
    }

    /// Its processes.
    pub(super) fn processes(&self, machine: &Machine) -> Vec<Process> {
        processes(self.ledger.dir(), self.ledger.state(), machine)
    }

    /// Tokens that it has used.
    pub(super) fn tokens(&self) -> u64 {
        let usage = &self.ledger.state().usage;
        usage.input_tokens + usage.output_tokens
    }

    /// Files that change when it does.
    pub(super) fn files(&self) -> Vec<Utf8PathBuf> {
        let mut files = vec![self.ledger.dir().events()];
        files.extend(self.readers.values().map(|reader| reader.path().to_owned()));
        files
    }
}
