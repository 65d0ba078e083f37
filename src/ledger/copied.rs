//! A run whose folder was copied: it belongs to where it was made, with its processes and its worktree.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;

use camino::Utf8PathBuf;

use crate::base::limits;
use crate::event::RunCreated;
use crate::store::{ProjectDir, RunDir};

/// The project whose run the one in `dir` is a copy of, while that is still at its place.
///
/// A project that was moved has left nothing behind, and goes on where it is now.
pub(super) fn copied_from(dir: &RunDir, created: &RunCreated) -> Option<Utf8PathBuf> {
    let home = ProjectDir::new(created.root.clone(), None, None).run(created.number);
    if home.path() == dir.path() || created.flags.imported.is_some() {
        return None;
    }
    let (there, here) = (fs::metadata(home.events()).ok()?, fs::metadata(dir.events()).ok()?);
    let is_same_file = (there.dev(), there.ino()) == (here.dev(), here.ino());
    let is_copy = !is_same_file && begins_alike(&home, dir).unwrap_or(false);
    is_copy.then(|| created.root.clone())
}

/// The first line has the random name of the run.
fn begins_alike(one: &RunDir, other: &RunDir) -> std::io::Result<bool> {
    let first = |run: &RunDir| {
        let file = File::open(run.events())?.take(limits::LOG_LINE_BYTES_MAX as u64);
        let mut line = Vec::new();
        BufReader::new(file).read_until(b'\n', &mut line)?;
        Ok::<_, std::io::Error>(line)
    };
    Ok(first(one)? == first(other)?)
}
