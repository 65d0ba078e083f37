//! A field that one writes in: one line or several, with paste and undo; its text is a draft at every moment.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::widgets::Widget;
use ratatui_textarea::{CursorMove, TextArea, WrapMode};

use super::super::look::{Look, Role};
use super::super::model::Memory;
use super::super::page::Page;
use super::super::text::inert_line;
use crate::base::text::printable;

/// Bytes of a text; more is cut off when it is pasted.
const BYTES_MAX: usize = 256 << 10;

/// A field that one writes in.
#[derive(Clone)]
pub struct Field {
    area: TextArea<'static>,
    is_single: bool,
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Field").field(&self.text()).finish()
    }
}

impl Field {
    /// A field of one line; enter is not for it.
    pub fn line(text: &str) -> Self {
        Self::of(text, true)
    }

    /// A field of any number of lines.
    pub fn lines(text: &str) -> Self {
        Self::of(text, false)
    }

    fn of(text: &str, is_single: bool) -> Self {
        let text = clean(text, is_single);
        let mut area = TextArea::new(text.split('\n').map(str::to_owned).collect());
        area.set_wrap_mode(if is_single { WrapMode::None } else { WrapMode::WordOrGlyph });
        area.set_cursor_line_style(Style::new());
        // The terminal's own cursor stands there.
        area.set_cursor_style(Style::new());
        area.move_cursor(CursorMove::Bottom);
        area.move_cursor(CursorMove::End);
        Self { area, is_single }
    }

    /// What is written.
    pub fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    /// Whether nothing but blanks is written.
    pub fn is_blank(&self) -> bool {
        self.area.lines().iter().all(|line| line.trim().is_empty())
    }

    /// Writes another text in its place; undo brings the old one back.
    pub fn set(&mut self, text: &str) {
        self.area.select_all();
        self.area.insert_str(clean(text, self.is_single));
    }

    /// Takes a key; whether it was one of the field's.
    pub fn press(&mut self, key: KeyEvent) -> bool {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        match key.code {
            KeyCode::Enter if self.is_single => return false,
            KeyCode::Char('m' | 'j') if ctrl && self.is_single => return false,
            KeyCode::Char('j') if ctrl => self.area.insert_newline(),
            KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown if self.is_single => {
                return false;
            }
            KeyCode::Tab | KeyCode::BackTab | KeyCode::Esc | KeyCode::F(_) => return false,
            KeyCode::Char('z') if ctrl => return self.undo(),
            KeyCode::Char('y') if ctrl => {
                self.area.redo();
            }
            KeyCode::Char('u') if ctrl => {
                self.area.delete_line_by_head();
            }
            // What else programs for text know under these keys has no place here.
            KeyCode::Char(c) if ctrl && !"abdefhknpvwx".contains(c) => return false,
            KeyCode::Char(c) if alt && !"bdf".contains(c) => return false,
            KeyCode::Char(c) if !ctrl && !alt && c.is_control() => return false,
            _ => {
                self.area.input(key);
            }
        }
        true
    }

    fn undo(&mut self) -> bool {
        self.area.undo();
        true
    }

    /// Takes pasted text.
    pub fn paste(&mut self, text: &str) {
        let left = BYTES_MAX.saturating_sub(self.text().len());
        let text = clean(text, self.is_single);
        self.area.insert_str(&text[..text.floor_char_boundary(left)]);
    }

    /// Lines that the text takes at this width, at least one.
    pub fn height(&self, width: u16) -> u16 {
        let width = usize::from(width.max(1));
        let rows = |line: &String| super::super::text::columns(line) / width + 1;
        let rows: usize = self.area.lines().iter().map(rows).sum();
        u16::try_from(rows).unwrap_or(u16::MAX)
    }

    /// Draws it; where it takes the keys, the terminal's cursor stands in it.
    pub fn view(&self, hint: &str, is_focused: bool, look: Look, area: Rect, page: &mut Page<'_>) {
        let area = area.intersection(page.area());
        if area.is_empty() {
            return;
        }
        if self.area.is_empty() {
            page.line(area, &inert_line(hint, look), look.style(Role::Faint));
        } else {
            (&self.area).render(area, page.buf);
        }
        if is_focused {
            let at = self.area.screen_cursor();
            let (top, left) = self.area.scroll_offset();
            let row = u16::try_from(at.row).unwrap_or(u16::MAX).saturating_sub(top);
            let column = u16::try_from(at.col).unwrap_or(u16::MAX).saturating_sub(left);
            page.cursor = Some(Position {
                x: area.x + column.min(area.width - 1),
                y: area.y + row.min(area.height - 1),
            });
        }
    }
}

/// The draft under a key; empty when there is none.
pub fn draft<'a>(memory: &'a Memory, key: &str) -> &'a str {
    memory.drafts.get(key).map_or("", String::as_str)
}

/// Keeps what is written as a draft; nothing is kept of an empty text.
pub fn keep(memory: &mut Memory, key: &str, text: &str) {
    if text.trim().is_empty() {
        memory.drafts.remove(key);
    } else if memory.drafts.get(key).is_none_or(|known| known != text) {
        memory.drafts.insert(key.to_owned(), text.to_owned());
    }
}

/// Text that can be drawn as it stands: no control characters, tabs as blanks, one line where only one may be.
fn clean(text: &str, is_single: bool) -> String {
    let text = printable(&text.replace("\r\n", "\n").replace('\r', "\n")).replace('\t', "    ");
    if is_single { text.trim_end_matches('\n').replace('\n', " ") } else { text }
}

#[cfg(test)]
mod tests {
    use super::super::super::look::Theme;
    use super::*;

    fn press(field: &mut Field, keys: &str) {
        for c in keys.chars() {
            let code = if c == '\n' { KeyCode::Enter } else { KeyCode::Char(c) };
            field.press(KeyEvent::new(code, KeyModifiers::NONE));
        }
    }

    #[test]
    fn several_lines_are_written_and_undone() {
        let mut field = Field::lines("");
        press(&mut field, "one\ntwo");
        assert_eq!(field.text(), "one\ntwo");
        field.press(KeyEvent::new(KeyCode::Char('z'), KeyModifiers::CONTROL));
        assert_ne!(field.text(), "one\ntwo");
        field.press(KeyEvent::new(KeyCode::Char('y'), KeyModifiers::CONTROL));
        assert_eq!(field.text(), "one\ntwo");
    }

    #[test]
    fn one_line_stays_one_line_and_leaves_enter_to_others() {
        let mut field = Field::line("");
        assert!(!field.press(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE)));
        field.paste("a\r\nb\tc\n");
        assert_eq!(field.text(), "a b    c");
    }

    #[test]
    fn pasted_escape_sequences_are_inert() {
        let mut field = Field::lines("");
        field.paste("a\u{1b}[2Jb\u{1b}]0;title\u{7}c");
        assert!(field.text().chars().all(|c| !c.is_control()), "{:?}", field.text());
        assert!(!field.text().contains("title"));
    }

    #[test]
    fn another_text_can_be_undone() {
        let mut field = Field::lines("mine");
        field.set("theirs");
        assert_eq!(field.text(), "theirs");
        for _ in 0..2 {
            field.press(KeyEvent::new(KeyCode::Char('z'), KeyModifiers::CONTROL));
        }
        assert_eq!(field.text(), "mine");
    }

    #[test]
    fn the_cursor_stands_where_wide_characters_end() {
        let look = Look { theme: Theme::Plain, ascii: false };
        let area = Rect::new(0, 0, 10, 3);
        let mut buf = ratatui::buffer::Buffer::empty(area);
        let mut page = Page::new(&mut buf, look);
        Field::lines("日本").view("", true, look, area, &mut page);
        assert_eq!(page.cursor, Some(Position { x: 4, y: 0 }));
    }

    #[test]
    fn an_empty_text_is_no_draft() {
        let mut memory = Memory::default();
        keep(&mut memory, "send:5", "hello");
        assert_eq!(draft(&memory, "send:5"), "hello");
        keep(&mut memory, "send:5", "  \n");
        assert!(memory.drafts.is_empty());
    }
}
