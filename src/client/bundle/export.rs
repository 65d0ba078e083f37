//! Writing a bundle: the same run gives the same bytes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use camino::{Utf8Path, Utf8PathBuf};
use flate2::{Compression, GzBuilder};

use super::manifest::{About, FORMAT, FileRow, Manifest, NAME, VERSION};
use super::rewrite::{Changed, redacted, rewrite};
use super::{ATTEMPT_FILES, BundleError, EVENTS, OUTPUT_FILES, is_known};
use crate::base::limits;
use crate::base::path::PathContext;
use crate::base::redact::{redact, redact_json};
use crate::ledger::Ledger;
use crate::store::{RunDir, files};

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Files in the bundle.
    pub files: usize,
    /// Events of the log.
    pub events: u64,
    /// Bytes of the bundle.
    pub bytes: u64,
    /// Whether a line of the log was redacted.
    pub redacted: bool,
    /// Files that were left out.
    pub left_out: Vec<String>,
}

/// Files on their way into a bundle: all in one nameless temporary file, in order.
struct Staged {
    spool: File,
    rows: Vec<FileRow>,
    total: u64,
    left_out: Vec<String>,
}

/// Writes the run to `target`, which must not exist; `wants_output` takes what agents printed along.
///
/// # Errors
/// Nothing is left behind.
pub fn export(
    ledger: &Ledger,
    target: &Utf8Path,
    wants_output: bool,
) -> Result<Exported, BundleError> {
    if target.symlink_metadata().is_ok() {
        return Err(BundleError::Exists(target.to_owned()));
    }
    let dir = ledger.dir();
    let spool = tempfile::tempfile().at("cannot make a temporary file for", target)?;
    let mut staged = Staged { spool, rows: Vec::new(), total: 0, left_out: Vec::new() };
    let mut changed = BTreeMap::new();
    for (name, path) in names_in(&dir.artifacts())? {
        staged.artifact(&name, &path, &mut changed)?;
    }
    staged.attempts(dir, wants_output)?;
    let log = rewrite(&dir.events(), |_, body| redacted(body, &changed))?;
    staged.add(EVENTS, &log.lines)?;
    let state = ledger.state();
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        version: VERSION,
        crew: env!("CARGO_PKG_VERSION").to_owned(),
        run: About {
            reference: state.reference(),
            slug: state.created.slug.clone(),
            goal: redact(&state.created.goal).into_owned(),
            status: state.status.kind().as_str().to_owned(),
            events: log.head.seq,
        },
        original_head: log.original.hash.to_string(),
        head: log.head.hash.to_string(),
        left_out: staged.left_out.clone(),
        files: staged.rows.clone(),
    };
    let redacted = log.head != log.original;
    let bytes = staged.write(&manifest, target)?;
    let (files, left_out) = (staged.rows.len(), staged.left_out);
    Ok(Exported { files, events: log.head.seq, bytes, redacted, left_out })
}

impl Staged {
    fn add(&mut self, path: &str, bytes: &[u8]) -> Result<(), BundleError> {
        self.total += bytes.len() as u64;
        if self.total > limits::BUNDLE_BYTES_MAX || self.rows.len() >= limits::BUNDLE_FILES_MAX {
            return Err(BundleError::TooLarge(format!(
                "the run is larger than a bundle may be ({} MiB, {} files)",
                limits::BUNDLE_BYTES_MAX >> 20,
                limits::BUNDLE_FILES_MAX
            )));
        }
        self.spool.write_all(bytes).at("cannot write a temporary file for", path)?;
        let hash = blake3::hash(bytes).to_hex().to_string();
        self.rows.push(FileRow { path: path.to_owned(), bytes: bytes.len() as u64, hash });
        Ok(())
    }

    /// The whole file, unless it is too large to be redacted.
    fn read(&mut self, name: &str, path: &Utf8Path) -> Result<Option<Vec<u8>>, BundleError> {
        let mut bytes = Vec::new();
        let file = files::open_read(path)?;
        let mut file = file.take(limits::BUNDLE_FILE_BYTES_MAX + 1);
        file.read_to_end(&mut bytes).at("cannot read", path)?;
        if bytes.len() as u64 > limits::BUNDLE_FILE_BYTES_MAX {
            self.left_out.push(name.to_owned());
            return Ok(None);
        }
        Ok(Some(bytes))
    }

    fn artifact(
        &mut self,
        name: &str,
        path: &Utf8Path,
        changed: &mut BTreeMap<String, Changed>,
    ) -> Result<(), BundleError> {
        let inside = format!("artifacts/{name}");
        if !is_known(&inside) {
            return Ok(());
        }
        let Some(bytes) = self.read(&inside, path)? else { return Ok(()) };
        let clean = redact_text(bytes.clone());
        if clean != bytes {
            let old_hash = blake3::hash(&bytes).to_hex().to_string();
            let hash = blake3::hash(&clean).to_hex().to_string();
            let bytes = clean.len() as u64;
            changed.insert(name.to_owned(), Changed { old_hash, hash, bytes });
        }
        self.add(&inside, &clean)
    }

    fn attempts(&mut self, dir: &RunDir, wants_output: bool) -> Result<(), BundleError> {
        for (task, folder) in names_in(&dir.path().join("tasks"))? {
            let mut attempts = names_in(&folder)?;
            attempts.sort_by_key(|(name, _)| name.parse::<u32>().unwrap_or(u32::MAX));
            for (attempt, folder) in attempts {
                for name in ATTEMPT_FILES {
                    let inside = format!("tasks/{task}/{attempt}/{name}");
                    let path = folder.join(name);
                    if !is_known(&inside) || path.symlink_metadata().is_err() {
                        continue;
                    }
                    if OUTPUT_FILES.contains(name) && !wants_output {
                        self.left_out.push(inside);
                        continue;
                    }
                    let Some(bytes) = self.read(&inside, &path)? else { continue };
                    let is_lines =
                        matches!(Utf8Path::new(name).extension(), Some("jsonl" | "json"));
                    let clean = if is_lines { redact_lines(&bytes) } else { redact_text(bytes) };
                    self.add(&inside, &clean)?;
                }
            }
        }
        Ok(())
    }

    /// Writes beside the target and renames; nothing of it depends on when or by whom.
    fn write(&mut self, manifest: &Manifest, target: &Utf8Path) -> Result<u64, BundleError> {
        let folder = target.parent().filter(|folder| !folder.as_str().is_empty());
        let folder = folder.unwrap_or(Utf8Path::new("."));
        let temporary = tempfile::Builder::new()
            .prefix(".new-")
            .tempfile_in(folder)
            .at("cannot write", target)?;
        self.pack(manifest, temporary.as_file()).at("cannot write", target)?;
        temporary.as_file().sync_all().at("cannot write", target)?;
        let bytes = temporary.as_file().metadata().at("cannot write", target)?.len();
        match temporary.persist_noclobber(target) {
            Ok(_) => Ok(bytes),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                Err(BundleError::Exists(target.to_owned()))
            }
            Err(error) => Err(error.error).at("cannot write", target)?,
        }
    }

    fn pack(&mut self, manifest: &Manifest, file: &File) -> io::Result<()> {
        let gzip = GzBuilder::new().mtime(0).write(file, Compression::new(6));
        let mut tar = tar::Builder::new(gzip);
        let mut text = serde_json::to_vec_pretty(manifest)?;
        text.push(b'\n');
        append(&mut tar, NAME, text.len() as u64, text.as_slice())?;
        self.spool.seek(SeekFrom::Start(0))?;
        for row in &self.rows {
            append(&mut tar, &row.path, row.bytes, (&self.spool).take(row.bytes))?;
        }
        tar.into_inner()?.finish()?;
        Ok(())
    }
}

fn append<W: Write>(
    tar: &mut tar::Builder<W>,
    path: &str,
    bytes: u64,
    content: impl Read,
) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_path(path)?;
    header.set_size(bytes);
    header.set_mode(0o600);
    header.set_mtime(0);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    tar.append(&header, content)
}

/// The entries of a folder in order; none when there is no folder.
fn names_in(folder: &Utf8Path) -> Result<Vec<(String, Utf8PathBuf)>, BundleError> {
    files::refuse_link(folder)?;
    let entries = match folder.read_dir_utf8() {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).at("cannot read the folder", folder)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.at("cannot read the folder", folder)?;
        names.push((entry.file_name().to_owned(), entry.into_path()));
    }
    names.sort();
    Ok(names)
}

/// A text without secrets; what is no text has none that could be found.
fn redact_text(bytes: Vec<u8>) -> Vec<u8> {
    match String::from_utf8(bytes) {
        Ok(text) => redact(&text).into_owned().into_bytes(),
        Err(error) => error.into_bytes(),
    }
}

/// Lines without secrets: in each text of a line that is JSON, where a secret may stand behind escapes.
fn redact_lines(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let parsed: Option<serde_json::Value> = serde_json::from_slice(line).ok();
        let clean = parsed.as_ref().map(redact_json).filter(|clean| Some(clean) != parsed.as_ref());
        match clean {
            Some(clean) => {
                out.extend(clean.to_string().into_bytes());
                out.extend(line.ends_with(b"\n").then_some(b'\n'));
            }
            None => out.extend(redact_text(line.to_vec())),
        }
    }
    out
}
