//! The dashboard of the real binary in a real pseudo-terminal, read by a terminal emulator.

#[path = "support/project.rs"]
mod project;
#[path = "support/slots.rs"]
mod slots;
mod support;

#[path = "tui/life.rs"]
mod life;
#[path = "tui/screen.rs"]
mod screen;
