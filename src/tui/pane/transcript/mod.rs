//! What an agent says and does: Markdown, calls of tools with what came of them, thinking folded to a line.
//!
//! Draws the lines that are seen and no others: entries are laid out when they come into view, and kept
//! as long as they look the same. Entry points: [`State`] and [`view`].

mod cursor;
mod entry;
mod layout;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::base::Time;
use crate::client::pager::{Anchor, Hits, Needle, Page, Place, Reading};
use crate::snapshot::Class;
use crate::tui::look::{Look, Role};
use crate::tui::text::{columns, fit, inert_line};
use layout::{Cache, Layout};

/// What the pane shows.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    /// The part of the output that was loaded.
    pub page: &'a Page,
    /// Where a search found something.
    pub hits: Option<&'a Hits>,
    /// How it looks.
    pub look: Look,
    /// The person's time zone.
    pub zone: &'a TimeZone,
    /// The moment.
    pub now: Time,
    /// Whether the attempt goes on.
    pub is_live: bool,
    /// The moment that is replayed; what came later is not in the page.
    pub until: Option<Time>,
    /// The folder in which the agent works: names of files are shown without it.
    pub root: &'a str,
}

impl Shown<'_> {
    fn time(&self, at: Time) -> String {
        let stamp = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
        stamp.to_zoned(self.zone.clone()).strftime("%H:%M:%S").to_string()
    }

    /// A text in which files of the agent's folder have short names.
    fn short(&self, text: &str) -> String {
        if self.root.is_empty() {
            return text.to_owned();
        }
        text.replace(&format!("{}/", self.root.trim_end_matches('/')), "")
    }
}

/// A search that is being typed, or that was.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Search {
    /// What is searched.
    pub text: String,
    /// Whether it is still typed.
    pub is_typed: bool,
    /// The line that was gone to.
    pub hit: Option<u64>,
}

/// Where in the output the first line on the screen is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Top {
    place: Place,
    line: usize,
    /// What a search found is to be seen, wherever in the entry it stands.
    is_hit: bool,
}

impl Top {
    fn of(place: Place) -> Self {
        Self { place, line: 0, is_hit: false }
    }
}

/// What the last frame was like; movements are made from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Seen {
    width: usize,
    height: usize,
}

/// Where the person is in the output.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// The first line on the screen; absent while the end is followed.
    top: Option<Top>,
    /// Whether thinking, results and changed lines are shown in full.
    pub is_open: bool,
    /// Whether lines are shown as the program printed them.
    pub is_raw: bool,
    /// What is searched.
    pub search: Option<Search>,
    /// The entry under the cursor.
    cursor: Option<Place>,
    /// Entries that are open while the others are folded, or folded while they are open.
    turned: BTreeSet<Place>,
    seen: Cell<Seen>,
    cache: RefCell<Cache>,
}

impl State {
    /// At the end of other output, read in the same way.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self { is_open: self.is_open, ..Self::default() }
    }

    /// Whether the end is followed.
    pub fn follows(&self) -> bool {
        self.top.is_none()
    }

    /// The part of the output that has to be there.
    pub fn anchor(&self) -> Anchor {
        self.top.map_or(Anchor::End, |top| Anchor::At(top.place.offset))
    }

    /// How the output has to be read.
    pub fn reading(&self) -> Reading {
        if self.is_raw { Reading::Lines } else { Reading::Entries }
    }

    /// What has to be searched.
    pub fn needle(&self) -> Option<&str> {
        let search = self.search.as_ref()?;
        (!search.is_typed && !search.text.is_empty()).then_some(search.text.as_str())
    }

    /// Follows the end, or stays where it is.
    pub fn follow(&mut self, shown: &Shown<'_>) {
        self.top = if self.top.is_some() { None } else { self.layout(shown).end_top() };
    }

    /// Shows all of every entry, or folds what is long.
    pub fn fold(&mut self, shown: &Shown<'_>) {
        self.keep_place(shown);
        self.is_open = !self.is_open;
        self.turned.clear();
    }

    /// Shows the lines as the program printed them, or what they mean.
    pub fn raw(&mut self, shown: &Shown<'_>) {
        self.keep_place(shown);
        self.is_raw = !self.is_raw;
        self.cursor = None;
        self.turned.clear();
    }

    /// Goes to the start of the output.
    pub fn to_start(&mut self) {
        self.top = Some(Top::of(Place::default()));
    }

    /// Goes to its end, and follows it.
    pub fn to_end(&mut self) {
        self.top = None;
    }

    /// Moves by lines, down when positive; at the end the end is followed.
    pub fn scroll(&mut self, shown: &Shown<'_>, lines: isize) {
        let top = self.layout(shown).moved(self.top, lines);
        self.top = top;
    }

    /// Moves by pages.
    pub fn turn(&mut self, shown: &Shown<'_>, pages: isize) {
        let height = isize::try_from(self.seen.get().height).unwrap_or(0);
        self.scroll(shown, pages * (height - 1).max(1));
    }

    /// Goes to the next place that was found, down or up, and on from the other end.
    pub fn next_hit(&mut self, hits: &Hits, is_down: bool) {
        let Some(search) = &mut self.search else { return };
        let offsets = &hits.offsets;
        let next = match search.hit {
            // The first one is the newest above the end of what is seen.
            None => {
                let from = self.top.map_or(u64::MAX, |top| top.place.offset);
                let at = offsets.partition_point(|offset| *offset <= from);
                offsets.get(at.saturating_sub(1)).or(offsets.last())
            }
            Some(hit) if is_down => {
                let at = offsets.partition_point(|offset| *offset <= hit);
                offsets.get(at).or(offsets.first())
            }
            Some(hit) => {
                let at = offsets.partition_point(|offset| *offset < hit);
                at.checked_sub(1).and_then(|at| offsets.get(at)).or(offsets.last())
            }
        };
        if let Some(offset) = next.copied() {
            search.hit = Some(offset);
            self.top = Some(Top { is_hit: true, ..Top::of(Place { offset, part: 0 }) });
        }
    }

    /// A following screen stays where it is when what is above changes its height.
    fn keep_place(&mut self, shown: &Shown<'_>) {
        if let Some(top) = &mut self.top {
            *top = Top::of(top.place);
        } else if !shown.is_live {
            self.top = self.layout(shown).end_top().map(|top| Top::of(top.place));
        }
    }

    fn layout<'a>(&'a self, shown: &'a Shown<'a>) -> Layout<'a> {
        let Seen { width, height } = self.seen.get();
        Layout::new(self, shown, width, height)
    }
}

/// Draws the output into an area.
pub fn view(state: &State, shown: &Shown<'_>, area: Rect, buf: &mut Buffer) {
    if area.width == 0 || area.height == 0 {
        return;
    }
    let foot = u16::from(area.height > 2 && foot(state, shown).is_some());
    let body = Rect { height: area.height - foot, ..area };
    let seen = Seen { width: usize::from(body.width), height: usize::from(body.height) };
    state.seen.set(seen);
    let layout = Layout::new(state, shown, seen.width, seen.height);
    if shown.page.items.is_empty() {
        let words = if shown.is_live { "nothing was printed yet" } else { "nothing was printed" };
        buf.set_string(
            body.x,
            body.y,
            fit(words, seen.width, shown.look),
            shown.look.style(Role::Dim),
        );
    }
    let needle = state.search.as_ref().map(|search| Needle::new(&search.text));
    for ((place, mut line), row) in layout.rows().into_iter().zip(body.rows()) {
        if let Some(needle) = &needle {
            mark(&mut line, needle, shown.look);
        }
        buf.set_line(row.x, row.y, &line, row.width);
        if state.cursor == Some(place) && line.width() > 0 {
            buf.set_style(row, shown.look.style(Role::Marked));
        }
    }
    if let Some(line) = foot_line(state, shown, seen.width).filter(|_| foot > 0) {
        buf.set_line(area.x, area.bottom() - 1, &line, area.width);
    }
}

/// What stands below the output: the search, and that the end is not seen.
fn foot(state: &State, shown: &Shown<'_>) -> Option<Foot> {
    let search = state.search.is_some();
    let is_away = !state.follows() && shown.is_live;
    let is_past = shown.until.is_some();
    (search || is_away || is_past).then_some(Foot { search, is_away })
}

struct Foot {
    search: bool,
    is_away: bool,
}

fn foot_line(state: &State, shown: &Shown<'_>, width: usize) -> Option<Line<'static>> {
    let look = shown.look;
    let foot = foot(state, shown)?;
    let mut spans = Vec::new();
    if let Some(search) = state.search.as_ref().filter(|_| foot.search) {
        spans.push(Span::styled("/", look.style(Role::Key)));
        spans.push(Span::raw(inert_line(&search.text, look)));
        let cursor = if search.is_typed { look.sign("▏", "_") } else { "" };
        spans.push(Span::styled(cursor, look.style(Role::Accent)));
        spans.push(Span::styled(found(search, shown.hits, look), look.style(Role::Dim)));
    }
    if let Some(until) = shown.until {
        let text = if shown.page.has_times {
            format!("as it was at {}", shown.time(until))
        } else {
            "it tells no times: this is all of it".to_owned()
        };
        let gap = if spans.is_empty() { "" } else { "  " };
        spans.push(Span::styled(format!("{gap}{text}"), look.class(Class::NeedsYou)));
    }
    if foot.is_away {
        let text = look.sign("↓ it goes on below", "it goes on below");
        let used: usize = spans.iter().map(|span| columns(&span.content)).sum();
        let gap = width.saturating_sub(used + columns(text));
        if gap > 0 {
            spans.push(Span::raw(" ".repeat(gap)));
            spans.push(Span::styled(text, look.class(Class::Running)));
        }
    }
    Some(Line::from(spans))
}

/// How far a search came: `3/17`, `17 · 40 % searched`.
fn found(search: &Search, hits: Option<&Hits>, look: Look) -> String {
    let Some(hits) = hits.filter(|_| !search.is_typed) else { return String::new() };
    let all = hits.offsets.len();
    let at = search.hit.and_then(|hit| hits.offsets.binary_search(&hit).ok());
    let mut text = match (at, all) {
        (_, 0) if hits.is_complete() => "  not found".to_owned(),
        (Some(at), _) => format!("  {}/{all}", at + 1),
        (None, _) => format!("  {all}"),
    };
    if hits.is_cut {
        text.push_str(" newest");
    } else if !hits.is_complete() {
        let (done, size) = hits.searched;
        let dot = look.sign("·", "-");
        let part = done * 100 / size.max(1);
        text = format!("{text} {dot} {part} % searched");
    }
    text
}

/// Marks what a search found in a line.
fn mark(line: &mut Line<'static>, needle: &Needle, look: Look) {
    let style = look.style(Role::Found);
    let spans = std::mem::take(&mut line.spans);
    for span in spans {
        let text = span.content.as_ref();
        let mut from = 0;
        while let Some(found) = needle.find(text, from).filter(|found| !found.is_empty()) {
            if found.start > from {
                line.spans.push(Span::styled(text[from..found.start].to_owned(), span.style));
            }
            line.spans.push(Span::styled(text[found.clone()].to_owned(), span.style.patch(style)));
            from = found.end;
        }
        line.spans.push(Span::styled(text[from..].to_owned(), span.style));
    }
}

#[cfg(test)]
mod tests;
