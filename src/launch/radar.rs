//! The conflict radar: live runs whose branches would conflict, known before either of them is merged.
//!
//! Each pair is tried with `git merge-tree`, whose objects go into a folder that is thrown away: neither
//! references nor index nor objects of the repository change. What was found is kept in a file of the run that
//! anybody may delete; it counts only for exactly the two commits that were tried.

use std::collections::BTreeMap;
use std::fs;

use camino::Utf8Path;
use serde::{Deserialize, Serialize};

use crate::base::path::{PathContext, PathError};
use crate::base::{RunNumber, limits};
use crate::engine::State;
use crate::event::StatusKind;
use crate::ledger::{Ledger, OpenError};
use crate::store::files::{Durability, read_text_capped, write_atomic};
use crate::store::git::{GitCall, GitError, git, git_merge_tree};
use crate::store::{Project, ProjectDir, ProjectError};

/// A pair of runs that was tried, as one of them keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// The other run.
    pub run: RunNumber,
    /// The commit of the run that keeps this.
    pub own: String,
    /// The commit of the other one.
    pub other: String,
    /// Files that conflict; none: they go together.
    pub files: Vec<String>,
}

/// Why nothing could be looked for.
#[derive(Debug, thiserror::Error)]
pub enum RadarError {
    /// The project's files.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// A run's log.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Git says no, for example because it is too old.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A file cannot be written.
    #[error(transparent)]
    Io(#[from] PathError),
}

/// Tries the work of a run with that of every other live run; returns the conflicts that are new.
///
/// # Errors
/// Nothing could be looked for; what was known stays.
pub fn look(project: &ProjectDir, number: RunNumber) -> Result<Vec<Pair>, RadarError> {
    let own = Ledger::open(project.run(number))?;
    let Some(commit) = work_of(own.state()) else { return Ok(Vec::new()) };
    let before = read(project, number);
    let others = others(project, number)?;
    let root = &own.state().created.root;
    let dir = project.run(number);
    let scratch = tempfile::Builder::new().prefix(".new-radar-").tempdir_in(dir.path());
    let scratch = scratch.at("cannot make a folder in", dir.path())?;
    let objects =
        dir.path().join(scratch.path().file_name().unwrap_or_default().to_string_lossy().as_ref());
    let common = git(root, &["rev-parse", "--path-format=absolute", "--git-common-dir"])?;
    let mut pairs = Vec::new();
    for (run, other) in others {
        let known =
            before.iter().find(|pair| pair.run == run && pair.own == commit && pair.other == other);
        let pair = match known {
            Some(pair) => pair.clone(),
            None => Pair {
                run,
                files: conflicts(root, &objects, &common, (&commit, &other))?,
                own: commit.clone(),
                other,
            },
        };
        pairs.push(pair);
    }
    if pairs != before {
        let bytes = serde_json::to_vec(&pairs).unwrap_or_default();
        write_atomic(project.run(number).radar(), &bytes, Durability::Quick)?;
    }
    let is_known = |run: RunNumber| {
        let had = |pairs: &[Pair], run| pairs.iter().any(|p| p.run == run && !p.files.is_empty());
        // The other one may have said it already.
        had(&before, run) || had(&read(project, run), number)
    };
    pairs.retain(|pair| !pair.files.is_empty() && !is_known(pair.run));
    Ok(pairs)
}

/// The conflicts of a run with other live runs, as far as they are known for what both have now.
///
/// # Errors
/// The project or the run cannot be read.
pub fn known(
    project: &ProjectDir,
    own: &State,
) -> Result<BTreeMap<RunNumber, Vec<String>>, RadarError> {
    let mut found = BTreeMap::new();
    let number = own.created.number;
    let Some(commit) = work_of(own) else { return Ok(found) };
    let mut candidates: Vec<Pair> = read(project, number);
    let files = Project::open(project.clone())?;
    for run in files.open_runs().filter(|run| *run != number) {
        let theirs = read(project, run).into_iter().filter(|pair| pair.run == number);
        candidates.extend(theirs.map(|pair| Pair {
            run,
            own: pair.other,
            other: pair.own,
            files: pair.files,
        }));
    }
    candidates.retain(|pair| pair.own == commit && !pair.files.is_empty());
    for pair in candidates {
        let is_now = || {
            let ledger = Ledger::open(project.run(pair.run)).ok()?;
            work_of(ledger.state()).filter(|commit| *commit == pair.other)
        };
        if !found.contains_key(&pair.run) && is_now().is_some() {
            found.insert(pair.run, pair.files);
        }
    }
    Ok(found)
}

/// The newest commit of a live run that has changed something.
fn work_of(state: &State) -> Option<String> {
    let is_live = matches!(
        state.status.kind(),
        StatusKind::Queued
            | StatusKind::Running
            | StatusKind::Waiting
            | StatusKind::Paused
            | StatusKind::Blocked
    );
    let made = state.worktree.as_ref().filter(|_| is_live)?;
    let (start, _) = state.start_of_work()?;
    (made.commit != start).then(|| made.commit.clone())
}

fn others(project: &ProjectDir, number: RunNumber) -> Result<Vec<(RunNumber, String)>, RadarError> {
    let files = Project::open(project.clone())?;
    let mut found = Vec::new();
    for run in files.open_runs().filter(|run| *run != number).take(limits::RADAR_RUNS_MAX) {
        // What cannot be read is told by whoever opens it.
        if let Ok(ledger) = Ledger::open(project.run(run))
            && let Some(commit) = work_of(ledger.state())
        {
            found.push((run, commit));
        }
    }
    Ok(found)
}

/// Files in which two commits conflict.
fn conflicts(
    root: &Utf8Path,
    objects: &Utf8Path,
    common: &str,
    (own, other): (&str, &str),
) -> Result<Vec<String>, GitError> {
    let alternates = format!("{common}/objects");
    let env = [
        ("GIT_OBJECT_DIRECTORY", objects.as_str()),
        ("GIT_ALTERNATE_OBJECT_DIRECTORIES", alternates.as_str()),
    ];
    let call = GitCall { env: &env, ..GitCall::default() };
    let mut files = git_merge_tree(root, own, other, &call)?.err().unwrap_or_default().files;
    files.dedup();
    Ok(files)
}

/// What a run keeps; nothing when the file is missing or damaged.
fn read(project: &ProjectDir, number: RunNumber) -> Vec<Pair> {
    let path = project.run(number).radar();
    if fs::symlink_metadata(&path).is_err() {
        return Vec::new();
    }
    let text = read_text_capped(path, limits::RADAR_BYTES_MAX).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}
