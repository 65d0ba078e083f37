//! The list of all runs: rows from snapshots, read again only where a log has grown.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;

use super::super::world::RunItem;
use super::followed::Followed;
use crate::base::{RunNumber, Time, text};
use crate::client::rows::rows;
use crate::snapshot::RunRow;
use crate::store::{Project, ProjectDir};

/// Milliseconds between two looks at the logs of runs that have ended.
const ENDED_LOOK_MS: u64 = 10_000;

/// All runs of a project.
pub(super) struct Listing {
    dir: ProjectDir,
    items: BTreeMap<RunNumber, (u64, RunItem)>,
    looked_at: Option<Time>,
    project: Option<String>,
    problem: Option<String>,
}

impl Listing {
    pub(super) fn new(dir: ProjectDir) -> Self {
        Self { dir, items: BTreeMap::new(), looked_at: None, project: None, problem: None }
    }

    /// Reads what is new; whether anything looks different.
    ///
    /// Runs that are followed are not read here: what is known of them comes by [`Listing::put`].
    pub(super) fn look(&mut self, followed: &BTreeMap<RunNumber, Followed>, now: Time) -> bool {
        match self.read(followed, now) {
            Ok(changed) => changed | self.problem.take().is_some(),
            Err(problem) => {
                let problem = Some(problem);
                let changed = problem != self.problem;
                self.problem = problem;
                changed
            }
        }
    }

    fn read(
        &mut self,
        followed: &BTreeMap<RunNumber, Followed>,
        now: Time,
    ) -> Result<bool, String> {
        let project = Project::open(self.dir.clone()).map_err(|error| text::error_chain(&error))?;
        self.project = Some(project.slug().to_owned());
        let numbers = project.runs().map_err(|error| text::error_chain(&error))?;
        let looks_at_ended = self.looked_at.is_none_or(|at| now.since_ms(at) >= ENDED_LOOK_MS);
        if looks_at_ended {
            self.looked_at = Some(now);
        }
        let known = self.items.len();
        self.items.retain(|number, _| numbers.binary_search(number).is_ok());
        let mut changed = self.items.len() != known;
        let mut due = Vec::new();
        let mut sizes = Vec::new();
        for number in numbers {
            let known = self.items.get(&number);
            let is_ended = known.is_some_and(|(_, item)| {
                item.row.as_ref().is_ok_and(|row| row.status.is_terminal())
            });
            if (is_ended && !looks_at_ended) || followed.contains_key(&number) {
                continue;
            }
            let events = self.dir.run(number).events();
            // A run whose log is not there yet is no run yet.
            let Ok(size) = events.symlink_metadata().map(|file| file.len()) else { continue };
            if known.is_none_or(|(seen, _)| *seen != size) {
                due.push(number);
                sizes.push(size);
            }
        }
        for (listed, size) in rows(&project, &due, now).into_iter().zip(sizes) {
            if listed.row.as_ref().is_err_and(crate::ledger::OpenError::is_missing) {
                continue;
            }
            let row = listed.row.map_err(|error| text::error_chain(&error));
            let item = RunItem { number: listed.number, row, damage: listed.damage };
            self.items.insert(listed.number, (size, item));
            changed = true;
        }
        Ok(changed)
    }

    /// Takes over what is known of a run that is followed.
    pub(super) fn put(&mut self, number: RunNumber, row: RunRow) {
        if let Some((_, item)) = self.items.get_mut(&number) {
            item.row = Ok(row);
        }
    }

    /// The runs, the oldest first.
    pub(super) fn runs(&self) -> impl Iterator<Item = &RunItem> {
        self.items.values().map(|(_, item)| item)
    }

    /// Name of the project, once it was read.
    pub(super) fn project(&self) -> Option<&str> {
        self.project.as_deref()
    }

    /// Why the runs cannot be read.
    pub(super) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Files that change when there are new runs.
    pub(super) fn files(&self) -> [Utf8PathBuf; 1] {
        [self.dir.project_json()]
    }
}
