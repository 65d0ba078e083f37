//! The dashboard of the real binary in a real pseudo-terminal, read by a terminal emulator.

#[path = "support/project.rs"]
#[expect(dead_code, reason = "shared with the tests of runs, which need more of it")]
mod project;
#[path = "support/pty.rs"]
mod pty;
mod support;

#[path = "tui/demo.rs"]
mod demo;
#[path = "tui/life.rs"]
mod life;
#[path = "tui/look.rs"]
mod look;
#[path = "tui/readme.rs"]
mod readme;
#[path = "tui/screen.rs"]
mod screen;
