//! A person at a terminal: what is on the screen, and keys.

use std::io::{Read, Write};
use std::num::NonZero;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use pty_process::Size;
use pty_process::blocking::Pty;

use crate::project::TestEnv;
use crate::pty;
use crate::support::wait_until_or;

/// Bytes of a frame of any size that a test uses.
const LAST: usize = 256 << 10;

/// A terminal with a program in it.
pub struct Screen {
    pty: Arc<Pty>,
    reader: JoinHandle<()>,
    pub child: Child,
    seen: Arc<Mutex<Seen>>,
}

struct Seen {
    parser: vt100::Parser,
    /// Bytes that the program has written.
    bytes: usize,
    /// The last of them, as far as it takes to find where a frame begins and ends.
    last: Vec<u8>,
}

impl Screen {
    /// The dashboard of a project.
    pub fn open(env: &TestEnv, rows: u16, columns: u16) -> Self {
        Self::start(&env.crew(&[]), env, rows, columns)
    }

    /// A program in a terminal of this size.
    pub fn start(plain: &Command, env: &TestEnv, rows: u16, columns: u16) -> Self {
        let (pty, child) = spawn(plain, env, rows, columns);
        let parser = vt100::Parser::new(cells(rows), cells(columns), 0);
        let seen = Arc::new(Mutex::new(Seen { parser, bytes: 0, last: Vec::new() }));
        let (pty, all) = (Arc::new(pty), Arc::clone(&seen));
        let from = Arc::clone(&pty);
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count) = (&*from).read(&mut bytes) {
                let mut seen = all.lock().expect("whole");
                seen.parser.process(&bytes[..count]);
                seen.bytes += count;
                seen.last.extend_from_slice(&bytes[..count]);
                let surplus = seen.last.len().saturating_sub(LAST);
                seen.last.drain(..surplus);
            }
        });
        Self { pty, reader, child, seen }
    }

    /// What is on the screen.
    pub fn text(&self) -> String {
        self.seen.lock().expect("whole").parser.screen().contents()
    }

    /// What is on the screen, with its colours as the terminal reads them.
    pub fn colored(&self) -> String {
        let seen = self.seen.lock().expect("whole");
        seen.parser.screen().contents_formatted()
    }

    /// Bytes that the program has written until now.
    pub fn bytes(&self) -> usize {
        self.seen.lock().expect("whole").bytes
    }

    /// Whether the last frame is there to its end.
    pub fn is_whole(&self) -> bool {
        let seen = self.seen.lock().expect("whole");
        let place = |mark: &[u8]| seen.last.windows(mark.len()).rposition(|bytes| bytes == mark);
        place(b"\x1b[?2026l") > place(b"\x1b[?2026h")
    }

    /// Whether the terminal is as a shell wants it.
    pub fn is_given_back(&self) -> bool {
        let seen = self.seen.lock().expect("whole");
        let screen = seen.parser.screen();
        !screen.alternate_screen()
            && !screen.hide_cursor()
            && !screen.bracketed_paste()
            && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
    }

    /// Waits until something is on the screen.
    #[track_caller]
    pub fn wait(&self, text: &str) {
        self.wait_for(&format!("`{text}` is on the screen"), |screen| screen.contains(text));
    }

    /// Waits until the screen is as it should be.
    #[track_caller]
    pub fn wait_for(&self, what: &str, mut holds: impl FnMut(&str) -> bool) {
        wait_until_or(what, || holds(&self.text()), || self.text());
    }

    /// Types these characters.
    pub fn keys(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).expect("typed");
    }

    /// Gives the terminal another size.
    pub fn resize(&self, rows: u16, columns: u16) {
        let mut seen = self.seen.lock().expect("whole");
        self.pty.resize(Size::new(rows, columns)).expect("resized");
        seen.parser.screen_mut().set_size(cells(rows), cells(columns));
    }

    /// Waits for the end of the program; its exit code and what is left on the screen.
    pub fn ends(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().expect("ended").code();
        // Nobody writes any more: what is left is read to its end.
        self.reader.join().expect("read");
        let seen = self.seen.lock().expect("whole");
        let screen = seen.parser.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor(), "the terminal is given back");
        (code, screen.contents())
    }
}

/// A program in a terminal of this size, from which nobody reads.
pub fn spawn(plain: &Command, env: &TestEnv, rows: u16, columns: u16) -> (Pty, Child) {
    let more = [("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("SHELL", "/bin/sh")];
    pty::spawn(plain, &env.project(), Some((rows, columns)), &more)
}

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).expect("a terminal has cells")
}
