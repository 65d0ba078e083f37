//! Bundles of pi-crew: one JSON file with manifest, tasks and events, and without the content of artifacts.
//!
//! Its goal, its tasks with how they ended, and its events as notes become a run; the file itself an artifact of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{BundleError, EVENTS};
use crate::base::redact::{redact, redact_json};
use crate::base::text::{middle_cut, one_line};
use crate::base::{ArtifactName, RunNumber, StepId, TaskId, Time, limits, slug};
use crate::event::body::{
    ArtifactStored, RunNoted, RunTransitioned, Settled, TaskActivated, TaskSettled,
};
use crate::event::{
    Actor, BlockedReason, Body, CancelReason, Chain, FailedReason, Flags, ImportLink, Limits,
    Outcome, Priority, Record, Rule, RunCreated, Status, TaskResult,
};
use crate::plan::Plan;
use crate::store::files::{self, Durability};
use crate::store::{RunDir, artifact};

/// Name of the artifact that is the file itself.
const ARTIFACT: &str = "run-export.json";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Export {
    schema_version: u64,
    manifest: Manifest,
    tasks: Vec<Task>,
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    run_id: String,
    goal: String,
    team: String,
    workflow: Option<String>,
    status: String,
    summary: Option<String>,
    created_at: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Task {
    id: String,
    role: String,
    model: Option<String>,
    error: Option<String>,
    status: String,
    #[serde(default)]
    depends_on: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    time: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    task_id: Option<String>,
    message: Option<String>,
}

/// Makes the log of a run from the file, in the empty folder `into`; returns the hash of the file and what is not shown.
///
/// # Errors
/// It is not such a file.
pub(super) fn unpack(
    file: &Utf8Path,
    into: &Utf8Path,
) -> Result<(String, Vec<String>), BundleError> {
    let text = files::read_text_capped(file, limits::BUNDLE_FILE_BYTES_MAX).map_err(|error| {
        if error.kind() == std::io::ErrorKind::InvalidData {
            BundleError::invalid(file, "it is no bundle")
        } else {
            error.into()
        }
    })?;
    let no_bundle = |error: &dyn std::fmt::Display| {
        BundleError::invalid(
            file,
            format!("it is a bundle neither of crew nor of pi-crew ({error})"),
        )
    };
    let value: Value = serde_json::from_str(&text).map_err(|error| no_bundle(&error))?;
    if value["schemaVersion"].as_u64().is_some_and(|version| version > 1) {
        let why = format!("its schema version {} is newer than 1", value["schemaVersion"]);
        return Err(BundleError::invalid(file, why));
    }
    let value = redact_json(&value);
    let export: Export =
        serde_json::from_value(value.clone()).map_err(|error| no_bundle(&error))?;
    if export.schema_version != 1 || export.tasks.len() > limits::TASKS_MAX {
        return Err(BundleError::invalid(file, "it holds no run that fits"));
    }
    let head = blake3::hash(text.as_bytes()).to_hex().to_string();
    let dir = RunDir::at(into.to_owned());
    let mut bodies = bodies(file, &export, &head)?;
    let names: Vec<StepId> = steps(&export).into_values().collect();
    if let Some(first) = names.first() {
        let name: ArtifactName =
            ARTIFACT.parse().map_err(|_| BundleError::invalid(file, "it has no name"))?;
        let pretty = serde_json::to_vec_pretty(&value).unwrap_or_default();
        let stored = artifact::store(&dir, &name, &pretty)
            .map_err(|error| BundleError::invalid(file, error.to_string()))?;
        let task = TaskId::new(first.clone(), None);
        let stored = ArtifactStored { name, task, bytes: stored.bytes, hash: stored.hash };
        let at = bodies.last().map_or(Time(0), |(at, _)| *at);
        bodies.push((at, stored.into()));
    }
    let (mut lines, mut chain) = (Vec::new(), Chain::default());
    for (seq, (at, body)) in (1..).zip(bodies) {
        let record = Record { seq, at, actor: Actor::Supervisor, epoch: 1, batch: seq, body };
        chain = record.write(chain, &mut lines);
    }
    files::write_atomic(into.join(EVENTS), &lines, Durability::Quick)?;
    let notes = vec![
        format!(
            "shown are its goal, its tasks with how they ended, and {} events as notes",
            export.events.len()
        ),
        format!(
            "the whole file is its artifact `{ARTIFACT}`; it holds no output of agents and no artifacts"
        ),
    ];
    Ok((head, notes))
}

/// A name for each task: its own where that is one.
fn steps(export: &Export) -> BTreeMap<usize, StepId> {
    let mut taken = std::collections::BTreeSet::new();
    let names = export.tasks.iter().enumerate().filter_map(|(ix, task)| {
        let wanted = slug::slug(&task.id).unwrap_or_else(|| format!("task-{}", ix + 1));
        let name = slug::unique(&wanted, |name| taken.contains(name));
        taken.insert(name.clone());
        Some((ix, name.parse().ok()?))
    });
    names.collect()
}

fn bodies(file: &Utf8Path, export: &Export, head: &str) -> Result<Vec<(Time, Body)>, BundleError> {
    let names = steps(export);
    let start: Time = export.manifest.created_at.parse().unwrap_or(Time(0));
    let mut now = start;
    let mut all: Vec<(Time, Body)> = vec![(start, created(file, export, &names, head)?.into())];
    let moved = |rule, to, text: &str| -> Body {
        RunTransitioned { rule, to, text: text.to_owned() }.into()
    };
    all.push((start, moved(Rule::T01, Status::Queued { resumed: false, not_before: None }, "")));
    all.push((start, moved(Rule::T08, Status::Running, "")));
    all.push((start, TaskActivated { steps: names.values().cloned().collect() }.into()));
    for event in &export.events {
        // Its events are not always in the order of their times.
        let at = event.time.as_deref().and_then(|time| time.parse().ok());
        now = at.unwrap_or(now).max(now);
        let parts = [Some(event.kind.as_str()), event.task_id.as_deref(), event.message.as_deref()];
        let text: Vec<&str> = parts.into_iter().flatten().collect();
        let text = one_line(&text.join(" · "), limits::SUMMARY_CHARS_MAX);
        all.push((now, RunNoted { text }.into()));
    }
    for (ix, name) in &names {
        let task = &export.tasks[*ix];
        let status = match task.status.as_str() {
            "completed" => Settled::Done,
            "failed" => Settled::Failed,
            "cancelled" | "skipped" => Settled::Skipped,
            _ => continue,
        };
        let result = (status == Settled::Done).then_some(TaskResult::Unverified);
        let why = one_line(task.error.as_deref().unwrap_or_default(), limits::SUMMARY_CHARS_MAX);
        let task = TaskId::new(name.clone(), None);
        all.push((now, TaskSettled { task, status, result, why, blocks: None }.into()));
    }
    let summary = one_line(export.manifest.summary.as_deref().unwrap_or_default(), 400);
    let (rule, to) = ended(&export.manifest.status, &summary);
    all.push((now, moved(rule, to, &summary)));
    Ok(all)
}

/// The status in our words.
fn ended(status: &str, summary: &str) -> (Rule, Status) {
    match status {
        "completed" => (Rule::T28b, Status::Done { outcome: Outcome::Delivered }),
        "failed" => {
            let (reason, detail) = (FailedReason::AgentFailed, summary.to_owned());
            (Rule::T26, Status::Failed { reason, detail })
        }
        "cancelled" => (Rule::T36, Status::Cancelled { reason: CancelReason::Stopped }),
        other => {
            let reason = BlockedReason::SessionLost;
            let detail = format!("it was {other} when it was exported");
            (Rule::T24b, Status::Blocked { reason, detail })
        }
    }
}

fn created(
    file: &Utf8Path,
    export: &Export,
    names: &BTreeMap<usize, StepId>,
    head: &str,
) -> Result<RunCreated, BundleError> {
    let about = &export.manifest;
    let position = |id: &str| {
        let ix = export.tasks.iter().position(|task| task.id == id)?;
        names.keys().position(|known| *known == ix)
    };
    let steps: Vec<Value> = names
        .iter()
        .map(|(ix, name)| {
            let task = &export.tasks[*ix];
            json!({"id": name, "role": task.role, "runtime": "pi", "model": task.model, "access": "none"})
        })
        .collect();
    let mut channels = Vec::new();
    for (to, ix) in names.keys().enumerate() {
        let before = export.tasks[*ix].depends_on.iter().filter_map(|id| position(id));
        for from in before.filter(|from| *from != to) {
            let id = format!("{from}-{to}");
            channels.push(json!({"id": id, "from": from, "to": to, "depends_on": true}));
        }
    }
    let plan = json!({
        "workflow": about.workflow.as_deref().unwrap_or("pi-crew"),
        "team": about.team,
        "steps": steps,
        "channels": channels,
        "start": [],
        "end": [],
        "max_iterations": 1,
        "completion": "none",
    });
    let plan: Plan = serde_json::from_value(plan)
        .map_err(|error| BundleError::invalid(file, format!("its tasks are no plan ({error})")))?;
    let from = format!("pi-crew {}", one_line(&about.run_id, 80));
    Ok(RunCreated {
        format: limits::LOG_FORMAT,
        number: RunNumber(1),
        project: String::new(),
        slug: slug::slug(&about.goal).unwrap_or_else(|| "imported".to_owned()),
        uid: String::new(),
        goal: middle_cut(&redact(&about.goal), limits::GOAL_BYTES_MAX).into_owned(),
        plan: Arc::new(plan),
        limits: Limits::default(),
        policy: Box::default(),
        risks: Vec::new(),
        priority: Priority::Normal,
        after: Vec::new(),
        retry_of: None,
        git: None,
        root: Utf8PathBuf::new(),
        runtime_args: BTreeMap::new(),
        depth: 0,
        parent: None,
        flags: Box::new(Flags {
            imported: Some(ImportLink { from, head: head.to_owned() }),
            ..Flags::default()
        }),
    })
}
