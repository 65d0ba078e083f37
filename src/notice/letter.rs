//! What is handed to a way of telling: the notice with its project, as JSON and as variables.

use camino::Utf8PathBuf;
use serde::Serialize;

use crate::base::{Time, limits};
use crate::snapshot::{Notice, Severity};

/// A notice on its way.
#[derive(Debug, Clone, Serialize)]
pub struct Letter {
    schema_version: u32,
    /// The project's folder; hooks are run in it.
    pub(super) project: Utf8PathBuf,
    /// What is told.
    #[serde(flatten)]
    pub notice: Notice,
}

impl Letter {
    /// A notice about a run of the project at `project`.
    pub fn new(project: Utf8PathBuf, notice: Notice) -> Self {
        Self { schema_version: limits::JSON_SCHEMA, project, notice }
    }

    /// One that says only that it arrived.
    pub fn test(project: Utf8PathBuf, now: Time) -> Self {
        let notice = Notice {
            name: "test".to_owned(),
            kind: "test".to_owned(),
            run: "test#0".to_owned(),
            key: "test".to_owned(),
            severity: Severity::NeedsYou,
            title: "crew: a test".to_owned(),
            text: "notifications arrive here".to_owned(),
            task: None,
            next: "crew doctor".to_owned(),
            seq: 0,
            at: now,
        };
        Self::new(project, notice)
    }

    /// One line of JSON.
    pub(super) fn json(&self) -> String {
        serde_json::to_string(self).expect("a letter has no map keys but text")
    }

    /// The variables that a command gets.
    pub(super) fn variables(&self) -> [(&'static str, &str); 4] {
        let notice = &self.notice;
        [
            ("CREW_EVENT", &notice.name),
            ("CREW_RUN", &notice.run),
            ("CREW_TITLE", &notice.title),
            ("CREW_TEXT", &notice.text),
        ]
    }
}
