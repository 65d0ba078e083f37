//! Making accidents happen: killing, bringing back, looking at single processes.

#![expect(clippy::unwrap_used, reason = "what a test stands on fails the test")]

use std::process::Stdio;
use std::time::Duration;

use camino::Utf8Path;
use crew::runtime::process::{self, Signal};
use crew::runtime::{Pid, ShimFile};

use crate::project::TestEnv;
use crate::support::wait_until;

impl TestEnv {
    /// Moves the state of the runs elsewhere.
    pub fn with_state(mut self, dir: &Utf8Path) -> Self {
        self.state = Some(dir.to_owned());
        self
    }

    pub fn has_note(&self, name: &str) -> bool {
        self.notes().join(name).exists()
    }

    pub fn wait_note(&self, name: &str) {
        wait_until(&format!("there is a note `{name}`"), || self.has_note(name));
    }

    /// The processes of a live attempt.
    pub fn shim(&self, run: u32, task: &str, number: u32) -> ShimFile {
        let dir = self.attempt(run, task, number);
        wait_until("the shim has told its number", || matches!(ShimFile::read(&dir), Ok(Some(_))));
        ShimFile::read(&dir).unwrap().unwrap()
    }

    pub fn wait_supervisor(&self, run: u32) -> Pid {
        wait_until("a supervisor lives", || self.supervisor(run).is_some());
        self.supervisor(run).unwrap()
    }

    /// Starts the supervisor of a run as every command that opens the project does.
    pub fn supervise(&self, run: u32) {
        let dir = self.dir();
        let number = run.to_string();
        let args = ["supervise", dir.root().as_str(), dir.state().as_str()];
        let mut child = self
            .crew(&[&args[..], &[dir.worktrees().as_str(), &number]].concat())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut stdout, &mut said).unwrap();
        assert!(!said.trim().is_empty(), "it said nothing");
        // Reaped by whoever waits for its thread, so that it does not stay behind as a zombie.
        std::thread::spawn(move || drop(child.wait()));
    }
}

/// Ends a process as an accident would.
pub fn kill(process: Pid) {
    assert!(process::signal(process, Signal::KILL).unwrap(), "it was there");
    wait_until("the killed process is gone", || !process::is_alive(process));
}

/// Lets some milliseconds pass: for a moment that is arbitrary, or to see that nothing happens.
#[expect(clippy::disallowed_methods, reason = "chooses a moment; nothing waits for it")]
pub fn pause(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}
