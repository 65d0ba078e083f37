//! Writes trees and blobs beside every index that somebody uses, with the bytes as they are in the files.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;

use camino::{Utf8Path, Utf8PathBuf};

use super::found::{EXACT, path_of};
use super::record::SalvageError;
use crate::base::path::PathContext;
use crate::store::git::{GitCall, GitError, git_with};

/// A repository as seen from one worktree, and a folder for indexes of our own.
#[derive(Debug)]
pub(super) struct Bench {
    temporary: tempfile::TempDir,
    /// Where git runs: the top of the worktree, or the repository where the folder is gone.
    pub dir: Utf8PathBuf,
    /// Given to git when `dir` does not lead it to the right one.
    pub git_dir: Option<Utf8PathBuf>,
}

/// One file of a tree: mode, blob and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub mode: String,
    pub blob: String,
    pub path: Vec<u8>,
}

impl Bench {
    pub(super) fn new(dir: &Utf8Path, git_dir: Option<&Utf8Path>) -> Result<Self, SalvageError> {
        let temporary =
            tempfile::Builder::new().prefix("crew-").tempdir().map_err(GitError::Start)?;
        Ok(Self { temporary, dir: dir.to_owned(), git_dir: git_dir.map(Utf8Path::to_owned) })
    }

    /// A path for an index or another file that goes with the bench.
    pub(super) fn path(&self, name: &str) -> Result<Utf8PathBuf, SalvageError> {
        let path = Utf8PathBuf::try_from(self.temporary.path().join(name));
        let error = |error: camino::FromPathBufError| GitError::Start(error.into_io_error());
        Ok(path.map_err(error)?)
    }

    /// Runs git with one of our own indexes, or with none.
    pub(super) fn git(
        &self,
        index: Option<&Utf8Path>,
        args: &[&str],
        input: &[u8],
    ) -> Result<Vec<u8>, SalvageError> {
        let place = self.git_dir.as_deref().map(|git_dir| (git_dir, self.dir.as_path()));
        let is_author = args.first() == Some(&"commit-tree");
        let call = GitCall { index, place, input, is_author, ..GitCall::default() };
        Ok(git_with(&self.dir, &[&EXACT[..], args].concat(), &call)?)
    }

    /// The same, for an answer of one line.
    pub(super) fn line(
        &self,
        index: Option<&Utf8Path>,
        args: &[&str],
        input: &[u8],
    ) -> Result<String, SalvageError> {
        let out = self.git(index, args, input)?;
        Ok(String::from_utf8_lossy(&out).trim().to_owned())
    }

    /// The tree of an index file that belongs to somebody, without the files in `left_out`.
    pub(super) fn tree_of_index(
        &self,
        original: &Utf8Path,
        left_out: &[Vec<u8>],
    ) -> Result<String, SalvageError> {
        let copy = self.path("staged")?;
        match fs::copy(original, &copy) {
            Ok(_) => {}
            // No index: nothing was ever checked out.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).at("cannot read", original)?,
        }
        if !left_out.is_empty() {
            self.change(&copy, left_out, &[])?;
        }
        self.line(Some(&copy), &["write-tree"], b"")
    }

    /// The tree that differs from `base` by these files.
    pub(super) fn tree_with(
        &self,
        base: Option<&str>,
        removed: &[Vec<u8>],
        entries: &[Entry],
    ) -> Result<String, SalvageError> {
        let index = self.path("made")?;
        drop(fs::remove_file(&index));
        if let Some(base) = base {
            self.git(Some(&index), &["read-tree", base], b"")?;
        }
        if !removed.is_empty() || !entries.is_empty() {
            self.change(&index, removed, entries)?;
        }
        self.line(Some(&index), &["write-tree"], b"")
    }

    fn change(
        &self,
        index: &Utf8Path,
        removed: &[Vec<u8>],
        entries: &[Entry],
    ) -> Result<(), SalvageError> {
        let mut input = Vec::new();
        for path in removed {
            // Mode 0 takes the name out in all its versions; the id is not looked at.
            input.extend_from_slice(b"0 0000000000000000000000000000000000000000\t");
            input.extend_from_slice(path);
            input.push(0);
        }
        for entry in entries {
            input.extend_from_slice(format!("{} {}\t", entry.mode, entry.blob).as_bytes());
            input.extend_from_slice(&entry.path);
            input.push(0);
        }
        self.git(Some(index), &["update-index", "--replace", "-z", "--index-info"], &input)?;
        Ok(())
    }

    /// Stores the files of the worktree with their bytes and modes as they are.
    pub(super) fn store(&self, paths: &[Vec<u8>]) -> Result<Vec<Entry>, SalvageError> {
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        let (mut modes, mut input, mut there) = (Vec::new(), Vec::new(), Vec::new());
        for (number, path) in paths.iter().enumerate() {
            let file = self.dir.as_std_path().join(path_of(path));
            let named = self.dir.join(String::from_utf8_lossy(path).as_ref());
            let meta = match file.symlink_metadata() {
                // Whoever looks after another reader of this tree has taken it out meanwhile.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                meta => meta.at("cannot look at", &named)?,
            };
            there.push(path);
            if meta.is_symlink() {
                // Git would follow it: what it says is stored as the content of a file.
                let target = fs::read_link(&file).at("cannot read", &named)?;
                let text = self.path(&format!("link-{number}"))?;
                fs::write(&text, target.as_os_str().as_bytes()).at("cannot write", &text)?;
                quote(text.as_str().as_bytes(), &mut input);
                modes.push("120000");
            } else {
                quote(path, &mut input);
                let is_program = meta.permissions().mode() & 0o100 != 0;
                modes.push(if is_program { "100755" } else { "100644" });
            }
        }
        if there.is_empty() {
            return Ok(Vec::new());
        }
        let args = ["hash-object", "-w", "--no-filters", "--stdin-paths"];
        let out = self.line(None, &args, &input)?;
        let blobs: Vec<&str> = out.lines().collect();
        if blobs.len() != there.len() {
            let said = format!("{} of {} files were stored", blobs.len(), there.len());
            let verb = "hash-object".to_owned();
            return Err(GitError::Failed { verb, dir: self.dir.clone(), said }.into());
        }
        let entries = modes.iter().zip(blobs).zip(there);
        Ok(entries
            .map(|((mode, blob), path)| Entry {
                mode: (*mode).to_owned(),
                blob: blob.to_owned(),
                path: path.clone(),
            })
            .collect())
    }

    /// Stores text as a file of a tree.
    pub(super) fn store_text(&self, path: &str, text: &[u8]) -> Result<Entry, SalvageError> {
        let blob = self.line(None, &["hash-object", "-w", "-t", "blob", "--stdin"], text)?;
        Ok(Entry { mode: "100644".to_owned(), blob, path: path.as_bytes().to_vec() })
    }

    /// Makes a commit that no branch has.
    pub(super) fn commit(
        &self,
        tree: &str,
        parents: &[&str],
        message: &str,
    ) -> Result<String, SalvageError> {
        let mut args = vec!["commit-tree", tree];
        for parent in parents {
            args.extend(["-p", parent]);
        }
        args.extend(["-F", "-"]);
        self.line(None, &args, message.as_bytes())
    }
}

/// Writes a name as git reads one in quotes, and a line end.
fn quote(name: &[u8], to: &mut Vec<u8>) {
    to.push(b'"');
    for byte in name {
        match byte {
            b'"' | b'\\' => to.extend([b'\\', *byte]),
            b' '..=b'~' => to.push(*byte),
            _ => to.extend(format!("\\{byte:03o}").bytes()),
        }
    }
    to.extend(*b"\"\n");
}

/// The entries of a tree, with all folders opened.
pub(super) fn entries(out: &[u8]) -> Vec<Entry> {
    let lines = out.split(|byte| *byte == 0).filter(|line| !line.is_empty());
    lines
        .filter_map(|line| {
            let at = line.iter().position(|byte| *byte == b'\t')?;
            let head = std::str::from_utf8(&line[..at]).ok()?;
            let mut words = head.split(' ');
            let (mode, _, blob) = (words.next()?, words.next()?, words.next()?);
            Some(Entry {
                mode: mode.to_owned(),
                blob: blob.to_owned(),
                path: line[at + 1..].to_vec(),
            })
        })
        .collect()
}
