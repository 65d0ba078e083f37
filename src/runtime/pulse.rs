//! Whether live programs get on, by what they print: one that only tries the same call again, or that has
//! said its result and does not exit, is alive and gets nowhere.

use std::collections::BTreeMap;

use crate::agent::Observation;
use crate::base::{Time, limits, redact, text};

/// What the output of one attempt says of it.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// Since when it has only tried the same call again, and what is in the way.
    pub(super) retrying: Option<(Time, String)>,
    /// Since when its turn is over.
    pub(super) over_at: Option<Time>,
    /// Tool calls that go on, since when.
    tools: BTreeMap<String, Time>,
}

impl Pulse {
    /// Since when a tool runs: its agent has nothing to say meanwhile. One that runs for too long is silence too.
    pub(super) fn tool_since(&self, now: Time) -> Option<Time> {
        let young = |since: &&Time| now.since_ms(**since) < limits::TOOL_CALL_MS;
        self.tools.values().filter(young).min().copied()
    }

    /// Takes one more observation into account, which was made at `now`.
    pub(super) fn observe(&mut self, observation: &Observation, now: Time) {
        if let Observation::Retry { kind, text } = observation {
            let since = self.retrying.as_ref().map_or(now, |(since, _)| *since);
            let told = text::one_line(&redact::redact(text), limits::FAILURE_SHOWN_CHARS);
            self.retrying = Some((since, format!("{told} ({})", kind.word())));
        } else if !observation.is_retrying(self.retrying.is_some()) {
            self.retrying = None;
        }
        if let Observation::ToolStart { id, .. } = observation {
            self.tools.insert(id.clone(), now);
        } else if let Observation::ToolEnd { id, .. } = observation {
            self.tools.remove(id);
        }
        if matches!(observation, Observation::Result { .. }) {
            self.tools.clear();
            self.over_at = Some(now);
        } else if !observation.is_retrying(true) {
            self.over_at = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_runs_until_its_end_or_that_of_the_turn_and_not_for_ever() {
        let start = |id: &str| Observation::ToolStart {
            id: id.into(),
            name: "bash".into(),
            detail: String::new(),
        };
        let end =
            |id: &str| Observation::ToolEnd { id: id.into(), ok: true, detail: String::new() };
        let mut pulse = Pulse::default();
        assert_eq!(pulse.tool_since(Time(5)), None);
        pulse.observe(&start("a"), Time(10));
        pulse.observe(&start("b"), Time(20));
        assert_eq!(pulse.tool_since(Time(30)), Some(Time(10)));
        pulse.observe(&end("a"), Time(30));
        assert_eq!(pulse.tool_since(Time(40)), Some(Time(20)));
        assert_eq!(pulse.tool_since(Time(20).plus_ms(limits::TOOL_CALL_MS)), None);
        let status = crate::agent::ResultStatus::Ok;
        pulse.observe(&Observation::Result { text: String::new(), status }, Time(50));
        assert_eq!(pulse.tool_since(Time(60)), None);
    }
}
