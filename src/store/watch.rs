//! Wakes somebody up when one of a few files changes.
//!
//! A hint, never the truth: notifications can be lost, so whoever waits for one also looks by
//! itself from time to time. Folders are watched, not files: files here are replaced, and some do
//! not exist yet.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::files;

/// A file could not be watched.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch `{path}`")]
pub struct WatchError {
    /// The file.
    pub path: Utf8PathBuf,
    /// What the system said.
    pub source: notify::Error,
}

/// Watches files until it is dropped.
#[derive(Debug)]
pub struct Watch {
    watcher: RecommendedWatcher,
    files: Arc<Mutex<BTreeSet<PathBuf>>>,
    /// Number of watched files in each watched folder.
    folders: BTreeMap<PathBuf, usize>,
}

impl Watch {
    /// Calls `callback` from another thread whenever one of the files changes, appears or goes.
    ///
    /// Calls are not coalesced: the callback only marks that there is something to look at.
    ///
    /// # Errors
    /// The folder of a file does not exist, or the system has no watches left.
    pub fn files(
        paths: impl IntoIterator<Item = impl AsRef<Utf8Path>>,
        mut callback: impl FnMut() + Send + 'static,
    ) -> Result<Self, WatchError> {
        let files = Arc::new(Mutex::new(BTreeSet::new()));
        let wanted = Arc::clone(&files);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if concerns(event, &wanted.lock().unwrap_or_else(PoisonError::into_inner)) {
                callback();
            }
        });
        let watcher = watcher.map_err(|source| WatchError { path: Utf8PathBuf::new(), source })?;
        let mut watch = Self { watcher, files, folders: BTreeMap::new() };
        for path in paths {
            watch.add(path.as_ref())?;
        }
        Ok(watch)
    }

    /// Watches one more file.
    ///
    /// # Errors
    /// Its folder does not exist, or the system has no watches left.
    pub fn add(&mut self, path: &Utf8Path) -> Result<(), WatchError> {
        let failed = |source| WatchError { path: path.to_owned(), source };
        let file = real(path).map_err(notify::Error::io).map_err(failed)?;
        if !self.lock().insert(file.clone()) {
            return Ok(());
        }
        let folder = file.parent().unwrap_or(&file).to_owned();
        if !self.folders.contains_key(&folder)
            && let Err(error) = self.watcher.watch(&folder, RecursiveMode::NonRecursive)
        {
            self.lock().remove(&file);
            return Err(failed(error));
        }
        *self.folders.entry(folder).or_default() += 1;
        Ok(())
    }

    /// Stops to watch a file; nothing happens when it is not watched or its folder is gone.
    pub fn remove(&mut self, path: &Utf8Path) {
        let Ok(file) = real(path) else { return };
        if !self.lock().remove(&file) {
            return;
        }
        let folder = file.parent().unwrap_or(&file);
        if let Some(count) = self.folders.get_mut(folder) {
            *count -= 1;
            if *count == 0 {
                self.folders.remove(folder);
                // The system forgets a removed folder by itself.
                drop(self.watcher.unwatch(folder));
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<PathBuf>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Watches all entries of some folders until it is dropped.
#[derive(Debug)]
pub struct FolderWatch {
    _watcher: RecommendedWatcher,
}

impl FolderWatch {
    /// Calls `callback` from another thread whenever an entry of one of the folders changes, appears or goes.
    ///
    /// Folders that do not exist are left out.
    ///
    /// # Errors
    /// The system has no watches left.
    pub fn on<'a>(
        folders: impl IntoIterator<Item = &'a Utf8Path>,
        mut callback: impl FnMut() + Send + 'static,
    ) -> Result<Self, WatchError> {
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if !matches!(event, Ok(Event { kind: EventKind::Access(_), .. })) {
                callback();
            }
        });
        let mut watcher =
            watcher.map_err(|source| WatchError { path: Utf8PathBuf::new(), source })?;
        for folder in folders.into_iter().filter(|folder| folder.is_dir()) {
            watcher
                .watch(folder.as_std_path(), RecursiveMode::NonRecursive)
                .map_err(|source| WatchError { path: folder.to_owned(), source })?;
        }
        Ok(Self { _watcher: watcher })
    }
}

/// The path as notifications spell it: folders without links.
fn real(path: &Utf8Path) -> std::io::Result<PathBuf> {
    let folder = files::folder_of(path).as_std_path().canonicalize()?;
    Ok(folder.join(path.file_name().map_or(Path::new(""), Path::new)))
}

/// Whether an event is about a watched file, or says that events were lost.
fn concerns(event: notify::Result<Event>, files: &BTreeSet<PathBuf>) -> bool {
    let Ok(event) = event else { return true };
    if event.need_rescan() {
        return true;
    }
    // Readers open and close these files themselves; waking them for that would never end.
    !matches!(event.kind, EventKind::Access(_))
        && event.paths.iter().any(|path| files.contains(path))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(20);

    fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
        let guard = tempfile::tempdir().unwrap();
        let dir = guard.path().canonicalize().unwrap();
        (guard, Utf8PathBuf::try_from(dir).unwrap())
    }

    #[test]
    fn a_file_that_changes_or_appears_wakes() {
        let (_guard, dir) = folder();
        std::fs::create_dir(dir.join("sub")).unwrap();
        let (sender, woken) = mpsc::channel();
        let mut watch = Watch::files([dir.join("a")], move || {
            let _ = sender.send(());
        })
        .unwrap();
        std::fs::write(dir.join("a"), "1").unwrap();
        woken.recv_timeout(DEADLINE).unwrap();
        watch.remove(&dir.join("a"));
        watch.add(&dir.join("sub/c")).unwrap();
        // What was still said about `a` came from the folder that is no longer watched.
        while woken.try_recv().is_ok() {}
        std::fs::write(dir.join("new"), "2").unwrap();
        std::fs::rename(dir.join("new"), dir.join("sub/c")).unwrap();
        woken.recv_timeout(DEADLINE).unwrap();
    }

    #[test]
    fn other_files_and_reading_do_not_wake() {
        use notify::event::{AccessKind, AccessMode, ModifyKind};
        let (_guard, dir) = folder();
        let watch = Watch::files([dir.join("a")], || {}).unwrap();
        let wakes = |kind, name: &str| {
            let event = Event::new(kind).add_path(dir.join(name).into());
            concerns(Ok(event), &watch.lock())
        };
        let change = EventKind::Modify(ModifyKind::Any);
        assert!(wakes(change, "a"));
        assert!(!wakes(change, "b"));
        assert!(!wakes(EventKind::Access(AccessKind::Close(AccessMode::Read)), "a"));
    }

    #[test]
    fn a_folder_is_watched_as_long_as_one_of_its_files_is() {
        let (_guard, dir) = folder();
        let mut watch = Watch::files([dir.join("a"), dir.join("b"), dir.join("a")], || {}).unwrap();
        for (name, left) in [("a", 1), ("a", 1), ("b", 0)] {
            watch.remove(&dir.join(name));
            assert_eq!(watch.folders.len(), left, "{name}");
        }
        assert!(watch.lock().is_empty());
    }

    #[test]
    fn a_file_in_a_missing_folder_cannot_be_watched() {
        let error = Watch::files(["/nowhere/at/all"], || {}).unwrap_err();
        assert_eq!(error.to_string(), "cannot watch `/nowhere/at/all`");
    }
}
