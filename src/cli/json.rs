//! The documents of `--json` (SPEC 17.1). Fields are added at the end, never renamed or removed.

use serde::Serialize;

use crate::base::{Time, limits};
use crate::plan::Plan;
use crate::snapshot::{ChildRow, ConflictRow, DecisionRow, GateRow, RunRow, StatusView, TaskRow};

/// Version of every document.
pub const SCHEMA: u32 = limits::JSON_SCHEMA;

/// `crew status RUN`, `crew replay RUN`.
#[derive(Debug, Serialize)]
pub struct StatusDocument<'a> {
    schema_version: u32,
    version: u64,
    run: &'a RunRow,
    tasks: &'a [TaskRow],
    gates: &'a [GateRow],
    decisions: &'a [DecisionRow],
    children: &'a [ChildRow],
    conflicts: &'a [ConflictRow],
}

impl<'a> From<&'a StatusView> for StatusDocument<'a> {
    fn from(view: &'a StatusView) -> Self {
        Self {
            schema_version: SCHEMA,
            version: view.version,
            run: &view.run,
            tasks: &view.tasks,
            gates: &view.gates,
            decisions: &view.decisions,
            children: &view.children,
            conflicts: &view.conflicts,
        }
    }
}

/// `crew ls`, `crew status`.
#[derive(Debug, Serialize)]
pub struct RunsDocument<'a> {
    schema_version: u32,
    runs: &'a [RunRow],
}

impl<'a> RunsDocument<'a> {
    /// The document of these runs.
    pub fn new(runs: &'a [RunRow]) -> Self {
        Self { schema_version: SCHEMA, runs }
    }
}

/// `crew show RUN`.
#[derive(Debug, Serialize)]
pub struct ShowDocument<'a> {
    /// Version of the document.
    pub schema_version: u32,
    /// Number of the last event.
    pub version: u64,
    /// The run.
    pub run: &'a RunRow,
    /// Its frozen plan.
    pub plan: &'a Plan,
    /// Its tasks.
    pub tasks: &'a [TaskRow],
    /// Where things are.
    pub files: Vec<FileDocument>,
    /// How the programs of its tasks were started.
    pub programs: Vec<crate::client::started::Started>,
    /// Its gates.
    pub gates: &'a [GateRow],
    /// What a person is asked.
    pub decisions: &'a [DecisionRow],
    /// Runs that it started.
    pub children: &'a [ChildRow],
}

/// A file or folder of a run.
#[derive(Debug, Serialize)]
pub struct FileDocument {
    /// What it is.
    pub what: &'static str,
    /// Where it is.
    pub path: String,
}

/// `crew artifacts RUN`.
#[derive(Debug, Serialize)]
pub struct ArtifactsDocument {
    /// Version of the document.
    pub schema_version: u32,
    /// The artifacts by name.
    pub artifacts: Vec<ArtifactDocument>,
}

/// One artifact.
#[derive(Debug, Serialize)]
pub struct ArtifactDocument {
    /// Its name.
    pub name: String,
    /// The task that made it.
    pub task: String,
    /// Its size.
    pub bytes: u64,
    /// BLAKE3 of its content.
    pub hash: String,
    /// When it was stored.
    pub at: Time,
    /// Where it is.
    pub path: String,
}

/// `crew timeline RUN`.
#[derive(Debug, Serialize)]
pub struct TimelineDocument {
    /// Version of the document.
    pub schema_version: u32,
    /// What happened, in order.
    pub entries: Vec<TimelineEntry>,
}

/// One thing that happened.
#[derive(Debug, Serialize)]
pub struct TimelineEntry {
    /// Number of the event.
    pub seq: u64,
    /// When.
    pub at: Time,
    /// Milliseconds since the run was created.
    pub offset_ms: u64,
    /// Type of the event.
    #[serde(rename = "type")]
    pub kind: String,
    /// The task it is about.
    pub task: Option<String>,
    /// What happened.
    pub text: String,
}

/// `crew why RUN[/TASK]`.
#[derive(Debug, Serialize)]
pub struct WhyDocument<'a, E> {
    /// Version of the document.
    pub schema_version: u32,
    /// What is explained.
    pub subject: String,
    /// Its status.
    pub status: &'static str,
    /// One sentence.
    pub headline: &'a str,
    /// What it rests on.
    pub evidence: &'a [E],
    /// The command that resolves it.
    pub command: Option<&'a str>,
}

/// `crew brief`.
#[derive(Debug, Serialize)]
pub struct BriefDocument<'a> {
    /// Version of the document.
    pub schema_version: u32,
    /// The moment from which on things are told.
    pub since: Time,
    /// What waits for a person.
    pub waiting: &'a [WaitingDocument],
    /// Runs that went wrong or ended since.
    pub ended: &'a [RunRow],
    /// Runs that go on.
    pub going: &'a [RunRow],
}

/// A run that waits for a person.
#[derive(Debug, Serialize)]
pub struct WaitingDocument {
    /// The run.
    pub run: RunRow,
    /// What the person is asked.
    pub decisions: Vec<DecisionRow>,
}

/// `crew verify RUN`.
#[derive(Debug, Serialize)]
pub struct VerifyDocument {
    /// Version of the document.
    pub schema_version: u32,
    /// Whether nothing is wrong.
    pub ok: bool,
    /// Whole lines of the log.
    pub lines: u64,
    /// Bytes that an interrupted write left behind them.
    pub torn_bytes: u64,
    /// What is wrong.
    pub problems: Vec<String>,
}
