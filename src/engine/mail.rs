//! What becomes of messages: given to an attempt, or dead when the run ends before that.

use super::state::{MessageState, State};
use crate::event::Body;
use crate::event::body::{MessageDead, MessageDelivered};

/// Messages went into an attempt; what it has read by itself before is on record already, and so is what
/// died with the run while the attempt was being started.
pub(super) fn delivered(state: &State, given: &MessageDelivered) -> Vec<Body> {
    let to = (given.task.clone(), given.attempt);
    let is_new = |id: &&String| {
        let known = state.messages.iter().find(|entry| entry.message.id == **id);
        known.is_some_and(|entry| entry.dead.is_none() && !entry.delivered.contains(&to))
    };
    let ids: Vec<String> = given.ids.iter().filter(is_new).cloned().collect();
    if ids.is_empty() {
        return Vec::new();
    }
    vec![MessageDelivered { ids, ..given.clone() }.into()]
}

/// Messages to tasks that nobody was given when the run ended; what is sent to an ended run waits
/// for somebody to reopen it.
pub(super) fn dead(state: &State) -> Vec<Body> {
    let is_lost = |entry: &&MessageState| {
        entry.dead.is_none()
            && entry.delivered.is_empty()
            && entry.acked.is_empty()
            && entry.message.to != "human"
            && entry.message.at <= state.status_since
    };
    let ids: Vec<String> =
        state.messages.iter().filter(is_lost).map(|entry| entry.message.id.clone()).collect();
    if ids.is_empty() {
        return Vec::new();
    }
    let status = state.status.kind().as_str();
    vec![MessageDead { ids, why: format!("the run was {status} before anybody had it") }.into()]
}
