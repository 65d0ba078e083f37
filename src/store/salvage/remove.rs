//! Removes a worktree, after everything that it holds was put away.

use std::fs;

use camino::Utf8Path;

use super::capture::{check, keep_found, sync};
use super::found::{Kind, kind_of, look};
use super::git_dir::{git_dir_of, holder_of};
use super::record::{Salvage, SalvageError, Source, find};
use crate::base::path::PathContext;
use crate::store::git::{git, is_there};

/// Begins the reason of the lock of a worktree that is being removed.
pub(super) const REMOVING: &str = "crew removes it, salvage ";
/// Begins the name of a folder that is being removed.
const GOING: &str = ".removing-";

/// What becomes of the run's branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It stays.
    Keep,
    /// It goes with the worktree.
    Remove,
}

/// Puts away what a worktree holds, then removes it, and its branch if that is asked for.
///
/// A branch that moved in between, or that another worktree has checked out, stays.
///
/// # Errors
/// Something cannot be put away: nothing was removed then. Or git could not remove it: the salvage is
/// there, and the next call goes on.
pub fn remove(root: &Utf8Path, source: &Source, fate: Fate) -> Result<Salvage, SalvageError> {
    if let Some(salvage) = begun(root, source) {
        return finish(root, salvage);
    }
    let mut holding = look(root, source)?;
    check(&holding)?;
    let holder = source.branch.as_deref().and_then(|branch| holder_of(root, branch));
    let is_free = holder.is_none_or(|holder| is_same(&holder, &source.worktree));
    let takes_branch = fate == Fate::Remove && is_free && source.branch.is_some();
    holding.salvage.is_removal = true;
    holding.salvage.takes_branch = takes_branch;
    let salvage = keep_found(root, holding)?;
    sync(root)?;
    if kind_of(root, &source.worktree) == Kind::Linked {
        // Half of a worktree must not be put away as if it were the whole.
        let why = format!("{REMOVING}{}", salvage.id);
        drop(git(root, &["worktree", "unlock", source.worktree.as_str()]));
        git(root, &["worktree", "lock", "--reason", &why, source.worktree.as_str()])?;
    }
    finish(root, salvage)
}

/// The salvage of a removal that was killed after it had begun.
fn begun(root: &Utf8Path, source: &Source) -> Option<Salvage> {
    let git_dir = git_dir_of(root, &source.worktree)?;
    let why = fs::read_to_string(git_dir.join("locked")).ok()?;
    find(root, why.trim().strip_prefix(REMOVING)?).ok()
}

/// Removes what was put away.
fn finish(root: &Utf8Path, salvage: Salvage) -> Result<Salvage, SalvageError> {
    remove_folder(root, &salvage.source.worktree)?;
    let Salvage { source, takes_branch, .. } = &salvage;
    if *takes_branch && let (Some(branch), Some(tip)) = (&source.branch, &salvage.tip) {
        let reference = format!("refs/heads/{branch}");
        if is_there(root, &reference) {
            // With its old value: a commit that came in between keeps it alive.
            git(root, &["update-ref", "-d", &reference, tip])?;
        }
    }
    Ok(salvage)
}

fn is_same(one: &Utf8Path, other: &Utf8Path) -> bool {
    one == other
        || matches!((one.canonicalize_utf8(), other.canonicalize_utf8()), (Ok(a), Ok(b)) if a == b)
}

/// Removes a folder and what git knows of it; whatever it holds is gone then.
pub(super) fn remove_folder(root: &Utf8Path, worktree: &Utf8Path) -> Result<(), SalvageError> {
    match kind_of(root, worktree) {
        Kind::Linked => {
            // Twice, as it is locked until it is gone.
            git(root, &["worktree", "remove", "--force", "--force", worktree.as_str()])?;
        }
        Kind::Plain => remove_plain(worktree)?,
        Kind::Gone => {
            if git_dir_of(root, worktree).is_some() {
                git(root, &["worktree", "remove", "--force", "--force", worktree.as_str()])?;
            }
        }
    }
    Ok(())
}

/// Under its new name nobody takes what is left of it for the whole.
fn remove_plain(folder: &Utf8Path) -> Result<(), SalvageError> {
    let name = folder.file_name().unwrap_or_default();
    let going = (1..1_000)
        .map(|number| folder.with_file_name(format!("{GOING}{name}-{number}")))
        .find(|path| path.symlink_metadata().is_err());
    let going = going.unwrap_or_else(|| folder.to_owned());
    fs::rename(folder, &going).at("cannot rename", folder)?;
    fs::remove_dir_all(&going).at("cannot remove", &going)?;
    Ok(())
}

/// Removes what is left of folders whose removal was cut short.
pub fn sweep(worktrees: &Utf8Path) {
    let entries = worktrees.read_dir_utf8().into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().starts_with(GOING)) {
        // One that cannot be removed now is found again the next time.
        drop(fs::remove_dir_all(entry.path()));
    }
}
