//! Attempts on other machines: over ssh with a real `sshd`, and as jobs of a real Slurm, both on loopback.
//!
//! They need programs that not every machine has, so these tests are ignored by `cargo test`; `.ci/run` installs
//! them where it can and runs `cargo test --test executors -- --ignored`. A test says loudly when it is skipped.

#[path = "support/project.rs"]
#[expect(dead_code, reason = "other test programs need the rest of it")]
mod project;
mod support;

#[path = "executors/slurm.rs"]
mod slurm;
#[path = "executors/ssh.rs"]
mod ssh;
#[path = "executors/sshd.rs"]
mod sshd;

use std::io::Write;

use camino::Utf8PathBuf;
use crew::event::Hash;

/// A program that system administrators use, which are not on everybody's path.
fn find(program: &str) -> Option<Utf8PathBuf> {
    ["/usr/sbin", "/usr/bin", "/sbin", "/usr/local/sbin", "/usr/local/bin"]
        .map(|folder| Utf8PathBuf::from(folder).join(program))
        .into_iter()
        .find(|path| path.exists())
}

/// Says that a test proves nothing here, past the test program, which shows only what failed tests say.
fn skipped(why: &str) {
    let text = format!("\n!! SKIPPED: {why}\n\n");
    std::io::stderr().write_all(text.as_bytes()).expect("standard error is there");
}

/// Adds an event that only a newer crew knows to the log of a run that nobody drives: it can only be read then.
fn make_read_only(env: &project::TestEnv, run: u32) {
    let path = env.run_dir(run).events();
    let log = std::fs::read_to_string(&path).expect("the log is there");
    let last = log.lines().next_back().expect("it has a line");
    let (seq, prev) = (log.lines().count() + 1, Hash::of(last.as_bytes()));
    let line = format!(
        "{{\"seq\":{seq},\"at\":\"2026-01-01T00:00:00.000Z\",\"actor\":\"supervisor\",\"type\":\"thing.new\",\
         \"epoch\":1,\"batch\":{seq},\"data\":{{}},\"prev\":\"{prev}\"}}\n"
    );
    std::fs::write(path, format!("{log}{line}")).expect("written");
}
