//! Those files of git that can make other programs do something: its configuration and its hooks.

use std::collections::BTreeMap;
use std::fs;

use camino::{Utf8Path, Utf8PathBuf};

use super::listing::{print, walk};
use super::{PathCheckError, Place};
use crate::plan::paths::PathRules;
use crate::store::git::{GitError, git_steady};
use crate::store::git_dirs;

/// Name under which the link from a worktree to its repository is listed.
pub(super) const LINK: &str = ".git/gitdir";

/// Whether the worktree belongs to the project's repository by a link exactly as git itself writes it.
pub(super) fn is_linked(place: &Place) -> bool {
    let Ok(Some(repository)) = git_dirs(&place.root) else { return false };
    let Ok(link) = fs::read_to_string(place.tree.join(".git")) else { return false };
    let own = link.strip_prefix("gitdir: ").and_then(|link| link.strip_suffix('\n'));
    let Some(own) = own.map(Utf8Path::new) else { return false };
    let back = fs::read_to_string(own.join("gitdir")).unwrap_or_default();
    let is_here = Utf8Path::new(back.trim_end()) == place.tree.join(".git");
    // Neither `..` nor a link may lead to the right place by the way of another one.
    let is_real = own.canonicalize_utf8().is_ok_and(|real| real == own);
    is_here && is_real && own.parent() == Some(&repository.common_dir.join("worktrees"))
}

/// Prints of the denied ones, named as in an ordinary checkout: `.git/config`, `.git/hooks/…`.
pub(super) fn prints(
    rules: &PathRules,
    tree: &Utf8Path,
) -> Result<BTreeMap<String, String>, PathCheckError> {
    let mut found = BTreeMap::new();
    let Some((own, common)) = known_folders(tree)? else { return Ok(found) };
    let mut add = |name: &str, print: String| {
        if rules.denied(name).is_some() {
            found.insert(name.to_owned(), print);
        }
    };
    add(".git/config", settings(&common.join("config")));
    add(".git/config.worktree", settings(&own.join("config.worktree")));
    // In a linked worktree it is a file that says where the rest is.
    if let Ok(link) = fs::read(tree.join(".git")) {
        add(LINK, blake3::hash(&link).to_string());
        add(".git/commondir", print_of(&own.join("commondir")));
    }
    let hooks = common.join("hooks");
    walk(&hooks, hooks.as_std_path(), &mut |_, above| above, &mut |name, path, meta, _| {
        add(&format!(".git/hooks/{name}"), print(path, meta));
    })?;
    Ok(found)
}

/// Whether git knows the folder as a checkout.
pub(super) fn is_checkout(tree: &Utf8Path) -> Result<bool, GitError> {
    Ok(known_folders(tree)?.is_some())
}

/// The folder of the checkout's own git files, and that of the whole repository.
pub(super) fn folders(tree: &Utf8Path) -> Option<(Utf8PathBuf, Utf8PathBuf)> {
    known_folders(tree).ok().flatten()
}

/// As [`folders`]; nothing only where there is no repository. A git that was killed has not said so.
fn known_folders(tree: &Utf8Path) -> Result<Option<(Utf8PathBuf, Utf8PathBuf)>, GitError> {
    let both = match git_steady(tree, &["rev-parse", "--git-dir", "--git-common-dir"]) {
        Ok(both) => both,
        Err(GitError::Failed { said, .. }) if said.contains("not a git repository") => {
            return Ok(None);
        }
        // Without git on this machine nobody reads what it would.
        Err(GitError::Start(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let folders = both.split_once('\n');
    Ok(folders.map(|(own, common)| (tree.join(own), tree.join(common))))
}

/// A print of a configuration file, without what `git push -u` and `git switch` write into it for a branch.
fn settings(path: &Utf8Path) -> String {
    let Some(folder) = path.parent() else { return String::new() };
    // A git that somebody killed says nothing about the file.
    let listed = git_steady(folder, &["config", "--file", path.as_str(), "--list", "-z"]);
    let Ok(listed) = listed else { return print_of(path) };
    let kept: Vec<&str> = listed.split('\0').filter(|entry| !is_of_branch(entry)).collect();
    blake3::hash(kept.join("\0").as_bytes()).to_string()
}

fn is_of_branch(entry: &str) -> bool {
    let key = entry.split('\n').next().unwrap_or_default();
    let harmless = [".remote", ".merge", ".pushremote", ".rebase", ".description"];
    key.starts_with("branch.") && harmless.iter().any(|end| key.ends_with(end))
}

fn print_of(path: &Utf8Path) -> String {
    let meta = path.symlink_metadata();
    meta.map(|meta| print(path.as_std_path(), &meta)).unwrap_or_default()
}
