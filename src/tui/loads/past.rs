//! Runs as they were: states kept at some events of a log, so that any moment is a short way from one of them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::super::world::{RunView, StoryLine};
use crate::base::{RunNumber, text};
use crate::engine::State;
use crate::event::Record;
use crate::store::{Cursor, LogError, LogReader, ProjectDir};

/// Lines of the story that go with a moment.
const STORY_LINES: usize = 400;
/// States that are kept of a run; when there are more, every second one is let go of.
const MARKS_MAX: usize = 48;
/// Events between two states at first.
const STRIDE: u64 = 512;

/// The past of the runs that are replayed.
#[derive(Default)]
pub(super) struct Pasts(BTreeMap<RunNumber, Past>);

/// The past of one run, as far as it was looked at.
struct Past {
    /// States by the number of their last event.
    marks: BTreeMap<u64, (Arc<State>, Cursor)>,
    stride: u64,
}

impl Pasts {
    /// A run as it was after an event.
    pub(super) fn at(
        &mut self,
        dir: &ProjectDir,
        run: RunNumber,
        seq: u64,
    ) -> Result<RunView, String> {
        let path = dir.run(run).events();
        let past = self.0.entry(run).or_insert_with(Past::new);
        let found = match past.at(&path, seq) {
            // What was kept is of a log that is no more.
            Err(LogError::Rewound(_)) => {
                *past = Past::new();
                past.at(&path, seq)
            }
            found => found,
        };
        let (state, story) = found.map_err(|error| text::error_chain(&error))?;
        let state = state.ok_or_else(|| format!("`{path}` does not begin with a run"))?;
        Ok(RunView::past(&state, story, state.updated_at))
    }

    /// Lets go of runs that are not replayed any more.
    pub(super) fn retain(&mut self, is_wanted: impl Fn(RunNumber) -> bool) {
        self.0.retain(|run, _| is_wanted(*run));
    }
}

impl Past {
    fn new() -> Self {
        Self { marks: BTreeMap::new(), stride: STRIDE }
    }

    /// The state after an event and the lines of what happened before it.
    fn at(
        &mut self,
        path: &camino::Utf8Path,
        seq: u64,
    ) -> Result<(Option<State>, Vec<StoryLine>), LogError> {
        let known = self.marks.range(..=seq).next_back();
        let mut state = known.map(|(_, (state, _))| State::clone(state));
        let from = state.as_ref().map_or(0, |state| state.seq);
        // The story begins before the state that is nearest.
        let first = seq.saturating_sub(STORY_LINES as u64);
        let begin = self.marks.range(..=first).next_back();
        let mut reader = match begin {
            Some((_, (_, cursor))) => LogReader::at(path, *cursor),
            None => LogReader::open(path),
        };
        let mut story = VecDeque::new();
        // Read in strides, so that what is passed is kept.
        loop {
            let at = reader.cursor().chain.seq;
            let next = (at / self.stride + 1) * self.stride;
            let found = reader.catch_up_to(next.min(seq), |record| {
                if record.seq > from {
                    take(&mut state, &record);
                }
                if record.seq > first {
                    story.push_back(StoryLine::of(&record));
                }
            })?;
            let now = reader.cursor();
            if let Some(state) = &state
                && state.seq == now.chain.seq
                && now.chain.seq == next
            {
                self.keep(state, now);
            }
            if now.chain.seq >= seq || found.records == 0 {
                return Ok((state, story.into()));
            }
        }
    }

    fn keep(&mut self, state: &State, cursor: Cursor) {
        self.marks.entry(state.seq).or_insert_with(|| (Arc::new(state.clone()), cursor));
        if self.marks.len() > MARKS_MAX {
            self.stride *= 2;
            let stride = self.stride;
            self.marks.retain(|seq, _| seq % stride == 0);
        }
    }
}

fn take(state: &mut Option<State>, record: &Record) {
    match state {
        None => *state = State::begin(record),
        Some(state) => state.apply_record(record),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Time;
    use crate::event::{Actor, Body};
    use crate::ledger::Ledger;
    use crate::snapshot::sample;

    /// A project with a run that has many events.
    fn project(dir: &camino::Utf8Path) -> (ProjectDir, u64) {
        let project = ProjectDir::new(dir.to_owned(), None, None);
        let (state, records) = sample::records(sample::started());
        let events: Vec<(Actor, u32, Body)> = records
            .iter()
            .map(|record| (record.actor.clone(), record.epoch, record.body.clone()))
            .collect();
        let mut log = events.clone();
        // Events that can come any number of times.
        let again = events.last().cloned().expect("a run has events");
        log.extend(std::iter::repeat_n(again, 3_000));
        let run = project.run(state.created.number);
        Ledger::create(run, Time(1), log.clone()).expect("the run is written");
        (project, log.len() as u64)
    }

    #[test]
    fn every_moment_is_the_one_that_folding_from_the_first_event_gives() {
        let temp = tempfile::tempdir().unwrap();
        let root = camino::Utf8Path::from_path(temp.path()).unwrap();
        let (project, last) = project(root);
        let number = RunNumber(sample::running().created.number.0);
        let mut pasts = Pasts::default();
        // There and back, in long and short steps.
        for seq in [last - 1, 1, 700, 699, 701, 2_048, 2_049, last, 513, 512, 3] {
            let view = pasts.at(&project, number, seq).unwrap();
            let whole = Ledger::open_at(project.run(number), seq).unwrap();
            assert_eq!(view.status.version, seq);
            let expected = RunView::past(whole.state(), view.story.clone(), view.status.now);
            assert_eq!(view.status, expected.status, "event {seq}");
            assert_eq!(view.story.len() as u64, seq.min(STORY_LINES as u64));
            assert_eq!(view.story.last().unwrap().seq, seq);
        }
        assert!(pasts.0[&number].marks.len() > 3);
    }

    #[test]
    fn few_states_are_kept_of_a_long_log() {
        let mut past = Past::new();
        let state = sample::running();
        for mark in 1..=1_000_u64 {
            let mut state = state.clone();
            state.seq = mark * past.stride;
            past.keep(&state, Cursor::default());
        }
        assert!(past.marks.len() <= MARKS_MAX && past.marks.len() > MARKS_MAX / 4);
    }
}
