//! Which lines are seen: entries are laid out from the first one in view, up or down, as far as is needed.

use std::collections::BTreeMap;
use std::sync::Arc;

use ratatui::text::Line;

use super::entry::{self, Form};
use super::{Shown, State, Top};
use crate::client::pager::{Item, Needle, Place};

/// Entries whose lines are kept.
const KEPT: usize = 600;
/// Entries that may stand between a call and what came back.
const CALLS_BACK: usize = 200;

type Lines = Arc<[Line<'static>]>;

/// Lines of entries that were laid out, as long as they look the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Cache(BTreeMap<Place, (Arc<Item>, Form, Lines)>);

/// The entries on a screen of a certain size.
pub(super) struct Layout<'a> {
    state: &'a State,
    shown: &'a Shown<'a>,
    form: Form,
    height: usize,
}

/// A line of an entry: the entry's position, and the line within it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct At {
    index: usize,
    line: usize,
}

impl<'a> Layout<'a> {
    pub(super) fn new(state: &'a State, shown: &'a Shown<'a>, width: usize, height: usize) -> Self {
        let page = shown.page;
        let form = Form {
            width: width.max(1),
            look: shown.look,
            has_times: page.has_times,
            is_plain: page.is_plain,
            is_open: state.is_open,
            is_apart: false,
        };
        Self { state, shown, form, height }
    }

    /// The lines on the screen, each with the entry that it belongs to.
    pub(super) fn rows(&self) -> Vec<(Place, Line<'static>)> {
        let Some(first) = self.first() else { return Vec::new() };
        let mut lines = Vec::with_capacity(self.height);
        let mut skip = first.line;
        for index in first.index..self.items().len() {
            if lines.len() >= self.height {
                break;
            }
            let laid = self.lines(index);
            let place = self.items()[index].place;
            lines.extend(laid.iter().skip(skip).map(|line| (place, line.clone())));
            skip = 0;
        }
        lines.truncate(self.height);
        lines
    }

    /// The first line on the screen.
    pub(super) fn here(&self) -> Option<Top> {
        self.first().map(|at| self.top(at))
    }

    /// The entry below or above the one with the cursor, and the first line of the screen that shows it:
    /// none at the end, which is followed.
    pub(super) fn beside(
        &self,
        cursor: Option<Place>,
        is_down: bool,
    ) -> Option<(Place, Option<Top>)> {
        let first = self.first()?;
        let rows = self.rows();
        let here = cursor.filter(|cursor| rows.iter().any(|(place, _)| place == cursor));
        let last = self.items().len() - 1;
        let index = match here {
            Some(place) if is_down => (self.shown.page.index(place) + 1).min(last),
            Some(place) => self.shown.page.index(place).saturating_sub(1),
            None if self.state.follows() => last,
            None => first.index,
        };
        let place = self.items()[index].place;
        Some((place, self.reveal(place)))
    }

    /// The first line of the screen that shows as much of an entry as it can, near the one that is now:
    /// none at the end, which is followed.
    pub(super) fn reveal(&self, place: Place) -> Option<Top> {
        let first = self.first()?;
        let index = self.shown.page.index(place);
        let end = At { index, line: self.lines(index).len().saturating_sub(1) };
        let lowest = self.up(end, self.height.saturating_sub(1));
        let top = At { index, line: 0 }.min(first.max(lowest));
        let is_end = self.end().is_some_and(|end| top >= end) && !self.shown.page.has_newer();
        (!is_end).then(|| self.top(top))
    }

    /// The first line of the screen that shows the end.
    pub(super) fn end_top(&self) -> Option<Top> {
        self.end().map(|at| self.top(at))
    }

    /// The first line of the screen after a movement; none at the end, which is followed.
    pub(super) fn moved(&self, top: Option<Top>, lines: isize) -> Option<Top> {
        let end = self.end()?;
        let from = match top {
            Some(top) => self.find(top),
            None => end,
        };
        let to = if lines < 0 {
            self.up(from, lines.unsigned_abs())
        } else {
            self.down(from, lines.unsigned_abs())
        };
        let is_end = (to.index, to.line) >= (end.index, end.line);
        (!is_end || self.shown.page.has_newer()).then(|| self.top(to))
    }

    fn items(&self) -> &'a [Arc<Item>] {
        &self.shown.page.items
    }

    fn first(&self) -> Option<At> {
        let end = self.end()?;
        let at = self.state.top.map_or(end, |top| self.find(top));
        // Nothing is left empty below the end while there is something above.
        let is_beyond = (at.index, at.line) > (end.index, end.line);
        Some(if is_beyond && !self.shown.page.has_newer() { end } else { at })
    }

    fn top(&self, at: At) -> Top {
        let place = self.items().get(at.index).map(|item| item.place).unwrap_or_default();
        Top { line: at.line, ..Top::of(place) }
    }

    fn find(&self, top: Top) -> At {
        let index = self.shown.page.index(top.place);
        if top.is_hit {
            return self.find_hit(top, index);
        }
        match self.items().get(index) {
            Some(item) if item.place == top.place => {
                At { index, line: top.line.min(self.lines(index).len().saturating_sub(1)) }
            }
            Some(_) => At { index, line: 0 },
            None => self.last(),
        }
    }

    /// Where the screen begins so that the line is seen in which a search found something.
    fn find_hit(&self, top: Top, index: usize) -> At {
        // What a tool gave back stands at its call, which began before.
        let near = index.saturating_sub(CALLS_BACK)..(index + 1).min(self.items().len());
        let told = |index: &usize| self.items()[*index].is_told_at(top.place.offset);
        let index = near.rev().find(told).unwrap_or(index);
        let needle = self.state.search.as_ref().map(|search| Needle::new(&search.text));
        let lines = self.lines(index);
        let found =
            needle.and_then(|needle| lines.iter().position(|line| needle.is_in(&line.to_string())));
        self.up(At { index, line: found.unwrap_or(0) }, self.height / 3)
    }

    fn last(&self) -> At {
        let index = self.items().len().saturating_sub(1);
        At { index, line: self.lines(index).len().saturating_sub(1) }
    }

    /// The first line of the last screen.
    fn end(&self) -> Option<At> {
        (!self.items().is_empty()).then(|| self.up(self.last(), self.height.saturating_sub(1)))
    }

    fn up(&self, mut at: At, mut lines: usize) -> At {
        while lines > at.line {
            let Some(before) = at.index.checked_sub(1) else { return At { index: 0, line: 0 } };
            lines -= at.line + 1;
            at = At { index: before, line: self.lines(before).len().saturating_sub(1) };
        }
        At { line: at.line - lines, ..at }
    }

    fn down(&self, mut at: At, mut lines: usize) -> At {
        loop {
            let left = self.lines(at.index).len().saturating_sub(at.line + 1);
            if lines <= left {
                return At { line: at.line + lines, ..at };
            }
            if at.index + 1 >= self.items().len() {
                return At { line: at.line + left, ..at };
            }
            lines -= left + 1;
            at = At { index: at.index + 1, line: 0 };
        }
    }

    /// The lines of an entry, with the empty line before it.
    fn lines(&self, index: usize) -> Lines {
        let Some(item) = self.items().get(index) else { return Arc::new([]) };
        let is_hit = self.state.search.as_ref().and_then(|search| search.hit);
        let is_hit = is_hit.is_some_and(|offset| item.is_told_at(offset));
        let before = index.checked_sub(1).and_then(|before| self.items().get(before));
        let is_apart = before.is_some_and(|before| {
            !self.form.is_plain && entry::is_apart(before.entry.kind, item.entry.kind)
        });
        let is_open = self.form.is_open != self.state.turned.contains(&item.place);
        let form = Form { is_open: is_open || is_hit, is_apart, ..self.form };
        let mut cache = self.state.cache.borrow_mut();
        if let Some((known, with, lines)) = cache.0.get(&item.place)
            && Arc::ptr_eq(known, item)
            && *with == form
        {
            return Arc::clone(lines);
        }
        let mut lines = entry::lines(item, form, self.shown);
        if is_apart {
            lines.insert(0, Line::default());
        }
        let lines: Lines = lines.into();
        if cache.0.len() >= KEPT {
            cache.0.clear();
        }
        if !entry::has_clock(item, self.shown.is_live) {
            cache.0.insert(item.place, (Arc::clone(item), form, Arc::clone(&lines)));
        }
        lines
    }
}
