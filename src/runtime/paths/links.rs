//! Symbolic links that an attempt made or changed: where they lead, as far as that can be told.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};

use super::{Place, git_files};
use crate::plan::paths::{OUTSIDE, PathRules};
use crate::runtime::changes;

/// The target and the pattern of a touched link that leads to a denied path, or out of the tree to something
/// that has changed since.
pub(super) fn leads_astray(
    rules: &PathRules,
    place: &Place,
    path: &str,
    started: &Utf8Path,
) -> Option<(String, String)> {
    let link = place.tree.join(path);
    if !link.symlink_metadata().is_ok_and(|meta| meta.is_symlink()) {
        return None;
    }
    let target = resolved(&link)?;
    let tree = place.tree.canonicalize_utf8().unwrap_or_else(|_| place.tree.clone());
    if let Ok(inside) = target.strip_prefix(&tree) {
        let pattern = rules.denied(inside.as_str())?;
        return Some((inside.to_string(), pattern.to_owned()));
    }
    let target_name = target.to_string();
    if let Some((own, common)) = git_files::folders(&place.tree)
        && let Some(inside) = [own, common].iter().find_map(|folder| {
            let folder = folder.canonicalize_utf8().ok()?;
            target.strip_prefix(folder).ok().map(Utf8Path::to_owned)
        })
        && let Some(pattern) = rules.denied(&format!(".git/{inside}"))
    {
        return Some((target_name, pattern.to_owned()));
    }
    let root = place.root.canonicalize_utf8().unwrap_or_else(|_| place.root.clone());
    if let Ok(inside) = target.strip_prefix(&root)
        && let Some(pattern) = rules.denied(inside.as_str())
    {
        return Some((target_name, pattern.to_owned()));
    }
    was_written(&target, started).then(|| (target_name, OUTSIDE.to_owned()))
}

/// Where a link leads in the end, also when nothing is there.
fn resolved(link: &Utf8Path) -> Option<Utf8PathBuf> {
    if let Ok(target) = link.canonicalize_utf8() {
        return Some(target);
    }
    let to = Utf8PathBuf::from_path_buf(fs::read_link(link).ok()?).ok()?;
    let folder = link.parent()?.canonicalize_utf8().ok()?;
    let mut out = Utf8PathBuf::new();
    for part in folder.join(to).components() {
        match part.as_str() {
            ".." => {
                out.pop();
            }
            "." => {}
            part => out.push(part),
        }
    }
    Some(out)
}

/// Whether a file, or something in a folder, has changed since the attempt was started.
fn was_written(target: &Utf8Path, started: &Utf8Path) -> bool {
    let Ok(meta) = fs::metadata(target) else { return false };
    if meta.is_dir() {
        // A folder with too many files to look at may well have been written to.
        return changes::since(target, started, &[]).is_none_or(|found| !found.is_empty());
    }
    meta.is_file() && changes::is_since(target, started)
}
