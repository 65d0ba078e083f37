//! What an attempt touched, compared with what it may touch (SPEC 8.2): by git's word and by a look at the files,
//! never by the agent's.

mod git_files;
mod links;
mod listing;
mod touched;

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

pub(super) use listing::Listing;

use crate::base::path::PathError;
use crate::event::body::DeniedPath;
use crate::plan::paths::PathRules;
use crate::store::git::GitError;
use crate::store::salvage::SalvageError;

/// Where attempts work, and what their work is compared with.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The folder that they work in.
    pub tree: Utf8PathBuf,
    /// The project's own folder.
    pub root: Utf8PathBuf,
    /// Commit that the run's work started from; absent in place.
    pub base: Option<String>,
    /// Branch of the run; absent in place.
    pub branch: Option<String>,
    /// Branch that the work is meant for.
    pub target: Option<String>,
}

/// Why a tree cannot be checked.
#[derive(Debug, thiserror::Error)]
pub(super) enum PathCheckError {
    /// Git says no.
    #[error(transparent)]
    Git(#[from] GitError),
    /// What a reader left cannot be put away.
    #[error(transparent)]
    Salvage(#[from] SalvageError),
    /// The rules are no patterns.
    #[error("{0}")]
    Rules(String),
    /// A file cannot be read or written.
    #[error(transparent)]
    Io(#[from] PathError),
    /// More files than are looked at.
    #[error("`{folder}` has more than {max} files, too many to check what was touched")]
    TooMany {
        /// The folder.
        folder: Utf8PathBuf,
        /// The limit.
        max: usize,
    },
    /// What git has made for the attempt was made away with before it began.
    #[error("`{0}` belongs to no repository any more")]
    NoRepository(Utf8PathBuf),
    /// The listing from before the attempt is not there.
    #[error("the listing from before the attempt is gone: `{0}`")]
    NoListing(Utf8PathBuf),
}

/// Every path that was touched since the listing and may not be, with the pattern; sorted.
///
/// `started` is a file that was written right before the attempt began.
pub(super) fn check(
    rules: &PathRules,
    place: &Place,
    before: &Listing,
    started: &Utf8Path,
) -> Result<Vec<DeniedPath>, PathCheckError> {
    let mut hits: BTreeMap<String, String> = BTreeMap::new();
    let mut hit = |path: &str, pattern: &str| {
        hits.entry(path.to_owned()).or_insert_with(|| pattern.to_owned());
    };
    for path in before.changes(&Listing::take(rules, place)?) {
        // What stands in the newest commit is judged by the commits.
        // A worktree that was made again may have another name in the repository.
        let is_made_again = || path == git_files::LINK && git_files::is_linked(place);
        if let Some(pattern) = rules.denied(&path)
            && !touched::is_as_committed(place, before, &path)
            && !is_made_again()
        {
            hit(&path, pattern);
        }
    }
    let touched = touched::all(rules, place, before, started)?;
    for path in &touched {
        if let Some(pattern) = rules.refused(path) {
            hit(path, pattern);
        }
    }
    for path in &touched {
        if let Some((target, pattern)) = links::leads_astray(rules, place, path, started) {
            hit(&format!("{path} -> {target}"), &pattern);
        }
    }
    Ok(hits.into_iter().map(|(path, pattern)| DeniedPath { path, pattern }).collect())
}

/// What of these paths, which commits of a tree touch, may not be touched.
pub(super) fn in_commits(
    rules: &PathRules,
    place: &Place,
    touched: &[String],
    started: &Utf8Path,
) -> Vec<DeniedPath> {
    let refused = touched.iter().filter_map(|path| {
        let pattern = rules.refused(path)?.to_owned();
        Some(DeniedPath { path: path.clone(), pattern })
    });
    let astray = touched.iter().filter_map(|path| {
        let (target, pattern) = links::leads_astray(rules, place, path, started)?;
        Some(DeniedPath { path: format!("{path} -> {target}"), pattern })
    });
    refused.chain(astray).collect()
}

/// The paths of a tree that a reader left changed and that nobody may touch.
pub(super) fn denied(rules: &PathRules, paths: &[String]) -> Vec<DeniedPath> {
    let found = paths.iter().filter_map(|path| Some((path, rules.denied(path)?)));
    found
        .map(|(path, pattern)| DeniedPath { path: path.clone(), pattern: pattern.to_owned() })
        .collect()
}

#[cfg(test)]
mod tests;
