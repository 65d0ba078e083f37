//! The run's git worktree: made once, committed to at the end of every writing attempt.

use camino::{Utf8Path, Utf8PathBuf};

use super::{copies, own_tree, unfinished};
use crate::engine::WorktreeState;
use crate::event::GitBase;
use crate::store::git::{
    GitCall, GitError, git, git_as_author, git_names, git_with, is_ancestor, is_there, resolve,
};

/// What a commit of a worktree left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// Newest commit of the branch.
    pub commit: String,
    /// Its tree.
    pub tree: String,
    /// Files that differ from the commit before the attempt.
    pub files: u32,
}

/// Makes the worktree of a run that begins; returns the commit that it starts from, and its tree where
/// that is not the one that the run was created with.
///
/// A run that comes after others starts from what they have brought into its target branch meanwhile.
///
/// # Errors
/// As [`ensure`].
pub fn create(
    root: &Utf8Path,
    base: &GitBase,
    comes_after: bool,
) -> Result<(String, Option<String>), GitError> {
    if !comes_after {
        ensure(root, base, &base.commit)?;
        return Ok((base.commit.clone(), None));
    }
    ensure(root, base, &newest(root, base))?;
    // Not what was just asked for: an earlier supervisor may have made it, before the branch went on.
    let both = git(&base.worktree, &["rev-parse", "HEAD", "HEAD^{tree}"])?;
    let (commit, tree) = both.split_once('\n').unwrap_or((&both, ""));
    let is_other = commit != base.commit;
    Ok((commit.to_owned(), is_other.then(|| tree.to_owned())))
}

/// The commit of the target branch now, when it has only gone on since the run was created.
fn newest(root: &Utf8Path, base: &GitBase) -> String {
    let tip = |target: &String| resolve(root, &format!("refs/heads/{target}")).ok().flatten();
    let target = base.target.as_ref().and_then(tip);
    let goes_on = |commit: &String| is_ancestor(root, &base.commit, commit).unwrap_or(false);
    target.filter(goes_on).unwrap_or_else(|| base.commit.clone())
}

/// Makes the worktree and its branch, or finds them as an earlier supervisor left them.
///
/// A new branch starts from the commit `start`.
///
/// # Errors
/// Git says no: the branch is checked out elsewhere, or the folder is in the way.
pub fn ensure(root: &Utf8Path, base: &GitBase, start: &str) -> Result<(), GitError> {
    let path = base.worktree.as_str();
    // A killed supervisor may have left a git that is still at it, or one that was killed as well.
    unfinished::wait_for_orphans(&base.worktree);
    if is_linked(&base.worktree) {
        restore_branch(&base.worktree, &base.branch, start)?;
    }
    if unfinished::is_whole(&base.worktree) {
        return Ok(());
    }
    // The folder of a worktree may have been deleted by hand; git still remembers it then.
    unfinished::put_aside(root, &base.worktree)?;
    unfinished::clear_branch_lock(root, &base.worktree, &base.branch);
    let branch = format!("refs/heads/{}", base.branch);
    if is_there(root, &branch) {
        return git(root, &["worktree", "add", "-q", path, &base.branch]).map(drop);
    }
    git(root, &["worktree", "add", "-q", "--no-track", "-b", &base.branch, path, start]).map(drop)
}

/// Makes the branch of a worktree again, if somebody deleted it.
///
/// # Errors
/// Git says no: the commit that crew knows is gone as well.
pub fn mend(made: &WorktreeState) -> Result<(), GitError> {
    restore_branch(&made.path, &made.branch, &made.commit)
}

/// Makes the branch again that somebody deleted under its worktree, where crew has seen it last.
fn restore_branch(worktree: &Utf8Path, branch: &str, known: &str) -> Result<(), GitError> {
    let reference = format!("refs/heads/{branch}");
    if is_there(worktree, &reference)
        || git(worktree, &["symbolic-ref", "-q", "HEAD"]).ok().as_ref() != Some(&reference)
    {
        return Ok(());
    }
    tracing::warn!(branch, commit = known, "the branch was gone and is made again");
    git(worktree, &["update-ref", &reference, known, &"0".repeat(known.len())]).map(drop)
}

/// Whether the folder still belongs to a repository, by a look that costs no git.
pub fn is_linked(worktree: &Utf8Path) -> bool {
    let link = std::fs::read_to_string(worktree.join(".git")).unwrap_or_default();
    let git_dir = link.trim().strip_prefix("gitdir:").map(str::trim);
    // Somebody may have removed a part of it.
    let is_whole = |dir: Utf8PathBuf| {
        ["HEAD", "commondir", "gitdir"].iter().all(|name| dir.join(name).exists())
    };
    git_dir.is_some_and(|path| is_whole(worktree.join(path)))
}

/// Commits everything that is in the worktree; makes no commit when nothing changed.
///
/// The branch is compared with the commit that crew knows: an agent may have committed by itself.
///
/// # Errors
/// Git says no.
pub fn commit(made: &WorktreeState, message: &str) -> Result<Committed, GitError> {
    let (worktree, before) = (made.path.as_path(), made.commit.as_str());
    unfinished::clear_locks(worktree, &made.branch);
    let is_merging = own_tree::is_merging(worktree);
    if is_merging
        || !git(worktree, &["status", "--porcelain", "--untracked-files=normal"])?.is_empty()
    {
        git(worktree, &["add", "-A"])?;
        leave_out_copies(worktree)?;
        // Everything that changed may be ignored or be a mode that git does not track.
        if is_merging || !git(worktree, &["diff", "--cached", "--name-only"])?.is_empty() {
            let args = ["commit", "-q", "--no-verify", "--no-gpg-sign", "-m", message];
            git_as_author(worktree, &args)?;
        }
    }
    let both = git(worktree, &["rev-parse", "HEAD", "HEAD^{tree}"])?;
    let (commit, tree) = both.split_once('\n').unwrap_or((&both, ""));
    let files = if commit == before {
        0
    } else {
        git_names(worktree, &["diff", "--name-only", "-z", before, commit])?.len()
    };
    Ok(Committed {
        commit: commit.to_owned(),
        tree: tree.to_owned(),
        files: u32::try_from(files).unwrap_or(u32::MAX),
    })
}

/// Copies of the project's own files are there to work with, and not a part of the work.
fn leave_out_copies(worktree: &Utf8Path) -> Result<(), GitError> {
    let copied: Vec<String> = copies::kept_out(worktree).into_iter().collect();
    if copied.is_empty() {
        return Ok(());
    }
    // Those that an agent has committed itself are its work.
    let args =
        ["--literal-pathspecs", "reset", "-q", "--pathspec-from-file=-", "--pathspec-file-nul"];
    let list = copied.join("\0");
    let call = GitCall { input: list.as_bytes(), ..GitCall::default() };
    git_with(worktree, &args, &call).map(drop)
}

/// What the worktree holds that `commit` does not; nothing when it is as that commit left it.
///
/// # Errors
/// Git says no.
pub fn changes(worktree: &Utf8Path, commit: &str) -> Result<Vec<String>, GitError> {
    let mut names: Vec<String> = Vec::new();
    let untracked = ["ls-files", "--others", "--exclude-standard", "-z"];
    for args in [&["diff", "--name-only", "-z", commit][..], &untracked] {
        names.extend(git_names(worktree, args)?);
    }
    let copied = copies::kept_out(worktree);
    names.retain(|name| !copied.contains(name));
    if names.is_empty() && git(worktree, &["rev-parse", "HEAD"])? != commit {
        names.push("a commit without files".to_owned());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worktree_of_which_git_has_lost_a_part_is_not_linked() {
        let keep = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(keep.path()).unwrap();
        git(root, &["init", "-q"]).unwrap();
        git_as_author(root, &["commit", "-q", "--allow-empty", "-m", "first"]).unwrap();
        for part in ["HEAD", "commondir", "gitdir"] {
            let (tree, branch) = (root.join(part), format!("of-{part}"));
            git(root, &["worktree", "add", "-q", "-b", &branch, tree.as_str()]).unwrap();
            assert!(is_linked(&tree));
            std::fs::remove_file(root.join(".git/worktrees").join(part).join(part)).unwrap();
            assert!(!is_linked(&tree), "{part}");
            std::fs::remove_dir_all(root.join(".git/worktrees").join(part)).unwrap();
        }
    }
}
