//! Which events deserve to be told, in which words, and which events resolve them.

use super::Severity;
use crate::base::TaskId;
use crate::base::time::human_ms;
use crate::event::body::{
    Attention, AttentionRaised, HeartbeatChanged, HeartbeatLevel, MessageDead,
};
use crate::event::decision::{DecisionKind, DecisionOpened};
use crate::event::policy::BudgetWarned;
use crate::event::status::word;
use crate::event::{Actor, Body, Rule, Status, Wait};

/// Something to be told.
pub(super) struct Subject {
    pub name: String,
    pub key: String,
    pub severity: Severity,
    /// Without the name of the run.
    pub title: String,
    /// Whether the title goes on after the name of the run.
    pub is_status: bool,
    /// Empty: what a person is asked at the moment.
    pub text: String,
    pub task: Option<TaskId>,
    /// The verb that shows more.
    pub verb: &'static str,
    pub decision: Option<String>,
}

/// What an event resolves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ends {
    /// What has this key.
    Key(String),
    /// All whose key begins so.
    Group(String),
    /// The decision of this name.
    Decision(String),
}

/// The name of an event: its type, or a word that says more.
pub(super) fn name(body: &Body) -> String {
    if let Body::RunTransitioned(moved) = body {
        format!("run.{}", moved.to.kind().as_str())
    } else if let Body::HeartbeatChanged(beat) = body {
        format!("heartbeat.{}", word(&beat.level))
    } else {
        body.kind().to_owned()
    }
}

/// What is to be told of an event; `is_move` says that the run's status is another than before.
pub(super) fn subject(body: &Body, is_move: bool) -> Option<Subject> {
    let mut subject = match body {
        Body::DecisionOpened(asked) => decision(asked),
        // One that a person takes out of the archive has not ended once more.
        Body::RunTransitioned(moved) if is_move && moved.rule != Rule::T38b => status(&moved.to)?,
        // The only other way: the status stays, and a person is reminded (T15).
        Body::RunTransitioned(moved) if matches!(moved.to, Status::Waiting { .. }) => {
            let is_login = matches!(moved.to, Status::Waiting { wait: Wait::Auth { .. } });
            let verb = if is_login { "why" } else { "decisions" };
            Subject {
                name: "run.reminder".to_owned(),
                is_status: true,
                ..plain("run:reminder", Severity::NeedsYou, "still waits for you", verb)
            }
        }
        Body::HeartbeatChanged(beat) => heartbeat(beat)?,
        Body::AttentionRaised(raised) => attention(raised),
        Body::BudgetWarned(warned) => budget(warned),
        Body::MessageDead(gone) => dead(gone),
        Body::RunCreated(_)
        | Body::RunTransitioned(_)
        | Body::RunNoted(_)
        | Body::RiskAccepted(_)
        | Body::BudgetChanged(_)
        | Body::SupervisorStarted(_)
        | Body::WorktreeCreated(_)
        | Body::PlanExpanded(_)
        | Body::TaskActivated(_)
        | Body::ChannelsFired(_)
        | Body::ChildrenProposed(_)
        | Body::ChildCreated(_)
        | Body::ChildrenReleased(_)
        | Body::ChildrenRefused(_)
        | Body::ChildEnded(_)
        | Body::GateWritten(_)
        | Body::EvidenceRecorded(_)
        | Body::DecisionShown(_)
        | Body::DecisionMade(_)
        | Body::TaskReadied(_)
        | Body::TaskSettled(_)
        | Body::TaskTaken(_)
        | Body::TaskHandedBack(_)
        | Body::AttemptStarted(_)
        | Body::AttemptStopping(_)
        | Body::AttemptEnded(_)
        | Body::PassFinished(_)
        | Body::PassesAdded(_)
        | Body::CheckFinished(_)
        | Body::TreePrepared(_)
        | Body::TreeMerged(_)
        | Body::TreeConflicted(_)
        | Body::QuestionAsked(_)
        | Body::VerificationAsked(_)
        | Body::QuestionParked(_)
        | Body::QuestionWithdrawn(_)
        | Body::TurnReported(_)
        | Body::MergeStarted(_)
        | Body::MergeBuilt(_)
        | Body::MergeStopping(_)
        | Body::MergeFinished(_)
        | Body::ArtifactStored(_)
        | Body::MessageSent(_)
        | Body::MessageDelivered(_)
        | Body::MessageAcked(_)
        | Body::MessageRetracted(_)
        | Body::CommandRefused(_)
        | Body::LogTruncated(_)
        | Body::Unknown { .. } => return None,
    };
    if subject.name.is_empty() {
        subject.name = name(body);
    }
    Some(subject)
}

fn dead(gone: &MessageDead) -> Subject {
    let count = crate::base::text::count(gone.ids.len(), "message");
    let (key, title) =
        (format!("dead:{}", gone.ids.join(",")), format!("{count} will never be delivered"));
    Subject { text: gone.why.clone(), ..plain(&key, Severity::Failed, &title, "timeline") }
}

fn budget(warned: &BudgetWarned) -> Subject {
    let title = format!("most of its {} is used up", warned.kind);
    Subject {
        text: format!("{} of {} are used", warned.used, warned.limit),
        ..plain(&format!("budget:{}", warned.kind), Severity::NeedsYou, &title, "status")
    }
}

/// What an event resolves; `is_move` says that the run's status is another than before.
#[expect(clippy::wildcard_enum_match_arm, reason = "most events resolve nothing")]
pub(super) fn ended(body: &Body, is_move: bool) -> Vec<Ends> {
    let group = |name: &str, task: &TaskId| Ends::Group(format!("{name}:{task}:"));
    match body {
        Body::DecisionMade(made) => vec![Ends::Decision(made.id.clone())],
        Body::BudgetChanged(_) => vec![Ends::Group("budget:".to_owned())],
        Body::GateWritten(written) if matches!(written.by, Actor::Human(_)) => {
            vec![Ends::Key(decision_key(DecisionKind::Gate, &written.gate))]
        }
        // A new round: what a person was asked about the round before is asked again.
        Body::ChannelsFired(fired) if fired.cycle => {
            let kinds = [DecisionKind::Gate, DecisionKind::Plan];
            kinds.map(|kind| Ends::Group(decision_key(kind, ""))).to_vec()
        }
        Body::QuestionWithdrawn(gone) => {
            vec![Ends::Key(decision_key(DecisionKind::Question, &gone.task.to_string()))]
        }
        Body::TaskSettled(settled) => {
            let id = settled.task.to_string();
            let question = Ends::Key(decision_key(DecisionKind::Question, &id));
            vec![question, group("heartbeat", &settled.task), group("attention", &settled.task)]
        }
        Body::AttemptEnded(gone) => {
            vec![group("heartbeat", &gone.task), group("attention", &gone.task)]
        }
        Body::HeartbeatChanged(beat) if beat.level < HeartbeatLevel::Stale => {
            vec![group("heartbeat", &beat.task)]
        }
        Body::RunTransitioned(moved) if is_move => {
            // A run that is taken up again or put away leaves its dead letters behind.
            let mut ends = ["run:", "dead:"].map(|name| Ends::Group(name.to_owned())).to_vec();
            if !matches!(moved.to, Status::Waiting { .. }) {
                ends.push(Ends::Key(decision_key(DecisionKind::Merge, "")));
            }
            if moved.to.is_terminal() {
                let groups = ["decision:", "heartbeat:", "attention:"];
                ends.extend(groups.map(|name| Ends::Group(name.to_owned())));
            }
            ends
        }
        _ => Vec::new(),
    }
}

fn decision_key(kind: DecisionKind, subject: &str) -> String {
    format!("decision:{}:{subject}", kind.as_str())
}

fn decision(asked: &DecisionOpened) -> Subject {
    let subject = &asked.subject;
    let title = match asked.kind {
        DecisionKind::Risk => "may it start?".to_owned(),
        DecisionKind::Gate => format!("gate `{subject}` waits for you"),
        DecisionKind::Question => format!("{subject} asks you"),
        DecisionKind::Plan => format!("the plan of {subject} waits for you"),
        DecisionKind::Merge => "the work waits for you to take it over".to_owned(),
    };
    let is_question = asked.kind == DecisionKind::Question;
    Subject {
        text: asked.text.clone(),
        task: subject.parse().ok().filter(|_| is_question),
        decision: Some(asked.id.clone()),
        ..plain(&decision_key(asked.kind, subject), Severity::NeedsYou, &title, "decisions")
    }
}

fn heartbeat(beat: &HeartbeatChanged) -> Option<Subject> {
    if beat.level < HeartbeatLevel::Stale {
        return None;
    }
    let (task, level) = (&beat.task, word(&beat.level));
    let title = format!("{task} gives no sign of life");
    Some(Subject {
        text: format!("the last one is {} old ({level})", human_ms(beat.age_ms)),
        task: Some(task.clone()),
        ..plain(&format!("heartbeat:{task}:{level}"), Severity::Stalled, &title, "why")
    })
}

fn attention(raised: &AttentionRaised) -> Subject {
    let (task, kind) = (&raised.task, word(&raised.kind));
    let what = match raised.kind {
        Attention::FirstOutput => "has printed nothing yet",
        Attention::Silence => "fell silent",
        Attention::Retries => "only tries the same call again",
    };
    let (key, title) = (format!("attention:{task}:{kind}"), format!("{task} {what}"));
    Subject {
        text: raised.detail.clone(),
        task: Some(task.clone()),
        ..plain(&key, Severity::Stalled, &title, "why")
    }
}

/// A status that somebody has to be told of. What a waiting run waits for is told by its decisions.
fn status(status: &Status) -> Option<Subject> {
    let (severity, title, verb) = match status {
        Status::Blocked { .. } => (Severity::NeedsYou, "is blocked", "why"),
        Status::Failed { .. } => (Severity::Failed, "failed", "why"),
        Status::Done { .. } => (Severity::Done, "is done", "status"),
        Status::Waiting { wait: Wait::Auth { .. } } => {
            (Severity::NeedsYou, "waits for somebody to log in", "why")
        }
        Status::Waiting { .. }
        | Status::Draft
        | Status::Queued { .. }
        | Status::Running
        | Status::Paused
        | Status::Merging
        | Status::Cancelled { .. }
        | Status::Archived { .. } => return None,
    };
    let key = format!("run:{}", status.kind().as_str());
    let outcome = if let Status::Done { outcome } = status { Some(word(outcome)) } else { None };
    let mut text = outcome.or_else(|| status.reason()).unwrap_or_default().replace('_', " ");
    if let Some(detail) = status.detail().filter(|detail| !detail.is_empty()) {
        text = format!("{text}: {detail}");
    }
    if let Status::Waiting { wait: Wait::Auth { detail } } = status {
        detail.clone_into(&mut text);
    }
    Some(Subject { text, is_status: true, ..plain(&key, severity, title, verb) })
}

fn plain(key: &str, severity: Severity, title: &str, verb: &'static str) -> Subject {
    Subject {
        name: String::new(),
        key: key.to_owned(),
        severity,
        title: title.to_owned(),
        is_status: false,
        text: String::new(),
        task: None,
        verb,
        decision: None,
    }
}
