//! The stream of `codex app-server`.

use serde_json::Value;

use crate::agent::observation::Observation;

/// Reads the stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reader;

impl Reader {
    #[expect(clippy::unused_self, reason = "the form of every reader")]
    pub(super) fn read(&mut self, _: &Value) -> Option<Vec<Observation>> {
        None
    }
}
