//! A program in a pseudo-terminal.

use std::process::{Child, Command};

use camino::Utf8Path;
use pty_process::Size;
use pty_process::blocking::Pty;

/// Starts a command in a terminal of so many rows and columns, from which nobody reads; with some variables more.
pub fn spawn(
    plain: &Command,
    folder: &Utf8Path,
    size: Option<(u16, u16)>,
    more: &[(&str, &str)],
) -> (Pty, Child) {
    let (pty, pts) = pty_process::blocking::open().expect("a terminal");
    if let Some((rows, columns)) = size {
        pty.resize(Size::new(rows, columns)).expect("resized");
    }
    let variables: Vec<_> =
        plain.get_envs().filter_map(|(name, value)| Some((name, value?))).collect();
    let child = pty_process::blocking::Command::new(plain.get_program())
        .args(plain.get_args())
        .env_clear()
        .envs(variables)
        .envs(more.iter().copied())
        .current_dir(folder)
        .spawn(pts)
        .expect("started");
    (pty, child)
}
