//! The output of one attempt, a window of it at a time: the end of a huge file is there as soon as that of a small one.
//!
//! The window grows at the end while the file does, and is moved by asking for a place ([`Pager::show`]).
//! It never holds more than a few megabytes of output, and never reads more than a piece at a time.
//! Entry point: [`Pager`].

mod find;
mod item;
mod lines;
mod reader;

pub use find::{Finder, Hits, Needle};
pub use item::{CallEnd, Item, Place, ToolCall};

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use crate::agent::OutputFormat;
use crate::base::path::PathError;
use reader::{Met, Reader};

/// Bytes that are read at a time.
const PIECE_BYTES: u64 = 256 << 10;
/// Pieces that are held; older or newer ones are read again when they are wanted.
const PIECES_MAX: usize = 24;

/// Which part of the output is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Anchor {
    /// Its end, as it grows.
    End,
    /// The surroundings of this byte.
    At(u64),
}

/// How the output is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reading {
    /// As what the agent did.
    Entries,
    /// As the lines that it printed.
    Lines,
}

/// What a window holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// What the agent did, in order.
    pub items: Vec<Arc<Item>>,
    /// Byte at which the window begins.
    pub start: u64,
    /// Byte at which it ends.
    pub end: u64,
    /// Bytes of the whole file, less a last line that has no end yet.
    pub size: u64,
    /// Whether the output tells times.
    pub has_times: bool,
    /// Whether every item is a line of plain text.
    pub is_plain: bool,
}

impl Page {
    /// Whether there is more before the window.
    pub fn has_older(&self) -> bool {
        self.start > 0
    }

    /// Whether there is more behind the window.
    pub fn has_newer(&self) -> bool {
        self.end < self.size
    }

    /// The first item that begins at this place or after it.
    pub fn index(&self, place: Place) -> usize {
        self.items.partition_point(|item| item.place < place)
    }
}

/// A piece of the file that was read.
#[derive(Debug)]
struct Piece {
    start: u64,
    end: u64,
    items: Vec<Arc<Item>>,
}

/// A window onto the output of one attempt.
#[derive(Debug)]
pub struct Pager {
    path: Utf8PathBuf,
    format: OutputFormat,
    reading: Reading,
    pieces: VecDeque<Piece>,
    /// Reads on behind the last piece.
    reader: Reader,
    size: u64,
    /// Where the calls of tools are, and ends of calls whose start is not in the window.
    calls: BTreeMap<String, Place>,
    orphans: BTreeMap<String, Place>,
}

impl Pager {
    /// A window onto the file at `path`, which may come later.
    pub fn open(path: Utf8PathBuf, format: OutputFormat, reading: Reading) -> Self {
        Self {
            path,
            format,
            reading,
            pieces: VecDeque::new(),
            reader: Reader::new(format, reading, 0),
            size: 0,
            calls: BTreeMap::new(),
            orphans: BTreeMap::new(),
        }
    }

    /// The file.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// Moves the window to this part of the output and catches up with the file; whether it changed.
    ///
    /// Reads at most a few pieces: what is missing yet is read by the next call.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn show(&mut self, anchor: Anchor) -> Result<bool, PathError> {
        let Some(file) = lines::open(&self.path)? else { return Ok(false) };
        let before = (self.size, self.start(), self.end(), self.reader.pending());
        let size = lines::size(&file, &self.path)?;
        if size < self.end() {
            // Somebody cut the file: what is known of it is nothing worth.
            self.clear(0);
        }
        self.size = size;
        match anchor {
            Anchor::End => self.show_end(&file)?,
            Anchor::At(place) => self.show_at(&file, place.min(size))?,
        }
        Ok(before != (self.size, self.start(), self.end(), self.reader.pending()))
    }

    /// What the window holds.
    pub fn page(&self) -> Page {
        let items = self.pieces.iter().flat_map(|piece| &piece.items).cloned();
        let is_end = self.unread() == 0;
        let begun = if is_end { self.reader.begun() } else { Vec::new() };
        let items: Vec<_> = items.chain(begun.into_iter().map(Arc::new)).collect();
        Page {
            has_times: items.iter().any(|item| item.at.is_some()),
            is_plain: self.format == OutputFormat::Text || self.reading == Reading::Lines,
            items,
            start: self.start(),
            end: self.end(),
            size: self.size.saturating_sub(if is_end { self.reader.pending() } else { 0 }),
        }
    }

    fn start(&self) -> u64 {
        self.pieces.front().map_or(self.reader.offset(), |piece| piece.start)
    }

    fn end(&self) -> u64 {
        self.reader.offset()
    }

    /// Bytes behind the window, less a line whose beginning is known.
    fn unread(&self) -> u64 {
        self.size.saturating_sub(self.end() + self.reader.pending())
    }

    fn clear(&mut self, start: u64) {
        self.pieces.clear();
        self.calls.clear();
        self.orphans.clear();
        self.reader = Reader::new(self.format, self.reading, start);
    }

    fn show_end(&mut self, file: &File) -> Result<(), PathError> {
        // What came meanwhile is read on; when that is much, the window is opened at the end anew.
        if self.pieces.is_empty() || self.unread() > 4 * PIECE_BYTES {
            let start = self.size.saturating_sub(PIECE_BYTES);
            self.jump(file, start)?;
        }
        while self.newer(file)? {}
        Ok(())
    }

    fn show_at(&mut self, file: &File, place: u64) -> Result<(), PathError> {
        let is_near = self.start().saturating_sub(PIECE_BYTES) <= place
            && place <= self.end().saturating_add(PIECE_BYTES)
            && !self.pieces.is_empty();
        if !is_near {
            self.jump(file, place.saturating_sub(PIECE_BYTES / 2))?;
        }
        while self.start() > 0 && place < self.start() + PIECE_BYTES / 2 {
            self.older(file)?;
        }
        while self.end() < place + PIECE_BYTES && self.newer(file)? {}
        Ok(())
    }

    fn jump(&mut self, file: &File, place: u64) -> Result<(), PathError> {
        let start = lines::start_of_line(file, place, &self.path)?;
        self.clear(start);
        self.reader.enter(file, &self.path)
    }

    /// Reads on behind the window; whether there was something.
    fn newer(&mut self, file: &File) -> Result<bool, PathError> {
        let start = self.reader.offset();
        let met = self.reader.read(file, &self.path, self.size, PIECE_BYTES)?;
        let end = self.reader.offset();
        if end == start {
            return Ok(false);
        }
        match self.pieces.back_mut() {
            Some(last) if last.end - last.start < PIECE_BYTES => last.end = end,
            _ => self.pieces.push_back(Piece { start, end, items: Vec::new() }),
        }
        for one in met {
            self.meet(one);
        }
        if self.pieces.len() > PIECES_MAX {
            self.pieces.pop_front();
            let start = self.start();
            self.calls.retain(|_, place| place.offset >= start);
            self.orphans.retain(|_, place| place.offset >= start);
        }
        Ok(true)
    }

    /// Reads the piece before the window.
    fn older(&mut self, file: &File) -> Result<(), PathError> {
        let end = self.start();
        let start = lines::start_of_line(file, end.saturating_sub(PIECE_BYTES), &self.path)?;
        let mut reader = Reader::new(self.format, self.reading, start);
        reader.enter(file, &self.path)?;
        let mut met = reader.read(file, &self.path, end, u64::MAX)?;
        met.extend(reader.finish());
        let mut piece = Piece { start, end, items: Vec::new() };
        let mut calls = BTreeMap::new();
        for one in met {
            join(std::slice::from_mut(&mut piece), &mut calls, one, &mut self.orphans);
        }
        for item in &mut piece.items {
            self.adopt(item);
        }
        // What the window knows is newer than what is before it.
        calls.append(&mut self.calls);
        self.calls = calls;
        self.pieces.push_front(piece);
        if self.pieces.len() > PIECES_MAX
            && let Some(last) = self.pieces.pop_back()
        {
            self.reader = Reader::new(self.format, self.reading, last.start);
            self.reader.enter(file, &self.path)?;
        }
        Ok(())
    }

    /// Takes in one thing that was read behind the window.
    fn meet(&mut self, met: Met) {
        join(self.pieces.make_contiguous(), &mut self.calls, met, &mut self.orphans);
    }

    /// Gives a call that has no end yet the one that stands in the window.
    fn adopt(&mut self, item: &mut Arc<Item>) {
        let Some(call) = item.call.as_ref().filter(|call| call.end.is_none()) else { return };
        let Some(place) = self.orphans.remove(&call.id) else { return };
        let Some((piece, index)) = find(self.pieces.make_contiguous(), place) else { return };
        let orphan = piece.items.remove(index);
        if let Some(end) = orphan.call.clone() {
            Arc::make_mut(item).join(end, orphan.at);
        }
    }
}

/// Puts what was read behind the other items of the pieces, or joins it with the call that it belongs to.
fn join(
    pieces: &mut [Piece],
    calls: &mut BTreeMap<String, Place>,
    met: Met,
    orphans: &mut BTreeMap<String, Place>,
) {
    match met {
        Met::Item(item) => {
            if let Some(call) = &item.call {
                let place = item.place;
                if call.end.is_none() {
                    calls.insert(call.id.clone(), place);
                } else if let Some(start) = calls.get(&call.id).copied()
                    && let Some((piece, index)) = find(pieces, start)
                {
                    Arc::make_mut(&mut piece.items[index]).join(call.clone(), item.at);
                    return;
                } else {
                    orphans.insert(call.id.clone(), place);
                }
            }
            if let Some(last) = pieces.last_mut() {
                last.items.push(Arc::new(*item));
            }
        }
        Met::More(more) => {
            if let Some(place) = calls.get(&more.id).copied()
                && let Some((piece, index)) = find(pieces, place)
            {
                Arc::make_mut(&mut piece.items[index]).join(more, None);
            }
        }
    }
}

/// The item at this place.
fn find(pieces: &mut [Piece], place: Place) -> Option<(&mut Piece, usize)> {
    let at = pieces.partition_point(|piece| piece.end <= place.offset);
    let piece = pieces.get_mut(at)?;
    let index = piece.items.binary_search_by_key(&place, |item| item.place).ok()?;
    Some((piece, index))
}

#[cfg(test)]
mod tests;
