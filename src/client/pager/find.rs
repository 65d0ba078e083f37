//! Searching through the whole output, newest first, a piece at a time.

use std::fs::File;
use std::sync::Arc;

use camino::Utf8PathBuf;

use super::lines;
use super::reader::{Met, Reader};
use super::{Item, Reading};
use crate::agent::OutputFormat;
use crate::base::path::PathError;

/// Bytes that one step reads.
const STEP_BYTES: u64 = 4 << 20;
/// Places that are kept; a search that finds more is not finished, and says so.
pub(super) const HITS_MAX: usize = 2_000;

/// What a search has found so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hits {
    /// Bytes at which lines begin that have the text, in order.
    pub offsets: Arc<[u64]>,
    /// Bytes of the output that were searched, and all of them.
    pub searched: (u64, u64),
    /// There are more than are kept, further up.
    pub is_cut: bool,
}

impl Hits {
    /// Whether nothing is left to be searched.
    pub fn is_complete(&self) -> bool {
        self.is_cut || self.searched.0 >= self.searched.1
    }
}

/// A search through the output of one attempt.
#[derive(Debug)]
pub struct Finder {
    path: Utf8PathBuf,
    format: OutputFormat,
    reading: Reading,
    needle: Needle,
    /// In reverse order: the newest first.
    older: Vec<u64>,
    newer: Vec<u64>,
    /// What was searched already.
    from: u64,
    to: u64,
    size: u64,
    is_open: bool,
}

impl Finder {
    /// A search for a text; capital letters count when there are some in it.
    pub fn new(path: Utf8PathBuf, format: OutputFormat, reading: Reading, text: &str) -> Self {
        Self {
            path,
            format,
            reading,
            needle: Needle::new(text),
            older: Vec::new(),
            newer: Vec::new(),
            from: 0,
            to: 0,
            size: 0,
            is_open: false,
        }
    }

    /// Searches a piece more, first what was added; whether something new is known.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn step(&mut self) -> Result<bool, PathError> {
        let Some(file) = lines::open(&self.path)? else { return Ok(false) };
        self.size = lines::size(&file, &self.path)?;
        if !self.is_open || self.size < self.to {
            let end = lines::start_of_line(&file, self.size, &self.path)?;
            (self.from, self.to, self.is_open) = (end, end, true);
            self.older.clear();
            self.newer.clear();
        }
        if self.to < self.size {
            let (found, end) = self.search(&file, self.to, self.size, STEP_BYTES)?;
            if end > self.to {
                self.newer.extend(found);
                self.to = end;
                return Ok(true);
            }
        }
        if self.from == 0 || self.is_cut() {
            return Ok(false);
        }
        let start = self.from.saturating_sub(STEP_BYTES);
        let start = lines::start_of_line(&file, start, &self.path)?;
        let (found, _) = self.search(&file, start, self.from, u64::MAX)?;
        self.older.extend(found.into_iter().rev());
        self.from = start;
        Ok(true)
    }

    /// What was found so far.
    pub fn hits(&self) -> Hits {
        let older = self.older.iter().take(HITS_MAX).rev();
        let offsets = older.chain(&self.newer).copied().collect();
        // A last line that has no end yet is not searched.
        let all = if self.to < self.size { self.to } else { self.size };
        Hits { offsets, searched: (self.to - self.from, all), is_cut: self.is_cut() }
    }

    fn is_cut(&self) -> bool {
        self.older.len() >= HITS_MAX
    }

    /// Lines between two places that have the text, and where the search ended.
    fn search(
        &self,
        file: &File,
        start: u64,
        end: u64,
        most: u64,
    ) -> Result<(Vec<u64>, u64), PathError> {
        let block = lines::bytes(file, start, end.min(start.saturating_add(most)), &self.path)?;
        let mut found = Vec::new();
        let mut offset = start;
        for line in block.split_inclusive(|byte| *byte == b'\n') {
            let is_whole = line.ends_with(b"\n");
            // A line that is longer than a step cannot be read as a whole; what is there of it counts.
            if !is_whole && offset > start {
                break;
            }
            if self.needle.may_be_in(line) && self.is_in(line) {
                found.push(offset);
            }
            if !is_whole && (line.len() as u64) < most {
                break;
            }
            offset += line.len() as u64;
        }
        Ok((found, offset))
    }

    fn is_in(&self, line: &[u8]) -> bool {
        let items = Reader::one_line(self.format, self.reading, line);
        let has = |item: &Item| item.texts().any(|text| self.needle.is_in(text));
        items.iter().any(|met| match met {
            Met::Item(item) => has(item),
            Met::More(call) => call.texts().any(|text| self.needle.is_in(text)),
        })
    }
}

/// A text that is searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needle {
    text: String,
    is_exact: bool,
    /// The longest part of it that looks the same in JSON.
    bare: Vec<u8>,
}

impl Needle {
    /// Capital letters count when there are some in the text.
    pub fn new(text: &str) -> Self {
        let is_exact = text.chars().any(char::is_uppercase);
        let parts = text.split(|c: char| !(c.is_ascii_alphanumeric() || " _-.:,()".contains(c)));
        let bare = parts.max_by_key(|part| part.len()).unwrap_or_default();
        Self { text: text.to_owned(), is_exact, bare: bare.to_ascii_lowercase().into_bytes() }
    }

    /// Whether the text has it.
    pub fn is_in(&self, text: &str) -> bool {
        self.find(text, 0).is_some()
    }

    /// Where the text has it next, from byte `from` on.
    pub fn find(&self, text: &str, from: usize) -> Option<std::ops::Range<usize>> {
        if self.text.is_empty() {
            return None;
        }
        let rest = text.get(from..)?;
        if self.is_exact {
            let at = rest.find(&self.text)?;
            return Some(from + at..from + at + self.text.len());
        }
        if self.text.is_ascii() {
            let (hay, wanted) = (rest.as_bytes(), self.text.as_bytes());
            let at = position(hay, &wanted.to_ascii_lowercase())?;
            return Some(from + at..from + at + wanted.len());
        }
        // Lower case may have another length: every place is tried by itself.
        rest.char_indices().find_map(|(at, _)| {
            let mut wanted = self.text.chars().flat_map(char::to_lowercase);
            let mut end = at;
            for c in rest[at..].chars() {
                for low in c.to_lowercase() {
                    match wanted.next() {
                        None => return Some(from + at..from + end),
                        Some(next) if next == low => {}
                        Some(_) => return None,
                    }
                }
                end += c.len_utf8();
            }
            wanted.next().is_none().then_some(from + at..from + end)
        })
    }

    /// Whether a line may say it; most lines are put aside without being understood.
    fn may_be_in(&self, line: &[u8]) -> bool {
        self.bare.is_empty() || position(line, &self.bare).is_some()
    }
}

/// Where ASCII text stands, in capital letters or not; `wanted` is in small ones.
fn position(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let capital = first.to_ascii_uppercase();
    let mut from = 0;
    while let Some(at) = text[from..].iter().position(|byte| *byte == first || *byte == capital) {
        let start = from + at;
        let here = text.get(start..start + wanted.len())?;
        if here.eq_ignore_ascii_case(wanted) {
            return Some(start);
        }
        from = start + 1;
    }
    None
}
