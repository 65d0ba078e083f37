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
