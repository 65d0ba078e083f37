//! What attempts print, as far as it is looked at: windows that follow the files, and searches that go on in steps.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use camino::Utf8PathBuf;

use super::super::want::{AttemptFacts, AttemptRef, Loaded, Source, Want};
use super::Ask;
use super::sessions::Sessions;
use crate::agent::OutputFormat;
use crate::base::text;
use crate::client::pager::{Anchor, Finder, Pager, Reading};
use crate::client::started::Started;
use crate::client::transcript::{Formats, TEXT};
use crate::config::Config;
use crate::event::Body;
use crate::ledger::Ledger;
use crate::snapshot::story;
use crate::store::{LogReader, ProjectDir, Watch};

/// Bytes of standard error that are shown.
const ERRORS_BYTES: usize = 4 << 10;
/// Earlier attempts whose story is kept.
const FACTS_KEPT: usize = 200;

/// What the log tells of an attempt.
#[derive(Debug, Clone, Default)]
struct Told {
    facts: AttemptFacts,
    is_over: bool,
}

/// Reads what attempts print, as far as it is looked at.
pub(super) struct Outputs {
    dir: ProjectDir,
    config: Config,
    formats: Formats,
    watch: Option<Watch>,
    pagers: BTreeMap<Source, Pager>,
    finders: BTreeMap<(Source, String), Finder>,
    sessions: BTreeMap<AttemptRef, Sessions>,
    /// Attempts of which the log was read.
    told: BTreeMap<AttemptRef, Told>,
}

impl Outputs {
    /// `ask` is called from another thread when a file that is read has changed.
    pub(super) fn new(
        dir: ProjectDir,
        config: Config,
        mut ask: impl FnMut(Ask) + Send + 'static,
    ) -> Self {
        let none: [&camino::Utf8Path; 0] = [];
        Self {
            formats: Formats::of(&config),
            watch: Watch::files(none, move || ask(Ask::Changed)).ok(),
            pagers: BTreeMap::new(),
            finders: BTreeMap::new(),
            sessions: BTreeMap::new(),
            told: BTreeMap::new(),
            dir,
            config,
        }
    }

    /// Forgets what is no longer looked at.
    pub(super) fn retain(&mut self, wants: &BTreeSet<Want>) {
        let mut sources = BTreeSet::new();
        let mut searches = BTreeSet::new();
        for want in wants {
            if let Want::Transcript { source, .. } = want {
                sources.insert(source.clone());
            } else if let Want::Found { source, text } = want {
                searches.insert((source.clone(), text.clone()));
            }
        }
        let mut gone: Vec<Utf8PathBuf> = Vec::new();
        self.pagers.retain(|source, pager| {
            let stays = sources.contains(source);
            if !stays {
                gone.push(pager.path().to_owned());
            }
            stays
        });
        gone.retain(|path| self.pagers.values().all(|pager| pager.path() != path));
        if let Some(watch) = &mut self.watch {
            for path in &gone {
                watch.remove(path);
            }
        }
        self.sessions.retain(|attempt, _| sources.iter().any(|source| source.attempt == *attempt));
        self.finders.retain(|search, _| searches.contains(search));
        if self.told.len() > FACTS_KEPT {
            self.told.clear();
        }
    }

    /// Reads on; nothing when there is nothing new. Second: whether it goes on at once.
    pub(super) fn look(
        &mut self,
        want: &Want,
        is_known: bool,
    ) -> (Option<Result<Loaded, String>>, bool) {
        match want {
            Want::Transcript { source, anchor } => {
                (self.transcript(source, *anchor, is_known), false)
            }
            Want::Found { source, text } => self.found(source, text, is_known),
            Want::Attempt(attempt) => {
                (Some(Ok(Loaded::Attempt(Arc::new(self.facts(attempt))))), false)
            }
            Want::Prompt { .. }
            | Want::Output(_)
            | Want::Workflows
            | Want::Projects
            | Want::Workflow(_)
            | Want::Briefing { .. }
            | Want::Patch { .. }
            | Want::Past { .. } => (None, false),
        }
    }

    fn transcript(
        &mut self,
        source: &Source,
        anchor: Anchor,
        is_known: bool,
    ) -> Option<Result<Loaded, String>> {
        let path = self.path(&source.attempt);
        // The folder of an attempt comes with its start; until then the run's events tell of it.
        if let Some(watch) = &mut self.watch {
            drop(watch.add(&path));
        }
        if !self.pagers.contains_key(source) {
            let format = self.format(&source.attempt);
            self.pagers.insert(source.clone(), Pager::open(path, format, source.reading));
        }
        let pager = self.pagers.get_mut(source)?;
        let sessions = self.sessions.entry(source.attempt.clone()).or_default();
        let is_new = sessions.look(&self.dir.run(source.attempt.run), &source.attempt);
        match pager.show(anchor) {
            Ok(false) if is_known && !is_new => None,
            Ok(_) => {
                let mut page = pager.page();
                if source.reading == Reading::Entries && !page.has_newer() {
                    page.items.extend(sessions.items.iter().cloned());
                }
                Some(Ok(Loaded::Transcript(Arc::new(page))))
            }
            Err(error) => Some(Err(text::error_chain(&error))),
        }
    }

    fn found(
        &mut self,
        source: &Source,
        text: &str,
        is_known: bool,
    ) -> (Option<Result<Loaded, String>>, bool) {
        let key = (source.clone(), text.to_owned());
        if !self.finders.contains_key(&key) {
            let (path, format) = (self.path(&source.attempt), self.format(&source.attempt));
            self.finders.insert(key.clone(), Finder::new(path, format, source.reading, text));
        }
        let Some(finder) = self.finders.get_mut(&key) else { return (None, false) };
        match finder.step() {
            Ok(false) if is_known => (None, false),
            Ok(goes_on) => (Some(Ok(Loaded::Found(Arc::new(finder.hits())))), goes_on),
            Err(error) => (Some(Err(text::error_chain(&error))), false),
        }
    }

    fn format(&mut self, attempt: &AttemptRef) -> OutputFormat {
        let runtime = self.runtime(attempt);
        let dir = self.dir.run(attempt.run).attempt(&attempt.task, attempt.number);
        self.formats.of_attempt(&dir, &runtime)
    }

    fn path(&self, attempt: &AttemptRef) -> Utf8PathBuf {
        self.dir.run(attempt.run).attempt(&attempt.task, attempt.number).stdout()
    }

    /// The program of an attempt, from the log where nobody knows it.
    fn runtime(&mut self, attempt: &AttemptRef) -> String {
        match &attempt.runtime {
            Some(runtime) => runtime.clone(),
            None => self.read_log(attempt).facts.runtime,
        }
    }

    fn facts(&mut self, attempt: &AttemptRef) -> AttemptFacts {
        let mut facts = match &attempt.runtime {
            Some(runtime) => AttemptFacts { runtime: runtime.clone(), ..AttemptFacts::default() },
            None => self.read_log(attempt).facts,
        };
        let run = self.dir.run(attempt.run);
        let dir = run.attempt(&attempt.task, attempt.number);
        facts.started = Ledger::open(run).ok().and_then(|ledger| {
            let named = (&attempt.task, attempt.number);
            Started::of_attempt(&ledger, &self.config, named, &facts.runtime)
        });
        facts.errors = errors(dir.stderr());
        facts
    }

    /// What the log tells of an attempt that is not the last one: read once from its start.
    fn read_log(&mut self, attempt: &AttemptRef) -> Told {
        if let Some(told) = self.told.get(attempt).filter(|told| told.is_over) {
            return told.clone();
        }
        let mut told = Told::default();
        let mut log = LogReader::open(self.dir.run(attempt.run).events());
        // A damaged log still tells what stands before the damage.
        drop(log.catch_up(|record| match &record.body {
            Body::AttemptStarted(start)
                if start.task == attempt.task && start.attempt == attempt.number =>
            {
                told.facts.runtime.clone_from(&start.runtime);
                told.facts.model.clone_from(&start.model);
                told.facts.started_at = Some(record.at);
            }
            Body::AttemptEnded(end)
                if end.task == attempt.task && end.attempt == attempt.number =>
            {
                told.facts.ended = Some(story::line(&record).text);
                told.is_over = true;
            }
            _ => {}
        }));
        self.told.insert(attempt.clone(), told.clone());
        told
    }
}

/// The end of standard error, fit to be shown.
fn errors(path: Utf8PathBuf) -> String {
    let mut pager = Pager::open(path, TEXT, Reading::Entries);
    // What cannot be read is not worth more words than what is not there.
    if pager.show(Anchor::End).is_err() {
        return String::new();
    }
    let page = pager.page();
    let lines: Vec<&str> = page.items.iter().map(|item| item.entry.text.as_str()).collect();
    text::tail(lines.join("\n").trim(), ERRORS_BYTES).to_owned()
}
