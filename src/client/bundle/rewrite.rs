//! A log, line by line into another one: redacted when it leaves, bound to its new place when it comes.

use std::collections::BTreeMap;

use camino::Utf8Path;
use serde_json::value::RawValue;

use super::BundleError;
use crate::base::redact::redact_json;
use crate::event::body::{ArtifactStored, RunNoted};
use crate::event::{Body, Chain, ImportLink, Record, RunCreated};
use crate::store::{Cursor, LogReader};

/// A log that was written anew.
pub(super) struct Rewritten {
    /// Its lines.
    pub(super) lines: Vec<u8>,
    /// Where it ends.
    pub(super) head: Chain,
    /// Where the one that was read ends.
    pub(super) original: Chain,
}

/// Writes the log at `path` anew, with each body changed; the chain is a new one where a line became another.
///
/// # Errors
/// The log cannot be read, is damaged, or a body cannot be changed.
pub(super) fn rewrite(
    path: &Utf8Path,
    mut change: impl FnMut(u64, Body) -> Result<Body, String>,
) -> Result<Rewritten, BundleError> {
    let mut reader = LogReader::at(path, Cursor::default());
    let (mut lines, mut head, mut wrong) = (Vec::new(), Chain::default(), None);
    reader.catch_up(|record| {
        if wrong.is_some() {
            return;
        }
        match change(record.seq, record.body) {
            Ok(body) => head = Record { body, ..record }.write(head, &mut lines),
            Err(why) => wrong = Some(why),
        }
    })?;
    match wrong {
        Some(why) => Err(BundleError::invalid(path, why)),
        None => Ok(Rewritten { lines, head, original: reader.cursor().chain }),
    }
}

/// What became of an artifact when its text was redacted.
pub(super) struct Changed {
    pub(super) old_hash: String,
    pub(super) hash: String,
    pub(super) bytes: u64,
}

/// The body without secrets.
pub(super) fn redacted(body: Body, artifacts: &BTreeMap<String, Changed>) -> Result<Body, String> {
    let body = if let Body::ArtifactStored(stored) = body {
        let changed = artifacts.get(stored.name.as_str());
        match changed.filter(|changed| changed.old_hash == stored.hash) {
            Some(changed) => {
                let (bytes, hash) = (changed.bytes, changed.hash.clone());
                ArtifactStored { bytes, hash, ..stored }.into()
            }
            None => stored.into(),
        }
    } else {
        body
    };
    let value = serde_json::to_value(&body).map_err(|error| error.to_string())?;
    let clean = redact_json(&value);
    if clean == value {
        return Ok(body);
    }
    let data = RawValue::from_string(clean.to_string()).map_err(|error| error.to_string())?;
    let kind = body.kind().to_owned();
    Body::parse(&kind, &data).map_err(|error| format!("an event cannot be redacted: {error}"))
}

/// The body as the imported run has it: nothing in it leads to folders, branches or runs of where it came from.
pub(super) fn bound(body: Body, to: &dyn Fn(RunCreated) -> RunCreated) -> Body {
    if let Body::RunCreated(created) = body {
        return to(created).into();
    }
    if let Body::WorktreeCreated(made) = &body {
        let text = format!("it worked on branch `{}`, from commit {}", made.branch, made.commit);
        return RunNoted { text }.into();
    }
    body
}

/// The first event of an imported run.
pub(super) fn created(
    old: RunCreated,
    number: crate::base::RunNumber,
    project: &str,
    root: &Utf8Path,
    head: &str,
) -> RunCreated {
    let mut flags = old.flags;
    flags.schedule = None;
    let earlier = flags.imported.take();
    flags.imported = Some(earlier.unwrap_or_else(|| ImportLink {
        from: format!("{}#{}", old.project, old.number),
        head: head.to_owned(),
    }));
    RunCreated {
        number,
        project: project.to_owned(),
        // Marks of its processes are derived from it: there are none here.
        uid: format!("{:032x}", fastrand::u128(..)),
        after: Vec::new(),
        retry_of: None,
        parent: None,
        git: None,
        root: root.to_owned(),
        flags,
        ..old
    }
}
