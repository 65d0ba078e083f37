//! The prompt of an attempt, as Markdown.

use std::cell::RefCell;
use std::sync::Arc;

use ratatui::text::Line;

use super::super::look::Look;
use super::super::markdown;
use crate::base::text::middle_cut;

/// Bytes of a prompt that are drawn.
const BYTES_MAX: usize = 256 << 10;

/// The lines of the prompt that was drawn last: a prompt does not change.
#[derive(Debug, Clone, Default)]
pub struct Kept(RefCell<Option<Drawn>>);

#[derive(Debug, Clone)]
struct Drawn {
    text: String,
    width: usize,
    look: Look,
    lines: Arc<[Line<'static>]>,
}

impl Kept {
    /// The lines of a prompt.
    pub fn lines(&self, text: &str, width: usize, look: Look) -> Arc<[Line<'static>]> {
        let mut kept = self.0.borrow_mut();
        let is_same =
            |known: &&Drawn| (known.width, known.look) == (width, look) && known.text == text;
        if let Some(known) = kept.as_ref().filter(is_same) {
            return Arc::clone(&known.lines);
        }
        let lines: Arc<[Line<'static>]> =
            markdown::render(&middle_cut(text, BYTES_MAX), width, look).into();
        *kept = Some(Drawn { text: text.to_owned(), width, look, lines: Arc::clone(&lines) });
        lines
    }
}
