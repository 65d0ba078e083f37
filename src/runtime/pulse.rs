//! Whether live programs get on, by what they print: one that only tries the same call again, or that has
//! said its result and does not exit, is alive and gets nowhere.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use camino::Utf8Path;

use super::supervisor::{Key, Supervisor};
use crate::agent::{Decoder, Observation, OutputFormat};
use crate::base::{Time, limits, redact, text};
use crate::engine::Vitals;
use crate::ledger::attempt_vitals;

/// Reads on in the output of one attempt.
#[derive(Debug)]
pub(super) struct Pulse {
    decoder: Decoder,
    offset: u64,
    retrying: Option<(Time, String)>,
    over_at: Option<Time>,
}

impl Pulse {
    fn new(format: OutputFormat) -> Self {
        Self { decoder: Decoder::new(format), offset: 0, retrying: None, over_at: None }
    }

    /// Takes in the whole lines that were printed since the last look, up to a limit.
    fn look(&mut self, path: &Utf8Path, now: Time) -> std::io::Result<()> {
        let mut file = File::open(path)?;
        if file.metadata()?.len() <= self.offset {
            return Ok(());
        }
        file.seek(SeekFrom::Start(self.offset))?;
        let mut bytes = Vec::new();
        let read = file.take(limits::USAGE_LOOK_BYTES).read_to_end(&mut bytes)? as u64;
        let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else {
            // A line that long is no result.
            self.offset += if read == limits::USAGE_LOOK_BYTES { read } else { 0 };
            return Ok(());
        };
        for line in bytes[..end].split(|byte| *byte == b'\n') {
            for observation in self.decoder.decode(line) {
                self.observe(&observation, now);
            }
        }
        self.offset += end as u64 + 1;
        Ok(())
    }

    fn observe(&mut self, observation: &Observation, now: Time) {
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

impl Supervisor {
    /// Looks at what the live attempts have printed since the last look.
    pub(super) fn look_at_pulses(&mut self, now: Time) {
        let live: BTreeSet<Key> = {
            let state = self.ledger.state();
            state.live().map(|(task, live)| (task, live.number)).collect()
        };
        let mut pulses = std::mem::take(&mut self.pulses);
        pulses.retain(|key, _| live.contains(key));
        for key in live {
            let format = self.desk().format_of(key.0);
            if !format.says_its_end() {
                continue;
            }
            let pulse = pulses.entry(key).or_insert_with(|| Pulse::new(format));
            // What cannot be read now is read at the next look, or when the attempt has ended.
            drop(pulse.look(&self.attempt(key).stdout(), now));
        }
        self.pulses = pulses;
    }

    /// Puts into the vitals what was seen at the last look.
    pub(super) fn add_pulses(&self, vitals: &mut Vitals) {
        for (&(task, number), pulse) in &self.pulses {
            if pulse.retrying.is_none() && pulse.over_at.is_none() {
                continue;
            }
            let state = self.ledger.state();
            let dir = self.ledger.dir().attempt(&state.task_id(task), number);
            let seen = vitals.attempts.entry(task).or_insert_with(|| attempt_vitals(&dir));
            seen.retrying.clone_from(&pulse.retrying);
            seen.over_at = pulse.over_at;
        }
    }
}
