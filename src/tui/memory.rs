//! What outlives the dashboard, in one small file of the project's state.

use camino::Utf8Path;

use super::model::Memory;
use crate::store::files;

/// Marks of what was seen that are kept.
const SEEN_MAX: usize = 20_000;

/// Reads it; one that is not there or cannot be read is empty, for nothing else depends on it.
pub(super) fn read(path: &Utf8Path) -> Memory {
    let text = std::fs::read(path).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// Writes it as a whole.
pub(super) fn write(path: &Utf8Path, memory: &Memory) -> Result<(), crate::base::path::PathError> {
    let mut memory = memory.clone();
    while memory.seen.len() > SEEN_MAX {
        memory.seen.pop_first();
    }
    let text = serde_json::to_vec(&memory).expect("its keys are texts");
    files::write_atomic(path, &text, files::Durability::Quick)
}
