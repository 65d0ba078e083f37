//! An input or output error never travels without its path.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};

/// An input or output error together with the file it happened to.
#[derive(Debug, thiserror::Error)]
#[error("{action} `{path}`")]
pub struct PathError {
    /// What was tried, as a fragment: `cannot read`.
    pub action: &'static str,
    /// The file or folder.
    pub path: Utf8PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl PathError {
    /// The kind of the system's error.
    pub fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }
}

/// Adds the action and the path to an input or output result.
pub trait PathContext<T> {
    /// Turns the error into a [`PathError`].
    ///
    /// # Errors
    /// The same as before, with its path.
    fn at(self, action: &'static str, path: impl AsRef<Utf8Path>) -> Result<T, PathError>;
}

impl<T, E: Into<io::Error>> PathContext<T> for Result<T, E> {
    fn at(self, action: &'static str, path: impl AsRef<Utf8Path>) -> Result<T, PathError> {
        self.map_err(|error| PathError {
            action,
            path: path.as_ref().to_owned(),
            source: error.into(),
        })
    }
}
