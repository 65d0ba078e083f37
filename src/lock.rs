//! Kernel file locks: the only place that names `fs2`.
//!
//! A lock file is created once and then stays for ever: deleting it would let two processes hold
//! "the" lock on two different files of the same name.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Stdio;

use camino::Utf8Path;
use rustix::fs::OFlags;
use rustix::io::{FdFlags, fcntl_setfd};

use crate::base::path::{PathContext, PathError};

/// Proof that this process holds an exclusive lock; dropping it gives the lock back.
///
/// The lock belongs to the open file, not to the process: whoever inherits the descriptor holds it
/// too. Dropping therefore unlocks instead of only closing: a child that is just being started has
/// every descriptor of this process until it becomes another program, and would hold on to it.
#[derive(Debug)]
pub struct FileLock {
    /// `None` once it was handed to a child.
    file: Option<File>,
}

impl FileLock {
    /// Takes the lock if nobody holds it.
    ///
    /// # Errors
    /// The file cannot be opened, or the file system knows no locks.
    pub fn try_exclusive(path: &Utf8Path) -> Result<Option<Self>, PathError> {
        lock(open(path)?, path, fs2::FileExt::try_lock_exclusive)
    }

    /// Whether somebody holds the lock; creates no file.
    ///
    /// Several may look at once without mistaking each other for the holder. A look lasts a moment
    /// in which the lock cannot be taken, so whoever starts to hold it must try more than once.
    ///
    /// # Errors
    /// The file cannot be opened, or the file system knows no locks.
    pub fn is_held(path: &Utf8Path) -> Result<bool, PathError> {
        is_refused(path, fs2::FileExt::try_lock_shared)
    }

    /// Whether somebody holds the lock, alone or with others; creates no file.
    ///
    /// Two who look at once may take each other for a holder.
    ///
    /// # Errors
    /// The file cannot be opened, or the file system knows no locks.
    pub fn is_shared(path: &Utf8Path) -> Result<bool, PathError> {
        is_refused(path, fs2::FileExt::try_lock_exclusive)
    }

    /// Takes the lock, waiting for as long as another holds it.
    ///
    /// # Errors
    /// The file cannot be opened, or the file system knows no locks.
    pub fn exclusive(path: &Utf8Path) -> Result<Self, PathError> {
        wait(path, fs2::FileExt::lock_exclusive)
    }

    /// Takes the lock together with others who take it so, waiting for one who holds it alone.
    ///
    /// # Errors
    /// The file cannot be opened, or the file system knows no locks.
    pub fn shared(path: &Utf8Path) -> Result<Self, PathError> {
        wait(path, fs2::FileExt::lock_shared)
    }

    /// Lets every process that is started from now on hold the lock too; it is free when this file
    /// and all their copies of it are closed.
    ///
    /// Only for a process that starts exactly one other: a second one would inherit it by accident.
    ///
    /// # Errors
    /// The system refuses; a valid descriptor gives it no reason to.
    pub fn share_with_children(mut self) -> io::Result<Option<File>> {
        if let Some(file) = &self.file {
            fcntl_setfd(file, FdFlags::empty())?;
        }
        Ok(self.file.take())
    }
}

impl From<FileLock> for Stdio {
    /// Hands the lock to a child as one of its standard streams; it holds it until it has ended.
    ///
    /// That is how exactly one child gets it: no other process started meanwhile keeps it.
    fn from(mut lock: FileLock) -> Self {
        lock.file.take().map_or_else(Self::null, Self::from)
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            // Closing the file, which follows, gives the lock back as well.
            drop(fs2::FileExt::unlock(file));
        }
    }
}

/// How a file is locked.
type Way = fn(&File) -> io::Result<()>;

/// Locks an open file; nothing when somebody holds the lock and this way does not wait.
fn lock(file: File, path: &Utf8Path, way: Way) -> Result<Option<FileLock>, PathError> {
    let contended = fs2::lock_contended_error().kind();
    loop {
        match way(&file) {
            Ok(()) => return Ok(Some(FileLock { file: Some(file) })),
            Err(error) if error.kind() == contended => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error).at("cannot lock", path),
        }
    }
}

/// Locks a file in a way that waits until it can.
fn wait(path: &Utf8Path, way: Way) -> Result<FileLock, PathError> {
    lock(open(path)?, path, way)?.ok_or_else(fs2::lock_contended_error).at("cannot lock", path)
}

/// Whether somebody holds a lock so that it cannot be taken in this way; nobody holds a file that is not there.
fn is_refused(path: &Utf8Path, way: Way) -> Result<bool, PathError> {
    match OpenOptions::new().read(true).custom_flags(no_trap()).open(path) {
        Ok(file) => Ok(lock(file, path, way)?.is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).at("cannot open", path),
    }
}

fn open(path: &Utf8Path) -> Result<File, PathError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(no_trap())
        .open(path)
        .at("cannot open", path)
}

/// A link leads to a file of somebody else, and a fifo waits for ever: neither is a lock.
fn no_trap() -> i32 {
    (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    use camino::Utf8PathBuf;

    use super::*;

    fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(dir.path().join("x.lock")).unwrap();
        (dir, path)
    }

    #[test]
    fn two_opens_exclude_each_other() {
        let (_dir, path) = folder();
        let held = FileLock::exclusive(&path).unwrap();
        assert!(FileLock::try_exclusive(&path).unwrap().is_none());
        drop(held);
        assert!(FileLock::try_exclusive(&path).unwrap().is_some());
    }

    #[test]
    fn looking_at_a_lock_neither_creates_nor_keeps_it() {
        let (_dir, path) = folder();
        assert!(!FileLock::is_held(&path).unwrap());
        assert!(!path.exists());
        let held = FileLock::exclusive(&path).unwrap();
        assert!(FileLock::is_held(&path).unwrap());
        drop(held);
        assert!(!FileLock::is_held(&path).unwrap());
        assert!(FileLock::try_exclusive(&path).unwrap().is_some());
    }

    #[test]
    fn a_lock_file_is_private_and_keeps_its_content() {
        let (_dir, path) = folder();
        std::fs::write(&path, "note").unwrap();
        std::fs::remove_file(&path).unwrap();
        drop(FileLock::exclusive(&path).unwrap());
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(&path, "note").unwrap();
        drop(FileLock::exclusive(&path).unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "note");
    }

    #[test]
    fn a_child_that_got_the_lock_as_a_stream_holds_it_until_it_ends() {
        let (_dir, path) = folder();
        let lock = FileLock::exclusive(&path).unwrap();
        let mut child = Command::new("cat").stdin(Stdio::piped()).stderr(lock).spawn().unwrap();
        assert!(FileLock::try_exclusive(&path).unwrap().is_none());
        drop(child.stdin.take());
        child.wait().unwrap();
        // Blocks: a process that another test is just starting may have the file for a moment.
        drop(FileLock::exclusive(&path).unwrap());
    }

    #[test]
    fn an_error_names_the_file() {
        let error = FileLock::exclusive(Utf8Path::new("/nowhere/x.lock")).unwrap_err();
        assert_eq!(error.to_string(), "cannot open `/nowhere/x.lock`");
    }
}
