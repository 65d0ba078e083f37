//! A terminal in which the program runs: what is typed, what it shows, and the answers that programs ask it for.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crew::runtime::Clock;
use pty_process::Size;
use pty_process::blocking::Pty;

use crate::project::TestEnv;
use crate::pty;
use crate::support::wait_until_or;

const ROWS: u16 = 40;
const COLUMNS: u16 = 120;

pub struct Terminal {
    pty: Arc<Pty>,
    reader: JoinHandle<()>,
    pub child: Child,
    shown: Arc<Mutex<String>>,
    screen: Arc<Mutex<vt100::Parser>>,
}

impl Terminal {
    /// A small one, of 24 lines with 80 columns.
    pub fn open(env: &TestEnv, args: &[&str]) -> Self {
        Self::start(env, &env.crew(args), 24, 80)
    }

    /// One in which programs that draw whole screens have room.
    pub fn large(env: &TestEnv, args: &[&str]) -> Self {
        let mut command = env.crew(args);
        command.env("TERM", "xterm-256color").env("COLORTERM", "truecolor");
        Self::start(env, &command, ROWS, COLUMNS)
    }

    fn start(env: &TestEnv, plain: &Command, rows: u16, columns: u16) -> Self {
        let shell = [("SHELL", "/bin/sh")];
        let (pty, child) = pty::spawn(plain, &env.project(), Some((rows, columns)), &shell);
        let (pty, shown) = (Arc::new(pty), Arc::new(Mutex::new(String::new())));
        let screen = Arc::new(Mutex::new(vt100::Parser::new(cells(rows), cells(columns), 0)));
        let (reader, all, drawn) = (Arc::clone(&pty), Arc::clone(&shown), Arc::clone(&screen));
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count) = (&*reader).read(&mut bytes) {
                let read = &bytes[..count];
                let text = String::from_utf8_lossy(read);
                all.lock().expect("whole").push_str(&text);
                let mut drawn = drawn.lock().expect("whole");
                drawn.process(read);
                // As a terminal does; some programs wait for it.
                drop((&*reader).write_all(answers(&text, drawn.screen()).as_bytes()));
            }
        });
        Self { pty, reader, child, shown, screen }
    }

    /// All that was ever shown, as it was written.
    pub fn shown(&self) -> String {
        self.shown.lock().expect("whole").clone()
    }

    /// What stands on the screen now.
    pub fn screen(&self) -> String {
        self.screen.lock().expect("whole").screen().contents()
    }

    #[track_caller]
    pub fn wait(&self, text: &str) {
        let holds = || self.shown().contains(text);
        wait_until_or(&format!("`{text}` is shown"), holds, || self.screen());
    }

    /// Waits until a text stands on the screen, wherever its lines are broken.
    #[track_caller]
    pub fn sees(&self, text: &str) {
        let holds = || self.is_seen(text);
        wait_until_or(&format!("`{text}` is on the screen"), holds, || self.screen());
    }

    /// Types words, and Enter when they stand on the screen, until something is answered: a program that draws
    /// itself may not listen yet, and one that has just got words takes Enter for a part of them.
    #[track_caller]
    pub fn says(&self, words: &str, answer: &str) {
        let clock = Clock::start();
        let mut next = clock.now();
        let is_answered = || {
            if self.is_seen(answer) {
                return true;
            }
            if clock.now() >= next {
                let is_typed = self.is_seen(words);
                // What it has got of it goes first.
                let keys = if is_typed { "\r".to_owned() } else { format!("\u{15}{words}") };
                self.type_text(&keys);
                next = clock.now().plus_ms(1_500);
            }
            false
        };
        wait_until_or(&format!("`{words}` is answered"), is_answered, || self.screen());
    }

    /// Waits until a text stands on the screen, and presses keys wherever a program asks something first.
    #[track_caller]
    pub fn sees_after(&self, asked: &[(&str, &str)], text: &str) {
        let clock = Clock::start();
        let mut next = clock.now();
        let holds = || {
            let open = asked.iter().find(|(question, _)| self.is_seen(question));
            if let Some((_, keys)) = open.filter(|_| clock.now() >= next) {
                self.type_text(keys);
                next = clock.now().plus_ms(1_500);
            }
            self.is_seen(text)
        };
        wait_until_or(&format!("`{text}` is on the screen"), holds, || self.screen());
    }

    fn is_seen(&self, text: &str) -> bool {
        self.screen().split_whitespace().collect::<Vec<_>>().join(" ").contains(text)
    }

    pub fn resize(&self, rows: u16, columns: u16) {
        self.pty.resize(Size::new(rows, columns)).expect("resized");
    }

    pub fn type_text(&self, text: &str) {
        (&*self.pty).write_all(text.as_bytes()).expect("typed");
    }

    pub fn type_line(&self, line: &str) {
        self.type_text(&format!("{line}\r"));
    }

    pub fn ends(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().expect("ended").code();
        // Nobody writes any more: what is left is read to its end.
        self.reader.join().expect("read");
        let shown = self.shown.lock().expect("whole").clone();
        (code, shown)
    }
}

/// What a terminal answers to the questions in a text: where its cursor is, and what it is.
fn answers(text: &str, screen: &vt100::Screen) -> String {
    let (row, column) = screen.cursor_position();
    let at = format!("\u{1b}[{};{}R", row + 1, column + 1);
    let questions = [
        ("\u{1b}[6n", at.as_str()),
        ("\u{1b}[c", "\u{1b}[?62;22c"),
        ("\u{1b}[?u", "\u{1b}[?0u"),
        ("\u{1b}]11;?", "\u{1b}]11;rgb:0000/0000/0000\u{1b}\\"),
    ];
    questions
        .iter()
        .filter(|(question, _)| text.contains(question))
        .map(|(_, answer)| *answer)
        .collect()
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).expect("a terminal has cells")
}
