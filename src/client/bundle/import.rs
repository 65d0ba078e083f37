//! Taking a bundle in: unpacked and checked beside the runs, then renamed into its place.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use camino::{Utf8Path, Utf8PathBuf};

use super::archive::{is_gzip, unpack};
use super::legacy;
use super::rewrite::{bound, created, rewrite};
use super::{BundleError, EVENTS};
use crate::base::path::PathContext;
use crate::base::{RunNumber, limits};
use crate::client::workspace::Workspace;
use crate::event::Body;
use crate::ledger::Ledger;
use crate::plan::Plan;
use crate::store::files::{self, Durability};
use crate::store::{Project, ProjectLock, RunDir, mailbox, tail};

/// What was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The number that it got here.
    pub number: RunNumber,
    /// What it was called there.
    pub from: String,
    /// The word for its status.
    pub status: &'static str,
    /// Files that the bundle does not have.
    pub left_out: Vec<String>,
    /// What of it cannot be shown as it was; empty for bundles of ours.
    pub notes: Vec<String>,
}

/// Takes the bundle at `file` in as a run that is only looked at.
///
/// # Errors
/// What is wrong with it; nothing is left behind.
pub fn import(workspace: &Workspace, file: &Utf8Path) -> Result<Imported, BundleError> {
    let mut project = Project::ensure(workspace.dir.clone())?;
    let place = tempfile::Builder::new()
        .prefix(".import-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(workspace.dir.runs())
        .at("cannot write into", workspace.dir.runs())?;
    let staging = Utf8PathBuf::try_from(place.path().to_owned())
        .map_err(|_| BundleError::invalid(file, "its new place is no text"))?;
    let (head, left_out, notes) = if is_gzip(file)? {
        let manifest = unpack(file, &staging)?;
        let log = crate::store::log::verify(staging.join(EVENTS))?;
        if let Some(damage) = log.damage {
            return Err(BundleError::invalid(file, format!("its log is damaged: {}", damage.why)));
        }
        if log.torn.is_some() || log.lines != manifest.run.events || log.lines == 0 {
            return Err(BundleError::invalid(file, "its log is not whole"));
        }
        (manifest.original_head, manifest.left_out, Vec::new())
    } else {
        let (head, notes) = legacy::unpack(file, &staging)?;
        (head, Vec::new(), notes)
    };
    check_plan(file, &staging)?;
    let lock = ProjectLock::take(&workspace.dir)?;
    let root = workspace.found.root.as_path();
    // The number is written into the log before the folder has it: nobody ever sees it half done.
    let number = project.allocate(&lock)?;
    let put = || -> Result<Ledger, BundleError> {
        let log = rewrite(&staging.join(EVENTS), |_, body| {
            let to = |old| created(old, number, project.slug(), root, &head);
            Ok(bound(body, &to))
        })?;
        files::write_atomic(staging.join(EVENTS), &log.lines, Durability::Synced)?;
        let ledger = fold(file, &staging)?;
        let messages: Vec<_> =
            ledger.state().messages.iter().map(|entry| entry.message.clone()).collect();
        if !messages.is_empty() {
            mailbox::rebuild(&RunDir::at(staging.clone()), &messages)?;
        }
        let target = workspace.dir.run(number);
        fs::rename(&staging, target.path())
            .at("cannot put the run into its place", target.path())?;
        files::sync_dir(workspace.dir.runs())?;
        Ok(ledger)
    };
    let ledger = put();
    // Its place is not there any more, or has become the run's.
    drop(place.keep());
    let done = match ledger {
        Ok(ledger) => ledger,
        Err(error) => {
            drop(fs::remove_dir_all(&staging));
            drop(fs::remove_dir(workspace.dir.run(number).path()));
            project.close(&lock, [number])?;
            return Err(error);
        }
    };
    project.close(&lock, [number])?;
    let state = done.state();
    let from = state.created.flags.imported.as_ref().map(|link| link.from.clone());
    let status = state.status.kind().as_str();
    Ok(Imported { number, from: from.unwrap_or_default(), status, left_out, notes })
}

/// Folds the log; a log made by hand may hold what no run ever wrote.
fn fold(file: &Utf8Path, dir: &Utf8Path) -> Result<Ledger, BundleError> {
    let dir = RunDir::at(dir.to_owned());
    match catch_unwind(AssertUnwindSafe(|| Ledger::open_whole(dir))) {
        Ok(opened) => Ok(opened?),
        Err(_) => Err(BundleError::invalid(file, "its events contradict each other")),
    }
}

/// Whether the plan's parts exist that the plan names.
fn check_plan(file: &Utf8Path, dir: &Utf8Path) -> Result<(), BundleError> {
    let first = tail::first(dir.join(EVENTS))?;
    let Some(Body::RunCreated(created)) = first.map(|record| record.body) else {
        return Err(BundleError::invalid(file, "its log does not begin with a run"));
    };
    if created.format > limits::LOG_FORMAT {
        let why = format!("a newer version of crew wrote it (log format {})", created.format);
        return Err(BundleError::invalid(file, why));
    }
    if is_sound(&created.plan) {
        return Ok(());
    }
    Err(BundleError::invalid(file, "its plan names steps that it does not have"))
}

fn is_sound(plan: &Plan) -> bool {
    let steps = plan.steps.len();
    let slots = plan.steps.iter().map(|step| u64::from(step.slots)).sum::<u64>();
    let ends = plan.start.iter().chain(&plan.end).chain(&plan.rework);
    let channels = plan.channels.iter().flat_map(|channel| [&channel.from, &channel.to]);
    slots <= limits::TASKS_MAX as u64 && ends.chain(channels).all(|step| *step < steps)
}
