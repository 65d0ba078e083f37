//! Whether live programs get on, by what they print: one that only tries the same call again, or that has
//! said its result and does not exit, is alive and gets nowhere.

use crate::agent::Observation;
use crate::base::{Time, redact, text};

/// What the output of one attempt says of it.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// Since when it has only tried the same call again, and what is in the way.
    pub(super) retrying: Option<(Time, String)>,
    /// Since when its turn is over.
    pub(super) over_at: Option<Time>,
}

impl Pulse {
    /// Takes one more observation into account, which was made at `now`.
    pub(super) fn observe(&mut self, observation: &Observation, now: Time) {
        if let Observation::Retry { kind, text } = observation {
            let since = self.retrying.as_ref().map_or(now, |(since, _)| *since);
            let told = text::one_line(&redact::redact(text), 200);
            self.retrying = Some((since, format!("{told} ({})", kind.word())));
        } else if !observation.is_retrying(self.retrying.is_some()) {
            self.retrying = None;
        }
        if matches!(observation, Observation::Result { .. }) {
            self.over_at = Some(now);
        } else if !observation.is_retrying(true) {
            self.over_at = None;
        }
    }
}
