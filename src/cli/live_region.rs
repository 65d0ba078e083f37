//! The live region under a run that is being followed: one line for each agent at work.

use std::io::{Stdout, stdout};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::style::{Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Widget};
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};

use super::exit::Exit;
use crate::base::text;
use crate::base::time::human_ms;
use crate::client::poll::check_terminal;
use crate::snapshot::{Class, StatusView, TaskRow};

/// Lines of the region: a head, agents, and the keys.
const HEIGHT: u16 = 8;

/// Between two looks whether the terminal is still there.
const GUARD_LOOK: Duration = Duration::from_millis(200);

/// What the person wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Nothing yet.
    Go,
    /// Leave the run alone.
    Detach,
    /// End the run.
    Stop,
}

/// A few lines at the bottom of the terminal that are drawn again and again.
pub struct LiveRegion {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    is_asking: bool,
}

/// Ends the process when the terminal goes away while it is asked where its cursor is.
///
/// The terminal library reads on at the end of a terminal, for ever and as fast as it can. A command whose terminal
/// is gone has nothing more to do: the run goes on without it.
struct Guard {
    /// Closed when the answer is there.
    _done: Sender<()>,
}

impl Guard {
    #[expect(
        clippy::disallowed_methods,
        reason = "the thread that would return is held by the terminal"
    )]
    fn begin() -> Self {
        let (done, ended) = channel();
        std::thread::spawn(move || {
            while ended.recv_timeout(GUARD_LOOK) == Err(RecvTimeoutError::Timeout) {
                if check_terminal().is_err() {
                    std::process::exit(Exit::Interrupted.code().into());
                }
            }
        });
        Self { _done: done }
    }
}

impl LiveRegion {
    /// Opens the region below the cursor; nothing when the terminal cannot do that.
    pub fn open() -> Option<Self> {
        enable_raw_mode().ok()?;
        let _guard = Guard::begin();
        let options = TerminalOptions { viewport: Viewport::Inline(HEIGHT) };
        if let Ok(terminal) = Terminal::with_options(CrosstermBackend::new(stdout()), options) {
            return Some(Self { terminal, is_asking: false });
        }
        // The terminal is as it was: plain lines serve as well.
        drop(disable_raw_mode());
        None
    }

    /// Prints one line above the region; it stays in the terminal's history.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn print(&mut self, line: &str) -> std::io::Result<()> {
        let width = usize::from(self.terminal.size()?.width);
        let clean = text::printable(line).replace('\n', " ");
        let clean = super::style::fit(&clean, width).into_owned();
        self.terminal.insert_before(1, |buffer| Paragraph::new(clean).render(buffer.area, buffer))
    }

    /// Draws the region.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn draw(&mut self, view: &StatusView) -> std::io::Result<()> {
        let is_asking = self.is_asking;
        self.terminal.draw(|frame| draw(frame, view, is_asking)).map(drop)
    }

    /// What the keys say that were pressed since the last question; waits for none.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn answer(&mut self) -> std::io::Result<Answer> {
        let mut answer = Answer::Go;
        while answer == Answer::Go && crossterm::event::poll(Duration::ZERO)? {
            if let Event::Key(key) = crossterm::event::read()?
                && key.kind != KeyEventKind::Release
            {
                answer = self.pressed(key);
            }
        }
        Ok(answer)
    }

    fn pressed(&mut self, key: KeyEvent) -> Answer {
        let is_interrupt =
            key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
        let answer = match (self.is_asking, key.code) {
            (true, KeyCode::Char('s' | 'S')) => Answer::Stop,
            // Asked once: the second Ctrl-C takes the default, which loses nothing.
            (true, KeyCode::Enter | KeyCode::Char('d' | 'D')) => Answer::Detach,
            (true, _) if is_interrupt => Answer::Detach,
            _ => Answer::Go,
        };
        self.is_asking = is_interrupt && answer == Answer::Go;
        answer
    }
}

impl Drop for LiveRegion {
    fn drop(&mut self) {
        // Whatever fails here, the terminal is left as usable as it can be.
        drop(self.terminal.clear());
        drop(disable_raw_mode());
        drop(self.terminal.show_cursor());
        // What is printed next begins at the left edge.
        drop(crossterm::execute!(stdout(), crossterm::cursor::MoveToColumn(0)));
    }
}

fn draw(frame: &mut Frame<'_>, view: &StatusView, is_asking: bool) {
    let area = frame.area();
    let mut lines = vec![head(view)];
    let at_work: Vec<&TaskRow> = view.tasks.iter().filter(|task| is_shown(task)).collect();
    let room = usize::from(area.height.saturating_sub(2));
    let shown = if at_work.len() > room { room.saturating_sub(1) } else { at_work.len() };
    for task in &at_work[..shown] {
        lines.push(row(view, task));
    }
    if at_work.len() > shown {
        lines.push(Line::from(format!("    and {} more", at_work.len() - shown)).dim());
    }
    lines.push(if is_asking {
        Line::from(" the run goes on without this terminal: [d]etach (default), [s]top the run, any other key: stay".bold())
    } else {
        Line::from(" Ctrl-C: detach or stop".dim())
    });
    for (at, line) in lines.into_iter().enumerate().take(usize::from(area.height)) {
        let y = area.y + u16::try_from(at).unwrap_or(0);
        frame.render_widget(line, Rect { y, height: 1, ..area });
    }
}

fn is_shown(task: &TaskRow) -> bool {
    matches!(task.class, Class::Running | Class::Starting | Class::Stalled | Class::NeedsYou)
}

fn head(view: &StatusView) -> Line<'static> {
    let run = &view.run;
    let progress = &run.progress;
    Line::from(vec![
        Span::styled(format!(" {} ", run.reference), Style::new().bold()),
        Span::raw(format!(
            "{} · {}/{} tasks done · ",
            run.status_words(),
            progress.done,
            progress.tasks
        )),
        Span::raw(human_ms(view.now.since_ms(run.created_at))),
    ])
}

fn row(view: &StatusView, task: &TaskRow) -> Line<'static> {
    let since = task.started_at.map_or(0, |at| view.now.since_ms(at));
    let said = task.output_at.map_or_else(
        || "nothing printed yet".to_owned(),
        |at| format!("last output {} ago", human_ms(view.now.since_ms(at))),
    );
    let runtime = task.runtime.clone().unwrap_or_else(|| "command".to_owned());
    Line::from(format!(
        "  {} {:<14} {:<10} {:<9} {:>7}  {said}",
        task.class.glyph(),
        task.id.to_string(),
        runtime,
        task.status,
        human_ms(since)
    ))
}
