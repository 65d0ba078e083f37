//! What must hold in every log, read from the outside.

use std::collections::{BTreeMap, BTreeSet};

use crew::base::flow::Fire;
use crew::base::{StepId, TaskId};
use crew::engine::{State, Vitals, explain_run};
use crew::event::gate::ChannelsFired;
use crew::event::{BlockedReason, Body, Record, Status};

/// What is counted while a log is read again.
#[derive(Debug, Default)]
pub struct Promises {
    turns: BTreeMap<StepId, u64>,
    live: BTreeSet<TaskId>,
    fired: BTreeSet<(String, u64)>,
    decided: BTreeSet<String>,
}

impl Promises {
    /// Takes a record in: one live attempt of a task, one firing of a channel in a turn of its source,
    /// one word about a decision.
    pub fn take(&mut self, state: &State, record: &Record) {
        if let Body::AttemptStarted(started) = &record.body {
            self.begin(started.task.step());
            let is_alone = self.live.insert(started.task.clone());
            assert!(is_alone, "two live attempts of {}", started.task);
        } else if let Body::AttemptEnded(end) = &record.body {
            assert!(self.live.remove(&end.task), "{} ended without a start", end.task);
        } else if let Body::TaskActivated(activated) = &record.body {
            activated.steps.iter().for_each(|step| self.begin(step));
        } else if let Body::ChannelsFired(firing) = &record.body {
            self.fire(state, firing);
            firing.steps.iter().for_each(|step| self.begin(step));
        } else if let Body::DecisionMade(made) = &record.body {
            assert!(self.decided.insert(made.id.clone()), "`{}` was decided twice", made.id);
        }
    }

    fn begin(&mut self, step: &StepId) {
        *self.turns.entry(step.clone()).or_default() += 1;
    }

    /// Channels that share their gates fire as one, for whichever of their sources is new.
    fn fire(&mut self, state: &State, firing: &ChannelsFired) {
        let plan = state.plan();
        let mut groups: BTreeMap<(usize, BTreeSet<&str>), bool> = BTreeMap::new();
        for id in &firing.channels {
            let channel = plan.channels.iter().find(|c| c.id == *id).expect("a channel");
            let source = &plan.steps[channel.from].id;
            let turn = self.turns.get(source).copied().unwrap_or_default();
            let is_new = self.fired.insert((id.clone(), turn)) || channel.fire != Fire::Settled;
            let gates = channel.gates.iter().map(String::as_str).collect();
            *groups.entry((channel.to, gates)).or_default() |= is_new;
        }
        let twice = groups.iter().find(|(_, is_new)| !**is_new);
        assert_eq!(twice, None, "a channel fired twice in a turn of its source");
    }
}

/// A run that nobody drives says why, and what resolves it.
pub fn check_rest(state: &State, now: crew::base::Time) {
    let why = explain_run(state, &Vitals::default(), now);
    assert!(!why.headline.is_empty() && why.command.is_some(), "unexplained: {why:?}");
    if let Status::Blocked { reason, detail } = &state.status {
        assert!(!detail.is_empty(), "{reason:?} without a detail");
        let is_silent = *reason == BlockedReason::Stalled && detail.starts_with("nothing can move");
        assert!(!is_silent, "a stall that names nothing");
    }
}
