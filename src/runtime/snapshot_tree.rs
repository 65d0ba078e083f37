//! Trees that readers work in: a checkout of their own for `isolation: snapshot`, and the check that
//! whoever may only read has left a tree as it was.

use camino::{Utf8Path, Utf8PathBuf};

use super::{copies, unfinished, worktree};
use crate::base::TaskId;
use crate::store::git::{git, git_names};
use crate::store::salvage::{SalvageError, Source, keep};

/// Separates the name of a run's worktree from the task whose snapshot it is; no slug holds it.
const MARK: char = '@';
/// Paths that are named at most.
const PATHS_MAX: usize = 20;

/// Folder of a task's own tree.
pub fn path_of(worktree: &Utf8Path, task: &TaskId) -> Utf8PathBuf {
    let name = task.to_string().replace('/', ".");
    Utf8PathBuf::from(format!("{worktree}{MARK}{name}"))
}

/// Makes the tree of a reader, or brings the one of its last attempt to `commit`.
///
/// What an earlier attempt left there is put away before it goes.
///
/// # Errors
/// Git says no, or what was left cannot be put away.
pub fn prepare(root: &Utf8Path, commit: &str, source: &Source) -> Result<(), SalvageError> {
    let path = &source.worktree;
    unfinished::wait_for_orphans(path);
    if !unfinished::is_whole(path) {
        unfinished::put_aside(root, path)?;
        git(root, &["worktree", "add", "-q", "-f", "--detach", path.as_str(), commit])?;
        return Ok(());
    }
    let head = git(path, &["rev-parse", "HEAD"])?;
    put_away(&head, source)?;
    if head != commit {
        git(path, &["checkout", "-q", "--detach", commit])?;
    }
    Ok(())
}

/// What a reader changed, and where it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Strays {
    /// The first paths.
    pub paths: Vec<String>,
    /// All of them.
    pub count: usize,
    /// Reference of the salvage that holds them.
    pub kept: Option<String>,
}

/// Looks whether a tree is as `commit` says, puts away what is not, and restores it.
///
/// # Errors
/// Git says no, or what was found cannot be put away; it is still in the tree then.
pub fn put_away(commit: &str, source: &Source) -> Result<Strays, SalvageError> {
    let tree = &source.worktree;
    let paths = changed(tree, commit)?;
    if paths.is_empty() {
        return Ok(Strays::default());
    }
    let salvage = keep(tree, source)?;
    git(tree, &["reset", "-q", "--hard", commit])?;
    clean(tree)?;
    let count = paths.len();
    let paths = paths.into_iter().take(PATHS_MAX).collect();
    Ok(Strays { paths, count, kept: Some(salvage.reference()) })
}

/// Removes what git does not know and does not ignore; the copies that crew has made stay.
fn clean(tree: &Utf8Path) -> Result<(), SalvageError> {
    let special = |c: char| matches!(c, '*' | '?' | '[' | '\\' | ' ');
    let escaped = |name: &String| {
        let safe: String =
            name.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect();
        format!("--exclude=/{safe}")
    };
    let kept: Vec<String> = copies::kept_out(tree).iter().map(escaped).collect();
    let args: Vec<&str> =
        ["clean", "-fdq"].into_iter().chain(kept.iter().map(String::as_str)).collect();
    git(tree, &args)?;
    Ok(())
}

/// Paths that differ from a commit, ignored files aside.
///
/// # Errors
/// Git says no.
pub(super) fn changed(tree: &Utf8Path, commit: &str) -> Result<Vec<String>, SalvageError> {
    let mut paths: Vec<String> = Vec::new();
    if git(tree, &["rev-parse", "HEAD"])? != commit {
        paths.extend(git_names(tree, &["diff", "--name-only", "-z", commit, "HEAD"])?);
        if paths.is_empty() {
            // Other commits with the same content: the branch is not where it was.
            paths.push("HEAD".to_owned());
        }
    }
    let status = ["status", "--porcelain", "-z", "--no-renames", "--untracked-files=all"];
    let entries = git_names(tree, &status)?;
    paths.extend(entries.iter().filter_map(|entry| entry.get(3..)).map(str::to_owned));
    let copied = copies::kept_out(tree);
    paths.retain(|path| !copied.contains(path));
    paths.sort();
    paths.dedup();
    Ok(paths)
}

/// Removes the trees of all readers of a run; what somebody left there is put away.
///
/// A tree of which `is_other` says that it belongs to somebody else is left alone.
///
/// # Errors
/// Git says no, or something cannot be put away: its tree stays.
pub fn remove_all(
    root: &Utf8Path,
    run: &Utf8Path,
    source: &Source,
    is_other: impl Fn(&Utf8Path) -> Result<bool, SalvageError>,
) -> Result<(), SalvageError> {
    let (Some(folder), Some(name)) = (run.parent(), run.file_name()) else { return Ok(()) };
    let prefix = format!("{name}{MARK}");
    let Ok(entries) = folder.read_dir_utf8() else { return Ok(()) };
    let own = entries.flatten().filter(|entry| entry.file_name().starts_with(&prefix));
    for entry in own {
        let path = entry.path();
        if !worktree::is_linked(path) || is_other(path)? {
            continue;
        }
        let head = git(path, &["rev-parse", "HEAD"])?;
        put_away(&head, &Source { worktree: path.to_owned(), ..source.clone() })?;
        git(root, &["worktree", "remove", "--force", path.as_str()])?;
    }
    Ok(())
}
