//! What stood in a tree before an attempt: prints of the files that it may not touch, and where git's references were.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use camino::Utf8Path;
use serde::{Deserialize, Serialize};

use super::{PathCheckError, Place, git_files};
use crate::base::limits;
use crate::base::path::{PathContext, PathError};
use crate::plan::paths::{Mark, PathRules};
use crate::store::files::{Durability, write_atomic};
use crate::store::git::{git_steady, resolve};

/// What stood in a tree before an attempt. It has hashes only, no content.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(in crate::runtime) struct Listing {
    /// Commit that was checked out; absent without git.
    pub head: Option<String>,
    /// Where the target branch was.
    pub target: Option<String>,
    /// Entries of the reference log of the checkout.
    pub moves: usize,
    /// Prints of everything that may not be touched, by path.
    pub denied: BTreeMap<String, String>,
}

impl Listing {
    /// Looks at a tree before an attempt.
    ///
    /// A worktree that git does not know has nothing of git to list; made again later, it would look as if the
    /// attempt had put all that there.
    pub(in crate::runtime) fn begin(
        rules: &PathRules,
        place: &Place,
    ) -> Result<Self, PathCheckError> {
        let listing = Self::take(rules, place)?;
        // Afterwards: it may have been made away with meanwhile.
        if place.branch.is_some() && !git_files::is_checkout(&place.tree)? {
            return Err(PathCheckError::NoRepository(place.tree.clone()));
        }
        Ok(listing)
    }

    /// Looks at a tree as it is now.
    pub(in crate::runtime) fn take(
        rules: &PathRules,
        place: &Place,
    ) -> Result<Self, PathCheckError> {
        let mut denied = files(rules, &place.tree)?;
        denied.extend(git_files::prints(rules, &place.tree)?);
        let tree = &place.tree;
        let commit = |name: &str| resolve(tree, name).ok().flatten();
        let target = place.target.as_ref();
        Ok(Self {
            head: commit("HEAD"),
            target: target.and_then(|name| commit(&format!("refs/heads/{name}"))),
            moves: moves(tree).len(),
            denied,
        })
    }

    /// Reads the listing of a tree, also one that an interrupted check has used already.
    pub(in crate::runtime) fn read(
        path: &Utf8Path,
        checked: &Utf8Path,
    ) -> Result<Self, PathCheckError> {
        for file in [path, checked] {
            match fs::read(file) {
                Ok(bytes) => {
                    let read: Result<Self, _> = serde_json::from_slice(&bytes);
                    return Ok(read.map_err(std::io::Error::other).at("cannot read", file)?);
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error).at("cannot read", file)?,
            }
        }
        Err(PathCheckError::NoListing(path.into()))
    }

    /// Keeps it for the check after the attempt.
    pub(in crate::runtime) fn write(&self, path: &Utf8Path) -> Result<(), PathError> {
        let bytes =
            serde_json::to_vec(self).map_err(std::io::Error::other).at("cannot write", path)?;
        write_atomic(path, &bytes, Durability::Quick)
    }

    /// Paths that are not as they were.
    pub(super) fn changes(&self, now: &Self) -> BTreeSet<String> {
        let names = self.denied.keys().chain(now.denied.keys());
        names.filter(|name| self.denied.get(*name) != now.denied.get(*name)).cloned().collect()
    }
}

/// Commits that the checkout stood on, newest first.
pub(super) fn moves(tree: &Utf8Path) -> Vec<String> {
    // A git that somebody killed tells nothing, and nothing is what a new repository has.
    let found = git_steady(tree, &["log", "-g", "--format=%H", "HEAD"]).unwrap_or_default();
    found.lines().map(str::to_owned).collect()
}

/// Prints of all denied files below a folder, git's own aside.
fn files(rules: &PathRules, top: &Utf8Path) -> Result<BTreeMap<String, String>, PathCheckError> {
    let mut found = BTreeMap::new();
    walk(
        top,
        top.as_std_path(),
        &mut |name, above| rules.mark(name, above),
        &mut |name, path, meta, mark| {
            if rules.denies(name, mark) {
                found.insert(name.to_owned(), print(path, meta));
            }
        },
    )?;
    Ok(found)
}

/// Visits every file below `from` with its name relative to `top`; folders only give their mark on.
pub(super) fn walk(
    top: &Utf8Path,
    from: &Path,
    mark: &mut dyn FnMut(&str, Mark) -> Mark,
    visit: &mut dyn FnMut(&str, &Path, &Metadata, Mark),
) -> Result<(), PathCheckError> {
    let mut left = limits::PATH_LOOK_ENTRIES_MAX;
    let mut folders: Vec<(PathBuf, Mark)> = vec![(from.to_owned(), None)];
    while let Some((folder, above)) = folders.pop() {
        // A folder that went away or is closed to us has nothing to tell.
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            let Ok(meta) = path.symlink_metadata() else { continue };
            if entry.file_name() == ".git" {
                continue;
            }
            left = left.checked_sub(1).ok_or_else(|| PathCheckError::TooMany {
                folder: top.to_owned(),
                max: limits::PATH_LOOK_ENTRIES_MAX,
            })?;
            let name = path.strip_prefix(top).unwrap_or(&path).to_string_lossy();
            if name == ".crew/state" || name == ".crew/worktrees" {
                continue;
            }
            let here = mark(&name, above);
            if meta.is_dir() {
                folders.push((path.clone(), here));
            } else {
                visit(&name, &path, &meta, here);
            }
        }
    }
    Ok(())
}

/// What tells whether a file was changed: kind, rights and content.
pub(super) fn print(path: &Path, meta: &Metadata) -> String {
    if meta.is_symlink() {
        let to = fs::read_link(path).unwrap_or_default();
        return format!("link {}", blake3::hash(to.as_os_str().as_encoded_bytes()));
    }
    let rights = meta.mode() & 0o111;
    if !meta.is_file() {
        return format!("special {:o}", meta.mode());
    }
    let times = || format!("{rights:o} {} {}.{}", meta.size(), meta.ctime(), meta.ctime_nsec());
    // A large file, or one that cannot be read, is told by its times.
    if meta.size() > limits::PATH_HASH_BYTES_MAX {
        return times();
    }
    let mut hasher = blake3::Hasher::new();
    let is_read = File::open(path).is_ok_and(|file| hasher.update_reader(file).is_ok());
    if is_read { format!("{rights:o} {}", hasher.finalize()) } else { times() }
}
