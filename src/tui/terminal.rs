//! The terminal while the dashboard has it: taken, drawn on where cells changed, and given back.

use std::io::{self, Stdout, Write, stdout};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste,
    EnableFocusChange, EnableMouseCapture,
};
use crossterm::style::Print;
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::progress::{CLEAR, Progress};

/// Whether this process has taken the terminal.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Whether the terminal shows progress that has to be taken away.
static PROGRESSES: AtomicBool = AtomicBool::new(false);
/// The hook that gives the terminal back before a panic is told.
static HOOK: Once = Once::new();

/// The terminal while the dashboard has it.
pub(super) struct Terminal {
    backend: CrosstermBackend<Stdout>,
    shown: Buffer,
    cursor: Option<Position>,
    title: String,
    progress: Option<Progress>,
    is_whole: bool,
}

impl Terminal {
    /// Takes the terminal.
    pub(super) fn take() -> io::Result<Self> {
        HOOK.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |what| {
                give_back();
                before(what);
            }));
        });
        let (width, height) = crossterm::terminal::size()?;
        let mut terminal = Self {
            backend: CrosstermBackend::new(stdout()),
            shown: Buffer::empty(Rect::new(0, 0, width, height)),
            cursor: None,
            title: String::new(),
            progress: None,
            is_whole: true,
        };
        terminal.enter()?;
        Ok(terminal)
    }

    /// Takes the terminal again after it was given away.
    pub(super) fn enter(&mut self) -> io::Result<()> {
        enable_raw_mode()?;
        TAKEN.store(true, Ordering::Relaxed);
        execute!(
            stdout(),
            EnterAlternateScreen,
            EnableMouseCapture,
            EnableBracketedPaste,
            EnableFocusChange,
            Hide,
            Clear(ClearType::All)
        )?;
        self.cursor = None;
        self.title.clear();
        self.progress = None;
        self.is_whole = true;
        Ok(())
    }

    /// Gives the terminal away, as it was.
    pub(super) fn leave() {
        give_back();
    }

    /// Waits, after a program has ended, until the person has read what it printed.
    pub(super) fn wait_for_enter() -> io::Result<()> {
        execute!(stdout(), Print("\r\n[enter] back to the dashboard "))?;
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(drop)
    }

    /// An empty frame of the terminal's size.
    pub(super) fn frame() -> io::Result<Buffer> {
        let (width, height) = crossterm::terminal::size()?;
        Ok(Buffer::empty(Rect::new(0, 0, width, height)))
    }

    /// Everything is drawn at the next frame.
    pub(super) fn forget(&mut self) {
        self.is_whole = true;
    }

    /// Shows a frame: only cells that changed are written, and nothing when none did.
    pub(super) fn show(&mut self, frame: Buffer, cursor: Option<Position>) -> io::Result<()> {
        if self.is_whole || frame.area != self.shown.area {
            queue!(stdout(), Clear(ClearType::All))?;
            self.shown = Buffer::empty(frame.area);
            self.is_whole = false;
        }
        let changes = self.shown.diff(&frame);
        if !changes.is_empty() || cursor != self.cursor {
            queue!(stdout(), BeginSynchronizedUpdate, Hide)?;
            self.backend.draw(changes.into_iter())?;
            if let Some(place) = cursor {
                queue!(stdout(), MoveTo(place.x, place.y), Show)?;
            }
            queue!(stdout(), EndSynchronizedUpdate)?;
            stdout().flush()?;
        }
        self.shown = frame;
        self.cursor = cursor;
        Ok(())
    }

    /// Names the terminal's window.
    pub(super) fn title(&mut self, title: &str) -> io::Result<()> {
        if self.title != title {
            title.clone_into(&mut self.title);
            execute!(stdout(), Print(format!("\u{1b}]0;{title}\u{7}")))?;
        }
        Ok(())
    }

    /// Shows how far the live runs are, or that none is.
    pub(super) fn progress(&mut self, progress: Option<Progress>) -> io::Result<()> {
        if self.progress != progress {
            self.progress = progress;
            PROGRESSES.store(progress.is_some(), Ordering::Relaxed);
            let bytes = progress.map_or_else(|| CLEAR.to_owned(), Progress::bytes);
            execute!(stdout(), Print(bytes))?;
        }
        Ok(())
    }

    /// Writes bytes that are not seen: a bell, a notification, the clipboard.
    pub(super) fn tell(bytes: &str) -> io::Result<()> {
        execute!(stdout(), Print(bytes))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

/// Whether the dashboard has the terminal now.
pub(super) fn is_taken() -> bool {
    TAKEN.load(Ordering::Relaxed)
}

/// Gives the terminal's mode back without a byte, which might not be taken any more.
pub(super) fn let_go() {
    if TAKEN.swap(false, Ordering::Relaxed) {
        drop(disable_raw_mode());
    }
}

/// Gives the terminal back as it was; whatever fails here, the rest is tried.
fn give_back() {
    if !TAKEN.swap(false, Ordering::Relaxed) {
        return;
    }
    if PROGRESSES.swap(false, Ordering::Relaxed) {
        drop(execute!(stdout(), Print(CLEAR)));
    }
    drop(execute!(
        stdout(),
        EndSynchronizedUpdate,
        DisableFocusChange,
        DisableBracketedPaste,
        DisableMouseCapture,
        Print("\u{1b}]0;\u{7}"),
        Show,
        LeaveAlternateScreen
    ));
    drop(disable_raw_mode());
}

#[cfg(test)]
mod tests {
    use std::io::{IsTerminal, Read};

    use pty_process::Size;
    use pty_process::blocking::{Command, open};
    use rustix::termios::{LocalModes, tcgetattr};

    use super::*;

    /// Is played by the next test, in a terminal of its own.
    #[test]
    #[ignore = "takes the terminal and breaks off"]
    fn a_panic_with_the_terminal() {
        if io::stdin().is_terminal() {
            let _taken = Terminal::take().unwrap();
            panic!("on purpose");
        }
    }

    #[test]
    fn a_panic_gives_the_terminal_back_before_it_is_told() {
        let (mut pty, pts) = open().unwrap();
        pty.resize(Size::new(24, 80)).unwrap();
        let name = "tui::terminal::tests::a_panic_with_the_terminal";
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--ignored", "--nocapture"])
            .spawn(pts)
            .unwrap();
        let (mut seen, mut bytes) = (Vec::new(), [0; 4096]);
        while let Ok(count) = pty.read(&mut bytes) {
            seen.extend_from_slice(&bytes[..count]);
        }
        child.wait().unwrap();
        let seen = String::from_utf8_lossy(&seen).into_owned();
        let place = |text: &str| seen.find(text).unwrap_or_else(|| panic!("no {text:?}: {seen:?}"));
        let (taken, left) = (place("\u{1b}[?1049h"), place("\u{1b}[?1049l"));
        assert!(taken < left && left < place("on purpose"), "{seen:?}");
        assert!(place("\u{1b}[?25h") < place("on purpose"), "the cursor is seen");
        let modes = tcgetattr(&pty).unwrap().local_modes;
        assert!(modes.contains(LocalModes::ICANON | LocalModes::ECHO), "lines can be typed");
    }
}
