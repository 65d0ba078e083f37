//! Tells that a disk is full: git says so in many words, and sometimes it does not say so at all.

use camino::Utf8Path;

use super::Obstacle;
use crate::event::merge::MergeRefusal;

/// Bytes; with less than this left a disk counts as full.
const FULL_BYTES: u64 = 1 << 20;
/// How git and the system say it.
const WORDS: [&str; 3] = ["No space left", "Disk quota exceeded", "Out of diskspace"];

/// The obstacle, with the disk as its reason where one of these folders is on a disk that is full.
pub(super) fn explained<'a>(
    obstacle: Obstacle,
    folders: impl IntoIterator<Item = &'a Utf8Path>,
) -> Obstacle {
    if !matches!(obstacle.why, MergeRefusal::Failed | MergeRefusal::Hook) {
        return obstacle;
    }
    let full = folders.into_iter().find(|folder| is_full(folder));
    let how = match full {
        Some(folder) => format!("the disk of `{folder}` is full"),
        None if WORDS.iter().any(|word| obstacle.detail.contains(word)) => {
            "the disk is full".to_owned()
        }
        None => return obstacle,
    };
    let detail = format!("{how}: {}", obstacle.detail);
    Obstacle { why: MergeRefusal::Failed, detail, ..obstacle }
}

fn is_full(folder: &Utf8Path) -> bool {
    let Ok(disk) = rustix::fs::statvfs(folder.as_std_path()) else { return false };
    let left = disk.f_bavail.saturating_mul(disk.f_frsize);
    // Some file systems do not count files at all.
    left < FULL_BYTES || (disk.f_files > 0 && disk.f_favail == 0)
}
