//! `project.json`: the project's slug, the next run number, and which runs are still open.
//!
//! Numbers are never reused: a number is on disk before anybody uses it. When the file is lost it
//! is made again from the folders of the runs.

use std::collections::BTreeSet;
use std::io::ErrorKind;

use camino::Utf8Path;
use serde::{Deserialize, Serialize};

use super::files::{self, Durability};
use super::layout::{ProjectDir, RunDir};
use crate::base::path::{PathContext, PathError};
use crate::base::{RunNumber, slug};
use crate::lock::FileLock;

/// Version of `project.json`.
const SCHEMA_VERSION: u32 = 1;
/// Bytes of `project.json`: room for far more open runs than a machine can have.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Why a project could not be opened or changed.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// The system refused.
    #[error(transparent)]
    Io(#[from] PathError),
    /// Nothing can be written where the state belongs.
    #[error("the state folder of the project cannot be written (`CREW_STATE_DIR` moves it)")]
    ReadOnly(#[source] PathError),
    /// A newer version of crew keeps this project.
    #[error("`{path}` was written by a newer version of crew (schema version {version})")]
    Newer {
        /// The file.
        path: camino::Utf8PathBuf,
        /// Its version.
        version: u32,
    },
}

/// The project's lock, held: `project.json` may be changed and the queue may be run.
#[derive(Debug)]
pub struct ProjectLock {
    _lock: FileLock,
}

impl ProjectLock {
    /// Takes the lock, waiting for whoever holds it.
    ///
    /// # Errors
    /// The lock file cannot be opened or locked.
    pub fn take(dir: &ProjectDir) -> Result<Self, PathError> {
        FileLock::exclusive(&dir.project_lock()).map(|lock| Self { _lock: lock })
    }

    /// Takes the lock if nobody holds it.
    ///
    /// # Errors
    /// The lock file cannot be opened or locked.
    pub fn try_take(dir: &ProjectDir) -> Result<Option<Self>, PathError> {
        let lock = FileLock::try_exclusive(&dir.project_lock())?;
        Ok(lock.map(|lock| Self { _lock: lock }))
    }
}

/// A project as its files describe it.
#[derive(Debug, Clone)]
pub struct Project {
    dir: ProjectDir,
    file: ProjectFile,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ProjectFile {
    schema_version: u32,
    slug: String,
    next: RunNumber,
    /// Superset of the runs that can still move.
    open: BTreeSet<RunNumber>,
}

impl Project {
    /// Reads a project and creates nothing; a project without state is an empty one.
    ///
    /// # Errors
    /// Its files cannot be read.
    pub fn open(dir: ProjectDir) -> Result<Self, ProjectError> {
        let file = read(&dir)?;
        Ok(Self { dir, file })
    }

    /// Reads a project; creates its state folder, the `.gitignore` files and `project.json` where missing.
    ///
    /// # Errors
    /// Its files cannot be read or created.
    pub fn ensure(dir: ProjectDir) -> Result<Self, ProjectError> {
        create_folders(&dir).map_err(read_only)?;
        let file = if dir.project_json().symlink_metadata().is_ok() {
            read(&dir)?
        } else {
            let _lock = ProjectLock::take(&dir).map_err(read_only)?;
            // Somebody else may have made it while this process waited.
            let file = read(&dir)?;
            write(&dir, &file)?;
            file
        };
        Ok(Self { dir, file })
    }

    /// Where the project's files are.
    pub fn dir(&self) -> &ProjectDir {
        &self.dir
    }

    /// Name of the project in `slug#5`.
    pub fn slug(&self) -> &str {
        &self.file.slug
    }

    /// Runs that can still move, and perhaps a few that ended; sorted.
    pub fn open_runs(&self) -> impl Iterator<Item = RunNumber> + '_ {
        self.file.open.iter().copied()
    }

    /// Every run that has a folder, sorted.
    ///
    /// # Errors
    /// The folder of the runs cannot be read.
    pub fn runs(&self) -> Result<Vec<RunNumber>, PathError> {
        run_folders(&self.dir)
    }

    /// Takes the next run number and creates its folder; both are on disk when this returns.
    ///
    /// The run is open from here on.
    ///
    /// # Errors
    /// No number was taken, or it was taken and its folder could not be created.
    pub fn allocate(&mut self, lock: &ProjectLock) -> Result<RunNumber, ProjectError> {
        // A folder that the file does not know came with a copied or restored state.
        let free = after(&self.runs()?);
        let mut taken = free;
        self.change(lock, |file| {
            let number = file.next.max(free);
            file.next = RunNumber(number.0.saturating_add(1));
            file.open.insert(number);
            taken = number;
        })?;
        let run = self.dir.run(taken);
        files::create_private_dir(run.path()).map_err(read_only)?;
        files::sync_dir(self.dir.runs())?;
        Ok(taken)
    }

    /// The folder of a run, checked to be one and no link.
    ///
    /// # Errors
    /// There is no such run, or its folder is a symbolic link.
    pub fn run(&self, number: RunNumber) -> Result<RunDir, PathError> {
        let run = self.dir.run(number);
        files::refuse_link(run.path())?;
        run.path().metadata().at("cannot open the run", run.path())?;
        Ok(run)
    }

    /// Marks runs as open: somebody has to look after them.
    ///
    /// # Errors
    /// Nothing was changed.
    pub fn set_open(
        &mut self,
        lock: &ProjectLock,
        runs: impl IntoIterator<Item = RunNumber>,
    ) -> Result<(), ProjectError> {
        self.change(lock, |file| file.open.extend(runs))
    }

    /// Marks runs as closed: nothing will happen to them without a command.
    ///
    /// # Errors
    /// Nothing was changed.
    pub fn close(
        &mut self,
        lock: &ProjectLock,
        runs: impl IntoIterator<Item = RunNumber>,
    ) -> Result<(), ProjectError> {
        self.change(lock, |file| {
            for run in runs {
                file.open.remove(&run);
            }
        })
    }

    /// Reads the file again, changes it and puts it on disk.
    fn change(
        &mut self,
        _lock: &ProjectLock,
        change: impl FnOnce(&mut ProjectFile),
    ) -> Result<(), ProjectError> {
        let before = read(&self.dir)?;
        if before.schema_version > SCHEMA_VERSION {
            return Err(ProjectError::Newer {
                path: self.dir.project_json(),
                version: before.schema_version,
            });
        }
        let mut file = before.clone();
        change(&mut file);
        // The queue is looked at far more often than it changes; on a full disk it can be looked at, too.
        if file != before || !self.dir.project_json().exists() {
            write(&self.dir, &file)?;
        }
        self.file = file;
        Ok(())
    }
}

/// Reads `project.json`; a lost or broken one is made again from the folders of the runs.
fn read(dir: &ProjectDir) -> Result<ProjectFile, ProjectError> {
    for part in [dir.state(), &dir.runs()] {
        files::refuse_link(part)?;
    }
    let text = match files::read_text_capped(dir.project_json(), FILE_BYTES_MAX) {
        Ok(text) => text,
        // Bytes that are no text are as good as none.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidData) => {
            String::new()
        }
        Err(error) => return Err(error.into()),
    };
    if let Ok(file) = serde_json::from_str::<ProjectFile>(&text) {
        return Ok(file);
    }
    let folders = run_folders(dir)?;
    Ok(ProjectFile {
        schema_version: SCHEMA_VERSION,
        slug: slug_of(dir.root()),
        next: after(&folders),
        open: folders.into_iter().collect(),
    })
}

/// The first number behind these runs.
fn after(folders: &[RunNumber]) -> RunNumber {
    RunNumber(folders.last().map_or(1, |last| last.0.saturating_add(1)))
}

fn write(dir: &ProjectDir, file: &ProjectFile) -> Result<(), ProjectError> {
    let mut text = serde_json::to_string(file).expect("the file has no map keys but text");
    text.push('\n');
    files::write_atomic(dir.project_json(), text.as_bytes(), Durability::Synced).map_err(read_only)
}

fn create_folders(dir: &ProjectDir) -> Result<(), PathError> {
    files::create_private_dir(dir.state())?;
    files::refuse_others(dir.state())?;
    for folder in [dir.state(), dir.worktrees()] {
        files::create_ignored_dir(folder)?;
    }
    files::create_barrier(dir.worktrees())?;
    files::create_private_dir(dir.runs())
}

fn run_folders(dir: &ProjectDir) -> Result<Vec<RunNumber>, PathError> {
    let runs = dir.runs();
    let entries = match runs.read_dir_utf8() {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).at("cannot read the folder", &runs),
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let entry = entry.at("cannot read the folder", &runs)?;
        let number = entry.file_name().parse().map(RunNumber).ok();
        numbers.extend(number.filter(|number| number.folder() == entry.file_name()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn slug_of(root: &Utf8Path) -> String {
    root.file_name().and_then(slug::slug).unwrap_or_else(|| "project".to_owned())
}

fn read_only(error: PathError) -> ProjectError {
    use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    if matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem) {
        ProjectError::ReadOnly(error)
    } else {
        ProjectError::Io(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> (tempfile::TempDir, ProjectDir) {
        let dir = tempfile::tempdir().expect("folder");
        let root = camino::Utf8PathBuf::try_from(dir.path().join("My App")).expect("UTF-8");
        (dir, ProjectDir::new(root, None, None))
    }

    fn allocate(project: &mut Project) -> RunNumber {
        let lock = ProjectLock::take(project.dir()).expect("lock");
        project.allocate(&lock).expect("number")
    }

    #[test]
    fn reading_a_project_creates_nothing() {
        let (_guard, dir) = project();
        let found = Project::open(dir.clone()).expect("empty");
        assert_eq!((found.slug(), found.runs().expect("none")), ("my-app", vec![]));
        assert!(!dir.root().exists());
    }

    #[test]
    fn numbers_follow_each_other_and_survive_the_loss_of_the_file() {
        let (_guard, dir) = project();
        let mut first = Project::ensure(dir.clone()).expect("created");
        let mut second = Project::ensure(dir.clone()).expect("opened");
        assert_eq!(allocate(&mut first), RunNumber(1));
        assert_eq!(allocate(&mut second), RunNumber(2));
        std::fs::remove_dir(dir.run(RunNumber(2)).path()).expect("pruned");
        assert_eq!(allocate(&mut first), RunNumber(3), "2 is never reused");
        for broken in [None, Some(&b"{"[..]), Some(b"\0\0\0"), Some(b"{\"slug\":\"\xff")] {
            match broken {
                None => std::fs::remove_file(dir.project_json()).expect("lost"),
                Some(bytes) => std::fs::write(dir.project_json(), bytes).expect("broken"),
            }
            let last = first.runs().expect("listed").last().map_or(0, |n| n.0);
            assert_eq!(allocate(&mut first), RunNumber(last + 1));
        }
        let numbers = [1, 3, 4, 5, 6, 7].map(RunNumber);
        assert_eq!(first.runs().expect("listed"), numbers);
        assert_eq!(first.open_runs().collect::<Vec<_>>(), numbers);
    }

    #[test]
    fn a_folder_that_the_file_does_not_know_keeps_its_number() {
        let (_guard, dir) = project();
        let mut project = Project::ensure(dir.clone()).expect("created");
        std::fs::create_dir(dir.run(RunNumber(90)).path()).expect("copied");
        assert_eq!(allocate(&mut project), RunNumber(91));
    }

    #[test]
    fn closed_runs_are_not_open_until_they_are_opened_again() {
        let (_guard, dir) = project();
        let mut project = Project::ensure(dir.clone()).expect("created");
        let number = allocate(&mut project);
        let lock = ProjectLock::take(&dir).expect("lock");
        project.close(&lock, [number]).expect("closed");
        assert_eq!(Project::open(dir).expect("open").open_runs().count(), 0);
        project.set_open(&lock, [number]).expect("opened");
        assert_eq!(project.open_runs().collect::<Vec<_>>(), [number]);
    }

    #[test]
    fn what_is_created_is_private_and_ignored_by_git() {
        use std::os::unix::fs::PermissionsExt;
        let (_guard, dir) = project();
        Project::ensure(dir.clone()).expect("created");
        for folder in [dir.state(), dir.worktrees()] {
            let mode = folder.metadata().expect("exists").permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
            let ignore = std::fs::read_to_string(folder.join(".gitignore"));
            assert_eq!(ignore.expect("exists"), "*\n");
        }
    }

    #[test]
    fn a_linked_part_of_the_state_is_refused() {
        let (_guard, dir) = project();
        Project::ensure(dir.clone()).expect("created");
        for part in [dir.runs(), dir.state().to_owned()] {
            let away = dir.root().join("away");
            std::fs::rename(&part, &away).expect("moved");
            std::os::unix::fs::symlink(&away, &part).expect("linked");
            for refused in [Project::open(dir.clone()), Project::ensure(dir.clone())] {
                let error = refused.expect_err("a link").to_string();
                assert!(error.contains("symbolic link"), "{error}");
            }
            std::fs::remove_file(&part).expect("unlinked");
            std::fs::rename(&away, &part).expect("moved back");
        }
    }

    #[test]
    fn a_newer_project_is_read_and_not_written() {
        let (_guard, dir) = project();
        let mut project = Project::ensure(dir.clone()).expect("created");
        let text = r#"{"schema_version":9,"slug":"x","next":7,"open":[3],"more":1}"#;
        std::fs::write(dir.project_json(), text).expect("written");
        assert_eq!(Project::open(dir.clone()).expect("readable").slug(), "x");
        let lock = ProjectLock::take(&dir).expect("lock");
        let error = project.allocate(&lock).expect_err("newer");
        assert!(matches!(error, ProjectError::Newer { version: 9, .. }));
    }

    #[test]
    fn a_project_that_cannot_be_written_says_what_helps() {
        let denied = PathError {
            action: "cannot write",
            path: "/p/.crew/state".into(),
            source: std::io::ErrorKind::ReadOnlyFilesystem.into(),
        };
        let error = read_only(denied);
        assert!(error.to_string().contains("CREW_STATE_DIR"), "{error}");
    }
}
