//! What attempts use, read from their output: while they live where a budget asks for it, and what it costs.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use camino::Utf8Path;

use super::supervisor::{Key, Supervisor};
use super::tally::{Counting, Tally, count};
use crate::agent::{Decoder, Observation, OutputFormat};
use crate::base::{Time, limits};
use crate::engine::Vitals;
use crate::event::{AttemptEnded, Usage};
use crate::ledger::attempt_vitals;
use crate::plan::graph::TaskIx;
use crate::store::AttemptDir;

/// Reads on in the output of one attempt.
#[derive(Debug)]
pub(super) struct Meter {
    decoder: Decoder,
    offset: u64,
    counting: Counting,
    tally: Tally,
    session: Option<String>,
}

impl Meter {
    fn new(format: OutputFormat, counting: Counting) -> Self {
        let decoder = counting.decoder(format);
        Self { decoder, offset: 0, counting, tally: Tally::default(), session: None }
    }

    /// What it has used so far.
    fn usage(&self) -> Usage {
        self.tally.bill(&self.counting).usage
    }

    /// Takes in the whole lines that were printed since the last look, up to a limit; whether there
    /// is more.
    fn look(&mut self, path: &Utf8Path) -> std::io::Result<bool> {
        let mut file = File::open(path)?;
        if file.metadata()?.len() <= self.offset {
            return Ok(false);
        }
        file.seek(SeekFrom::Start(self.offset))?;
        let mut bytes = Vec::new();
        let read = file.take(limits::USAGE_LOOK_BYTES).read_to_end(&mut bytes)? as u64;
        let is_full = read == limits::USAGE_LOOK_BYTES;
        let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else {
            // A line that long reports no usage; what follows it may.
            self.offset += if is_full { read } else { 0 };
            return Ok(is_full);
        };
        for line in bytes[..end].split(|byte| *byte == b'\n') {
            for observation in self.decoder.decode(line) {
                self.tally.observe(&observation);
                if let Observation::Session { id } = observation {
                    self.session = Some(id);
                }
            }
        }
        self.offset += end as u64 + 1;
        Ok(is_full)
    }
}

impl Supervisor {
    /// Looks at what the live attempts have used so far, where tokens or money are limited.
    pub(super) fn look_at_usage(&mut self) {
        let state = self.ledger.state();
        let is_counted = state.budget.tokens.is_some() || state.budget.cost_usd.is_some();
        let live: BTreeSet<Key> = if is_counted {
            state.live().map(|(task, live)| (task, live.number)).collect()
        } else {
            BTreeSet::new()
        };
        let mut meters = std::mem::take(&mut self.meters);
        meters.retain(|key, _| live.contains(key));
        for key in live {
            let format = self.desk().format_of(key.0);
            if format == OutputFormat::Text {
                continue;
            }
            let meter =
                meters.entry(key).or_insert_with(|| Meter::new(format, self.counting(key.0)));
            // What cannot be read now is counted when the attempt has ended.
            drop(meter.look(&self.attempt(key).stdout()));
        }
        self.meters = meters;
    }

    /// Puts into the vitals what was seen at the last look.
    pub(super) fn add_usage(&self, vitals: &mut Vitals) {
        for ((task, _), meter) in &self.meters {
            let usage = meter.usage();
            if usage.is_empty() {
                continue;
            }
            let state = self.ledger.state();
            let Some((_, live)) = state.live().find(|(ix, _)| ix == task) else { continue };
            let dir = self.ledger.dir().attempt(&state.task_id(*task), live.number);
            let seen = vitals.attempts.entry(*task).or_insert_with(|| attempt_vitals(&dir));
            seen.usage = usage;
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
        while matches!(meter.look(&dir.stdout()), Ok(true)) {}
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
        assert!(meter.look(&path).is_err(), "nothing there yet");
        std::fs::write(&path, format!("{LINE}{}", &LINE[..20])).unwrap();
        for _ in 0..2 {
            meter.look(&path).unwrap();
            assert_eq!(meter.usage().tokens(), 15, "half a line is none");
        }
        std::fs::write(&path, format!("{LINE}{LINE}")).unwrap();
        meter.look(&path).unwrap();
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
        meter.look(&path).unwrap();
        assert_eq!(meter.usage().tokens(), 75);
        assert_eq!(meter.session.as_deref(), Some("s-1"));
    }
}
