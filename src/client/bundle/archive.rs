//! Reading a bundle: every name, kind, size and hash is checked before anything counts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;

use camino::Utf8Path;
use flate2::read::GzDecoder;

use super::manifest::{FORMAT, FileRow, Manifest, NAME, VERSION};
use super::{BundleError, EVENTS, is_known};
use crate::base::limits;
use crate::base::path::PathContext;
use crate::store::files;

/// Bytes of a manifest: room for a row of every file that a bundle may hold.
const MANIFEST_BYTES_MAX: u64 = 8 << 20;

/// Unpacks the bundle at `file` into the empty folder `into`.
///
/// # Errors
/// What is wrong with it; the folder is to be thrown away then.
pub(super) fn unpack(file: &Utf8Path, into: &Utf8Path) -> Result<Manifest, BundleError> {
    let invalid = |why: String| BundleError::invalid(file, why);
    let broken = |error: io::Error| {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            invalid("it is cut short".to_owned())
        } else {
            invalid(format!("it is damaged ({error})"))
        }
    };
    let input = BufReader::new(File::open(file).at("cannot read", file)?);
    let mut unpacked = GzDecoder::new(input).take(limits::BUNDLE_BYTES_MAX + (64 << 20));
    let (mut manifest, mut due): (Option<Manifest>, BTreeMap<String, FileRow>) =
        (None, BTreeMap::new());
    let mut seen = BTreeSet::new();
    let mut tar = tar::Archive::new(&mut unpacked);
    // Raw: an entry that renames the next one is no file, and is refused as such.
    for entry in tar.entries().map_err(broken)?.raw(true) {
        let mut entry = entry.map_err(broken)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let shown = crate::base::text::one_line(&crate::base::text::printable(&name), 120);
        if entry.header().entry_type() != tar::EntryType::Regular {
            return Err(invalid(format!("`{shown}` is a link, a device or a folder, not a file")));
        }
        if !seen.insert(name.clone()) {
            return Err(invalid(format!("it holds `{shown}` twice")));
        }
        let bytes = entry.header().entry_size().map_err(broken)?;
        if manifest.is_none() {
            if name != NAME || bytes > MANIFEST_BYTES_MAX {
                return Err(invalid(format!("it does not begin with `{NAME}`")));
            }
            let mut text = Vec::new();
            entry.read_to_end(&mut text).map_err(broken)?;
            let read = check(&text).map_err(&invalid)?;
            due = read.files.iter().map(|row| (row.path.clone(), row.clone())).collect();
            manifest = Some(read);
            continue;
        }
        let Some(row) = due.remove(&name) else {
            return Err(invalid(format!("`{shown}` is not in its manifest")));
        };
        if row.bytes != bytes {
            return Err(invalid(format!("`{shown}` has another size than its manifest says")));
        }
        let hash = write(&mut entry, &into.join(&name), broken)?;
        if hash != row.hash {
            return Err(invalid(format!("`{shown}` is not what its manifest says (another hash)")));
        }
    }
    // The check sum of the whole stands behind the last file.
    io::copy(&mut unpacked, &mut io::sink()).map_err(broken)?;
    if let Some(missing) = due.keys().next() {
        return Err(invalid(format!("it is cut short: `{missing}` is missing")));
    }
    manifest.ok_or_else(|| invalid("it is empty".to_owned()))
}

/// Reads the manifest, and judges what it announces before any of it is unpacked.
fn check(text: &[u8]) -> Result<Manifest, String> {
    let value: serde_json::Value = serde_json::from_slice(text)
        .map_err(|error| format!("its manifest is damaged: {error}"))?;
    if value["format"] != FORMAT {
        return Err(format!("`{NAME}` is not the manifest of a run"));
    }
    if value["version"].as_u64().is_none_or(|version| version > u64::from(VERSION)) {
        let version = &value["version"];
        return Err(format!("a newer version of crew wrote it (version {version}); use that one"));
    }
    let manifest: Manifest = serde_json::from_value(value)
        .map_err(|error| format!("its manifest is damaged: {error}"))?;
    let mut names = BTreeSet::new();
    let mut total: u64 = 0;
    for row in &manifest.files {
        let shown = crate::base::text::one_line(&crate::base::text::printable(&row.path), 120);
        if !is_known(&row.path) {
            return Err(format!("`{shown}` is not a file of a run"));
        }
        if !names.insert(row.path.as_str()) {
            return Err(format!("it holds `{shown}` twice"));
        }
        total = total.saturating_add(row.bytes);
    }
    if total > limits::BUNDLE_BYTES_MAX || manifest.files.len() > limits::BUNDLE_FILES_MAX {
        let (size, count) = (limits::BUNDLE_BYTES_MAX >> 20, limits::BUNDLE_FILES_MAX);
        return Err(format!("it is too large ({size} MiB and {count} files are the limit)"));
    }
    if !names.contains(EVENTS) {
        return Err(format!("it holds no `{EVENTS}`"));
    }
    Ok(manifest)
}

/// Writes one file that does not exist yet; returns its hash.
fn write(
    from: &mut impl Read,
    to: &Utf8Path,
    broken: impl Fn(io::Error) -> BundleError,
) -> Result<String, BundleError> {
    if let Some(folder) = to.parent() {
        files::create_private_dir(folder)?;
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)
        .at("cannot write", to)?;
    let mut hasher = blake3::Hasher::new();
    files::each_chunk(from, broken, |chunk| {
        hasher.update(chunk);
        Ok(file.write_all(chunk).at("cannot write", to)?)
    })?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// Whether the file is gzipped.
pub(super) fn is_gzip(file: &Utf8Path) -> Result<bool, BundleError> {
    let mut magic = [0; 2];
    let mut open = fs::File::open(file).at("cannot read", file)?;
    Ok(open.read(&mut magic).at("cannot read", file)? == 2 && magic == [0x1f, 0x8b])
}
