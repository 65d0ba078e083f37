//! What a folder was before a merge: its index and every file that changes, kept until it is over.
//!
//! The files are second names of the same content, so that keeping them costs nothing and putting them back
//! is a rename. They live beside the index, on the disk of the repository; where that is not the disk of
//! the files, they are copies.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::Obstacle;
use super::checkout::{Change, Checkout, differing, dirty};
use crate::base::limits::{GIT_INDEX_WAIT_MS, GIT_LOOK_MS};
use crate::clock::Clock;
use crate::store::git::{git, git_raw};

/// The lock of a folder's index, and what the folder was before.
#[derive(Debug)]
pub(super) struct Shelf {
    folder: Utf8PathBuf,
    lock: Utf8PathBuf,
    /// Names the run in the lock and in the environment of every git that works for it.
    mark: String,
}

impl Shelf {
    /// Where the shelf of a folder is.
    pub fn at(checkout: &Checkout, mark: &str) -> Self {
        Self {
            folder: checkout.git_dir.join("crew-merge"),
            lock: checkout.git_dir.join("index.lock"),
            mark: mark.to_owned(),
        }
    }

    pub fn mark(&self) -> &str {
        &self.mark
    }

    /// The index of the new commit while it is made.
    pub fn new_index(&self) -> Utf8PathBuf {
        self.folder.join("new-index")
    }

    /// Takes git's lock of the index: from here on no git changes it but ours.
    pub fn lock(&self, checkout: &Checkout) -> Result<(), Obstacle> {
        let clock = Clock::start();
        let end = clock.now().plus_ms(GIT_INDEX_WAIT_MS);
        loop {
            match OpenOptions::new().write(true).create_new(true).open(&self.lock) {
                Ok(mut file) => {
                    return self.sign(&mut file).map_err(|error| {
                        drop(fs::remove_file(&self.lock));
                        Obstacle::failed(format!("cannot write `{}`: {error}", self.lock))
                    });
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    if clock.now() >= end {
                        let what = format!("is in use by another git (`{}` exists)", self.lock);
                        return Err(dirty(&checkout.path, &what));
                    }
                    // A git that looks at the status holds it for a moment, and tells nobody when it ends.
                    std::thread::park_timeout(Duration::from_millis(GIT_LOOK_MS));
                }
                Err(error) => {
                    return Err(Obstacle::failed(format!(
                        "cannot create `{}`: {error}",
                        self.lock
                    )));
                }
            }
        }
    }

    fn sign(&self, file: &mut File) -> std::io::Result<()> {
        file.write_all(self.mark.as_bytes())
    }

    /// Whether the lock is there and this run's own.
    pub fn is_locked(&self) -> bool {
        fs::read(&self.lock).is_ok_and(|content| content == self.mark.as_bytes())
    }

    /// Whether anything is left of a merge of this folder.
    pub fn exists(&self) -> bool {
        self.is_locked() || self.folder.exists()
    }

    /// Keeps the index and every file that changes.
    pub fn fill(&self, checkout: &Checkout, changes: &[Change]) -> std::io::Result<()> {
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder)?;
        }
        fs::create_dir(&self.folder)?;
        fs::copy(checkout.index(), self.saved_index())?;
        for (number, change) in changes.iter().enumerate() {
            let from = checkout.path.as_std_path().join(&change.path);
            if change.before && !change.is_module && is_file(&from) {
                keep(&from, self.kept(number).as_std_path())?;
            }
        }
        fs::write(self.ready(), "")
    }

    fn saved_index(&self) -> Utf8PathBuf {
        self.folder.join("index")
    }

    fn kept(&self, number: usize) -> Utf8PathBuf {
        self.folder.join(number.to_string())
    }

    /// Exists once everything is kept: before that nothing of the folder has changed.
    fn ready(&self) -> Utf8PathBuf {
        self.folder.join("ready")
    }

    /// Puts everything back as it was; what somebody wrote meanwhile is kept under `reference`.
    ///
    /// It can be broken off and begun again at any point.
    pub fn undo(
        &self,
        checkout: &Checkout,
        changes: &[Change],
        new: &str,
        reference: &str,
    ) -> Result<(), Obstacle> {
        if self.ready().exists() {
            if !self.is_locked() {
                let what = format!(
                    "was being changed when its index was unlocked by hand; what it had is kept in `{}`",
                    self.folder
                );
                return Err(dirty(&checkout.path, &what));
            }
            let foreign = self.foreign(checkout, changes, new)?;
            keep_foreign(checkout, &foreign, new, reference)?;
            self.put_back(checkout, changes).map_err(|error| {
                Obstacle::failed(format!("cannot restore `{}`: {error}", checkout.path))
            })?;
        }
        self.close();
        Ok(())
    }

    /// Files that are neither as the merge made them nor as they were.
    fn foreign(
        &self,
        checkout: &Checkout,
        changes: &[Change],
        new: &str,
    ) -> Result<Vec<String>, Obstacle> {
        let top = checkout.path.as_std_path();
        let there = changes.iter().enumerate().filter(|(_, change)| !change.is_module);
        let there = there.filter(|(_, change)| is_file(&top.join(&change.path)));
        let touched = there.filter(|(number, change)| {
            !is_same(&top.join(&change.path), self.kept(*number).as_std_path())
        });
        // A file that has been put back already has nothing on the shelf any more.
        let touched = touched.filter(|(number, change)| {
            !change.before || self.kept(*number).symlink_metadata().is_ok()
        });
        let (as_new, gone): (Vec<_>, Vec<_>) = touched.partition(|(_, change)| change.after);
        let as_new: Vec<(&Change, &str)> =
            as_new.iter().map(|(_, change)| (*change, change.new_id.as_str())).collect();
        let mut found = differing(checkout, &as_new)?;
        found.retain(|name| !is_begun(checkout, name, new));
        found.extend(gone.iter().map(|(_, change)| change.name()));
        Ok(found)
    }

    fn put_back(&self, checkout: &Checkout, changes: &[Change]) -> std::io::Result<()> {
        let top = checkout.path.as_std_path();
        // What is new goes first: a file may stand where a folder was, and the other way round.
        for change in changes.iter().filter(|change| change.after && !change.before) {
            let path = top.join(&change.path);
            if change.is_module {
                drop(fs::remove_dir(&path));
            } else if is_file(&path) {
                fs::remove_file(&path)?;
            }
            prune(top, &path);
        }
        for (number, change) in changes.iter().enumerate() {
            let kept = self.kept(number);
            if kept.symlink_metadata().is_err() {
                continue;
            }
            let path = top.join(&change.path);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            take_back(kept.as_std_path(), &path)?;
        }
        match fs::rename(self.saved_index(), checkout.index()) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Throws away what was kept and gives the index free.
    pub fn close(&self) {
        for name in ["look", "look.lock"] {
            drop(fs::remove_file(format!("{}.{name}", self.folder)));
        }
        drop(fs::remove_dir_all(&self.folder));
        if self.is_locked() {
            drop(fs::remove_file(&self.lock));
        }
    }
}

/// Keeps what somebody wrote into files that the merge was changing.
fn keep_foreign(
    checkout: &Checkout,
    names: &[String],
    base: &str,
    reference: &str,
) -> Result<(), Obstacle> {
    if names.is_empty() {
        return Ok(());
    }
    let index = checkout.git_dir.join("crew-merge.look");
    let env = [("GIT_INDEX_FILE", index.as_str()), ("GIT_LITERAL_PATHSPECS", "1")];
    let kept = (|| {
        git_raw(&checkout.path, &["read-tree", base], &env)?;
        let mut args = vec!["add", "-f", "--"];
        args.extend(names.iter().map(String::as_str));
        git_raw(&checkout.path, &args, &env)?;
        let tree = git_raw(&checkout.path, &["write-tree"], &env)?;
        let tree = String::from_utf8_lossy(&tree).trim().to_owned();
        let message = "What stood in files that an interrupted merge was changing";
        let args = ["commit-tree", &tree, "-p", base, "-m", message];
        let commit = git_raw(&checkout.path, &args, crate::store::git::identity(&checkout.path))?;
        let commit = String::from_utf8_lossy(&commit).trim().to_owned();
        git(&checkout.path, &["update-ref", reference, &commit])
    })();
    drop(fs::remove_file(&index));
    kept?;
    Ok(())
}

/// Whether a file holds the beginning of what the merge writes there: a disk was full, or somebody was killed.
fn is_begun(checkout: &Checkout, name: &str, new: &str) -> bool {
    let path = checkout.path.join(name);
    let there = path.symlink_metadata().ok().filter(std::fs::Metadata::is_file);
    let Some(there) = there.and_then(|_| fs::read(&path).ok()) else { return false };
    let args = ["cat-file", "--filters", &format!("{new}:{name}")];
    there.is_empty()
        || git_raw(&checkout.path, &args, &[]).is_ok_and(|whole| whole.starts_with(&there))
}

fn is_file(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|about| !about.is_dir())
}

/// A second name of a file, or a copy where that cannot be.
fn keep(from: &Path, to: &Path) -> std::io::Result<()> {
    if fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    copy(from, to)
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    if from.symlink_metadata()?.is_symlink() {
        symlink(fs::read_link(from)?, to)
    } else {
        fs::copy(from, to).map(drop)
    }
}

/// Puts a kept file back; a rename where both are on one disk.
fn take_back(kept: &Path, path: &Path) -> std::io::Result<()> {
    // A rename of two names of one file would do nothing and leave both.
    if is_same(kept, path) {
        return fs::remove_file(kept);
    }
    match fs::rename(kept, path) {
        Err(error) if error.kind() == ErrorKind::CrossesDevices => {
            if is_file(path) {
                fs::remove_file(path)?;
            }
            copy(kept, path)?;
            fs::remove_file(kept)
        }
        other => other,
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(a), Ok(b)) = (one.symlink_metadata(), other.symlink_metadata()) else { return false };
    if (a.dev(), a.ino()) == (b.dev(), b.ino()) {
        return true;
    }
    if a.is_symlink() || b.is_symlink() {
        return a.is_symlink()
            && b.is_symlink()
            && fs::read_link(one).ok() == fs::read_link(other).ok();
    }
    a.len() == b.len() && a.mode() == b.mode() && fs::read(one).ok() == fs::read(other).ok()
}

/// Removes folders that are empty now, up to the top.
fn prune(top: &Path, path: &Path) {
    for parent in path.ancestors().skip(1).take_while(|parent| *parent != top) {
        if fs::remove_dir(parent).is_err() {
            return;
        }
    }
}

/// The lock of the branch that a killed git left, once no git of this run works any more.
pub(super) fn clear_branch_lock(root: &Utf8Path, target: &str, new: &str) {
    let name = format!("refs/heads/{target}.lock");
    let Ok(path) = git(root, &["rev-parse", "--git-path", &name]) else { return };
    let path = root.join(path);
    let is_ours = || {
        fs::read_to_string(&path).is_ok_and(|content| content.is_empty() || content.trim() == new)
    };
    if !is_ours() {
        return;
    }
    let clock = Clock::start();
    let end = clock.now().plus_ms(GIT_INDEX_WAIT_MS);
    while is_ours() && clock.now() < end {
        // It may be another git's, which will be gone in a moment and tells nobody.
        std::thread::park_timeout(Duration::from_millis(GIT_LOOK_MS));
    }
    if is_ours() && fs::remove_file(&path).is_ok() {
        tracing::warn!(%path, "removed the lock of a git that was killed");
    }
}
