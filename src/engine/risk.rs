//! Whether a run may start or go on as it is asked to, or needs a person's word first (SPEC 8.1).

use super::input::Refusal;
use super::state::State;
use crate::base::Time;
use crate::event::decision::Action;
use crate::event::policy::{AcceptedBy, RiskAccepted};
use crate::event::{Actor, Body, StatusKind};
use crate::plan::risk::{Risk, RiskReason, RiskSubject, assess, texts_of, told};

impl State {
    /// All risks of the run as it is now, accepted or not.
    pub fn risks(&self) -> Vec<Risk> {
        let created = &self.created;
        assess(&RiskSubject {
            texts: self.instructions(),
            budget: &self.budget,
            plan: self.plan(),
            started: &created.risks,
            policy: &created.policy.risk,
        })
    }

    /// Risks that neither a person nor the configuration has accepted.
    pub fn open_risks(&self) -> Vec<Risk> {
        let mut risks = self.risks();
        let configured = &self.created.policy.risk.accept;
        risks.retain(|risk| !configured.iter().any(|reason| reason == risk.reason.as_str()));
        risks.retain(|risk| !self.accepted.iter().any(|known| known.is_same(risk)));
        risks
    }

    /// Whether a person must say yes before the draft starts.
    ///
    /// A run that another run proposed, and that is risky for no other reason, waits for that run alone.
    pub fn needs_approval(&self) -> bool {
        self.status.kind() == StatusKind::Draft
            && (self.created.parent.is_none()
                || self.open_risks().iter().any(|risk| risk.reason != RiskReason::CreatedByAgent))
    }

    /// Everything that people told the agents of this run, with where it stands.
    fn instructions(&self) -> Vec<(String, &str)> {
        let mut texts = texts_of(&self.created.goal, self.plan());
        let sent = self.messages.iter().map(|entry| &entry.message);
        let by_people =
            sent.filter(|message| message.from.starts_with("human:") && message.to != "human");
        texts.extend(by_people.map(|message| {
            let place = if message.to == "run" {
                "a message to the run".to_owned()
            } else {
                format!("a message to `{}`", message.to)
            };
            (place, message.text.as_str())
        }));
        for verdict in self.decisions.iter().filter_map(|entry| entry.verdict.as_ref()) {
            let place = match verdict.action {
                Action::RequestChanges => "the changes asked for",
                Action::Answer => "an answer",
                // What was suggested is a message to the run.
                Action::Suggest
                | Action::Approve
                | Action::Reject
                | Action::Merge
                | Action::Discard => continue,
            };
            texts.push((place.to_owned(), verdict.text.as_str()));
        }
        texts
    }
}

/// Adds to the events of a person's command that its risks are accepted, or refuses it.
///
/// A draft may become as risky as people like: it does not start without their word. An answer was asked
/// for, so that its risks are recorded and no further word is needed.
///
/// # Errors
/// The command makes the run riskier and nobody has accepted that.
pub(super) fn guard(
    state: &State,
    now: Time,
    mut events: Vec<Body>,
    is_accepted: bool,
) -> Result<Vec<Body>, Refusal> {
    if !state.created.policy.risk.is_strict
        || state.status.kind() == StatusKind::Draft
        || !events.iter().any(may_add)
    {
        return Ok(events);
    }
    let mut after = state.clone();
    for event in &events {
        after.apply(now, event);
    }
    let known = state.open_risks();
    let mut risks = after.open_risks();
    risks.retain(|risk| !known.iter().any(|old| old.is_same(risk)));
    if risks.is_empty() {
        return Ok(events);
    }
    if !is_accepted && !events.iter().any(is_answer) {
        let reason = format!("this makes run #{} riskier: {}", state.created.number, told(&risks));
        let hint = "`--yes` accepts that".to_owned();
        return Err(Refusal { code: "risk", reason, hint });
    }
    // First, so that a torn write cannot leave the words without it.
    events.insert(0, RiskAccepted { risks, by: AcceptedBy::Person }.into());
    Ok(events)
}

/// Whether an event can make a run riskier.
fn may_add(event: &Body) -> bool {
    if let Body::MessageSent(sent) = event {
        return matches!(sent.message.from.parse(), Ok(Actor::Human(_)));
    }
    if let Body::DecisionMade(made) = event {
        return matches!(made.action, Action::Answer | Action::RequestChanges);
    }
    matches!(event, Body::BudgetChanged(_))
}

fn is_answer(event: &Body) -> bool {
    matches!(event, Body::DecisionMade(made) if made.action == Action::Answer)
}
