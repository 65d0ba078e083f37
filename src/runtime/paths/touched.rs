//! Every path that an attempt touched: in commits, also undone ones, staged, in the files, and untracked.

use std::collections::BTreeSet;

use camino::Utf8Path;

use super::listing::{Listing, moves, walk};
use super::{PathCheckError, Place};
use crate::base::limits;
use crate::plan::paths::PathRules;
use crate::runtime::changes;
use crate::store::git::{blob_of, git, resolve};

/// Every touched path, by its true name.
pub(super) fn all(
    rules: &PathRules,
    place: &Place,
    before: &Listing,
    started: &Utf8Path,
) -> Result<BTreeSet<String>, PathCheckError> {
    let mut paths = BTreeSet::new();
    let mut open = BTreeSet::new();
    if before.head.is_some() || place.base.is_some() {
        committed(place, before, &mut paths)?;
        uncommitted(&place.tree, "", &mut open)?;
    }
    if place.base.is_none() {
        // In place the checkout may have had changes of a person before: only what is newer counts.
        open.retain(|path| changes::is_since(&place.tree.join(path), started));
        if rules.has_allow_list() {
            open.extend(scanned(place, started)?);
        }
    }
    paths.append(&mut open);
    Ok(paths)
}

/// Paths that any commit since the start touched, and what the newest one changes altogether.
fn committed(
    place: &Place,
    before: &Listing,
    paths: &mut BTreeSet<String>,
) -> Result<(), PathCheckError> {
    let tree = &place.tree;
    let Some(base) = place.base.as_ref().or(before.head.as_ref()) else { return Ok(()) };
    let log = moves(tree);
    let newer = log.len().saturating_sub(before.moves);
    let mut tips = vec!["HEAD".to_owned()];
    tips.extend(place.branch.iter().map(|branch| format!("refs/heads/{branch}")));
    // A commit that was reset away is still named here.
    tips.extend(log.into_iter().take(newer.min(limits::PATH_MOVES_MAX)));
    let mut args =
        ["log", "-c", "--format=", "--name-only", "-z", "--no-renames", "--no-ext-diff"].to_vec();
    args.extend(tips.iter().map(String::as_str));
    args.extend(["--not", base.as_str()]);
    // What others have brought into the target is not this run's work.
    args.extend(before.target.as_deref());
    args.push("--");
    paths.extend(names(&git(tree, &[&["-c", "log.showRoot=true"], &args[..]].concat())?));
    let theirs = before.target.as_ref().filter(|_| place.base.is_some());
    let from = theirs.and_then(|target| git(tree, &["merge-base", target, "HEAD"]).ok());
    let from = from.unwrap_or_else(|| base.clone());
    let args = ["diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", &from, "HEAD", "--"];
    paths.extend(names(&git(tree, &args)?));
    Ok(())
}

/// Staged, unstaged and untracked files, one by one, also in repositories inside.
fn uncommitted(
    tree: &Utf8Path,
    prefix: &str,
    paths: &mut BTreeSet<String>,
) -> Result<(), PathCheckError> {
    let args = [
        "status",
        "--porcelain=v1",
        "-z",
        "--no-renames",
        "--untracked-files=all",
        "--ignore-submodules=none",
    ];
    for entry in git(tree, &args)?.split('\0') {
        let Some(path) = entry.get(3..) else { continue };
        let name = format!("{prefix}{path}");
        let file = tree.join(path);
        let is_folder = file.symlink_metadata().is_ok_and(|meta| meta.is_dir());
        if !is_folder {
            paths.insert(name);
        } else if path.ends_with('/') {
            // A repository of its own, which git does not look into.
            let top = format!("{prefix}{path}");
            walk(&file, file.as_std_path(), &mut |_, above| above, &mut |name, _, _, _| {
                paths.insert(format!("{top}{name}"));
            })?;
        } else {
            paths.insert(name.clone());
            if file.join(".git").exists() {
                uncommitted(&file, &format!("{name}/"), paths)?;
            }
        }
    }
    Ok(())
}

/// Whether a path is as the newest commit has it: the same content, or gone where it was there before.
pub(super) fn is_as_committed(place: &Place, before: &Listing, path: &str) -> bool {
    let tree = &place.tree;
    let Some(head) = &before.head else { return false };
    let blob = |commit: &str| resolve(tree, &format!("{commit}:{path}")).ok().flatten();
    let is_there = tree.join(path).symlink_metadata().is_ok();
    match (blob("HEAD"), is_there) {
        (Some(blob), true) => {
            let same = blob_of(tree, path.as_ref()).is_ok_and(|now| now.as_ref() == Some(&blob));
            let clean = git(tree, &["status", "--porcelain", "-z", "--", path]);
            same && clean.is_ok_and(|said| said.is_empty())
        }
        (None, false) => blob(head).is_some(),
        (Some(_), false) | (None, true) => false,
    }
}

/// What changed in a folder without a worktree.
fn scanned(place: &Place, started: &Utf8Path) -> Result<Vec<String>, PathCheckError> {
    let skipped = [".crew/state", ".crew/worktrees"].map(|folder| place.tree.join(folder));
    let found = changes::since(&place.tree, started, &skipped).ok_or_else(|| {
        let (folder, max) = (place.tree.clone(), limits::CHANGE_LOOK_ENTRIES_MAX);
        PathCheckError::TooMany { folder, max }
    })?;
    let lost_one = |name: &str| name.ends_with('/');
    Ok(found.into_iter().filter(|name| !lost_one(name)).collect())
}

fn names(listed: &str) -> impl Iterator<Item = String> {
    listed.split('\0').filter(|name| !name.is_empty()).map(str::to_owned)
}
