//! Takes finished work over (SPEC 8.5): makes the result beside every checkout, has it judged, and moves the
//! target with the folders that have it checked out. Whatever stands in the way, nothing has changed then.
//!
//! What is about to move is on record before it moves, and it moves while the run's lock is held: a stop
//! comes before the move or after it, never in between.

mod build;
mod checkout;
mod forge;
mod full;
mod message;
mod moving;
mod policy;
mod shelf;

use std::time::Duration;

use camino::Utf8PathBuf;
use tokio_util::sync::CancellationToken;

use self::build::{Build, Built};
use self::forge::Forge;
use self::moving::Move;
use super::supervisor::{Supervisor, Wake};
use crate::base::limits::MERGE_TRIES;
use crate::config::{Config, Overrides};
use crate::engine::{Effect, Input, State, Vitals, react};
use crate::event::gate::EvidenceRecorded;
use crate::event::merge::{MergeBuilt, MergeFinished, MergeRefusal, MergeResult};
use crate::event::{Actor, Hash};
use crate::ledger::CommitError;
use crate::plan::Completion;

/// Why the target stays as it is.
#[derive(Debug, Clone)]
pub(super) struct Obstacle {
    pub why: MergeRefusal,
    pub detail: String,
    pub paths: Vec<String>,
}

/// Paths of an obstacle that go on record.
const PATHS_MAX: usize = 20;

impl Obstacle {
    fn failed(detail: String) -> Self {
        Self { why: MergeRefusal::Failed, detail, paths: Vec::new() }
    }
}

impl From<Obstacle> for MergeResult {
    fn from(found: Obstacle) -> Self {
        let detail = crate::base::redact::redact(&found.detail).into_owned();
        let mut paths = found.paths;
        paths.truncate(PATHS_MAX);
        Self::Refused { why: found.why, detail, paths }
    }
}

fn finished(result: MergeResult) -> Input {
    Input::MergeFinished(MergeFinished { result })
}

/// A try of this process.
#[derive(Debug, Default)]
pub(super) struct Try {
    /// Ends what works for it.
    stop: CancellationToken,
    /// Times that the target went on meanwhile.
    moved: u32,
}

/// What the background of a try has to say.
#[derive(Debug)]
pub(super) struct TryEnd {
    built: Option<(Built, Vec<EvidenceRecorded>)>,
}

impl Supervisor {
    /// Puts on record that a try begins.
    pub(super) fn begin_merge(&mut self, effect: Effect) {
        self.merge = Try::default();
        drop(self.sender.send(Wake::Done(effect, vec![Input::MergeStarted])));
    }

    /// Takes the work over, the way that the run's plan says.
    pub(super) fn take_over_work(&self, effect: Effect) {
        if self.ledger.state().plan().completion == Completion::Pr {
            self.open_pr(effect);
        } else {
            self.build_merge();
        }
    }

    /// Ends what works for a merge that nobody wants any more.
    pub(super) fn end_unwanted_merge(&mut self, wanted: &[Effect]) {
        if self.jobs.contains(&Effect::Merge) && !wanted.contains(&Effect::Merge) {
            self.merge.stop.cancel();
        }
    }

    fn build_merge(&self) {
        let sender = self.sender.clone();
        let (clock, stop) = (self.clock, self.merge.stop.clone());
        let Some(build) = self.build_of() else {
            drop(sender.send(Wake::Merge(TryEnd { built: None })));
            return;
        };
        self.tracker.spawn(async move {
            let end = Box::pin(build.run(clock, stop)).await;
            drop(sender.send(Wake::Merge(TryEnd { built: end })));
        });
    }

    fn build_of(&self) -> Option<Build> {
        let state = self.ledger.state();
        let worktree = state.worktree.as_ref()?;
        let policy = &state.created.policy;
        let as_it_is = state.plan().completion == Completion::Pr;
        // A branch that is pushed has been judged already, unless somebody has changed it since.
        let is_judged = as_it_is || !policy.merge.skips_validation;
        let command = policy.validation.as_ref().filter(|_| is_judged);
        let validation =
            command.and_then(|name| Some((name.clone(), state.plan().commands.get(name)?.clone())));
        let judged = validation.iter().flat_map(|(name, _)| known(state, name)).collect();
        Some(Build {
            root: state.created.root.clone(),
            scratch: scratch(state)?,
            target: state.merging()?.target.clone(),
            branch: worktree.branch.clone(),
            known: worktree.commit.clone(),
            start: state.start_of_work().map(|(commit, _)| commit.to_owned()).unwrap_or_default(),
            message: message::of(state),
            paths: policy.paths.clone(),
            validation,
            judged,
            setup: policy.worktree.clone(),
            env: self.desk().command_environment(),
            grace: Duration::from_millis(state.created.limits.grace_ms),
            limit_ms: self.limit_ms(),
            mark: mark(state),
            as_it_is,
        })
    }

    /// The background of a try has ended: its result moves now, or it is known that there is none.
    pub(super) fn merge_ended(&mut self, end: TryEnd) {
        let Some((built, evidence)) = end.built else {
            self.jobs.remove(&Effect::Merge);
            return;
        };
        self.inputs.extend(evidence.into_iter().map(Input::Evidence));
        let result = match built {
            Built::Over(result) => Some(result),
            Built::Ready(built) => match self.carry_out(built) {
                Ok(result) => result,
                Err(error) => {
                    // Nothing has moved: what is to move must be on record first.
                    let why = crate::base::text::error_chain(&error);
                    let detail = format!("nothing could be put on record: {why}");
                    Some(full::explained(Obstacle::failed(detail), []).into())
                }
            },
        };
        if let Some(MergeResult::Refused { why: MergeRefusal::Moved, .. }) = &result {
            self.merge.moved += 1;
            if self.merge.moved < MERGE_TRIES {
                return self.build_merge();
            }
        }
        self.jobs.remove(&Effect::Merge);
        self.inputs.extend(result.map(finished));
    }

    /// Moves the target under the run's lock; nothing when nobody wants it any more, or when what became
    /// of it is on record already.
    fn carry_out(&mut self, mut built: MergeBuilt) -> Result<Option<MergeResult>, CommitError> {
        let now = self.clock.now();
        let mut locked = self.ledger.lock()?;
        let state = locked.state();
        if !react(state).contains(&Effect::Merge) {
            return Ok(None);
        }
        let (root, mark, reference) =
            (state.created.root.clone(), mark_of_move(state), kept(state));
        let allows_dirty = state.created.policy.merge.allows_dirty_checkout;
        let target = format!("refs/heads/{}", built.target);
        let is_at = crate::store::git::resolve(&root, &target).ok().flatten();
        if is_at.as_ref() != Some(&built.old) {
            return Ok(Some(moved(&built.target)));
        }
        let names = (root.as_path(), mark.as_str(), reference.as_str());
        let checkouts = match Move::of(&built, names, allows_dirty).look() {
            Ok(found) => found,
            Err(obstacle) => return Ok(Some(obstacle.into())),
        };
        built.checkouts = checkouts.iter().map(|checkout| checkout.path.clone()).collect();
        let vitals = Vitals::default();
        locked.commit(now, &vitals, &Actor::Supervisor, &[Input::MergeBuilt(built.clone())])?;
        let result = match Move::of(&built, names, allows_dirty).carry_out(&checkouts) {
            Ok(()) => {
                MergeResult::Merged { target: built.target.clone(), commit: built.new.clone() }
            }
            Err(obstacle) if obstacle.why == MergeRefusal::Moved => {
                return Ok(Some(moved(&built.target)));
            }
            Err(obstacle) => obstacle.into(),
        };
        let end = finished(result.clone());
        if let Err(error) = locked.commit(now, &vitals, &Actor::Supervisor, &[end]) {
            tracing::error!(error = %super::error_chain(&error), "the end of a merge is not on record yet");
            return Ok(Some(result));
        }
        Ok(None)
    }

    /// Finds out what became of a merge whose process died, and brings everything to one end.
    pub(super) fn resolve_merge(&self, effect: Effect) {
        let state = self.ledger.state();
        let merging = state.merging().cloned();
        let (root, mark, reference) = (state.created.root.clone(), mark(state), kept(state));
        let mark_of_move = mark_of_move(state);
        let scratch = scratch(state);
        let allows_dirty = state.created.policy.merge.allows_dirty_checkout;
        let forge = (state.plan().completion == Completion::Pr).then(|| self.forge()).flatten();
        let sender = self.sender.clone();
        self.tracker.spawn(async move {
            let opened = match &forge {
                Some(forge) => Box::pin(forge.opened()).await,
                None => None,
            };
            let found =
                tokio::task::spawn_blocking(move || {
                    super::process::kill_marked(&mark, Duration::ZERO);
                    if let Some(scratch) = &scratch {
                        build::remove_scratch(&root, scratch);
                    }
                    let built = merging.and_then(|merging| merging.built)?;
                    let names = (root.as_path(), mark_of_move.as_str(), reference.as_str());
                    let wanted = Move::of(&built, names, allows_dirty);
                    Some(moving::resolve(&wanted).map(|is_merged| {
                        is_merged.then(|| (built.target.clone(), built.new.clone()))
                    }))
                });
            let result = match (opened, found.await.ok().flatten()) {
                (Some(url), _) => MergeResult::PrOpened { url },
                (None, Some(Ok(Some((target, commit))))) => MergeResult::Merged { target, commit },
                (None, Some(Err(obstacle))) => {
                    Obstacle { why: MergeRefusal::Interrupted, ..obstacle }.into()
                }
                (None, _) => interrupted(),
            };
            drop(sender.send(Wake::Done(effect, vec![finished(result)])));
        });
    }

    /// Has the branch judged as it is, and asks the forge to take exactly that commit over.
    fn open_pr(&self, effect: Effect) {
        let sender = self.sender.clone();
        let (clock, stop) = (self.clock, self.merge.stop.clone());
        let wanted = self.build_of().zip(self.forge());
        self.tracker.spawn(async move {
            let mut inputs = Vec::new();
            if let Some((build, forge)) = wanted
                && let Some((built, evidence)) = Box::pin(build.run(clock, stop.clone())).await
            {
                inputs.extend(evidence.into_iter().map(Input::Evidence));
                let result = match built {
                    Built::Over(result) => Some(result),
                    Built::Ready(built) => Box::pin(forge.open(stop, &built.new)).await,
                };
                inputs.extend(result.map(finished));
            }
            drop(sender.send(Wake::Done(effect, inputs)));
        });
    }

    /// How long git and the repository's hooks may take: what is configured now, as a person who was told
    /// of the limit may just have raised it.
    fn limit_ms(&self) -> u64 {
        let root = Some(self.project.root());
        let newest = Config::load(&self.env, root, &Overrides::default()).valid();
        newest.map_or(self.config.completion.timeout_ms, |(config, _)| config.completion.timeout_ms)
    }

    fn forge(&self) -> Option<Forge> {
        let state = self.ledger.state();
        let worktree = state.worktree.as_ref()?;
        Some(Forge {
            root: state.created.root.clone(),
            branch: worktree.branch.clone(),
            target: state.merging()?.target.clone(),
            title: message::title(state),
            body: message::of(state),
            env: self
                .env
                .variables()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            path: self.env.get("PATH").map(str::to_owned),
            grace: Duration::from_millis(state.created.limits.grace_ms),
            limit_ms: self.limit_ms(),
            mark: mark(state),
        })
    }
}
/// What the validation has said about trees before; what did not end by itself is asked again.
fn known(state: &State, name: &str) -> Vec<(String, EvidenceRecorded)> {
    let trees = state.evidence.get(name).into_iter().flatten();
    let ended = trees.filter(|(_, known)| known.code.is_some());
    ended
        .map(|(tree, known)| {
            let found = EvidenceRecorded {
                name: name.to_owned(),
                tree: tree.clone(),
                code: known.code,
                duration_ms: 0,
                tail: known.tail.clone(),
                cached: true,
            };
            (tree.clone(), found)
        })
        .collect()
}

/// Names the run's merges in the environment of their processes and in locks.
fn mark(state: &State) -> String {
    Hash::of(format!("{}/merge", state.created.uid).as_bytes()).to_string()
}

/// The same while the target moves: what is on its way then is waited for.
fn mark_of_move(state: &State) -> String {
    Hash::of(format!("{}/merge/move", state.created.uid).as_bytes()).to_string()
}

/// Where something is kept that somebody wrote into files that a merge was changing.
fn kept(state: &State) -> String {
    let number = state.merge.as_ref().map_or(0, |merge| merge.seq);
    format!("refs/crew/salvage/{}/merge-{number}", state.created.slug)
}

/// The folder in which results are made: no task has such a name.
fn scratch(state: &State) -> Option<Utf8PathBuf> {
    let worktree = state.worktree.as_ref()?;
    Some(Utf8PathBuf::from(format!("{}@@merge", worktree.path)))
}

fn moved(target: &str) -> MergeResult {
    let detail = format!("`{target}` went on {MERGE_TRIES} times while the result was made");
    Obstacle { why: MergeRefusal::Moved, detail, paths: Vec::new() }.into()
}

fn interrupted() -> MergeResult {
    let detail = "the process that merged died; nothing has moved".to_owned();
    Obstacle { why: MergeRefusal::Interrupted, detail, paths: Vec::new() }.into()
}
