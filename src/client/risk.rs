//! Risks of a run that is about to be created: which there are, and which of them somebody has accepted.

use super::child::forbid_to_agents;
use super::start::{Prepared, RunRequest};
use super::workspace::Workspace;
use crate::base::Time;
use crate::engine::State;
use crate::event::policy::{AcceptedBy, RiskAccepted};
use crate::event::{Actor, Body, Record};
use crate::plan::risk::{RiskSubject, assess, texts_of};
use crate::plan::{Risk, RiskReason};

impl Prepared {
    /// All risks, accepted or not.
    pub fn risks(&self) -> Vec<Risk> {
        assess(&RiskSubject {
            texts: texts_of(&self.request.goal, &self.plan),
            budget: &self.policy.budget,
            plan: &self.plan,
            started: &self.started,
            policy: &self.policy.risk,
        })
    }

    /// Risks that somebody has to accept before the run starts.
    pub fn open_risks(&self) -> Vec<Risk> {
        let mut risks = self.risks();
        risks.retain(|risk| !self.is_configured(risk));
        risks
    }

    /// Whether a person has accepted the risks.
    pub fn is_accepted(&self) -> bool {
        self.is_accepted
    }

    fn is_configured(&self, risk: &Risk) -> bool {
        self.policy.risk.accept.iter().any(|reason| reason == risk.reason.as_str())
    }

    /// The same run, whose risks a person accepts. A draft that was asked for stays one, and what an
    /// agent starts no flag accepts.
    #[must_use]
    pub fn accepting(mut self) -> Self {
        let is_agents = |risk: &Risk| risk.reason == RiskReason::CreatedByAgent;
        self.is_accepted = !self.started.iter().any(is_agents);
        self
    }
}

/// Risks that lie in the way a run is started.
pub(super) fn started_risks(
    workspace: &Workspace,
    request: &RunRequest,
    is_in_place: bool,
) -> Vec<Risk> {
    let mut risks = Vec::new();
    if request.draft {
        risks.push(Risk::plain(RiskReason::ForceDraft));
    }
    if is_in_place {
        risks.push(Risk::plain(RiskReason::PathsUnenforceable));
    }
    let is_agents = forbid_to_agents(&workspace.env, "run").is_err();
    if is_agents || request.parent.is_some() {
        risks.push(Risk::plain(RiskReason::CreatedByAgent));
    }
    // What a person gives is trusted, and so is what a run hands on to those that it starts.
    let validation = &workspace.config.validation;
    let is_known = |command: &&String| {
        validation.commands.values().any(|known| known == *command)
            || validation.default_command() == Some(command.as_str())
    };
    if let Some(command) = request.validate.as_ref().filter(|_| is_agents).filter(|c| !is_known(c))
    {
        let reason = RiskReason::UnknownCommand;
        risks.push(Risk { reason, what: command.clone(), place: String::new() });
    }
    risks
}

/// The state after some events, the first of which creates the run.
pub(super) fn fold(events: &[(Actor, u32, Body)], now: Time) -> Option<State> {
    let mut state: Option<State> = None;
    for (seq, (actor, epoch, body)) in (1..).zip(events) {
        let (actor, epoch, body) = (actor.clone(), *epoch, body.clone());
        let record = Record { seq, at: now, actor, epoch, batch: 1, body };
        match &mut state {
            Some(state) => state.apply_record(&record),
            None => state = State::begin(&record),
        }
    }
    state
}

/// What of the risks was accepted, and by whom.
pub(super) fn accepted(
    prepared: &Prepared,
    state: Option<&State>,
    person: &Actor,
) -> Vec<(Actor, RiskAccepted)> {
    let mut risks = state.map(State::risks).unwrap_or_default();
    let mut take = |by: AcceptedBy, is_taken: &dyn Fn(&Risk) -> bool| {
        let taken = risks.iter().filter(|risk| is_taken(risk)).cloned().collect::<Vec<Risk>>();
        risks.retain(|risk| !is_taken(risk));
        (!taken.is_empty()).then_some(RiskAccepted { risks: taken, by })
    };
    let request = &prepared.request;
    let configured = take(AcceptedBy::Configuration, &|risk| prepared.is_configured(risk));
    let inherited = take(AcceptedBy::Parent, &|risk| {
        let is_bounded = match risk.reason {
            // What the other run has left is never more than what was accepted for it.
            RiskReason::StepsOver8 => request.left.steps.is_some(),
            RiskReason::MinutesOver20 => request.left.active_ms.is_some(),
            RiskReason::CreatedByAgent => return false,
            RiskReason::ContainsSensitiveKeywords
            | RiskReason::PossibleLargeChange
            | RiskReason::ForceDraft
            | RiskReason::PathsUnenforceable
            | RiskReason::UnknownCommand => false,
        };
        let is_known =
            |known: &Risk| known.is_same(risk) || (is_bounded && known.reason == risk.reason);
        request.accepted.iter().any(is_known)
    });
    let by_person = take(AcceptedBy::Person, &|risk| {
        prepared.is_accepted && risk.reason != RiskReason::ForceDraft
    });
    let machine = [configured, inherited].into_iter().flatten();
    machine
        .map(|accepted| (Actor::Supervisor, accepted))
        .chain(by_person.map(|accepted| (person.clone(), accepted)))
        .collect()
}
