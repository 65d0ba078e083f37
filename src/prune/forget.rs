//! Forgetting a run: its folder is removed for good, with everything that is known of it.

use std::fs;

use camino::Utf8Path;

use crate::base::path::{PathContext, PathError};
use crate::base::{RunNumber, Time};
use crate::ledger::{Ledger, OpenError};
use crate::store::{FileLock, Project, ProjectDir, ProjectError, ProjectLock};

/// How the folder of a run is called while it is removed.
const ASIDE: &str = "forgotten-";

/// Why a run is not forgotten.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    /// It cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The project's files.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// Its files.
    #[error(transparent)]
    Path(#[from] PathError),
    /// It is not over, or something of it is still there.
    #[error("{0}")]
    Stays(String),
}

/// A run that may be forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgettable {
    /// The run.
    pub number: RunNumber,
    /// What was to be done in it.
    pub goal: String,
    /// How it stands.
    pub status: String,
    /// When something happened last.
    pub updated_at: Time,
    /// Bytes of all its files.
    pub bytes: u64,
}

/// What of a run would go, or why it stays: only runs that are over and whose worktrees are gone may go.
///
/// # Errors
/// It stays, or it cannot be read.
pub fn forgettable(dir: &ProjectDir, number: RunNumber) -> Result<Forgettable, ForgetError> {
    let run = dir.run(number);
    let ledger = Ledger::open(run.clone())?;
    let state = ledger.state();
    let is_imported = state.created.flags.imported.is_some();
    let stays = |why: &str| Err(ForgetError::Stays(format!("run #{number} {why}")));
    let is_over = state.status.is_terminal() && state.is_at_rest();
    if !is_imported && !is_over {
        let status = state.status.kind().as_str();
        return stays(&format!("is {status}; only a run that has ended can be forgotten"));
    }
    if FileLock::is_held(&run.supervisor_lock()).unwrap_or(true) {
        return stays("has a supervisor that still lives");
    }
    let own = state.worktree.iter().map(|tree| &tree.path);
    let trees = own.chain(state.own_branches().map(|tree| &tree.path));
    let mut trees = trees.filter(|_| !is_imported && ledger.health().copy_of.is_none());
    if let Some(tree) = trees.find(|tree| tree.symlink_metadata().is_ok()) {
        return stays(&format!(
            "still has the worktree `{tree}`; `crew archive {number}` puts that away first"
        ));
    }
    Ok(Forgettable {
        number,
        goal: state.created.goal.clone(),
        status: state.status.kind().as_str().to_owned(),
        updated_at: state.updated_at,
        bytes: size(run.path()),
    })
}

/// Removes the folder of a run for good.
///
/// It goes in one step, by its name, and then its files; a crash in between leaves only files that nobody knows, which
/// the next call removes.
///
/// # Errors
/// It stays, or something cannot be removed.
pub fn forget(dir: &ProjectDir, number: RunNumber) -> Result<Forgettable, ForgetError> {
    let found = forgettable(dir, number)?;
    let run = dir.run(number);
    let lock = ProjectLock::take(dir).map_err(ProjectError::from)?;
    // Nobody writes to it from here on.
    let _writer = FileLock::exclusive(&run.run_lock())?;
    forgettable(dir, number)?;
    sweep(dir)?;
    let aside = dir.state().join(format!("{ASIDE}{number}"));
    fs::rename(run.path(), &aside).at("cannot move away", run.path())?;
    let mut project = Project::open(dir.clone())?;
    project.close(&lock, [number])?;
    drop(lock);
    fs::remove_dir_all(&aside).at("cannot remove", &aside)?;
    Ok(found)
}

/// Removes what an earlier call could not finish.
fn sweep(dir: &ProjectDir) -> Result<(), PathError> {
    let state = dir.state();
    for entry in state.read_dir_utf8().at("cannot read the folder", state)? {
        let entry = entry.at("cannot read the folder", state)?;
        if entry.file_name().starts_with(ASIDE) {
            fs::remove_dir_all(entry.path()).at("cannot remove", entry.path())?;
        }
    }
    Ok(())
}

/// Bytes of all files of a folder.
fn size(folder: &Utf8Path) -> u64 {
    let entries = folder.read_dir_utf8().into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => size(entry.path()),
            Ok(kind) if kind.is_file() => entry.metadata().map_or(0, |meta| meta.len()),
            Ok(_) | Err(_) => 0,
        })
        .sum()
}
