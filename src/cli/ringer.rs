//! Draws the attention of whoever stays with a run: the bell and the notification of the terminal.

use std::io::Write;

use super::context::Context;
use crate::config::Config;
use crate::event::Record;
use crate::notice::terminal::Terminal;
use crate::snapshot::{Notice, Notices};

/// Rings once for each thing that needs somebody, and only at a terminal.
#[derive(Debug)]
pub struct Ringer {
    terminal: Option<Terminal>,
    notices: Notices,
    new: Vec<Notice>,
}

impl Ringer {
    /// As the configuration wants it and the terminal can.
    pub fn of(context: &Context, config: &Config) -> Self {
        let is_seen = context.out_is_terminal && !context.json && !context.quiet;
        let terminal = Terminal::of(&config.notify, &context.env).filter(|_| is_seen);
        Self { terminal, notices: Notices::default(), new: Vec::new() }
    }

    /// Whether anything could ring, so that somebody must read the log for it.
    pub fn is_on(&self) -> bool {
        self.terminal.is_some()
    }

    /// Takes in what happened; what is old rings no more.
    pub fn take(&mut self, record: &Record, is_old: bool) {
        if self.is_on() {
            let notice = self.notices.take(record).filter(|_| !is_old);
            self.new.extend(notice.filter(Notice::is_for_people));
        }
    }

    /// Rings for what is new and was not resolved meanwhile.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn ring(&mut self, out: &mut dyn Write) -> std::io::Result<()> {
        let Some(terminal) = self.terminal else { return Ok(()) };
        let new = std::mem::take(&mut self.new);
        let standing = new.iter().filter(|notice| self.notices.stands(notice));
        let bytes: String = standing.map(|notice| terminal.bytes(notice)).collect();
        if !bytes.is_empty() {
            out.write_all(bytes.as_bytes())?;
            out.flush()?;
        }
        Ok(())
    }
}
