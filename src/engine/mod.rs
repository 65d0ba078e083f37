//! The pure heart: what a run is, what may happen to it, and what follows.
//!
//! No clock, no input or output, no randomness, no hash maps. Wishes and facts come in as [`Input`],
//! events come out of [`decide`] and [`settle`], and `State::apply` is the only thing that changes
//! a state, live, on recovery, in replay and in every viewer. [`react`] derives from a state what the
//! supervisor must do; [`deadline`] tells when time alone could say something new; `explain` tells
//! people why.

mod apply;
mod apply_attempt;
mod apply_flow;
mod beside;
mod budget;
mod call;
pub mod checkpoint;
mod children;
mod contract;
pub mod counts;
mod dead_loop;
mod deadline;
mod decide;
mod decision;
mod edge;
mod effect;
mod explain;
mod facts;
mod failure;
mod final_check;
mod fire;
mod gate;
mod hold;
mod index;
mod input;
mod judge;
mod mail;
mod merge;
mod models;
mod passes;
mod progress;
mod red;
mod risk;
mod settle;
mod spending;
mod stall;
mod start;
mod state;
mod stuck;
mod takeover;
mod task;
pub mod transitions;
mod trees;
mod verify;
mod vitals;
mod votes;
mod words;
mod write;

pub use budget::{BudgetChange, Spent};
pub use children::ChildState;
pub use deadline::deadline;
pub use decide::decide;
pub use effect::{Effect, react};
pub use explain::{Evidence, Explanation, all_waits, explain_gate, explain_run, explain_task};
pub use facts::{
    Asked, ChannelState, CommandEvidence, DecisionState, DecisionVerdict, Origin, StoreState,
};
pub use failure::Trouble;
pub use gate::{GateVerdict, Tally};
pub use input::{Command, Input, Proof, Refusal, Subject, Unmet};
pub use merge::MergeState;
pub use models::Limited;
pub use settle::{heartbeat, settle};
pub use state::{
    ArtifactState, CheckingAttempt, LiveAttempt, MessageState, OwnTree, Spending, State, StepState,
    TaskState, TaskStatus, WorktreeState,
};
pub use takeover::{Taken, check as check_takeover};
pub use task::{Failure, Pass};
pub use trees::Conflict;
pub use verify::Verification;
pub use vitals::{AttemptVitals, Vitals};
pub use write::{Caller, field_type, live_attempt, typed};

use crate::base::Time;
use crate::event::{Actor, Body};

/// Rounds of conclusions in one turn; more means that two rules undo each other.
const ROUNDS_MAX: usize = 100_000;

/// Takes one input in: decides, applies, and draws all conclusions until nothing new follows.
///
/// The state is advanced in place and the events are returned in order with their epochs, for one
/// write. The caller
/// must not act on them before they are on disk; when the write fails it must drop the state.
///
/// # Errors
/// A refused command: nothing changed.
pub fn step(
    state: &mut State,
    vitals: &Vitals,
    now: Time,
    actor: &Actor,
    input: &Input,
) -> Result<Vec<(Actor, u32, Body)>, Refusal> {
    let mut events = Vec::new();
    for body in decide(state, now, input)? {
        state.apply(now, &body);
        events.push((actor.clone(), state.epoch, body));
    }
    for _ in 0..ROUNDS_MAX {
        let bodies = settle(state, vitals, now);
        if bodies.is_empty() {
            return Ok(events);
        }
        for body in bodies {
            state.apply(now, &body);
            events.push((Actor::Supervisor, state.epoch, body));
        }
    }
    debug_assert!(false, "conclusions do not come to an end");
    Ok(events)
}
