//! What attempts print, read while they live: what they use, where a budget asks for it, and whether they get on.

use std::collections::BTreeSet;

use camino::Utf8Path;

use super::pulse::Pulse;
use super::supervisor::{Key, Supervisor};
use super::tally::{Counting, Tally, count};
use crate::agent::{Decoder, Observation, OutputFormat};
use crate::base::{Time, limits};
use crate::engine::Vitals;
use crate::event::{AttemptEnded, Usage};
use crate::ledger::attempt_vitals;
use crate::plan::graph::TaskIx;
use crate::store::{Appended, AttemptDir};

/// Reads on in the output of one attempt.
#[derive(Debug)]
pub(super) struct Meter {
    decoder: Decoder,
    read: Appended,
    counting: Counting,
    tally: Tally,
    session: Option<String>,
    pulse: Pulse,
}

impl Meter {
    fn new(format: OutputFormat, counting: Counting) -> Self {
        Self {
            decoder: counting.decoder(format),
            read: Appended::default(),
            counting,
            tally: Tally::default(),
            session: None,
            pulse: Pulse::default(),
        }
    }

    /// What it has used so far.
    fn usage(&self) -> Usage {
        self.tally.bill(&self.counting).usage
    }

    /// Takes in the whole lines that were printed since the last look, up to a limit; whether there
    /// is more.
    fn look(&mut self, path: &Utf8Path, now: Time) -> std::io::Result<bool> {
        let Self { decoder, read, tally, session, pulse, .. } = self;
        read.look(path, limits::USAGE_LOOK_BYTES, |line| {
            for observation in decoder.decode(line) {
                tally.observe(&observation);
                pulse.observe(&observation, now);
                if let Observation::Session { id } = observation {
                    *session = Some(id);
                }
            }
        })
    }
}

impl Supervisor {
    /// Looks at what the live attempts have printed since the last look.
    pub(super) fn look_at_output(&mut self, now: Time) {
        let state = self.ledger.state();
        let live: BTreeSet<Key> = state.live().map(|(task, live)| (task, live.number)).collect();
        let mut meters = std::mem::take(&mut self.meters);
        meters.retain(|key, _| live.contains(key));
        for key in live {
            let format = self.desk().format_of(key.0);
            if format == OutputFormat::Text {
                continue;
            }
            let meter =
                meters.entry(key).or_insert_with(|| Meter::new(format, self.counting(key.0)));
            // What cannot be read now is read at the next look, or when the attempt has ended.
            drop(meter.look(&self.attempt(key).stdout(), now));
        }
        self.meters = meters;
    }

    /// Whether tokens or money are limited.
    fn counts_usage(&self) -> bool {
        let budget = &self.ledger.state().budget;
        budget.tokens.is_some() || budget.cost_usd.is_some()
    }

    /// Puts into the vitals what was seen at the last look.
    pub(super) fn add_output(&self, vitals: &mut Vitals, now: Time) {
        let is_counted = self.counts_usage();
        for (&key, meter) in &self.meters {
            let state = self.ledger.state();
            if state.tasks[key.0].status.as_live().is_none_or(|live| live.number != key.1) {
                continue;
            }
            let usage = if is_counted { meter.usage() } else { Usage::default() };
            // Only who says that a turn is over can be held to it.
            let gets_on = !self.desk().format_of(key.0).says_its_end()
                || (meter.pulse.retrying.is_none() && meter.pulse.over_at.is_none());
            let tool_since = meter.pulse.tool_since(now);
            if usage.is_empty() && gets_on && tool_since.is_none() {
                continue;
            }
            let dir = self.attempt(key);
            let seen = vitals.attempts.entry(key.0).or_insert_with(|| attempt_vitals(&dir));
            seen.usage = usage;
            seen.tool_since = tool_since;
            if !gets_on {
                seen.retrying.clone_from(&meter.pulse.retrying);
                seen.over_at = meter.pulse.over_at;
            }
        }
    }

    /// What must be known of the live attempt of a task to count what it uses.
    pub(super) fn counting(&self, task: TaskIx) -> Counting {
        let entry = &self.ledger.state().tasks[task];
        let live = entry.status.as_live();
        let session = live.and_then(|live| live.session.as_ref());
        Counting {
            model: live.and_then(|live| live.model.clone()),
            session: entry.session_total.clone().filter(|total| Some(&total.session) == session),
            prices: self.config.prices.clone(),
        }
    }
}

/// What is left of an attempt without a record: what it had used, and when it was seen alive last.
///
/// The time until somebody noticed that it is gone is nobody's work.
pub(super) fn measure_lost(
    dir: &AttemptDir,
    format: OutputFormat,
    counting: Counting,
    started: Time,
    end: &mut AttemptEnded,
) {
    let seen = attempt_vitals(dir);
    let last = seen.beat_at.max(seen.output_at).unwrap_or(started);
    end.ended_at = last.clamp(started, end.ended_at.max(started));
    end.duration_ms = end.ended_at.since_ms(started);
    if format != OutputFormat::Text {
        let mut meter = Meter::new(format, counting);
        while matches!(meter.look(&dir.stdout(), end.ended_at), Ok(true)) {}
        let total = meter.decoder.session_total();
        count(end, meter.tally.bill(&meter.counting), total);
        end.session = meter.session;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::attempt::SessionTotal;

    const LINE: &str = "{\"type\":\"usage\",\"input_tokens\":10,\"output_tokens\":5}\n";

    #[test]
    fn usage_is_read_on_from_where_the_last_look_ended() {
        let keep = tempfile::tempdir().unwrap();
        let path = camino::Utf8PathBuf::from_path_buf(keep.path().join("out")).unwrap();
        let mut meter = Meter::new(OutputFormat::Crew, Counting::default());
        assert!(meter.look(&path, Time(0)).is_err(), "nothing there yet");
        std::fs::write(&path, format!("{LINE}{}", &LINE[..20])).unwrap();
        for _ in 0..2 {
            meter.look(&path, Time(0)).unwrap();
            assert_eq!(meter.usage().tokens(), 15, "half a line is none");
        }
        std::fs::write(&path, format!("{LINE}{LINE}")).unwrap();
        meter.look(&path, Time(0)).unwrap();
        assert_eq!(meter.usage().tokens(), 30);
    }

    #[test]
    fn a_session_that_goes_on_is_counted_from_what_it_had_used() {
        let keep = tempfile::tempdir().unwrap();
        let path = camino::Utf8PathBuf::from_path_buf(keep.path().join("out")).unwrap();
        let used = Usage { input_tokens: 100, output_tokens: 7, ..Usage::default() };
        let total = SessionTotal { session: "s-1".to_owned(), usage: used };
        let counting = Counting { session: Some(total), ..Counting::default() };
        let mut meter = Meter::new(OutputFormat::Codex, counting);
        let sum = |input: u32| {
            format!(
                "{{\"type\":\"turn.completed\",\"usage\":{{\"input_tokens\":{input},\"output_tokens\":7}}}}\n"
            )
        };
        let named = "{\"type\":\"thread.started\",\"thread_id\":\"s-1\"}\n";
        std::fs::write(&path, format!("{named}{}{}", sum(130), sum(175))).unwrap();
        meter.look(&path, Time(0)).unwrap();
        assert_eq!(meter.usage().tokens(), 75);
        assert_eq!(meter.session.as_deref(), Some("s-1"));
    }
}
