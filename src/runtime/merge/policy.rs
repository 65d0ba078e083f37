//! The path policy on a merged tree: the same question as at the end of every writing attempt.

use std::collections::BTreeSet;

use camino::Utf8Path;

use super::Obstacle;
use crate::event::merge::MergeRefusal;
use crate::plan::paths::PathRules;
use crate::plan::policy::PathPolicy;
use crate::runtime::paths::{Place, in_commits};
use crate::store::git::git;

/// Paths that are named in a message.
const NAMED: usize = 8;

/// Refuses a result, called `what`, that touches what must not be touched, also where a commit on the way undid it.
///
/// # Errors
/// Denied paths are touched; or git says no.
pub(super) fn check(
    root: &Utf8Path,
    scratch: &Utf8Path,
    policy: &PathPolicy,
    (old, new): (&str, &str),
    what: &str,
) -> Result<(), Obstacle> {
    let rules = PathRules::new(policy).map_err(Obstacle::failed)?;
    if rules.is_empty() {
        return Ok(());
    }
    let mut touched = BTreeSet::new();
    let log = ["log", "-c", "--format=", "--name-only", "-z", "--no-renames", "--no-ext-diff"];
    let between = format!("{old}..{new}");
    let whole = ["diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", old, new, "--"];
    for args in [&[&log[..], &[&between, "--"]].concat()[..], &whole] {
        let names = git(scratch, args)?;
        touched
            .extend(names.split(['\0', '\n']).filter(|name| !name.is_empty()).map(str::to_owned));
    }
    let place = Place {
        tree: scratch.to_owned(),
        root: root.to_owned(),
        base: Some(old.to_owned()),
        branch: None,
        target: None,
    };
    let touched: Vec<String> = touched.into_iter().collect();
    let hits = in_commits(&rules, &place, &touched, &scratch.join(".git"));
    if hits.is_empty() {
        return Ok(());
    }
    let told: Vec<String> =
        hits.iter().take(NAMED).map(|hit| format!("`{}` ({})", hit.path, hit.pattern)).collect();
    Err(Obstacle {
        why: MergeRefusal::Paths,
        detail: format!("{what} touches what must not be touched: {}", told.join(", ")),
        paths: hits.into_iter().map(|hit| hit.path).collect(),
    })
}
