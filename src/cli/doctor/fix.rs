//! What `crew doctor --fix` mends: only what is harmless, and only what was just found.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use camino::Utf8PathBuf;

use crate::base::Time;
use crate::base::text::count;
use crate::client::Workspace;
use crate::client::recover::recover;
use crate::store::{Project, ProjectDir};

/// A way to mend something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fix {
    /// Takes the rights of other users away from these files and folders.
    Private(Vec<Utf8PathBuf>),
    /// Removes these files, which hold nothing.
    Remove(Vec<Utf8PathBuf>),
    /// Writes the marks again that keep git out of crew's folders.
    Folders,
    /// Starts the supervisors that are missing.
    Drive,
}

impl Fix {
    /// What it would do.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Private(paths) => format!("make {} private", count(paths.len(), "path")),
            Self::Remove(paths) => format!("remove {}", count(paths.len(), "file")),
            Self::Folders => "write them again".to_owned(),
            Self::Drive => "start the supervisors that are missing".to_owned(),
        }
    }

    /// Does it; what went wrong when it did not work.
    pub(super) fn apply(
        &self,
        dir: &ProjectDir,
        workspace: Option<&Workspace>,
        now: Time,
    ) -> Result<(), String> {
        match self {
            Self::Private(paths) => each(paths, |path| {
                let mode = fs::symlink_metadata(path)?.permissions().mode();
                fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o700))
            }),
            Self::Remove(paths) => each(paths, |path| fs::remove_file(path)),
            Self::Folders => {
                Project::ensure(dir.clone()).map(drop).map_err(|error| error.to_string())
            }
            Self::Drive => {
                let workspace = workspace.ok_or("the configuration cannot be used")?;
                let report = recover(workspace, now).map_err(|error| error.to_string())?;
                match report.problems.as_slice() {
                    [] => Ok(()),
                    problems => Err(problems.join("; ")),
                }
            }
        }
    }
}

fn each(
    paths: &[Utf8PathBuf],
    change: impl Fn(&Utf8PathBuf) -> std::io::Result<()>,
) -> Result<(), String> {
    for path in paths {
        match change(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            done => done.map_err(|error| format!("`{path}`: {error}"))?,
        }
    }
    Ok(())
}
