//! The runs that a run proposed, as its supervisor looks after them: created, started, watched, ended.
//!
//! Everything is derived from this run's log and from theirs, so that it goes on at the same point after
//! a crash: a run that was created and not recorded is found by its parent and key, a draft of a released
//! proposal is released again.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Notify;

use super::supervisor::{Supervisor, Wake};
use crate::base::{RunNumber, limits, text};
use crate::engine::{Command, Effect, Input, State, TaskStatus, Vitals};
use crate::event::child::{ChildCreated, ChildEnd, ChildEnded, ChildrenRefused};
use crate::event::{Actor, Body, CancelReason, Outcome, ParentLink, Status, StatusKind, Usage};
use crate::launch::{ChildLine, create_children};
use crate::ledger::{Ledger, OpenError};
use crate::store::{Project, ProjectDir, ProjectLock, tail, watch::Watch};

/// What a supervisor knows of the runs that its run proposed.
#[derive(Debug, Default)]
pub(super) struct ChildRuns {
    /// Their logs, while they are waited for.
    ledgers: BTreeMap<RunNumber, Ledger>,
    /// A hint only: without it the slow poll still sees everything.
    watch: Option<Watch>,
    changed: Arc<Notify>,
    /// Tries to create the runs of the newest proposal.
    tries: u32,
}

impl ChildRuns {
    /// Tells when one of their logs has changed.
    pub(super) fn changed(&self) -> Arc<Notify> {
        Arc::clone(&self.changed)
    }

    /// The log of a run, up to date; whether it is looked at for the first time.
    fn look(
        &mut self,
        project: &ProjectDir,
        number: RunNumber,
    ) -> Result<(&mut Ledger, bool), OpenError> {
        let is_new = !self.ledgers.contains_key(&number);
        if is_new {
            let ledger = Ledger::open(project.run(number))?;
            self.follow(&ledger);
            self.ledgers.insert(number, ledger);
        }
        let ledger = self.ledgers.get_mut(&number).expect("it was put there");
        ledger.refresh()?;
        Ok((ledger, is_new))
    }

    fn follow(&mut self, ledger: &Ledger) {
        let events = ledger.dir().events();
        let followed = if let Some(watch) = &mut self.watch {
            watch.add(&events)
        } else {
            let notify = Arc::clone(&self.changed);
            Watch::files([events], move || notify.notify_one())
                .map(|watch| self.watch = Some(watch))
        };
        if let Err(error) = followed {
            tracing::warn!(%error, "no file notifications of a child run");
        }
    }

    fn forget(&mut self, number: RunNumber) {
        if let Some(ledger) = self.ledgers.remove(&number)
            && let Some(watch) = &mut self.watch
        {
            watch.remove(&ledger.dir().events());
        }
    }
}

impl Supervisor {
    /// Has the runs of a proposal created, by a process of its own.
    pub(super) fn create_children(&self, effect: Effect, round: u32) {
        let created = &self.ledger.state().created;
        let (number, depth) = (created.number, created.depth + 1);
        let is_last_try = self.child_runs.tries + 1 >= limits::CHILD_CREATE_TRIES;
        let project = self.project.clone();
        let sender = self.sender.clone();
        self.tracker.spawn_blocking(move || {
            let inputs = match create_children(&project, number, round, depth) {
                Ok(lines) => lines.into_iter().map(|line| told(round, line)).collect(),
                Err(error) if is_last_try => {
                    let why = text::one_line(&super::error_chain(&error), 600);
                    vec![Input::ChildrenRefused(ChildrenRefused { round, why })]
                }
                Err(error) => {
                    tracing::warn!(error = %super::error_chain(&error), "trying again");
                    Vec::new()
                }
            };
            drop(sender.send(Wake::Done(effect, inputs)));
        });
    }

    /// Counts a try to create runs; one that brought something is the first of the next proposal.
    pub(super) fn count_try(&mut self, inputs: &[Input]) {
        self.child_runs.tries = if inputs.is_empty() { self.child_runs.tries + 1 } else { 0 };
    }

    /// Lets released drafts into the queue, and notices which runs have ended.
    pub(super) fn tend_children(&mut self) {
        let parent = self.ledger.state().created.number;
        let now = self.clock.now();
        let children: Vec<_> = self.ledger.state().children.clone();
        let mut inputs = Vec::new();
        let mut needs_queue = false;
        for child in children.iter().filter(|child| child.is_open()) {
            let Some(number) = child.number else { continue };
            let end = match self.child_runs.look(&self.project, number) {
                Ok((ledger, is_new)) => {
                    let is_draft = ledger.state().status.kind() == StatusKind::Draft;
                    if child.released && is_draft && !ledger.state().needs_approval() {
                        let command = Input::Command(Command::Release { parent });
                        let vitals = Vitals::default();
                        match ledger.commit(now, &vitals, &Actor::Supervisor, command) {
                            Ok(_) => needs_queue = true,
                            Err(error) => {
                                tracing::warn!(%number, %error, "a child cannot be released");
                            }
                        }
                    }
                    // Whoever released it may have died before the queue was run.
                    needs_queue |= is_new && ledger.state().status.kind() == StatusKind::Queued;
                    ended(ledger.state())
                }
                Err(error) => unreadable(number, &error),
            };
            if let Some(end) = end {
                let (round, key) = (child.round, child.plan.key.clone());
                inputs.push(Input::ChildEnded(ChildEnded { round, key, end }));
                self.child_runs.forget(number);
            }
        }
        if needs_queue {
            self.run_queue();
        }
        self.report(inputs);
    }

    /// Ends the runs that nobody waits for any more; they are over when none of their processes lives.
    pub(super) fn end_children(&mut self) {
        let found = match self.end_runs() {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "child runs could not be ended; trying again");
                return;
            }
        };
        let at_work = found.iter().any(|(_, ledger)| !ledger.state().is_at_rest());
        let mut inputs = Vec::new();
        for child in self.ledger.state().children_to_end() {
            let known = found
                .iter()
                .find(|(link, _)| link.round == child.round && link.key == child.plan.key);
            let end = match known {
                Some((_, ledger)) => ended(ledger.state()),
                None => Some(never()),
            };
            if let Some(end) = end {
                let (round, key) = (child.round, child.plan.key.clone());
                inputs.push(Input::ChildEnded(ChildEnded { round, key, end }));
            }
        }
        for (_, ledger) in &found {
            let number = ledger.state().created.number;
            if self.child_runs.ledgers.contains_key(&number) {
                continue;
            }
            // Its supervisor ends its processes and says so in its log.
            if let Err(error) = self.child_runs.look(&self.project, number) {
                tracing::warn!(%number, %error, "a child cannot be followed");
            }
        }
        if at_work {
            self.run_queue();
        }
        self.report(inputs);
    }

    /// Commits the end of every child that is to end; under the project's lock, so that none is created
    /// behind it.
    fn end_runs(&self) -> anyhow::Result<Vec<(ParentLink, Ledger)>> {
        let _lock = ProjectLock::take(&self.project)?;
        let state = self.ledger.state();
        let parent = state.created.number;
        let mut found = Vec::new();
        for number in Project::open(self.project.clone())?.runs()? {
            if number <= parent {
                continue;
            }
            let dir = self.project.run(number);
            let Ok(Some(first)) = tail::first(dir.events()) else { continue };
            let Body::RunCreated(created) = first.body else { continue };
            let Some(link) = created.parent.filter(|link| link.number == parent) else { continue };
            let mut to_end = state.children_to_end();
            if !to_end.any(|child| child.round == link.round && child.plan.key == link.key) {
                continue;
            }
            let mut ledger = Ledger::open(dir)?;
            let command = Input::Command(Command::EndWithParent { parent });
            ledger.commit(self.clock.now(), &Vitals::default(), &Actor::Supervisor, command)?;
            found.push((link, ledger));
        }
        Ok(found)
    }

    /// Gives facts to the next turn, which begins at once.
    fn report(&self, inputs: Vec<Input>) {
        if !inputs.is_empty() {
            drop(self.sender.send(Wake::Done(Effect::TendChildren, inputs)));
        }
    }
}

fn told(round: u32, line: ChildLine) -> Input {
    match line {
        ChildLine::Created { key, number } => {
            Input::ChildCreated(ChildCreated { round, key, number })
        }
        ChildLine::Refused { why } => Input::ChildrenRefused(ChildrenRefused { round, why }),
    }
}

/// How a run ended, once nothing of it lives any more.
fn ended(state: &State) -> Option<ChildEnd> {
    if !state.status.is_terminal() || !state.is_at_rest() {
        return None;
    }
    let spent = state.budget_used(state.updated_at);
    Some(ChildEnd {
        status: state.status.kind(),
        reason: state.status.reason(),
        outcome: outcome(&state.status),
        branch: state.worktree.as_ref().map(|worktree| worktree.branch.clone()),
        summary: summary(state),
        usage: spent.usage,
        active_ms: spent.active_ms,
    })
}

fn outcome(status: &Status) -> Option<Outcome> {
    if let Status::Archived { last } = status {
        return outcome(last);
    }
    if let Status::Done { outcome } = status { Some(*outcome) } else { None }
}

/// Why the run failed, else what the last task that said something has said.
fn summary(state: &State) -> String {
    let last = || {
        let done = |task: &&crate::engine::TaskState| {
            matches!(task.status, TaskStatus::Done { .. }) && !task.summary.is_empty()
        };
        let last = state.tasks.iter().filter(done).max_by_key(|task| task.seq);
        last.map(|task| task.summary.as_str())
    };
    let said = state.status.detail().or_else(last).unwrap_or_default();
    text::one_line(said, limits::CHILD_SUMMARY_CHARS_MAX)
}

/// A run whose folder is gone will never say that it has ended.
fn unreadable(number: RunNumber, error: &OpenError) -> Option<ChildEnd> {
    tracing::warn!(%number, %error, "a child cannot be read");
    error.is_missing().then(|| ChildEnd {
        status: StatusKind::Failed,
        reason: None,
        outcome: None,
        branch: None,
        summary: "its log is gone".to_owned(),
        usage: Usage::default(),
        active_ms: 0,
    })
}

/// The end of a run that was proposed and never created.
fn never() -> ChildEnd {
    ChildEnd {
        status: StatusKind::Cancelled,
        reason: Status::Cancelled { reason: CancelReason::Parent }.reason(),
        outcome: None,
        branch: None,
        summary: "it was never started".to_owned(),
        usage: Usage::default(),
        active_ms: 0,
    }
}
