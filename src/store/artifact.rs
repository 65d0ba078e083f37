//! `artifacts/`: files that tasks produced, stored whole, with size and hash for the log.

use std::fs::File;
use std::io::{self, Read, Write};

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use rustix::fs::{Mode, OFlags, openat};

use super::files::{self, Durability};
use super::layout::RunDir;
use crate::base::path::{PathContext, PathError};
use crate::base::redact::redact;
use crate::base::{ArtifactName, limits};

/// Why an artifact could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The system refused.
    #[error(transparent)]
    Io(#[from] PathError),
    /// It is larger than artifacts may be.
    #[error("artifact `{0}` is larger than {max} bytes", max = limits::ARTIFACT_BYTES_MAX)]
    TooLarge(ArtifactName),
    /// The file is not inside the folder that the task may offer files from.
    #[error("`{0}` is not a file inside the task's folder, reached without links and `..`")]
    Outside(Utf8PathBuf),
}

/// Size and content of a stored artifact, as its event names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its size.
    pub bytes: u64,
    /// BLAKE3 of its content, 64 hexadecimal digits.
    pub hash: String,
}

/// What was read of an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Its first bytes, as many as were asked for.
    pub head: Vec<u8>,
    /// Its whole size.
    pub bytes: u64,
}

/// Stores bytes as an artifact, a text without its secrets; they are on disk when this returns.
///
/// # Errors
/// An artifact of that name stays as it was.
pub fn store(run: &RunDir, name: &ArtifactName, bytes: &[u8]) -> Result<Stored, ArtifactError> {
    let clean = std::str::from_utf8(bytes).map(redact);
    store_from(
        run,
        name,
        clean.as_ref().map_or(bytes, |text| text.as_bytes()),
        limits::ARTIFACT_BYTES_MAX,
    )
}

/// Stores a copy of the file `path` below `root` as an artifact; it is on disk when this returns.
///
/// No component of `path` may be a link: it was named by an agent and must not lead elsewhere.
///
/// # Errors
/// An artifact of that name stays as it was.
pub fn store_file(
    run: &RunDir,
    name: &ArtifactName,
    root: &Utf8Path,
    path: &Utf8Path,
) -> Result<Stored, ArtifactError> {
    let file = open_below(root, path)?;
    if file.metadata().at("cannot read", path)?.len() > limits::ARTIFACT_BYTES_MAX {
        return Err(ArtifactError::TooLarge(name.clone()));
    }
    let mut bytes = Vec::new();
    (&file).take(limits::ARTIFACT_BYTES_MAX + 1).read_to_end(&mut bytes).at("cannot read", path)?;
    store(run, name, &bytes)
}

/// Reads an artifact, `max` bytes at most.
///
/// # Errors
/// There is none, or it cannot be read.
pub fn read(run: &RunDir, name: &ArtifactName, max: u64) -> Result<Content, PathError> {
    files::refuse_link(&run.artifacts())?;
    let path = run.artifact(name);
    let file = files::open_read(&path)?;
    let bytes = file.metadata().at("cannot read", &path)?.len();
    let mut head = Vec::new();
    file.take(max).read_to_end(&mut head).at("cannot read", &path)?;
    Ok(Content { head, bytes })
}

fn store_from(
    run: &RunDir,
    name: &ArtifactName,
    from: impl Read,
    max: u64,
) -> Result<Stored, ArtifactError> {
    files::create_private_dir(run.artifacts())?;
    let mut from = from.take(max.saturating_add(1));
    let stored = files::write_atomic_with(&run.artifact(name), Durability::Synced, |file| {
        let mut hasher = blake3::Hasher::new();
        let mut bytes = 0;
        files::each_chunk(&mut from, std::convert::identity, |chunk| {
            bytes += chunk.len() as u64;
            if bytes > max {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            hasher.update(chunk);
            file.write_all(chunk)
        })?;
        let hash = hasher.finalize().to_hex().to_string();
        Ok(Stored { bytes, hash })
    });
    stored.map_err(|error| {
        if error.kind() == io::ErrorKind::FileTooLarge {
            ArtifactError::TooLarge(name.clone())
        } else {
            error.into()
        }
    })
}

/// Opens a regular file below `root`, one component after the other, following no link.
///
/// Checking the path first and opening it then would leave time to put a link in between.
pub(super) fn open_below(root: &Utf8Path, path: &Utf8Path) -> Result<File, ArtifactError> {
    let outside = || ArtifactError::Outside(path.to_owned());
    let below = path.strip_prefix(root).unwrap_or(path);
    let mut names = Vec::new();
    for component in below.components() {
        match component {
            Utf8Component::Normal(name) => names.push(name),
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir | Utf8Component::RootDir | Utf8Component::Prefix(_) => {
                return Err(outside());
            }
        }
    }
    let last = names.pop().ok_or_else(outside)?;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut folder = File::open(root).at("cannot open the folder", root)?;
    let open = |folder: &File, name: &str, flags| match openat(folder, name, flags, Mode::empty()) {
        Ok(file) => Ok(File::from(file)),
        Err(rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR) => Err(outside()),
        Err(error) => Err(error).at("cannot read", path).map_err(Into::into),
    };
    for name in names {
        folder = open(&folder, name, flags | OFlags::DIRECTORY)?;
    }
    let file = open(&folder, last, flags)?;
    if file.metadata().at("cannot read", path)?.is_file() { Ok(file) } else { Err(outside()) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn run() -> (tempfile::TempDir, RunDir, Utf8PathBuf) {
        let guard = tempfile::tempdir().unwrap();
        let dir = Utf8PathBuf::try_from(guard.path().to_path_buf()).unwrap();
        let root = dir.join("work");
        std::fs::create_dir_all(root.join("sub")).unwrap();
        (guard, RunDir::at(dir.join("run")), root)
    }

    fn name(text: &str) -> ArtifactName {
        text.parse().unwrap()
    }

    #[test]
    fn an_artifact_reads_back_with_its_size_and_hash() {
        let (_guard, run, root) = run();
        std::fs::create_dir(run.path()).unwrap();
        std::fs::write(root.join("sub/plan.md"), "the plan").unwrap();
        let stored = store(&run, &name("a"), b"the plan").unwrap();
        assert_eq!(stored.bytes, 8);
        assert_eq!(stored.hash, blake3::hash(b"the plan").to_hex().to_string());
        for path in [Utf8PathBuf::from("sub/plan.md"), root.join("./sub/plan.md")] {
            assert_eq!(store_file(&run, &name("b"), &root, &path).unwrap(), stored);
        }
        let content = read(&run, &name("b"), 3).unwrap();
        assert_eq!((&content.head[..], content.bytes), (&b"the"[..], 8));
    }

    #[test]
    fn files_outside_of_the_folder_and_links_are_refused() {
        let (_guard, run, root) = run();
        std::fs::create_dir(run.path()).unwrap();
        std::fs::write(root.with_file_name("secret"), "s").unwrap();
        symlink("../secret", root.join("link")).unwrap();
        symlink("..", root.join("up")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            root.join("fifo").as_std_path(),
            rustix::fs::FileType::Fifo,
            Mode::RUSR,
            0,
        )
        .unwrap();
        let absolute = root.with_file_name("secret");
        for path in ["link", "up/secret", "../secret", "", "sub", "fifo", absolute.as_str()] {
            let error = store_file(&run, &name("x"), &root, path.into()).unwrap_err();
            assert!(matches!(error, ArtifactError::Outside(_)), "{path}: {error}");
        }
        assert!(read(&run, &name("x"), 1).is_err(), "nothing was stored");
    }

    #[test]
    fn an_artifact_over_the_limit_is_refused_and_leaves_nothing() {
        let (_guard, run, root) = run();
        std::fs::create_dir(run.path()).unwrap();
        let big = File::create(root.join("big")).unwrap();
        big.set_len(limits::ARTIFACT_BYTES_MAX + 1).unwrap();
        let error = store_file(&run, &name("x"), &root, "big".into()).unwrap_err();
        assert!(matches!(error, ArtifactError::TooLarge(_)), "{error}");
        assert!(!run.artifacts().exists());
        let error = store_from(&run, &name("x"), &b"grew"[..], 3).unwrap_err();
        assert!(matches!(error, ArtifactError::TooLarge(_)), "{error}");
        assert_eq!(run.artifacts().read_dir_utf8().unwrap().count(), 0);
    }
}
