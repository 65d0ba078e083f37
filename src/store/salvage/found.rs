//! Looks at a worktree: what of it is only there, and what could not be put away.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use camino::Utf8Path;

use super::git_dir::git_dir_of;
use super::record::{Head, Salvage, SalvageError, Source};
use crate::base::text;
use crate::store::git::{GitCall, GitError, git, git_with, is_there, resolve};

/// Names of ignored files that are told.
const IGNORED_SHOWN: usize = 8;
/// What git must look at with its own eyes, whatever is configured.
pub(super) const EXACT: [&str; 14] = [
    "-c",
    "core.fileMode=true",
    "-c",
    "core.symlinks=true",
    "-c",
    "core.ignoreStat=false",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.untrackedCache=false",
    "-c",
    "core.protectNTFS=false",
    "-c",
    "core.protectHFS=false",
];

/// What a worktree holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// The numbers; not put away yet.
    pub salvage: Salvage,
    /// Why the worktree cannot be removed, each with what to do about it.
    pub obstacles: Vec<String>,
    pub(super) files: Files,
}

/// Files by what is known of them, relative to the top of the worktree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Files {
    /// Those whose bytes or mode are not those of the index, and that exist.
    pub changed: Vec<Vec<u8>>,
    /// Those of the index that do not exist.
    pub deleted: Vec<Vec<u8>>,
    /// Those with several versions in the index.
    pub unmerged: Vec<Vec<u8>>,
    /// Those that git was told not to look at, with its letter for that.
    pub flagged: Vec<(u8, Vec<u8>)>,
}

/// What a folder is to the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A worktree of it.
    Linked,
    /// Nothing: its files are all there is.
    Plain,
    /// The folder is gone, and perhaps git still knows what was staged there.
    Gone,
}

pub(super) fn kind_of(root: &Utf8Path, worktree: &Utf8Path) -> Kind {
    if !worktree.is_dir() {
        return Kind::Gone;
    }
    // A folder that was moved still leads to what belongs to the one that stands in its old place.
    let Some(own) = git_dir_of(root, worktree) else { return Kind::Plain };
    let link = std::fs::read_to_string(worktree.join(".git")).unwrap_or_default();
    let leads_to = link.trim_end_matches('\n').strip_prefix("gitdir: ").map(|to| worktree.join(to));
    let is_own = leads_to.is_some_and(|to| {
        to.canonicalize_utf8().ok().is_some_and(|to| own.canonicalize_utf8().ok() == Some(to))
    });
    if is_own { Kind::Linked } else { Kind::Plain }
}

/// Looks at a worktree and changes nothing.
///
/// # Errors
/// Git says no.
pub fn look(root: &Utf8Path, source: &Source) -> Result<Holding, SalvageError> {
    let mut holding = Holding {
        salvage: Salvage::of(source.clone()),
        obstacles: Vec::new(),
        files: Files::default(),
    };
    let worktree = &source.worktree;
    let branch = source.branch.as_ref().map(|branch| format!("refs/heads/{branch}"));
    let of_branch = branch.as_deref().and_then(|branch| commit_of(root, branch));
    let known = || source.known.as_deref().and_then(|known| commit_of(root, known));
    holding.salvage.tip = of_branch.or_else(known);
    match kind_of(root, worktree) {
        Kind::Linked => look_at_worktree(root, worktree, &mut holding)?,
        Kind::Plain => look_at_folder(root, worktree, &mut holding)?,
        Kind::Gone => {
            if let Some(git_dir) = git_dir_of(root, worktree) {
                holding.salvage.head = Some(head_of(&git_dir, &git_dir));
                holding.obstacles.extend(lock_of(worktree, &git_dir));
            }
        }
    }
    let head = holding.salvage.head.as_ref().and_then(|head| head.commit.clone());
    let last = head.or_else(|| holding.salvage.tip.clone());
    if let (Some(start), Some(last)) = (&source.start, last) {
        let count = git(root, &["rev-list", "--count", &format!("{start}..{last}")]);
        holding.salvage.ahead = count.ok().and_then(|count| count.parse().ok()).unwrap_or(0);
    }
    Ok(holding)
}

fn commit_of(dir: &Utf8Path, name: &str) -> Option<String> {
    resolve(dir, &format!("{name}^{{commit}}")).ok().flatten()
}

fn head_of(dir: &Utf8Path, git_dir: &Utf8Path) -> Head {
    let call = GitCall { place: Some((git_dir, dir)), ..GitCall::default() };
    let ask = |args: &[&str]| {
        let out = git_with(dir, args, &call).ok()?;
        Some(String::from_utf8_lossy(&out).trim_end_matches('\n').to_owned())
    };
    let branch = ask(&["symbolic-ref", "-q", "HEAD"])
        .and_then(|name| name.strip_prefix("refs/heads/").map(str::to_owned));
    Head { branch, commit: ask(&["rev-parse", "--verify", "-q", "HEAD^{commit}"]) }
}

/// Somebody wants the worktree to stay.
fn lock_of(worktree: &Utf8Path, git_dir: &Utf8Path) -> Option<String> {
    let why = std::fs::read_to_string(git_dir.join("locked")).ok()?;
    let why = text::one_line(why.trim(), 200);
    if why == "initializing" || why.starts_with(super::remove::REMOVING) {
        return None;
    }
    let said = if why.is_empty() { String::new() } else { format!(" ({why})") };
    Some(format!("it is locked{said}: `git worktree unlock {worktree}`"))
}

fn look_at_worktree(
    root: &Utf8Path,
    worktree: &Utf8Path,
    holding: &mut Holding,
) -> Result<(), SalvageError> {
    let git_dir = git_dir_of(root, worktree).unwrap_or_else(|| worktree.join(".git"));
    holding.obstacles.extend(lock_of(worktree, &git_dir));
    let mut head = head_of(worktree, &git_dir);
    // The branch may have been deleted by hand under the worktree.
    if head.commit.is_none() && head.branch == holding.salvage.source.branch {
        head.commit.clone_from(&holding.salvage.tip);
    }
    holding.salvage.head = Some(head);
    holding.salvage.has_files = true;
    let status = [
        "status",
        "--porcelain=v2",
        "-z",
        "--untracked-files=all",
        "--ignored=traditional",
        "--no-renames",
        "--ignore-submodules=none",
    ];
    let out = git_with(worktree, &[&EXACT[..], &status].concat(), &GitCall::default())?;
    for entry in out.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
        take_entry(worktree, entry, holding);
    }
    look_at_flags(worktree, holding)?;
    check_submodules(worktree, holding)?;
    Ok(())
}

/// Takes in one line of `git status --porcelain=v2 -z`.
fn take_entry(worktree: &Utf8Path, entry: &[u8], holding: &mut Holding) {
    let fields =
        |count: usize| -> Vec<&[u8]> { entry.splitn(count, |byte| *byte == b' ').collect() };
    match entry.first() {
        Some(b'1') => {
            let parts = fields(9);
            let [_, xy, sub, _, _, mode, _, _, path] = parts[..] else { return };
            let [x, y] = xy[..] else { return };
            if x != b'.' {
                holding.salvage.staged += 1;
            }
            if y == b'.' {
                return;
            }
            if sub.first() == Some(&b'S') {
                let name = shown(path);
                let what = format!(
                    "submodule `{name}` is not as it is recorded: commit there, push, and add it, or \
                     `git submodule update --force {name}`"
                );
                holding.obstacles.push(what);
                return;
            }
            holding.salvage.unstaged += 1;
            if mode == b"000000" {
                holding.files.deleted.push(path.to_vec());
            } else {
                take_file(worktree, path, holding);
            }
        }
        Some(b'u') => {
            let parts = fields(11);
            let Some(path) = parts.get(10) else { return };
            holding.salvage.unstaged += 1;
            holding.files.unmerged.push(path.to_vec());
            if worktree.as_std_path().join(path_of(path)).symlink_metadata().is_ok() {
                take_file(worktree, path, holding);
            }
        }
        Some(b'?') => {
            let path = &entry[2..];
            if path.ends_with(b"/") {
                holding.obstacles.push(nested(path));
            } else {
                holding.salvage.untracked += 1;
                take_file(worktree, path, holding);
            }
        }
        Some(b'!') => {
            let ignored = &mut holding.salvage.ignored;
            ignored.count += 1;
            if ignored.names.len() < IGNORED_SHOWN {
                ignored.names.push(shown(&entry[2..]));
            }
        }
        _ => {}
    }
}

fn take_file(worktree: &Utf8Path, path: &[u8], holding: &mut Holding) {
    let found = worktree.as_std_path().join(path_of(path)).symlink_metadata();
    let is_storable =
        found.is_ok_and(|meta| meta.file_type().is_file() || meta.file_type().is_symlink());
    if is_storable {
        holding.files.changed.push(path.to_vec());
    } else {
        let what = format!("`{}` is neither a file nor a link: move it away", shown(path));
        holding.obstacles.push(what);
    }
}

fn nested(path: &[u8]) -> String {
    format!("`{}` is a repository of its own: move it away, or delete it yourself", shown(path))
}

/// Files that git was told not to look at may have changed all the same.
fn look_at_flags(worktree: &Utf8Path, holding: &mut Holding) -> Result<(), SalvageError> {
    let out = git_with(worktree, &["ls-files", "-v", "-z"], &GitCall::default())?;
    for entry in out.split(|byte| *byte == 0).filter(|entry| entry.len() > 2) {
        let (letter, path) = (entry[0], &entry[2..]);
        if !letter.is_ascii_lowercase() && letter != b'S' {
            continue;
        }
        holding.files.flagged.push((letter, path.to_vec()));
        let exists = worktree.as_std_path().join(path_of(path)).symlink_metadata().is_ok();
        let is_known =
            holding.files.changed.iter().chain(&holding.files.deleted).any(|known| known == path);
        if exists && !is_known {
            take_file(worktree, path, holding);
        } else if !exists && !letter.eq_ignore_ascii_case(&b'S') && !is_known {
            holding.files.deleted.push(path.to_vec());
        }
    }
    Ok(())
}

/// A submodule keeps its commits in the worktree's own part of the repository, which goes with it.
fn check_submodules(worktree: &Utf8Path, holding: &mut Holding) -> Result<(), SalvageError> {
    let out = git_with(worktree, &["ls-files", "-s", "-z"], &GitCall::default())?;
    for entry in out.split(|byte| *byte == 0).filter(|entry| entry.starts_with(b"160000 ")) {
        let Some(at) = entry.iter().position(|byte| *byte == b'\t') else { continue };
        let path = &entry[at + 1..];
        let Ok(name) = std::str::from_utf8(path) else { continue };
        let folder = worktree.join(name);
        if !folder.join(".git").exists() {
            continue;
        }
        // Ignored files of a submodule are as little worth as those of the worktree.
        let unpushed =
            git(&folder, &["rev-list", "--count", "--all", "HEAD", "--not", "--remotes"]);
        if unpushed.is_ok_and(|count| count != "0") {
            holding.obstacles.push(format!(
                "submodule `{name}` has commits that are nowhere else: push them from `{folder}`"
            ));
        }
        if is_there(&folder, "refs/stash") {
            holding.obstacles.push(format!("submodule `{name}` has a stash: see `{folder}`"));
        }
    }
    Ok(())
}

/// A folder that is no worktree: all its files, ignored ones aside.
fn look_at_folder(
    root: &Utf8Path,
    folder: &Utf8Path,
    holding: &mut Holding,
) -> Result<(), SalvageError> {
    holding.salvage.has_files = true;
    holding.salvage.is_plain = true;
    holding.salvage.tip = None;
    let common = common_dir(root)?;
    let link = folder.join(".git");
    let text = std::fs::read_to_string(&link).unwrap_or_default();
    let leads_to = text.trim_end_matches('\n').strip_prefix("gitdir: ").map(|to| folder.join(to));
    let is_other = leads_to.is_some_and(|to| {
        let (to, own) = (to.canonicalize_utf8(), common.canonicalize_utf8());
        to.is_ok_and(|to| !own.is_ok_and(|own| to.starts_with(own)))
    });
    if link.is_dir() || is_other {
        holding.obstacles.push("it belongs to another repository: move it away".to_owned());
        return Ok(());
    }
    let index = tempfile::tempdir().map_err(GitError::Start)?;
    let index = Utf8Path::from_path(index.path()).map(|path| path.join("index"));
    let call =
        GitCall { place: Some((&common, folder)), index: index.as_deref(), ..GitCall::default() };
    let list = ["ls-files", "--others", "--exclude-standard", "-z"];
    let out = git_with(folder, &[&EXACT[..], &list].concat(), &call)?;
    for path in out.split(|byte| *byte == 0).filter(|path| !path.is_empty()) {
        if path.ends_with(b"/") {
            holding.obstacles.push(nested(path));
        } else {
            holding.salvage.untracked += 1;
            take_file(folder, path, holding);
        }
    }
    let list = ["ls-files", "--others", "-i", "--exclude-standard", "--directory", "-z"];
    let out = git_with(folder, &[&EXACT[..], &list].concat(), &call)?;
    for path in out.split(|byte| *byte == 0).filter(|path| !path.is_empty()) {
        let ignored = &mut holding.salvage.ignored;
        ignored.count += 1;
        if ignored.names.len() < IGNORED_SHOWN {
            ignored.names.push(shown(path));
        }
    }
    Ok(())
}

pub(super) fn common_dir(root: &Utf8Path) -> Result<camino::Utf8PathBuf, GitError> {
    Ok(root.join(git(root, &["rev-parse", "--git-common-dir"])?))
}

/// A name as git gave it, as a path.
pub(super) fn path_of(name: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(name))
}

fn shown(name: &[u8]) -> String {
    text::one_line(&String::from_utf8_lossy(name), 200)
}
