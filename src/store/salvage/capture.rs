//! Puts away what a worktree holds: as commits that nobody's branch has, made beside every index.

use std::collections::BTreeSet;
use std::fs;

use camino::{Utf8Path, Utf8PathBuf};

use super::found::{Holding, Kind, common_dir, kind_of, look};
use super::git_dir::git_dir_of;
use super::record::{Salvage, SalvageError, Source};
use super::write::{Bench, Entry, entries};
use crate::store::git::{GitError, git};

/// What a merge or the like keeps in the git folder of the worktree until it is finished.
pub(super) const STATE_FILES: [&str; 6] =
    ["MERGE_HEAD", "MERGE_MSG", "MERGE_MODE", "CHERRY_PICK_HEAD", "REVERT_HEAD", "SQUASH_MSG"];
/// Commits that were left behind by a reset or the like and are kept as well.
const LEFT_BEHIND_MAX: usize = 32;

/// Puts away everything that a worktree holds; the worktree stays as it is.
///
/// # Errors
/// Git says no, or the worktree holds what cannot be put away; there is no salvage then.
pub fn keep(root: &Utf8Path, source: &Source) -> Result<Salvage, SalvageError> {
    let holding = look(root, source)?;
    check(&holding)?;
    keep_found(root, holding)
}

/// Puts away what was staged in a worktree whose folder is gone; nothing when that is what its branch has.
///
/// # Errors
/// Git says no.
pub fn keep_staged(root: &Utf8Path, source: &Source) -> Result<Option<Salvage>, SalvageError> {
    let holding = look(root, source)?;
    let head = holding.salvage.head.as_ref().and_then(|head| head.commit.as_ref());
    let Some(head) = head.filter(|_| kind_of(root, &source.worktree) == Kind::Gone) else {
        return Ok(None);
    };
    let git_dir = git_dir_of(root, &source.worktree);
    if !git_dir.is_some_and(|git_dir| git_dir.join("index").exists()) {
        return Ok(None);
    }
    let trees = write_trees(root, &holding)?;
    if git(root, &["rev-parse", &format!("{head}^{{tree}}")])? == trees.staged {
        return Ok(None);
    }
    keep_found(root, holding).map(Some)
}

pub(super) fn check(holding: &Holding) -> Result<(), SalvageError> {
    if holding.obstacles.is_empty() {
        return Ok(());
    }
    let worktree = holding.salvage.source.worktree.clone();
    Err(SalvageError::Holds { worktree, reasons: holding.obstacles.clone() })
}

/// Puts away what was found, and gives it its name.
pub(super) fn keep_found(root: &Utf8Path, holding: Holding) -> Result<Salvage, SalvageError> {
    let trees = write_trees(root, &holding)?;
    let mut salvage = holding.salvage;
    let mut parents: Vec<&str> = Vec::new();
    let head = salvage.head.as_ref().and_then(|head| head.commit.as_deref());
    for commit in head.into_iter().chain(salvage.tip.as_deref()) {
        if !parents.contains(&commit) {
            parents.push(commit);
        }
    }
    let bench = &trees.bench;
    let staged = bench.commit(&trees.staged, &parents, "What was staged\n")?;
    let more = match &trees.more {
        Some(tree) => {
            let message = "What an index and a repository know besides their files\n";
            let left: Vec<&str> = trees.left_behind.iter().map(String::as_str).collect();
            Some(bench.commit(tree, &left, message)?)
        }
        None => None,
    };
    let parents: Vec<&str> = [staged.as_str()].into_iter().chain(more.as_deref()).collect();
    salvage.commit = bench.commit(&trees.files, &parents, &salvage.message())?;
    salvage.publish(&common_dir(root)?)?;
    Ok(salvage)
}

/// The trees that stand for a worktree.
#[derive(Debug)]
pub(super) struct Trees {
    bench: Bench,
    pub staged: String,
    pub files: String,
    pub more: Option<String>,
    left_behind: Vec<String>,
}

/// Writes the trees of a worktree into the repository; nothing refers to them yet.
pub(super) fn write_trees(root: &Utf8Path, holding: &Holding) -> Result<Trees, SalvageError> {
    let source = &holding.salvage.source;
    let common = common_dir(root)?;
    let kind = kind_of(root, &source.worktree);
    let git_dir = git_dir_of(root, &source.worktree).filter(|_| kind != Kind::Plain);
    let bench = match kind {
        Kind::Linked => Bench::new(&source.worktree, None)?,
        Kind::Plain => Bench::new(&source.worktree, Some(&common))?,
        Kind::Gone => Bench::new(&common, Some(git_dir.as_deref().unwrap_or(&common)))?,
    };
    let Some(git_dir) = git_dir else {
        // No index: the branch alone, or the files of a folder alone.
        let base = holding.salvage.tip.as_ref().filter(|_| kind == Kind::Gone);
        let base =
            base.map(|tip| bench.line(None, &["rev-parse", &format!("{tip}^{{tree}}")], b""));
        let staged = bench.tree_with(base.transpose()?.as_deref(), &[], &[])?;
        let entries = bench.store(&holding.files.changed)?;
        let files = bench.tree_with(Some(&staged), &[], &entries)?;
        return Ok(Trees { bench, staged, files, more: None, left_behind: Vec::new() });
    };
    let index = git_dir.join("index");
    let unmerged = match kind {
        Kind::Gone => unmerged_of(&bench)?,
        Kind::Linked | Kind::Plain => holding.files.unmerged.clone(),
    };
    let staged = bench.tree_of_index(&index, &unmerged)?;
    let stored = bench.store(&holding.files.changed)?;
    let files = bench.tree_with(Some(&staged), &holding.files.deleted, &stored)?;
    let left_behind = left_behind(&bench, &git_dir, holding);
    let more = more(&bench, &git_dir, holding, &staged)?;
    let more = match more {
        Some(tree) => Some(tree),
        None if left_behind.is_empty() => None,
        None => Some(bench.tree_with(None, &[], &[])?),
    };
    Ok(Trees { bench, staged, files, more, left_behind })
}

fn unmerged_of(bench: &Bench) -> Result<Vec<Vec<u8>>, SalvageError> {
    let out = bench.git(None, &["ls-files", "-u", "-z"], b"")?;
    let paths: BTreeSet<Vec<u8>> = entries(&out).into_iter().map(|entry| entry.path).collect();
    Ok(paths.into_iter().collect())
}

/// What no tree of files can hold: versions of a conflict, announced files, flags, an open merge.
fn more(
    bench: &Bench,
    git_dir: &Utf8Path,
    holding: &Holding,
    staged: &str,
) -> Result<Option<String>, SalvageError> {
    let mut found: Vec<Entry> = Vec::new();
    let tree = entries(&bench.git(None, &["ls-tree", "-r", "-z", staged], b"")?);
    let in_tree: BTreeSet<&[u8]> = tree.iter().map(|entry| entry.path.as_slice()).collect();
    // Files that are only announced are in the index, and git leaves them out of its tree.
    let mut announced: Vec<Vec<u8>> = Vec::new();
    let out = bench.git(None, &["ls-files", "-s", "-z"], b"")?;
    for line in out.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
        let Some(at) = line.iter().position(|byte| *byte == b'\t') else { continue };
        let (head, path) = (String::from_utf8_lossy(&line[..at]).into_owned(), &line[at + 1..]);
        let words: Vec<&str> = head.split(' ').collect();
        let [mode, blob, stage] = words[..] else { continue };
        if stage != "0" {
            let path = [format!("stage-{stage}/").as_bytes(), path].concat();
            found.push(Entry { mode: mode.to_owned(), blob: blob.to_owned(), path });
        } else if !in_tree.contains(path) {
            announced.push([mode.as_bytes(), b" ", path].concat());
        }
    }
    if !announced.is_empty() {
        found.push(bench.store_text("announced", &announced.join(&0))?);
    }
    if !holding.files.flagged.is_empty() {
        let lines: Vec<Vec<u8>> = holding
            .files
            .flagged
            .iter()
            .map(|(letter, path)| [&[*letter], &path[..]].concat())
            .collect();
        found.push(bench.store_text("flagged", &lines.join(&0))?);
    }
    for name in STATE_FILES {
        if let Ok(text) = fs::read(git_dir.join(name)) {
            found.push(bench.store_text(&format!("git/{name}"), &text)?);
        }
    }
    if found.is_empty() {
        return Ok(None);
    }
    Ok(Some(bench.tree_with(None, &[], &found)?))
}

/// Commits that only the worktree still knows: of an open merge, or undone with a reset.
fn left_behind(bench: &Bench, git_dir: &Utf8Path, holding: &Holding) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for name in ["MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD"] {
        let text = fs::read_to_string(git_dir.join(name)).unwrap_or_default();
        found.extend(text.lines().map(str::to_owned));
    }
    let log = fs::read_to_string(git_dir.join("logs/HEAD")).unwrap_or_default();
    found.extend(log.lines().filter_map(|line| line.split(' ').nth(1)).map(str::to_owned));
    let salvage = &holding.salvage;
    let head = salvage.head.as_ref().and_then(|head| head.commit.as_deref());
    let known: Vec<&str> = head.into_iter().chain(salvage.tip.as_deref()).collect();
    let mut seen = BTreeSet::new();
    found.retain(|commit| seen.insert(commit.clone()));
    let is_lost = |commit: &&String| {
        let exists = bench.line(None, &["cat-file", "-t", commit], b"");
        let is_ancestor =
            |of: &&str| bench.git(None, &["merge-base", "--is-ancestor", commit, of], b"").is_ok();
        exists.is_ok_and(|kind| kind == "commit") && !known.iter().any(is_ancestor)
    };
    // The last one that was left behind mostly has the others behind it.
    found
        .iter()
        .rev()
        .take(4 * LEFT_BEHIND_MAX)
        .filter(is_lost)
        .take(LEFT_BEHIND_MAX)
        .cloned()
        .collect()
}

/// Puts everything that was written on disk: what is removed next may be the only other copy.
pub(super) fn sync(root: &Utf8Path) -> Result<(), SalvageError> {
    let common: Utf8PathBuf = common_dir(root)?;
    let objects = git(&common, &["rev-parse", "--git-path", "objects"])?;
    let folder = fs::File::open(common.join(objects)).map_err(GitError::Start)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    rustix::fs::syncfs(&folder).map_err(|error| GitError::Start(error.into()))?;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        drop(folder);
        rustix::fs::sync();
    }
    Ok(())
}
