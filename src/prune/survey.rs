//! Finds the worktrees that may go, and why; looks at everything and changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use crate::base::path::PathContext;
use crate::base::{PathError, RunNumber, Time};
use crate::engine::State;
use crate::event::{CancelReason, Outcome, Status, StatusKind};
use crate::ledger::Ledger;
use crate::store::git::{is_ancestor, is_there, resolve};
use crate::store::salvage::{Fate, Holding, Source, git_dir_of, look};
use crate::store::{Project, ProjectDir, ProjectError};

/// Separates the slug of a run from the task whose own tree it is.
const READER: char = '@';

/// What somebody wants to see gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The moment.
    pub now: Time,
    /// The command, as people type it.
    pub by: String,
    /// Milliseconds that worktrees stay whose workflow says nothing.
    pub keep_ms: u64,
    /// Nothing that ended less than so many milliseconds ago; counts instead of all other times.
    pub older_than_ms: Option<u64>,
    /// Also folders that no run knows.
    pub with_orphans: bool,
}

/// Whose worktree it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The run itself.
    Run(RunNumber),
    /// A task of the run, in a tree of its own.
    Reader(RunNumber),
    /// Nobody that is known.
    Nobody,
}

/// Why it may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Its commits are in the branch that they were meant for.
    Merged(String),
    /// The run ended long enough ago.
    Old(u64),
    /// The run is archived.
    Archived,
    /// The run has ended, and a reader's tree is left.
    Ended,
    /// No run knows it.
    Orphan,
}

/// A worktree that may go.
#[derive(Debug)]
pub struct Candidate {
    /// Whose it is.
    pub owner: Owner,
    /// Where it is, and how what it holds is called when it is put away.
    pub source: Source,
    /// Why it may go.
    pub reason: Reason,
    /// What becomes of its branch.
    pub fate: Fate,
    /// What it holds, or why that cannot be told.
    pub found: Result<Holding, String>,
}

impl Candidate {
    /// Why it cannot be removed, for people; empty when it can be.
    pub fn obstacles(&self) -> Vec<String> {
        match &self.found {
            Ok(holding) => holding.obstacles.clone(),
            Err(why) => vec![why.clone()],
        }
    }
}

/// Every worktree that may go, and what could not be looked at.
///
/// # Errors
/// The project's files cannot be read.
pub fn survey(
    dir: &ProjectDir,
    wish: &Wish,
) -> Result<(Vec<Candidate>, Vec<String>), ProjectError> {
    let project = Project::open(dir.clone())?;
    let mut problems = Vec::new();
    // The newest run that has a folder owns it: a slug may be used again after its worktree went.
    let mut owners: BTreeMap<Utf8PathBuf, State> = BTreeMap::new();
    let mut is_complete = true;
    for number in project.runs()? {
        match Ledger::open(dir.run(number)) {
            // The worktree that its log names is that of the original.
            Ok(ledger) if ledger.health().copy_of.is_some() => is_complete = false,
            Ok(ledger) => {
                if let Some(base) = &ledger.state().created.git {
                    owners.insert(base.worktree.clone(), ledger.state().clone());
                }
            }
            Err(error) if error.is_missing() => {}
            Err(error) => {
                is_complete = false;
                let why = crate::base::text::error_chain(&error);
                problems.push(format!("run #{number} cannot be read: {why}"));
            }
        }
    }
    let mut found = Vec::new();
    for state in owners.values() {
        if let Some((reason, fate)) = may_go(dir.root(), state, wish)
            && let Some(candidate) = candidate(dir.root(), state, reason, fate, wish)
        {
            found.push(candidate);
        }
    }
    for path in folders(dir.worktrees())? {
        if owners.contains_key(&path) {
            continue;
        }
        let name = path.file_name().unwrap_or_default();
        let run = name.split_once(READER).map(|(run, _)| path.with_file_name(run));
        match run.and_then(|run| owners.get(&run)) {
            Some(state) if state.own_branches().any(|tree| tree.path == path) => {
                found.extend(own_branch(dir.root(), state, &path, wish));
            }
            Some(state) if is_over(state) && is_old(state, wish, 0) => {
                let number = state.created.number;
                let source = source(state, &path, wish, None);
                found.push(looked_at(dir.root(), Owner::Reader(number), source, Reason::Ended));
            }
            None if wish.with_orphans && is_complete => {
                let source = Source {
                    name: name.to_owned(),
                    run: None,
                    at: wish.now,
                    by: wish.by.clone(),
                    worktree: path.clone(),
                    branch: None,
                    known: None,
                    start: None,
                };
                found.push(looked_at(dir.root(), Owner::Nobody, source, Reason::Orphan));
            }
            Some(_) | None => {}
        }
    }
    Ok((found, problems))
}

/// The tree of a task that wrote on a branch of its own: it goes when the run's own worktree may go.
///
/// Its branch goes with it when everything in it is in the run's branch, or when the run was discarded.
fn own_branch(root: &Utf8Path, state: &State, path: &Utf8Path, wish: &Wish) -> Option<Candidate> {
    let (reason, run_fate) = may_go(root, state, wish)?;
    let tree = state.own_branches().find(|tree| tree.path == path)?;
    let run = state.worktree.as_ref()?;
    let branch = tree.branch.as_ref()?;
    let own = format!("refs/heads/{branch}");
    // The run's branch may be gone by now, and then crew knows its last commit.
    let of_run = resolve(root, &format!("refs/heads/{}", run.branch)).ok().flatten();
    let of_run = of_run.unwrap_or_else(|| run.commit.clone());
    let is_in = is_ancestor(root, &own, &of_run).unwrap_or(false);
    let last = if let Status::Archived { last } = &state.status { last } else { &state.status };
    let is_discarded = matches!(last, Status::Cancelled { reason: CancelReason::Discarded });
    let source = Source {
        known: Some(tree.commit.clone()),
        start: Some(tree.base.clone()),
        ..source(state, path, wish, Some(branch))
    };
    let mut candidate = looked_at(root, Owner::Reader(state.created.number), source, reason);
    let goes = is_in || (is_discarded && run_fate == Fate::Remove);
    candidate.fate = if goes { Fate::Remove } else { Fate::Keep };
    Some(candidate)
}

/// The worktree of one run, whatever its age; nothing when there is none left.
pub fn of_run(root: &Utf8Path, state: &State, wish: &Wish) -> Option<Candidate> {
    let fate = match may_go(root, state, &Wish { older_than_ms: Some(0), ..wish.clone() }) {
        Some((_, fate)) => fate,
        None => fate_of(root, state).1,
    };
    candidate(root, state, Reason::Archived, fate, wish)
}

/// Folders among the worktrees, hidden ones aside.
fn folders(worktrees: &Utf8Path) -> Result<BTreeSet<Utf8PathBuf>, PathError> {
    let entries = match worktrees.read_dir_utf8() {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(error).at("cannot read the folder", worktrees),
    };
    let entries = entries.flatten().filter(|entry| !entry.file_name().starts_with('.'));
    let is_folder =
        |entry: &camino::Utf8DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    Ok(entries.filter(is_folder).map(camino::Utf8DirEntry::into_path).collect())
}

/// Whether nothing of the run can move any more without a person's word.
pub(super) fn is_over(state: &State) -> bool {
    state.status.is_terminal() && state.is_at_rest() && state.live_count() == 0
}

fn is_old(state: &State, wish: &Wish, keep_ms: u64) -> bool {
    wish.now.since_ms(state.status_since) >= wish.older_than_ms.unwrap_or(keep_ms)
}

/// Why the worktree of a run may go, and what becomes of its branch.
pub(super) fn may_go(root: &Utf8Path, state: &State, wish: &Wish) -> Option<(Reason, Fate)> {
    if !is_over(state) || !is_old(state, wish, 0) {
        return None;
    }
    let keep_ms = state.created.policy.worktree.keep_ms.unwrap_or(wish.keep_ms);
    let (merged, fate) = fate_of(root, state);
    if state.status.kind() == StatusKind::Archived {
        return Some((Reason::Archived, fate));
    }
    let is_done = matches!(state.status, Status::Done { .. });
    if let Some(target) = merged.filter(|_| is_done) {
        return Some((Reason::Merged(target), fate));
    }
    let age_ms = wish.now.since_ms(state.status_since);
    is_old(state, wish, keep_ms).then_some((Reason::Old(age_ms), fate))
}

/// The branch that has the run's commits, and whether the run's own may go.
fn fate_of(root: &Utf8Path, state: &State) -> (Option<String>, Fate) {
    let Some(base) = &state.created.git else { return (None, Fate::Keep) };
    let reference = format!("refs/heads/{}", base.branch);
    let tip = resolve(root, &reference).ok().flatten();
    let known = state.worktree.as_ref().map_or(&base.commit, |made| &made.commit);
    let tip = tip.unwrap_or_else(|| known.clone());
    let last = if let Status::Archived { last } = &state.status { last } else { &state.status };
    let target = state.created.policy.merge.target.as_ref().or(base.target.as_ref());
    let is_in = |branch: &&String| {
        let branch = format!("refs/heads/{branch}");
        is_ancestor(root, &tip, &branch).unwrap_or(false)
    };
    // Crew may have merged in a way that made other commits.
    let was_merged = matches!(last, Status::Done { outcome: Outcome::Merged }) && tip == *known;
    let start = state.start_of_work().map_or(base.commit.as_str(), |(commit, _)| commit);
    let merged = match target {
        Some(target) if was_merged || is_in(&target) => Some(target.clone()),
        _ => None,
    };
    let is_discarded = matches!(last, Status::Cancelled { reason: CancelReason::Discarded });
    let may_go = merged.is_some() || is_discarded || tip == start;
    (merged, if may_go { Fate::Remove } else { Fate::Keep })
}

/// The worktree of a run, unless nothing is left of it.
fn candidate(
    root: &Utf8Path,
    state: &State,
    reason: Reason,
    fate: Fate,
    wish: &Wish,
) -> Option<Candidate> {
    let base = state.created.git.as_ref()?;
    let has_branch = || {
        let reference = format!("refs/heads/{}", base.branch);
        is_there(root, &reference)
    };
    let exists = base.worktree.symlink_metadata().is_ok()
        || git_dir_of(root, &base.worktree).is_some()
        || (fate == Fate::Remove && has_branch());
    if !exists {
        return None;
    }
    let source = source(state, &base.worktree, wish, Some(&base.branch));
    let mut candidate = looked_at(root, Owner::Run(state.created.number), source, reason);
    candidate.fate = fate;
    // What was merged is not all there is: the rest has its time.
    if let (Reason::Merged(_), Ok(holding)) = (&candidate.reason, &candidate.found) {
        let own = &holding.salvage;
        let is_dirty = own.staged + own.unstaged + own.untracked > 0;
        let keep_ms = state.created.policy.worktree.keep_ms.unwrap_or(wish.keep_ms);
        if is_dirty && !is_old(state, wish, keep_ms) {
            return None;
        }
    }
    Some(candidate)
}

fn source(state: &State, worktree: &Utf8Path, wish: &Wish, branch: Option<&String>) -> Source {
    let known = state.worktree.as_ref().map(|made| made.commit.clone());
    let start = state.start_of_work().map(|(commit, _)| commit.to_owned());
    Source {
        name: state.created.slug.clone(),
        run: Some(state.created.number),
        at: wish.now,
        by: wish.by.clone(),
        worktree: worktree.to_owned(),
        branch: branch.cloned(),
        known: known.filter(|_| branch.is_some()),
        start,
    }
}

fn looked_at(root: &Utf8Path, owner: Owner, source: Source, reason: Reason) -> Candidate {
    let found = look(root, &source).map_err(|error| crate::base::text::error_chain(&error));
    Candidate { owner, source, reason, fate: Fate::Keep, found }
}
