//! The folders that have the target checked out: they go with it, or stay as they are to the last byte.
//!
//! Their files and their index move first, under git's own lock of the index, and the branch moves last.
//! Whoever looks in between sees the merge as changes that are not committed, and cannot commit anything;
//! nobody ever sees a folder that seems to take the merge back. What was there before is kept beside the
//! index ([`Shelf`]) until it is over, so that every step can be undone, also by whoever comes after a
//! crash.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use camino::{Utf8Path, Utf8PathBuf};

use super::Obstacle;
use super::shelf::Shelf;
use crate::base::text;
use crate::event::merge::MergeRefusal;
use crate::store::git::{GitError, blob_of, git, git_raw};

/// Files that are named in a message.
const NAMED: usize = 5;
/// Paths that one call of git is given.
const CHUNK: usize = 500;
/// What git has in its folder while something goes on that a merge would come between.
const UNDER_WAY: [(&str, &str); 6] = [
    ("MERGE_HEAD", "a merge"),
    ("CHERRY_PICK_HEAD", "a cherry-pick"),
    ("REVERT_HEAD", "a revert"),
    ("rebase-merge", "a rebase"),
    ("rebase-apply", "a rebase"),
    ("sequencer", "a sequence of picks"),
];

/// A path that differs between two commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    /// Relative to the top.
    pub path: PathBuf,
    /// It is in the old commit.
    pub before: bool,
    /// It is in the new commit.
    pub after: bool,
    /// It is another repository, whose files are not touched.
    pub is_module: bool,
    /// Names of its contents.
    pub old_id: String,
    pub new_id: String,
}

impl Change {
    pub fn name(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }
}

/// One folder that has the target checked out.
#[derive(Debug)]
pub(super) struct Checkout {
    /// Its top.
    pub path: Utf8PathBuf,
    /// Git's own folder for it.
    pub git_dir: Utf8PathBuf,
}

impl Checkout {
    pub fn of(path: &Utf8Path) -> Result<Self, GitError> {
        let git_dir = Utf8PathBuf::from(git(path, &["rev-parse", "--absolute-git-dir"])?);
        Ok(Self { path: path.to_owned(), git_dir })
    }

    pub fn index(&self) -> Utf8PathBuf {
        self.git_dir.join("index")
    }
}

/// Every folder that has the branch checked out.
pub(super) fn of_branch(root: &Utf8Path, branch: &str) -> Result<Vec<Checkout>, Obstacle> {
    let listed = git(root, &["worktree", "list", "--porcelain", "-z"])?;
    let reference = format!("refs/heads/{branch}");
    let (mut found, mut path) = (Vec::new(), None);
    for field in listed.split('\0') {
        if let Some(name) = field.strip_prefix("worktree ") {
            path = Some(Utf8PathBuf::from(name));
        }
        // A rebase has let go of its branch, and moves it when it ends.
        if field == "detached"
            && let Some(path) = path.as_ref().filter(|path| path.join(".git").exists())
        {
            let checkout = Checkout::of(path)?;
            let rebased = ["rebase-merge", "rebase-apply"].into_iter().any(|folder| {
                let name = fs::read_to_string(checkout.git_dir.join(folder).join("head-name"));
                name.is_ok_and(|name| name.trim() == reference)
            });
            if rebased {
                return Err(dirty(path, "is in the middle of a rebase of it"));
            }
        }
        let is_ours = field.strip_prefix("branch ").is_some_and(|name| name == reference);
        if let Some(path) = path.as_ref().filter(|path| is_ours && path.join(".git").exists()) {
            found.push(Checkout::of(path)?);
        }
    }
    Ok(found)
}

/// What a merge changes; names of any bytes.
pub(super) fn changes(root: &Utf8Path, old: &str, new: &str) -> Result<Vec<Change>, GitError> {
    let args = ["diff-tree", "-r", "-z", "--no-renames", old, new];
    let raw = git_raw(root, &args, &[])?;
    let mut fields = raw.split(|byte| *byte == 0);
    let mut found = Vec::new();
    while let (Some(about), Some(path)) = (fields.next(), fields.next()) {
        let about = String::from_utf8_lossy(about);
        let words: Vec<&str> = about.trim_start_matches(':').split(' ').collect();
        let mode = |at: usize| words.get(at).copied().unwrap_or("000000");
        found.push(Change {
            path: PathBuf::from(OsStr::from_bytes(path)),
            before: mode(0) != "000000",
            after: mode(1) != "000000",
            is_module: mode(0) == "160000" || mode(1) == "160000",
            old_id: words.get(2).copied().unwrap_or_default().to_owned(),
            new_id: words.get(3).copied().unwrap_or_default().to_owned(),
        });
    }
    Ok(found)
}

/// Whether the folder can go with its branch without losing anything.
///
/// Called before anything moves, and once more when nobody else can change the index.
pub(super) fn check(
    checkout: &Checkout,
    old: &str,
    changes: &[Change],
    allows_dirty: bool,
) -> Result<(), Obstacle> {
    let path = &checkout.path;
    for (name, what) in UNDER_WAY {
        if checkout.git_dir.join(name).exists() {
            return Err(dirty(path, &format!("is in the middle of {what}")));
        }
    }
    if git(path, &["rev-parse", "HEAD"])? != old {
        return Err(dirty(path, "has another commit checked out by now"));
    }
    if !allows_dirty {
        let args = [
            "status",
            "--porcelain",
            "-z",
            "--no-renames",
            "--untracked-files=no",
            "--ignore-submodules=dirty",
        ];
        let status = git(path, &args)?;
        let names = status.split('\0').filter_map(|entry| entry.get(3..)).map(str::to_owned);
        refuse(path, "has changes that are not committed", names.collect())?;
    }
    refuse(path, "has files in the way that git does not know", in_the_way(checkout, changes))?;
    refuse(
        path,
        "has changes of its own in files that the merge changes",
        edited(checkout, old, changes)?,
    )
}

/// Files that would be overwritten although they are in no commit, ignored ones included.
fn in_the_way(checkout: &Checkout, changes: &[Change]) -> Vec<String> {
    let top = checkout.path.as_std_path();
    let goes: BTreeSet<&Path> =
        changes.iter().filter(|one| one.before).map(|one| one.path.as_path()).collect();
    let mut found: BTreeSet<PathBuf> = BTreeSet::new();
    for change in changes.iter().filter(|change| change.after && !change.is_module) {
        if !change.before {
            let mut open = vec![change.path.clone()];
            while let Some(path) = open.pop() {
                let Ok(about) = top.join(&path).symlink_metadata() else { continue };
                if about.is_dir() {
                    let entries = fs::read_dir(top.join(&path)).into_iter().flatten().flatten();
                    open.extend(entries.map(|entry| path.join(entry.file_name())));
                } else if !goes.contains(path.as_path()) {
                    found.insert(path);
                }
            }
        }
        for parent in change.path.ancestors().skip(1).filter(|path| !path.as_os_str().is_empty()) {
            let is_file = top.join(parent).symlink_metadata().is_ok_and(|about| !about.is_dir());
            if is_file && !goes.contains(parent) {
                found.insert(parent.to_owned());
            }
        }
    }
    found.iter().map(|path| path.to_string_lossy().into_owned()).collect()
}

/// Files that the merge changes and that are not as the old commit has them.
///
/// Git says which; but a flag of the index may hide changes from git, and such files are read.
fn edited(checkout: &Checkout, old: &str, changes: &[Change]) -> Result<Vec<String>, GitError> {
    let top = checkout.path.as_std_path();
    let there = changes.iter().filter(|change| change.before && !change.is_module);
    let there: Vec<&Change> = there
        .filter(|change| {
            top.join(&change.path).symlink_metadata().is_ok_and(|about| !about.is_dir())
        })
        .collect();
    let env = [("GIT_LITERAL_PATHSPECS", "1")];
    let (mut found, mut hidden) = (BTreeSet::new(), BTreeSet::new());
    for chunk in there.chunks(CHUNK) {
        let names: Vec<String> = chunk.iter().map(|change| change.name()).collect();
        let ask = |args: &[&str]| {
            let args: Vec<&str> = args
                .iter()
                .copied()
                .chain(["--"])
                .chain(names.iter().map(String::as_str))
                .collect();
            let raw = git_raw(&checkout.path, &args, &env)?;
            Ok::<_, GitError>(String::from_utf8_lossy(&raw).into_owned())
        };
        let other = ask(&["diff", "--no-ext-diff", "--name-only", "-z", old])?;
        found.extend(other.split('\0').filter(|name| !name.is_empty()).map(str::to_owned));
        let flags = ask(&["ls-files", "-v", "-z"])?;
        let flagged = flags.split('\0').filter_map(|entry| entry.split_once(' '));
        let flagged = flagged.filter(|(tag, _)| *tag == "S" || tag.chars().any(char::is_lowercase));
        hidden.extend(flagged.map(|(_, name)| name.to_owned()));
    }
    let hidden: Vec<(&Change, &str)> = there
        .iter()
        .filter(|change| hidden.contains(&change.name()))
        .map(|change| (*change, change.old_id.as_str()))
        .collect();
    found.extend(self::differing(checkout, &hidden)?);
    Ok(found.into_iter().collect())
}

/// Which of these files do not have the content of that name.
pub(super) fn differing(
    checkout: &Checkout,
    expected: &[(&Change, &str)],
) -> Result<Vec<String>, GitError> {
    let mut found = Vec::new();
    for (change, id) in expected {
        let blob = blob_of(&checkout.path, &change.path)?;
        if blob.as_deref() != Some(*id) {
            found.push(change.name());
        }
    }
    Ok(found)
}

/// Brings files and index of the folder from the old commit to the new one; the shelf is filled before.
pub(super) fn advance(
    checkout: &Checkout,
    shelf: &Shelf,
    old: &str,
    new: &str,
) -> Result<(), Obstacle> {
    let index = shelf.new_index();
    let io = |error: std::io::Error| Obstacle::failed(format!("cannot copy the index: {error}"));
    fs::copy(checkout.index(), &index).map_err(io)?;
    let env = [("GIT_INDEX_FILE", index.as_str()), ("CREW_ATTEMPT", shelf.mark())];
    // A second name changes a file's times. Whatever this finds changed, the next call refuses.
    drop(git_raw(&checkout.path, &["update-index", "-q", "--refresh"], &env));
    git_raw(&checkout.path, &["read-tree", "-m", "-u", old, new], &env)?;
    fs::rename(&index, checkout.index())
        .map_err(|error| Obstacle::failed(format!("cannot replace the index: {error}")))
}

fn refuse(path: &Utf8Path, what: &str, names: Vec<String>) -> Result<(), Obstacle> {
    if names.is_empty() {
        return Ok(());
    }
    let more = names.len().saturating_sub(NAMED);
    let mut told = names.iter().take(NAMED).map(|name| format!("`{}`", text::printable(name)));
    let mut list = told.by_ref().collect::<Vec<_>>().join(", ");
    if more > 0 {
        list = format!("{list} and {more} more");
    }
    Err(Obstacle { paths: names, ..dirty(path, &format!("{what}: {list}")) })
}

pub(super) fn dirty(path: &Utf8Path, what: &str) -> Obstacle {
    Obstacle {
        why: MergeRefusal::Dirty,
        detail: format!("`{path}`, which has the target checked out, {what}"),
        paths: Vec::new(),
    }
}
