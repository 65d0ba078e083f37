//! Remembers which projects may execute what their files say, by the content of what would be executed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::environment::Environment;
use super::model::Config;
use crate::base::path::{PathContext, PathError};
use crate::lock::FileLock;

/// Version of `trusted.json`; a newer file is not touched.
const FORMAT: u32 = 1;

/// One thing in a project's files that would be executed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrustItem {
    /// The file, relative to the project.
    pub file: Utf8PathBuf,
    /// The line in it, from 1.
    pub line: usize,
    /// What it is, such as `worktree.setup`.
    pub what: String,
    /// What is executed.
    pub content: String,
}

/// Whether what a project's files say may be executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// It may, or there is nothing.
    Trusted,
    /// It may not.
    Untrusted {
        /// What would be executed.
        items: Vec<TrustItem>,
        /// The project was trusted with other content.
        changed: bool,
    },
}

/// Why trust could not be read or remembered.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// There is no place to remember it.
    #[error(
        "there is no folder to remember trust in; set HOME, or CREW_CONFIG_DIR to a folder of your own"
    )]
    NoFolder,
    /// The file is damaged.
    #[error("`{path}` is damaged; remove it, and trust your projects again")]
    Damaged {
        /// The file.
        path: Utf8PathBuf,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The file was written by a newer program.
    #[error("`{path}` has format {found}, this crew knows {FORMAT}; use the newer crew")]
    Newer {
        /// The file.
        path: Utf8PathBuf,
        /// Its format.
        found: u32,
    },
    /// The system refused.
    #[error(transparent)]
    Io(#[from] PathError),
}

/// What in a project's files would be executed: its configuration and schedules, and the command steps of its workflows.
pub fn executable_content(config: &Config, command_steps: Vec<TrustItem>) -> Vec<TrustItem> {
    let mut items = config.executable.clone();
    items.extend(command_steps);
    items.sort();
    items
}

/// The file of trusted projects.
#[derive(Debug, Clone)]
pub struct TrustStore {
    folder: Option<Utf8PathBuf>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Trusted {
    format: u32,
    /// Hash of the trusted content by the project's root.
    projects: BTreeMap<Utf8PathBuf, String>,
    /// Hash of each trusted thing by the project's root.
    #[serde(default)]
    items: BTreeMap<Utf8PathBuf, BTreeSet<String>>,
}

impl TrustStore {
    /// The store of the user.
    pub fn new(env: &Environment) -> Self {
        Self { folder: env.user_state_dir() }
    }

    /// Whether the content of the project at `root` is trusted as it stands.
    ///
    /// # Errors
    /// The file is damaged or cannot be read.
    pub fn is_trusted(&self, root: &Utf8Path, items: Vec<TrustItem>) -> Result<Trust, TrustError> {
        if items.is_empty() {
            return Ok(Trust::Trusted);
        }
        let known = match &self.folder {
            Some(folder) => read(folder)?.projects.remove(root),
            None => None,
        };
        Ok(match known {
            Some(hash) if hash == content_hash(&items) => Trust::Trusted,
            known => Trust::Untrusted { items, changed: known.is_some() },
        })
    }

    /// Whether this one thing was trusted with the project at `root`, as it stands; whatever became of the rest.
    ///
    /// For who meets a single command and does not know all that the project would execute.
    ///
    /// # Errors
    /// The file is damaged or cannot be read.
    pub fn is_item_trusted(&self, root: &Utf8Path, item: &TrustItem) -> Result<bool, TrustError> {
        let Some(folder) = &self.folder else { return Ok(false) };
        let hash = content_hash(std::slice::from_ref(item));
        Ok(read(folder)?.items.get(root).is_some_and(|items| items.contains(&hash)))
    }

    /// Remembers that the content of the project at `root` is trusted.
    ///
    /// # Errors
    /// There is no folder to remember it in, or it cannot be written.
    pub fn trust(&self, root: &Utf8Path, items: &[TrustItem]) -> Result<(), TrustError> {
        let single = |item| content_hash(std::slice::from_ref(item));
        self.change(|trusted| {
            trusted.projects.insert(root.to_owned(), content_hash(items));
            trusted.items.insert(root.to_owned(), items.iter().map(single).collect());
        })
    }

    /// Forgets the project at `root`.
    ///
    /// # Errors
    /// There is no folder to remember it in, or it cannot be written.
    pub fn revoke(&self, root: &Utf8Path) -> Result<(), TrustError> {
        self.change(|trusted| {
            trusted.projects.remove(root);
            trusted.items.remove(root);
        })
    }

    fn change(&self, edit: impl FnOnce(&mut Trusted)) -> Result<(), TrustError> {
        let folder = self.folder.as_deref().ok_or(TrustError::NoFolder)?;
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .at("cannot create", folder)?;
        // Two terminals may trust two projects at the same moment; without the lock one would be forgotten.
        let _lock = FileLock::exclusive(&folder.join("trusted.lock"))?;
        let mut trusted = read(folder)?;
        edit(&mut trusted);
        write(folder, &trusted)
    }
}

fn read(folder: &Utf8Path) -> Result<Trusted, TrustError> {
    let path = folder.join("trusted.json");
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let (projects, items) = (BTreeMap::new(), BTreeMap::new());
            return Ok(Trusted { format: FORMAT, projects, items });
        }
        Err(error) => return Err(error).at("cannot read", &path)?,
    };
    let trusted: Trusted = serde_json::from_slice(&text)
        .map_err(|source| TrustError::Damaged { path: path.clone(), source })?;
    if trusted.format > FORMAT {
        let found = trusted.format;
        return Err(TrustError::Newer { path, found });
    }
    Ok(trusted)
}

/// Writes beside the file and renames, so that a crash leaves the old or the new one.
fn write(folder: &Utf8Path, trusted: &Trusted) -> Result<(), TrustError> {
    let path = folder.join("trusted.json");
    let text = serde_json::to_vec_pretty(trusted).at("cannot write", &path)?;
    // The temporary file has mode 0600 from its creation on.
    let mut file = tempfile::NamedTempFile::new_in(folder).at("cannot write into", folder)?;
    file.write_all(&text).at("cannot write", &path)?;
    file.as_file().sync_all().at("cannot write", &path)?;
    file.persist(&path).at("cannot write", &path)?;
    Ok(())
}

/// Names what would be executed, so that nothing else is trusted by mistake.
///
/// Lines are left out: moving a command within its file changes nothing that is executed.
pub fn content_hash(items: &[TrustItem]) -> String {
    let mut parts: Vec<[&str; 3]> = items
        .iter()
        .map(|item| [item.file.as_str(), item.what.as_str(), item.content.as_str()])
        .collect();
    parts.sort_unstable();
    let mut hasher = blake3::Hasher::new();
    for part in parts.iter().flatten() {
        // The length keeps the parts apart whatever they hold.
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}
