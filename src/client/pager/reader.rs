//! Reads output from one line on, and turns its lines into items.

use std::collections::BTreeSet;
use std::fs::File;

use camino::Utf8Path;

use super::lines;
use super::{CallEnd, Item, Place, Reading, ToolCall};
use crate::agent::{Aside, CallAside, Decoder, Edit, Observation, OutputFormat};
use crate::base::path::PathError;
use crate::base::{limits, redact};
use crate::client::transcript::{Cleaner, Entry, Kind, Said};

/// Bytes before a window in which a private key may begin whose rest stands in it.
const KEY_BYTES: u64 = 16 << 10;

/// What a line says.
#[derive(Debug)]
pub(super) enum Met {
    /// Something new; the end of a call, when it has one.
    Item(Box<Item>),
    /// More about a call.
    More(ToolCall),
}

/// Reads output from one line on.
#[derive(Debug)]
pub(super) struct Reader {
    format: OutputFormat,
    reading: Reading,
    decoder: Decoder,
    cleaner: Cleaner,
    said: Said,
    offset: u64,
    /// The beginning of a line that has no end yet; of a long one as much as is ever looked at.
    begun: Vec<u8>,
    /// Bytes of that line, also those that are not kept.
    begun_bytes: u64,
    /// What a decoder tells first wherever it begins: it was told at the start of the output.
    repeated: Vec<Kind>,
}

impl Reader {
    pub(super) fn new(format: OutputFormat, reading: Reading, offset: u64) -> Self {
        let repeated = if offset > 0 { vec![Kind::Session, Kind::Model] } else { Vec::new() };
        Self {
            format,
            reading,
            decoder: Decoder::new(format),
            cleaner: Cleaner::default(),
            said: Said::default(),
            offset,
            begun: Vec::new(),
            begun_bytes: 0,
            repeated,
        }
    }

    /// Where the next whole line begins.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes of a last line that has no end yet.
    pub(super) fn pending(&self) -> u64 {
        self.begun_bytes
    }

    /// Looks at what stands before: a private key may have begun there.
    pub(super) fn enter(&mut self, file: &File, path: &Utf8Path) -> Result<(), PathError> {
        let before = lines::bytes(file, self.offset.saturating_sub(KEY_BYTES), self.offset, path)?;
        self.cleaner.clean(&String::from_utf8_lossy(&before));
        Ok(())
    }

    /// Reads whole lines up to the byte `end`, at least one and then no more than `most` bytes of them.
    pub(super) fn read(
        &mut self,
        file: &File,
        path: &Utf8Path,
        end: u64,
        most: u64,
    ) -> Result<Vec<Met>, PathError> {
        let mut met = Vec::new();
        let first = self.offset;
        loop {
            let from = self.offset + self.begun_bytes;
            let until = end.min(from.saturating_add(super::PIECE_BYTES));
            let block = lines::bytes(file, from, until, path)?;
            if block.is_empty() {
                return Ok(met);
            }
            for line in block.split_inclusive(|byte| *byte == b'\n') {
                let room = limits::OUTPUT_LINE_BYTES_MAX.saturating_sub(self.begun.len());
                self.begun.extend_from_slice(&line[..line.len().min(room)]);
                self.begun_bytes += line.len() as u64;
                if line.last() != Some(&b'\n') {
                    break;
                }
                let whole = std::mem::take(&mut self.begun);
                self.line(whole.strip_suffix(b"\n").unwrap_or(&whole), &mut met);
                self.offset += std::mem::take(&mut self.begun_bytes);
                if self.offset - first >= most {
                    return Ok(met);
                }
            }
        }
    }

    /// What was still incomplete; nothing is read on after that.
    pub(super) fn finish(&mut self) -> Vec<Met> {
        let mut met = Vec::new();
        let rest = self.decoder.finish();
        let place = self.offset.saturating_sub(1);
        self.take(rest, Aside::default(), place, &mut met);
        met
    }

    /// What is there of something that is not complete yet, as far as it can be shown.
    pub(super) fn begun(&self) -> Vec<Item> {
        let mut decoder = self.decoder.clone();
        let mut cleaner = self.cleaner;
        let mut seen = Vec::new();
        let is_text = self.format == OutputFormat::Text || self.reading == Reading::Lines;
        if is_text && !self.begun.is_empty() {
            let line = String::from_utf8_lossy(&self.begun);
            let line = redact::middle_cut(&line, limits::RAW_LINE_BYTES_MAX).into_owned();
            seen.push(match self.reading {
                Reading::Entries => Observation::Text { text: line },
                Reading::Lines => Observation::Raw { line },
            });
        } else if !is_text {
            seen = decoder.finish();
        }
        let entries = seen.into_iter().filter_map(|one| Entry::of(one, &mut cleaner));
        let place = |part: usize| Place { offset: self.offset, part: number(part) };
        entries
            .enumerate()
            .map(|(part, entry)| Item { place: place(part), at: None, entry, call: None })
            .collect()
    }

    fn line(&mut self, line: &[u8], met: &mut Vec<Met>) {
        match self.reading {
            Reading::Lines => {
                let line = String::from_utf8_lossy(line);
                let line = line.trim_end_matches('\r');
                let line = redact::middle_cut(line, limits::RAW_LINE_BYTES_MAX).into_owned();
                self.take(vec![Observation::Raw { line }], Aside::default(), self.offset, met);
            }
            Reading::Entries => {
                let (seen, aside) = self.decoder.decode_with_aside(line);
                self.take(seen, aside, self.offset, met);
            }
        }
    }

    fn take(&mut self, seen: Vec<Observation>, aside: Aside, offset: u64, met: &mut Vec<Met>) {
        let mut used = BTreeSet::new();
        let mut calls: Vec<ToolCall> = aside.calls.into_iter().map(call).collect();
        for (part, observation) in seen.into_iter().enumerate() {
            let told = |id: &String| {
                let known = calls.iter().find(|call| call.id == *id).cloned();
                known.unwrap_or_else(|| ToolCall { id: id.clone(), ..ToolCall::default() })
            };
            let call = if let Observation::ToolStart { id, .. } = &observation {
                Some(told(id))
            } else if let Observation::ToolEnd { id, ok, detail } = &observation {
                let text = Cleaner::default().clean(detail);
                let end = CallEnd { ok: *ok, text, offset };
                Some(ToolCall { end: Some(end), ..told(id) })
            } else {
                None
            };
            if let Some(call) = &call {
                used.insert(call.id.clone());
            }
            let Some(entry) = Entry::of(observation, &mut self.cleaner) else { continue };
            if let Some(at) = self.repeated.iter().position(|kind| *kind == entry.kind) {
                self.repeated.swap_remove(at);
                continue;
            }
            if self.said.is_new(&entry) {
                let place = Place { offset, part: number(part) };
                met.push(Met::Item(Box::new(Item { place, at: aside.at, entry, call })));
            }
        }
        calls.retain(|call| !used.contains(&call.id));
        met.extend(calls.into_iter().map(Met::More));
    }

    /// What one line says by itself.
    pub(super) fn one_line(format: OutputFormat, reading: Reading, line: &[u8]) -> Vec<Met> {
        let mut reader = Self::new(format, reading, 0);
        let mut met = Vec::new();
        reader.line(line.strip_suffix(b"\n").unwrap_or(line), &mut met);
        met.extend(reader.finish());
        met
    }
}

/// More about a call, fit to be shown.
fn call(aside: CallAside) -> ToolCall {
    // Each text is whole in itself: a key that begins in one does not go on in the next.
    let clean = |said: String| Cleaner::default().clean(&said);
    let edit = aside.edit.map(|edit| Edit { patch: clean(edit.patch), ..edit });
    ToolCall {
        id: aside.id,
        input: aside.input.map(clean),
        output: aside.output.map(clean),
        edit,
        took_ms: aside.took_ms,
        end: None,
    }
}

fn number(part: usize) -> u32 {
    u32::try_from(part).unwrap_or(u32::MAX)
}
