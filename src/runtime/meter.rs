//! What attempts use, read from their output: while they live where a budget asks for it, and what it costs.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use camino::Utf8Path;

use super::supervisor::{Key, Supervisor};
use crate::agent::{Decoder, Observation, OutputFormat};
use crate::base::{Time, limits};
use crate::config::Price;
use crate::engine::{Input, Vitals};
use crate::event::{AttemptEnded, Usage};
use crate::ledger::attempt_vitals;
use crate::store::AttemptDir;

/// Reads on in the output of one attempt.
#[derive(Debug)]
pub(super) struct Meter {
    decoder: Decoder,
    offset: u64,
    usage: Usage,
}

impl Meter {
    fn new(format: OutputFormat) -> Self {
        Self { decoder: Decoder::new(format), offset: 0, usage: Usage::default() }
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
                if let Observation::Usage(more) = observation {
                    self.usage.add(&Usage {
                        input_tokens: more.input_tokens,
                        output_tokens: more.output_tokens,
                        cache_tokens: more.cache_tokens,
                        cost_usd: more.cost_usd,
                        ..Usage::default()
                    });
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
            let meter = meters.entry(key).or_insert_with(|| Meter::new(format));
            // What cannot be read now is counted when the attempt has ended.
            drop(meter.look(&self.attempt(key).stdout()));
        }
        self.meters = meters;
    }

    /// Puts into the vitals what was seen at the last look.
    pub(super) fn add_usage(&self, vitals: &mut Vitals) {
        for ((task, _), meter) in &self.meters {
            let usage = self.priced(*task, meter.usage);
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

    /// Adds the cost to ends of attempts whose programs did not tell it.
    pub(super) fn price(&self, inputs: &mut [Input]) {
        for input in inputs {
            if let Input::AttemptEnded(end) = input
                && let Some(task) = self.ledger.state().task_ix(&end.task)
            {
                end.usage = self.priced(task, end.usage);
            }
        }
    }

    /// The usage with what it costs by the configured price of the model that the task's attempt asked for.
    fn priced(&self, task: usize, usage: Usage) -> Usage {
        let live = self.ledger.state().tasks[task].status.as_live();
        let price = live
            .and_then(|live| live.model.as_ref())
            .and_then(|model| self.config.prices.get(model));
        price.map_or(usage, |price| with_cost(usage, *price))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of tokens is far below what a float holds")]
fn with_cost(mut usage: Usage, price: Price) -> Usage {
    if usage.cost_usd.is_some() || usage.is_empty() {
        return usage;
    }
    let of = |tokens: u64, price: f64| tokens as f64 * price / 1e6;
    let cost = of(usage.input_tokens, price.input)
        + of(usage.output_tokens, price.output)
        + of(usage.cache_tokens, price.cache);
    (usage.cost_usd, usage.computed_usd) = (Some(cost), cost);
    usage
}

/// What is left of an attempt without a record: what it had used, and when it was seen alive last.
///
/// The time until somebody noticed that it is gone is nobody's work.
pub(super) fn measure_lost(
    dir: &AttemptDir,
    format: OutputFormat,
    started: Time,
    end: &mut AttemptEnded,
) {
    let seen = attempt_vitals(dir);
    let last = seen.beat_at.max(seen.output_at).unwrap_or(started);
    end.ended_at = last.clamp(started, end.ended_at.max(started));
    end.duration_ms = end.ended_at.since_ms(started);
    if format != OutputFormat::Text {
        let mut meter = Meter::new(format);
        while matches!(meter.look(&dir.stdout()), Ok(true)) {}
        end.usage = meter.usage;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "{\"type\":\"usage\",\"input_tokens\":10,\"output_tokens\":5}\n";

    #[test]
    fn usage_is_read_on_from_where_the_last_look_ended() {
        let keep = tempfile::tempdir().unwrap();
        let path = camino::Utf8PathBuf::from_path_buf(keep.path().join("out")).unwrap();
        let mut meter = Meter::new(OutputFormat::Crew);
        assert!(meter.look(&path).is_err(), "nothing there yet");
        std::fs::write(&path, format!("{LINE}{}", &LINE[..20])).unwrap();
        for _ in 0..2 {
            meter.look(&path).unwrap();
            assert_eq!(meter.usage.tokens(), 15, "half a line is none");
        }
        std::fs::write(&path, format!("{LINE}{LINE}")).unwrap();
        meter.look(&path).unwrap();
        assert_eq!(meter.usage.tokens(), 30);
    }

    #[test]
    fn a_cost_that_the_program_tells_is_not_computed() {
        let price = Price { input: 2.0, output: 10.0, cache: 0.5 };
        let usage = Usage { input_tokens: 1_000_000, output_tokens: 100_000, ..Usage::default() };
        let priced = with_cost(usage, price);
        assert_eq!((priced.cost_usd, priced.computed_usd), (Some(3.0), 3.0));
        let told = Usage { cost_usd: Some(0.5), ..usage };
        assert_eq!(with_cost(told, price), told);
        assert_eq!(with_cost(Usage::default(), price), Usage::default());
    }
}
