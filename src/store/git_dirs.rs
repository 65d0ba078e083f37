//! Reads where a git repository keeps its things, without starting git.

use std::fs;
use std::io;
use std::path::PathBuf;

use camino::{Utf8Path, Utf8PathBuf};

use super::discover::DiscoverError;
use super::files;
use crate::base::path::PathContext;

/// Where a git repository keeps its things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitDirs {
    /// Top folder of the checkout; the repository's own folder when it is bare.
    pub top_level: Utf8PathBuf,
    /// The folder that all worktrees share (`.git` of the main one).
    pub common_dir: Utf8PathBuf,
    /// `top_level` is a linked worktree. Only so when the repository has no main one.
    pub is_linked_worktree: bool,
    /// The repository has no checkout of its own.
    pub is_bare: bool,
}

/// The git folders of the repository that `dir` lies in.
///
/// # Errors
/// A `.git` file on the way up leads nowhere.
pub fn git_dirs(dir: &Utf8Path) -> Result<Option<GitDirs>, DiscoverError> {
    for folder in dir.ancestors() {
        if files::is_barrier(folder) {
            return Ok(None);
        }
        if let Some(repository) = Repository::at(folder)? {
            return Ok(Some(repository.dirs));
        }
    }
    Ok(None)
}

/// A repository seen from its top folder.
pub(super) struct Repository {
    pub(super) dirs: GitDirs,
    pub(super) is_submodule: bool,
}

impl Repository {
    /// The repository whose top folder is `folder`.
    pub(super) fn at(folder: &Utf8Path) -> Result<Option<Self>, DiscoverError> {
        let dot_git = folder.join(".git");
        let meta = match fs::metadata(&dot_git) {
            Ok(meta) => meta,
            Err(error) if is_absent(&error) => return Ok(Self::bare(folder)),
            Err(error) => return Err(error).at("cannot look at", &dot_git)?,
        };
        let (git_dir, is_file) = if meta.is_dir() {
            (dot_git, false)
        } else {
            (git_dir_of_file(&dot_git, folder)?, true)
        };
        if !git_dir.join("HEAD").exists() {
            // Git itself walks past an empty `.git` folder.
            return Ok(None);
        }
        let git_dir = canonical(&git_dir)?;
        let common_dir = common_dir(&git_dir)?;
        let is_linked = common_dir != git_dir;
        // The shared setting speaks of the main worktree; a linked one is never bare.
        let is_bare = !is_linked && setting(&common_dir, "bare").is_some_and(|text| is_true(&text));
        // A folder called `modules` alone proves nothing; only submodules also name their checkout.
        let is_submodule = is_file
            && !is_linked
            && git_dir.components().any(|component| component.as_str() == "modules")
            && setting(&git_dir, "worktree").is_some();
        Ok(Some(Self {
            dirs: GitDirs {
                top_level: folder.to_owned(),
                common_dir,
                is_linked_worktree: is_linked,
                is_bare,
            },
            is_submodule,
        }))
    }

    /// A repository without a checkout: `folder` itself is what `.git` is elsewhere.
    fn bare(folder: &Utf8Path) -> Option<Self> {
        let looks_like = folder.join("HEAD").is_file()
            && folder.join("objects").is_dir()
            && folder.join("refs").is_dir();
        let is_bare = looks_like && setting(folder, "bare").is_some_and(|text| is_true(&text));
        is_bare.then(|| Self {
            dirs: GitDirs {
                top_level: folder.to_owned(),
                common_dir: folder.to_owned(),
                is_linked_worktree: false,
                is_bare: true,
            },
            is_submodule: false,
        })
    }
}

/// Top folder of the main worktree of a linked one; none when the repository is bare.
pub(super) fn main_top_level(linked: &GitDirs) -> Result<Option<Utf8PathBuf>, DiscoverError> {
    let common = &linked.common_dir;
    if setting(common, "bare").is_some_and(|text| is_true(&text)) {
        return Ok(None);
    }
    let top = match setting(common, "worktree") {
        Some(path) => common.join(path),
        None if common.file_name() == Some(".git") => match common.parent() {
            Some(parent) => parent.to_owned(),
            None => return Ok(None),
        },
        // A repository made with `--separate-git-dir` does not say where its checkout is.
        None => return Ok(None),
    };
    if top.is_dir() { Ok(Some(canonical(&top)?)) } else { Ok(None) }
}

/// The folder that a `.git` file names with `gitdir: …`.
fn git_dir_of_file(file: &Utf8Path, folder: &Utf8Path) -> Result<Utf8PathBuf, DiscoverError> {
    let broken = |reason: String| DiscoverError::BrokenGit { file: file.to_owned(), reason };
    let text = fs::read_to_string(file).at("cannot read", file)?;
    let Some(path) = text.strip_prefix("gitdir:").map(str::trim) else {
        return Err(broken("it has no `gitdir:` line".to_owned()));
    };
    let git_dir = folder.join(path);
    if git_dir.is_dir() { Ok(git_dir) } else { Err(broken(format!("`{git_dir}` is missing"))) }
}

/// What all worktrees share: named by `commondir` in a linked worktree, else the folder itself.
fn common_dir(git_dir: &Utf8Path) -> Result<Utf8PathBuf, DiscoverError> {
    let file = git_dir.join("commondir");
    match fs::read_to_string(&file) {
        Ok(text) => Ok(canonical(&git_dir.join(text.trim()))?),
        Err(error) if is_absent(&error) => Ok(git_dir.to_owned()),
        Err(error) => Err(error).at("cannot read", &file)?,
    }
}

/// The value of `core.<name>` in a repository's own settings; the later file and line win, as in git.
fn setting(common_dir: &Utf8Path, name: &str) -> Option<String> {
    let mut value = None;
    for file in ["config", "config.worktree"] {
        let text = fs::read_to_string(common_dir.join(file)).unwrap_or_default();
        let mut in_core = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with('[') {
                in_core = line.to_ascii_lowercase().starts_with("[core]");
                continue;
            }
            let (key, rest) = line.split_once('=').unwrap_or((line, "true"));
            if in_core && key.trim().eq_ignore_ascii_case(name) {
                value = Some(rest.trim().trim_matches('"').to_owned());
            }
        }
    }
    value
}

fn is_true(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "true" | "yes" | "on" | "1")
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

pub(super) fn canonical(path: &Utf8Path) -> Result<Utf8PathBuf, DiscoverError> {
    utf8(fs::canonicalize(path).at("cannot open the folder", path)?)
}

pub(super) fn utf8(path: PathBuf) -> Result<Utf8PathBuf, DiscoverError> {
    Utf8PathBuf::from_path_buf(path).map_err(DiscoverError::NotUtf8)
}
