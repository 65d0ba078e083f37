//! Commands that must end: whatever they meet, and in a moment.

use std::fs::File;
use std::process::Command;

use crate::support::wait_until;

/// What a command printed, on both ways together.
pub struct Said {
    pub code: Option<i32>,
    pub text: String,
}

/// Runs a command to its end; fails when it hangs.
pub fn bounded(command: &mut Command, what: &str) -> Said {
    let mut out = tempfile::tempfile().expect("a file");
    let both = |file: &File| file.try_clone().expect("cloned");
    let mut child = command.stdout(both(&out)).stderr(both(&out)).spawn().expect("started");
    let mut status = None;
    wait_until(&format!("{what} ends"), || {
        status = child.try_wait().expect("waited");
        status.is_some()
    });
    let mut bytes = Vec::new();
    std::io::Seek::rewind(&mut out).expect("rewound");
    std::io::Read::read_to_end(&mut out, &mut bytes).expect("read");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Said { code: status.and_then(|status| status.code()), text }
}
