//! The cursor among entries: it goes from one to the next, and folds or unfolds the one that it is on.

use super::layout::Layout;
use super::{Shown, State, Top};
use crate::client::pager::Place;

impl State {
    /// Whether there is a cursor on an entry.
    pub fn has_cursor(&self) -> bool {
        self.cursor.is_some()
    }

    /// Puts the cursor on the next entry, or on the one before; at first on one that is seen.
    pub fn step(&mut self, shown: &Shown<'_>, is_down: bool) {
        let from = self.cursor;
        let found = self.layout(shown).beside(from, is_down);
        if let Some((place, top)) = found {
            self.cursor = Some(place);
            self.top = top;
        }
    }

    /// Shows all of the entry under the cursor, or folds it; without a cursor, of the last one that is seen.
    pub fn toggle(&mut self, shown: &Shown<'_>) {
        let layout = self.layout(shown);
        let seen = layout.seen();
        let cursor = self.cursor.filter(|cursor| seen.contains(cursor));
        let Some(place) = cursor.or(seen.last().copied()) else { return };
        // What is above stays where it is.
        let top = layout.here();
        self.turn_over(shown, place, top);
    }

    /// Takes a click on a row: on another entry it moves the cursor, on the same one it folds or unfolds.
    pub fn click(&mut self, shown: &Shown<'_>, row: usize) {
        let layout = self.layout(shown);
        let place = layout.rows().get(row).map(|(place, _)| *place);
        let top = layout.here();
        match place {
            Some(place) if self.cursor == Some(place) => self.turn_over(shown, place, top),
            Some(place) => self.cursor = Some(place),
            None => {}
        }
    }

    fn turn_over(&mut self, shown: &Shown<'_>, place: Place, top: Option<Top>) {
        self.cursor = Some(place);
        if !self.turned.remove(&place) {
            self.turned.insert(place);
        }
        self.top = top;
        let top = self.layout(shown).reveal(place);
        self.top = top;
    }
}

impl Layout<'_> {
    /// Places of the entries that are seen.
    fn seen(&self) -> Vec<Place> {
        let mut seen: Vec<Place> = self.rows().into_iter().map(|(place, _)| place).collect();
        seen.dedup();
        seen
    }
}
