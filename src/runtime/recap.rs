//! What a new session is told of the one before it: its last words, and the files that have changed.

use super::brief::{Desk, clean};
use super::harvest::final_text;
use super::worktree;
use crate::base::{limits, text};
use crate::plan::graph::TaskIx;

/// Bytes of the last words that are told.
const WORDS_BYTES: usize = 4 << 10;
/// Attempts that are looked at for words: one that ended at once has none.
const ATTEMPTS: u32 = 5;

/// What was done before attempt `number` of a task, as its prompt tells it.
pub(super) fn of(desk: &Desk<'_>, task: TaskIx, number: u32) -> String {
    let id = desk.state.task_id(task);
    let earlier = (number.saturating_sub(ATTEMPTS).max(1)..number).rev();
    let mut texts = earlier.filter_map(|attempt| {
        let said =
            final_text(&desk.dir.attempt(&id, attempt), desk.format_at(task, attempt)).ok()?;
        (!said.trim().is_empty()).then_some(said)
    });
    let mut told = match texts.next() {
        None => "Nothing was said before it ended.".to_owned(),
        Some(said) => {
            let said = clean(&text::printable(text::tail(said.trim(), WORDS_BYTES)));
            let lines: Vec<String> = said.lines().map(|line| format!("> {line}")).collect();
            format!("Its last words were:\n\n{}", lines.join("\n"))
        }
    };
    if let Some(files) = changed(desk, task) {
        told = format!("{told}\n\n{files}");
    }
    told
}

/// The files that differ from where the run's work began.
fn changed(desk: &Desk<'_>, task: TaskIx) -> Option<String> {
    let (commit, _) = desk.state.start_of_work()?;
    desk.state.worktree.as_ref()?;
    let names = worktree::changes(&desk.folder_of(task), commit).ok()?;
    if names.is_empty() {
        return Some("No file has changed since the run began.".to_owned());
    }
    let shown: Vec<String> =
        names.iter().take(limits::CHANGED_SHOWN_MAX).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(shown.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(format!("Changed since the run began: {}{more}.", shown.join(", ")))
}
