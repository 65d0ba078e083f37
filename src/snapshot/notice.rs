//! What a person is told about a run, once until it is resolved: bells, notifications and hooks follow this.
//!
//! A fold of the log: whoever reads the same events tells the same. What is done with it (a bell, a
//! command, nothing at all) is the affair of whoever reads.

mod subject;

use std::collections::BTreeMap;

use serde::Serialize;

use self::subject::{Ends, Subject, ended, subject};
use super::story;
use crate::base::{TaskId, Time, redact, text};
use crate::event::{Body, Record, Status};

/// Characters of a notice's text: it must fit a bubble of a desktop.
const TEXT_CHARS: usize = 300;

/// How much a notice matters, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A person must act.
    NeedsYou,
    /// Something went wrong.
    Failed,
    /// It should move and does not.
    Stalled,
    /// Ended well.
    Done,
    /// An event like any other; only hooks hear of it.
    Info,
}

/// Something that happened in a run, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// Its name, such as `decision.opened` or `run.blocked`.
    #[serde(rename = "type")]
    pub name: String,
    /// The run, such as `shop#5`.
    pub run: String,
    /// What it is about: the same is not told again before it was resolved.
    pub key: String,
    /// How much it matters.
    pub severity: Severity,
    /// One line with the run's name.
    pub title: String,
    /// One line more.
    pub text: String,
    /// The task it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
    /// A command that shows more.
    pub next: String,
    /// Number of the event.
    pub seq: u64,
    /// When it happened.
    pub at: Time,
    /// The type of the event, where the name says more than it.
    #[serde(skip)]
    pub kind: String,
}

impl Notice {
    /// Whether people are told; the rest is for hooks.
    pub fn is_for_people(&self) -> bool {
        self.severity != Severity::Info
    }
}

/// What is not resolved yet.
#[derive(Debug, Clone)]
struct Standing {
    /// The event that was told.
    seq: u64,
    /// The decision, when it is one; asked anew it has another name.
    decision: Option<String>,
    title: String,
}

/// What was told about a run and is not resolved.
#[derive(Debug, Clone, Default)]
pub struct Notices {
    /// Name of the run.
    run: String,
    number: String,
    status: Option<Status>,
    standing: BTreeMap<String, Standing>,
}

impl Notices {
    /// Takes one event in; what is to be told of it.
    ///
    /// Nothing for what asks for the same as something that was told and is not resolved.
    pub fn take(&mut self, record: &Record) -> Option<Notice> {
        if let Body::RunCreated(created) = &record.body {
            self.run = format!("{}#{}", created.project, created.number);
            self.number = created.number.to_string();
        }
        let is_move = matches!(&record.body, Body::RunTransitioned(moved)
            if self.status.as_ref() != Some(&moved.to));
        for end in ended(&record.body, is_move) {
            self.end(&end);
        }
        if let Body::RunTransitioned(moved) = &record.body {
            self.status = Some(moved.to.clone());
        }
        match subject(&record.body, is_move) {
            Some(subject) => self.raise(subject, record),
            None => Some(self.plain(record)),
        }
    }

    /// Takes events in that are looked at together; what was resolved among them is not told.
    pub fn look<'a>(&mut self, records: impl IntoIterator<Item = &'a Record>) -> Vec<Notice> {
        let mut all: Vec<Notice> =
            records.into_iter().filter_map(|record| self.take(record)).collect();
        all.retain(|notice| !notice.is_for_people() || self.stands(notice));
        all
    }

    /// Whether what the notice is about is not resolved.
    pub fn stands(&self, notice: &Notice) -> bool {
        self.standing.get(&notice.key).is_some_and(|standing| standing.seq == notice.seq)
    }

    fn end(&mut self, end: &Ends) {
        self.standing.retain(|key, standing| match end {
            Ends::Key(ended) => key != ended,
            Ends::Group(prefix) => !key.starts_with(prefix),
            Ends::Decision(id) => standing.decision.as_ref() != Some(id),
        });
    }

    fn raise(&mut self, subject: Subject, record: &Record) -> Option<Notice> {
        let title = if subject.is_status {
            format!("{} {}", self.run, subject.title)
        } else {
            format!("{}: {}", self.run, subject.title)
        };
        if let Some(standing) = self.standing.get_mut(&subject.key) {
            // The same asked anew, under another name.
            standing.decision = subject.decision;
            return None;
        }
        let text = if subject.text.is_empty() { self.waiting() } else { subject.text };
        let seq = record.seq;
        let standing = Standing { seq, decision: subject.decision, title: subject.title };
        self.standing.insert(subject.key.clone(), standing);
        Some(Notice {
            name: subject.name,
            run: self.run.clone(),
            key: subject.key,
            severity: subject.severity,
            title: said(&title),
            text: said(&text),
            next: format!("crew {} {}", subject.verb, self.number),
            task: subject.task,
            seq,
            at: record.at,
            kind: record.body.kind().to_owned(),
        })
    }

    /// An event that nobody has to be told of.
    fn plain(&self, record: &Record) -> Notice {
        let line = story::line(record);
        let kind = record.body.kind();
        let name = subject::name(&record.body);
        Notice {
            run: self.run.clone(),
            key: format!("event:{}", record.seq),
            severity: Severity::Info,
            title: format!("{}: {name}", self.run),
            text: said(&line.text),
            next: format!("crew status {}", self.number),
            task: line.task,
            seq: record.seq,
            at: record.at,
            kind: kind.to_owned(),
            name,
        }
    }

    /// What a person is asked at the moment.
    fn waiting(&self) -> String {
        let asked = self.standing.values().filter(|standing| standing.decision.is_some());
        let titles: Vec<&str> = asked.map(|standing| standing.title.as_str()).collect();
        titles.join("; ")
    }
}

/// As people may see it: one line, without secrets.
fn said(said: &str) -> String {
    text::one_line(&redact::redact(said), TEXT_CHARS)
}

#[cfg(test)]
mod tests;
