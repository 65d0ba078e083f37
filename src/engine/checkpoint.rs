//! The one serialised form of a state: a versioned document that stands for a prefix of the log.

use serde::{Deserialize, Serialize};

use super::state::State;
use crate::base::limits;

#[derive(Serialize)]
struct CheckpointOut<'a> {
    format: u32,
    state: &'a State,
}

#[derive(Deserialize)]
struct Checkpoint {
    format: u32,
    state: State,
}

/// The state as bytes.
pub fn write(state: &State) -> Vec<u8> {
    let checkpoint = CheckpointOut { format: limits::CHECKPOINT_FORMAT, state };
    serde_json::to_vec(&checkpoint).expect("a state has no map keys but text")
}

/// The state from bytes; nothing when they are of another version or damaged.
pub fn read(bytes: &[u8]) -> Option<State> {
    let mut checkpoint: Checkpoint = serde_json::from_slice(bytes).ok()?;
    if checkpoint.format != limits::CHECKPOINT_FORMAT {
        return None;
    }
    let state = &mut checkpoint.state;
    // Positions are looked up in vectors: a document whose parts do not fit is no checkpoint.
    let channels = state.plan().channels.len();
    let fits = (state.channels.is_empty() || state.channels.len() == channels)
        && state.steps.len() == state.plan().steps.len()
        && state.tasks.len() == state.plan().task_count();
    if !fits {
        return None;
    }
    state.reindex();
    Some(checkpoint.state)
}
