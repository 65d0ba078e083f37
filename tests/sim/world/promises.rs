//! What must hold in every log, read from the outside.

use std::collections::{BTreeMap, BTreeSet};

use crew::base::flow::Fire;
use crew::base::{StepId, TaskId};
use crew::engine::{State, Vitals, explain_run};
use crew::event::{BlockedReason, Body, Chain, Record, Status};

/// Reads a whole log again: one live attempt of a task, one firing of a channel in a turn of its source.
pub fn check_log(disk: &[u8], state: &State) {
    let plan = state.plan();
    let mut turns: BTreeMap<StepId, u64> = BTreeMap::new();
    let mut live: BTreeSet<TaskId> = BTreeSet::new();
    let mut fired: BTreeSet<(String, u64)> = BTreeSet::new();
    let mut decided: BTreeSet<String> = BTreeSet::new();
    let mut chain = Chain::default();
    for line in disk.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let (record, next) = Record::read(line, chain).expect("the log is whole");
        chain = next;
        match record.body {
            Body::AttemptStarted(started) => {
                *turns.entry(started.task.step().clone()).or_default() += 1;
                assert!(live.insert(started.task.clone()), "two live attempts of {}", started.task);
            }
            Body::AttemptEnded(end) => {
                assert!(live.remove(&end.task), "{} ended without a start", end.task);
            }
            Body::TaskActivated(activated) => {
                for step in activated.steps {
                    *turns.entry(step).or_default() += 1;
                }
            }
            Body::ChannelsFired(firing) => {
                // Channels that share their gates fire as one, for whichever of their sources is new.
                let mut groups: BTreeMap<(usize, Vec<String>), bool> = BTreeMap::new();
                for id in firing.channels {
                    let channel = plan.channels.iter().find(|c| c.id == id).expect("a channel");
                    let source = &plan.steps[channel.from].id;
                    let turn = turns.get(source).copied().unwrap_or_default();
                    let is_new = fired.insert((id.clone(), turn)) || channel.fire != Fire::Settled;
                    *groups.entry((channel.to, channel.gates.clone())).or_default() |= is_new;
                }
                let twice = groups.iter().find(|(_, is_new)| !**is_new);
                assert_eq!(twice, None, "a channel fired twice in a turn of its source");
                for step in firing.steps {
                    *turns.entry(step).or_default() += 1;
                }
            }
            Body::DecisionMade(made) => {
                assert!(decided.insert(made.id.clone()), "`{}` was decided twice", made.id);
            }
            _ => {}
        }
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
