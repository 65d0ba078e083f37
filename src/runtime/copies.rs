//! Files of the project that a new worktree is given: they stay inside, and crew never commits them.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use crate::base::path::{PathContext, PathError};
use crate::store::git::{GitError, git, git_names};
use crate::store::salvage::git_dir_of;

/// In the worktree's own part of the repository: names of copies that git does not ignore.
const LIST: &str = "crew-copied";

/// Why files could not be copied.
#[derive(Debug, thiserror::Error)]
pub(super) enum CopyError {
    /// A name leads out of the project.
    #[error("`worktree.copy` names `{0}`, which leads out of the project")]
    Outside(String),
    /// The system refused.
    #[error(transparent)]
    Io(#[from] PathError),
    /// Git says no.
    #[error(transparent)]
    Git(#[from] GitError),
}

/// Copies files and folders of the project into its new worktree; tells what was not copied.
///
/// What git has in the worktree stays as it is. A second call brings the copies up to date.
///
/// # Errors
/// A name leads out of the project, or a file cannot be copied.
pub(super) fn copy(
    root: &Utf8Path,
    worktree: &Utf8Path,
    names: &[String],
) -> Result<Vec<String>, CopyError> {
    let mut notes = Vec::new();
    let top = root.canonicalize_utf8().at("cannot open the folder", root)?;
    let mut made: BTreeSet<String> = BTreeSet::new();
    for name in names {
        let path = Utf8Path::new(name);
        let is_plain = |part: Utf8Component<'_>| {
            matches!(part, Utf8Component::Normal(_) | Utf8Component::CurDir)
        };
        if !path.components().all(is_plain) || path.starts_with(".git") {
            return Err(CopyError::Outside(name.clone()));
        }
        let from = root.join(path);
        let Ok(real) = from.canonicalize_utf8() else {
            notes.push(format!("`{name}` is not there to be copied into the worktree"));
            continue;
        };
        if !real.starts_with(&top) || worktree.starts_with(&real) {
            return Err(CopyError::Outside(name.clone()));
        }
        refuse_links(worktree, path)?;
        copy_one(&top, &from, worktree, path, &mut made, &mut notes)?;
    }
    remember(root, worktree, &made)?;
    Ok(notes)
}

/// The folders that lead to a copy must be those of the worktree, and no links.
fn refuse_links(worktree: &Utf8Path, path: &Utf8Path) -> Result<(), CopyError> {
    let mut folder = worktree.to_owned();
    for part in path.parent().into_iter().flat_map(Utf8Path::components) {
        folder.push(part);
        if folder.is_symlink() {
            return Err(CopyError::Outside(path.to_string()));
        }
    }
    Ok(())
}

fn copy_one(
    top: &Utf8Path,
    from: &Utf8Path,
    worktree: &Utf8Path,
    path: &Utf8Path,
    made: &mut BTreeSet<String>,
    notes: &mut Vec<String>,
) -> Result<(), CopyError> {
    let to = worktree.join(path);
    let meta = from.symlink_metadata().at("cannot look at", from)?;
    if meta.is_symlink() {
        let target = from.read_link_utf8().at("cannot read", from)?;
        let leads_to = from.parent().unwrap_or(top).join(&target).canonicalize_utf8();
        if target.is_absolute() || !leads_to.is_ok_and(|real| real.starts_with(top)) {
            notes.push(format!("`{path}` is a link that leads out of the project: not copied"));
            return Ok(());
        }
        if is_tracked(worktree, path) {
            return Ok(());
        }
        replace(&to)?;
        symlink(&target, &to).at("cannot link", &to)?;
        made.insert(path.to_string());
        return Ok(());
    }
    if meta.is_dir() {
        let mut entries: Vec<Utf8PathBuf> = Vec::new();
        for entry in from.read_dir_utf8().at("cannot read the folder", from)? {
            entries.push(entry.at("cannot read the folder", from)?.into_path());
        }
        if to.is_symlink() {
            return Err(CopyError::Outside(path.to_string()));
        }
        fs::create_dir_all(&to).at("cannot create the folder", &to)?;
        for entry in entries {
            let name = entry.file_name().unwrap_or_default().to_owned();
            copy_one(top, &entry, worktree, &path.join(name), made, notes)?;
        }
        return Ok(());
    }
    if !meta.is_file() || is_tracked(worktree, path) {
        return Ok(());
    }
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).at("cannot create the folder", parent)?;
    }
    replace(&to)?;
    // Its mode comes along.
    fs::copy(from, &to).at("cannot copy", from)?;
    made.insert(path.to_string());
    Ok(())
}

/// A copy of an earlier try goes; nothing is ever written through a link.
fn replace(to: &Utf8Path) -> Result<(), PathError> {
    match fs::remove_file(to) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).at("cannot replace", to)
        }
        _ => Ok(()),
    }
}

/// Whether git has a file of this name in the worktree.
fn is_tracked(worktree: &Utf8Path, path: &Utf8Path) -> bool {
    // Nearly every copy is of something that git ignores: only what exists can be git's.
    let args = ["--literal-pathspecs", "ls-files", "--error-unmatch", "--", path.as_str()];
    worktree.join(path).symlink_metadata().is_ok() && git(worktree, &args).is_ok()
}

/// Keeps the names of those copies that git would see.
fn remember(
    root: &Utf8Path,
    worktree: &Utf8Path,
    made: &BTreeSet<String>,
) -> Result<(), CopyError> {
    let Some(git_dir) = git_dir_of(root, worktree) else { return Ok(()) };
    let seen = git_names(worktree, &["ls-files", "--others", "--exclude-standard", "-z"])?;
    let seen: Vec<String> = seen.into_iter().filter(|name| made.contains(name)).collect();
    let list = git_dir.join(LIST);
    if seen.is_empty() {
        drop(fs::remove_file(&list));
        return Ok(());
    }
    fs::write(&list, seen.join("\0")).at("cannot write", &list)?;
    Ok(())
}

/// Copies in a worktree that git would take for new files of the run.
pub(super) fn kept_out(worktree: &Utf8Path) -> BTreeSet<String> {
    let link = fs::read_to_string(worktree.join(".git")).unwrap_or_default();
    let git_dir = link.trim_end_matches('\n').strip_prefix("gitdir: ");
    let list = git_dir.map(|path| worktree.join(path).join(LIST));
    let text = list.and_then(|list| fs::read_to_string(list).ok()).unwrap_or_default();
    text.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}
