//! Small files that are written whole: atomically, privately, durably where it matters.
//!
//! Nothing here follows a symbolic link in its last component: crew puts no links into its state,
//! so one that is there points where somebody else wants crew to read or write.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};

use camino::Utf8Path;
use rustix::fs::OFlags;

use crate::base::PathError;
use crate::base::path::PathContext;

/// Name of the folder of the runs in a project's state.
pub(super) const RUNS: &str = "runs";

/// What survives a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The content and the name are on disk when the call returns.
    Synced,
    /// The file is replaced atomically, but a power cut may lose it: for what can be rebuilt.
    Quick,
}

/// Replaces a file atomically; it is readable by its owner only.
///
/// # Errors
/// The file stays as it was.
pub fn write_atomic(
    path: impl AsRef<Utf8Path>,
    bytes: &[u8],
    durability: Durability,
) -> Result<(), PathError> {
    write_atomic_with(path.as_ref(), durability, |file| file.write_all(bytes))
}

/// Replaces a file atomically with what `fill` writes.
///
/// # Errors
/// The file stays as it was.
pub fn write_atomic_with<T>(
    path: &Utf8Path,
    durability: Durability,
    fill: impl FnOnce(&mut File) -> io::Result<T>,
) -> Result<T, PathError> {
    refuse_linked_folders(path)?;
    let folder = folder_of(path);
    let mut temporary =
        tempfile::Builder::new().prefix(".new-").tempfile_in(folder).at("cannot write", path)?;
    let value = fill(temporary.as_file_mut()).at("cannot write", path)?;
    if durability == Durability::Synced {
        temporary.as_file().sync_all().at("cannot sync", path)?;
    }
    temporary.persist(path).map_err(|error| error.error).at("cannot write", path)?;
    if durability == Durability::Synced {
        sync_dir(folder)?;
    }
    Ok(value)
}

/// Creates a folder and its missing parents, for the owner only; an existing folder is kept.
///
/// # Errors
/// It cannot be created, or something that is not a folder stands there.
pub fn create_private_dir(path: impl AsRef<Utf8Path>) -> Result<(), PathError> {
    let path = path.as_ref();
    refuse_linked_folders(path)?;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .at("cannot create the folder", path)?;
    refuse_link(path)
}

/// Creates a folder like [`create_private_dir`] that git ignores, by its own `.gitignore`.
///
/// # Errors
/// It cannot be created, or something that is not a folder stands there.
pub fn create_ignored_dir(folder: &Utf8Path) -> Result<(), PathError> {
    create_private_dir(folder)?;
    if is_ignored_dir(folder) {
        return Ok(());
    }
    write_atomic(folder.join(".gitignore"), IGNORE.as_bytes(), Durability::Quick)
}

/// Whether git ignores a folder because of [`create_ignored_dir`].
pub fn is_ignored_dir(folder: &Utf8Path) -> bool {
    std::fs::read_to_string(folder.join(".gitignore")).is_ok_and(|text| text == IGNORE)
}

/// What the `.gitignore` of such a folder says.
const IGNORE: &str = "*\n";

/// What the `.git` file of a barrier says.
const BARRIER: &str = "gitdir: .what-lies-here-belongs-to-no-repository-above\n";

/// Keeps git from walking up out of a folder of worktrees into the repository around it.
///
/// A worktree whose `.git` file is lost would otherwise be a plain folder of the checkout that it lies in, and what
/// crew or an agent stages and commits there would be the checkout of the person.
///
/// # Errors
/// The file cannot be written.
pub fn create_barrier(folder: &Utf8Path) -> Result<(), PathError> {
    let is_inside = || folder.ancestors().skip(1).any(|above| above.join(".git").exists());
    let file = folder.join(".git");
    if file.symlink_metadata().is_ok() || !is_inside() {
        return Ok(());
    }
    write_atomic(&file, BARRIER.as_bytes(), Durability::Quick)
}

/// Whether git finds no repository from this folder, because of [`create_barrier`].
pub fn is_barrier(folder: &Utf8Path) -> bool {
    let file = folder.join(".git");
    let may_be = file.symlink_metadata().is_ok_and(|file| file.len() == BARRIER.len() as u64);
    may_be && std::fs::read_to_string(&file).is_ok_and(|text| text == BARRIER)
}

/// Refuses a path whose last component is a symbolic link; nothing there is fine.
///
/// # Errors
/// It is a link, or it cannot be looked at.
pub fn refuse_link(path: &Utf8Path) -> Result<(), PathError> {
    match path.symlink_metadata() {
        Ok(meta) if meta.is_symlink() => Err(linked(path)),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).at("cannot look at", path),
    }
}

/// Refuses a folder of another user, who could put anything in the place of what is written there.
///
/// # Errors
/// It is one, or it cannot be looked at.
pub fn refuse_others(folder: &Utf8Path) -> Result<(), PathError> {
    let owner = folder.metadata().at("cannot look at", folder)?.uid();
    if owner == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    let why = "it belongs to another user (`CREW_STATE_DIR` moves the state)";
    Err(io::Error::other(why)).at("refused to write into", folder)
}

/// Reads a text file of at most `max` bytes.
///
/// # Errors
/// It cannot be read, is longer, or is not UTF-8.
pub fn read_text_capped(path: impl AsRef<Utf8Path>, max: u64) -> Result<String, PathError> {
    let path = path.as_ref();
    let bytes = read_capped(path, max)?;
    let text = String::from_utf8(bytes);
    text.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
        .at("cannot read", path)
}

/// Reads a file of at most `max` bytes, whatever they are.
///
/// # Errors
/// It cannot be read, or is longer.
pub fn read_capped(path: impl AsRef<Utf8Path>, max: u64) -> Result<Vec<u8>, PathError> {
    let path = path.as_ref();
    let mut bytes = Vec::new();
    let mut file = open_read(path)?.take(max.saturating_add(1));
    file.read_to_end(&mut bytes).at("cannot read", path)?;
    if bytes.len() as u64 > max {
        let source =
            io::Error::new(io::ErrorKind::FileTooLarge, format!("it is longer than {max} bytes"));
        return Err(source).at("cannot read", path);
    }
    Ok(bytes)
}

/// Gives what can be read to `take`, piece by piece.
///
/// # Errors
/// It cannot be read, which `unreadable` puts into words, or it was not taken.
pub fn each_chunk<E>(
    from: &mut impl Read,
    unreadable: impl Fn(io::Error) -> E,
    mut take: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut chunk = vec![0; 64 << 10];
    loop {
        match from.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(got) => take(&chunk[..got])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(error)),
        }
    }
}

/// Opens a regular file for reading, without following a link and without waiting at a fifo.
///
/// # Errors
/// It cannot be opened, or it is not a regular file.
pub fn open_read(path: &Utf8Path) -> Result<File, PathError> {
    open(path, "cannot read", OpenOptions::new().read(true))
}

/// Puts the entries of a folder on disk.
///
/// # Errors
/// The folder cannot be opened or synced.
pub fn sync_dir(folder: impl AsRef<Utf8Path>) -> Result<(), PathError> {
    let folder = folder.as_ref();
    File::open(folder).and_then(|dir| dir.sync_all()).at("cannot sync the folder", folder)
}

/// Opens a file without following a link; new files belong to the owner only.
pub(super) fn open(
    path: &Utf8Path,
    action: &'static str,
    options: &mut OpenOptions,
) -> Result<File, PathError> {
    refuse_linked_folders(path)?;
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = options
        .mode(0o600)
        .custom_flags(flags)
        .open(path)
        .map_err(|error| explain(error, action, path))?;
    let kind = file.metadata().at(action, path)?;
    if kind.is_file() {
        return Ok(file);
    }
    Err(io::Error::other("it is not a regular file")).at(action, path)
}

/// Refuses a path inside the folder of the runs on which a folder is a symbolic link.
///
/// Everything before it may be one: people put their projects where they like.
fn refuse_linked_folders(path: &Utf8Path) -> Result<(), PathError> {
    let parts: Vec<&str> = path.as_str().split('/').collect();
    let Some(runs) = parts.iter().rposition(|part| *part == RUNS) else { return Ok(()) };
    let mut ends = parts[..runs].iter().map(|part| part.len() + 1).sum::<usize>();
    for part in &parts[runs..parts.len().saturating_sub(1)] {
        ends += part.len();
        refuse_link(Utf8Path::new(&path.as_str()[..ends]))?;
        ends += 1;
    }
    Ok(())
}

/// The folder that a file is in.
pub(super) fn folder_of(path: &Utf8Path) -> &Utf8Path {
    match path.parent() {
        Some(parent) if !parent.as_str().is_empty() => parent,
        _ => Utf8Path::new("."),
    }
}

fn explain(error: io::Error, action: &'static str, path: &Utf8Path) -> PathError {
    if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
        return linked(path);
    }
    PathError { action, path: path.to_owned(), source: error }
}

fn linked(path: &Utf8Path) -> PathError {
    PathError {
        action: "refused to follow the symbolic link",
        path: path.to_owned(),
        source: io::Error::other("crew's state holds no links; remove it"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn folder() -> (tempfile::TempDir, camino::Utf8PathBuf) {
        let dir = tempfile::tempdir().expect("folder");
        let path = dir.path().to_path_buf().try_into().expect("UTF-8");
        (dir, path)
    }

    fn mode(path: &Utf8Path) -> u32 {
        path.metadata().expect("exists").permissions().mode() & 0o777
    }

    #[test]
    fn files_and_folders_belong_to_their_owner_only() {
        let (_guard, dir) = folder();
        create_private_dir(dir.join("a/b")).expect("created");
        for durability in [Durability::Synced, Durability::Quick] {
            write_atomic(dir.join("a/b/f"), b"x", durability).expect("written");
        }
        assert_eq!(mode(&dir.join("a")), 0o700);
        assert_eq!(mode(&dir.join("a/b")), 0o700);
        assert_eq!(mode(&dir.join("a/b/f")), 0o600);
    }

    #[test]
    fn a_write_that_fails_leaves_the_old_file_and_no_other() {
        let (_guard, dir) = folder();
        let path = dir.join("f");
        write_atomic(&path, b"old", Durability::Quick).expect("written");
        let failed = write_atomic_with(&path, Durability::Quick, |file| {
            file.write_all(b"half")?;
            Err::<(), _>(io::Error::other("disk full"))
        });
        assert!(failed.is_err());
        assert_eq!(read_text_capped(&path, 10).expect("read"), "old");
        assert_eq!(dir.read_dir_utf8().expect("listed").count(), 1);
    }

    #[test]
    fn links_are_not_followed() {
        let (_guard, dir) = folder();
        std::fs::write(dir.join("secret"), "s").expect("written");
        symlink("secret", dir.join("link")).expect("linked");
        symlink(".", dir.join("folder")).expect("linked");
        for error in [
            read_text_capped(dir.join("link"), 10).expect_err("a link"),
            create_private_dir(dir.join("folder")).expect_err("a link"),
        ] {
            assert!(error.to_string().contains("symbolic link"), "{error}");
        }
        write_atomic(dir.join("link"), b"x", Durability::Quick).expect("replaces the link");
        assert_eq!(read_text_capped(dir.join("secret"), 10).expect("read"), "s");
    }

    #[test]
    fn a_text_over_the_cap_is_refused() {
        let (_guard, dir) = folder();
        let path = dir.join("f");
        write_atomic(&path, b"12345", Durability::Quick).expect("written");
        assert_eq!(read_text_capped(&path, 5).expect("fits"), "12345");
        assert!(read_text_capped(&path, 4).is_err());
    }
}
