//! Live runs whose work would conflict with that of a run, for whoever looks at it.

use crate::engine::State;
use crate::launch::radar;
use crate::snapshot::ConflictRow;
use crate::store::ProjectDir;

/// Live runs whose work would conflict, as far as the supervisors have looked.
pub fn conflicts(project: &ProjectDir, state: &State) -> Vec<ConflictRow> {
    // What cannot be read is told by whoever opens it; this is only a projection.
    let known = radar::known(project, state).unwrap_or_default();
    known.into_iter().map(|(run, files)| ConflictRow { run, files }).collect()
}
