//! The machine: git, the disk, agent programs.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use camino::Utf8Path;

use super::{Finding, Level};
use crate::base::text::one_line;
use crate::cli::runtime;
use crate::config::Config;
use crate::store::ProjectDir;

/// A program that does not tell its version in this time is passed over.
const VERSION_TIMEOUT: Duration = Duration::from_secs(5);
/// Characters of a version that are shown.
const VERSION_CHARS_MAX: usize = 60;
/// Oldest git that knows what worktrees need (`git worktree add --orphan`, `merge-tree --write-tree`).
const GIT_OLDEST: (u32, u32) = (2, 38);
/// Below this a run may fill the disk.
const FREE_BYTES_MIN: u64 = 1 << 30;
/// File systems over a network, where locks may not be kept: number and name.
const NETWORK: &[(u64, &str)] = &[
    (0x6969, "NFS"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB"),
    (0x0102_1997, "9P"),
    (0x7375_7245, "Coda"),
    (0x5346_414F, "AFS"),
];

pub(super) fn git() -> Finding {
    let Some(version) = version_of("git") else {
        return Finding::new("git", Level::Error, "git is not found")
            .hinted("install git; without it runs have no worktrees and cannot merge");
    };
    match number_of(&version) {
        Some(found) if found < GIT_OLDEST => {
            let (major, minor) = GIT_OLDEST;
            Finding::new("git", Level::Warning, version)
                .hinted(format!("crew needs git {major}.{minor} or newer"))
        }
        _ => Finding::new("git", Level::Ok, version),
    }
}

/// `(2, 43)` from `git version 2.43.0`.
fn number_of(version: &str) -> Option<(u32, u32)> {
    let number = version.split_whitespace().find(|word| word.starts_with(char::is_numeric))?;
    let mut parts = number.split('.').map_while(|part| part.parse().ok());
    Some((parts.next()?, parts.next()?))
}

pub(super) fn state(dir: &ProjectDir) -> Vec<Finding> {
    let state = dir.state();
    let there = state.ancestors().find(|folder| folder.is_dir()).unwrap_or(state);
    let mut findings = Vec::new();
    let is_writable = rustix::fs::access(there.as_std_path(), rustix::fs::Access::WRITE_OK).is_ok();
    findings.push(if is_writable {
        Finding::new("state", Level::Ok, format!("`{state}` can be written"))
    } else {
        Finding::new("state", Level::Error, format!("`{there}` cannot be written"))
            .hinted("`[state] dir` in your own configuration moves the state")
    });
    findings.extend(network(there));
    findings.extend(space(there));
    findings
}

fn network(folder: &Utf8Path) -> Option<Finding> {
    let kind = rustix::fs::statfs(folder.as_std_path()).ok()?.f_type;
    // The kernel's numbers fit 32 bits; their type differs between machines.
    let kind = u64::try_from(kind).ok()? & 0xFFFF_FFFF;
    let (_, name) = NETWORK.iter().find(|(number, _)| *number == kind)?;
    Some(
        Finding::new(
            "state",
            Level::Warning,
            format!("`{folder}` is on a network file system ({name})"),
        )
        .hinted(
            "locks may not hold there; `[state] dir` in your own configuration moves the state",
        ),
    )
}

fn space(folder: &Utf8Path) -> Option<Finding> {
    let stat = rustix::fs::statvfs(folder.as_std_path()).ok()?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let text = format!("{:.1} GiB free", mebibytes(free) / 1024.0);
    Some(if free < FREE_BYTES_MIN {
        Finding::new("disk", Level::Warning, text)
            .hinted("runs pause when the disk is full; make room")
    } else {
        Finding::new("disk", Level::Ok, text)
    })
}

fn mebibytes(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes >> 20).unwrap_or(u32::MAX))
}

pub(super) fn runtimes(config: &Config) -> Vec<Finding> {
    let all = runtime::all(config);
    let found: Vec<_> = all.iter().filter(|told| told.kind != "built-in").collect();
    // Some of these programs take seconds to say their version: all are asked at once.
    let versions: Vec<Option<String>> = std::thread::scope(|scope| {
        let asked: Vec<_> = found
            .iter()
            .map(|told| {
                scope.spawn(|| told.path.as_ref().and_then(|path| version_of(path.as_str())))
            })
            .collect();
        asked.into_iter().map(|thread| thread.join().ok().flatten()).collect()
    });
    let mut findings: Vec<Finding> = Vec::new();
    for (told, version) in found.iter().zip(versions) {
        let version = version.unwrap_or_else(|| "its version is not known".to_owned());
        if told.kind == "configured" && told.path.is_none() {
            let text = format!("{}: `{}` is not found", told.name, told.program);
            findings.push(
                Finding::new("runtimes", Level::Error, text)
                    .hinted(format!("install it, or correct `[runtimes.{}]`", told.name)),
            );
        } else if told.usable {
            findings.push(Finding::new("runtimes", Level::Ok, format!("{}: {version}", told.name)));
        } else if told.path.is_some() {
            let text = format!("{}: {version}; not configured", told.name);
            let hint = format!(
                "this version has no adapter for it: describe it under `[runtimes.{}]`",
                told.name
            );
            findings.push(Finding::new("runtimes", Level::Note, text).hinted(hint));
        }
    }
    if !findings.iter().any(|finding| finding.level == Level::Ok) {
        findings.push(
            Finding::new("runtimes", Level::Warning, "no program is there that can play an agent")
                .hinted("describe one under `[runtimes.<name>]` in your own configuration; `crew demo` needs none"),
        );
    }
    findings
}

/// The first line that the program prints when it is asked for its version, if it does so in time.
fn version_of(program: &str) -> Option<String> {
    let mut child = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let output = child.stdout.take()?;
    let (sender, line) = mpsc::channel();
    // A grandchild may keep the pipe open; then this thread is left behind and ends with crew.
    std::thread::spawn(move || {
        let mut first = String::new();
        if BufReader::new(output).read_line(&mut first).is_ok() {
            drop(sender.send(first));
        }
    });
    let line = line.recv_timeout(VERSION_TIMEOUT);
    // It has said what it was asked for, or never will.
    drop(child.kill());
    drop(child.wait());
    let line = one_line(&line.ok()?, VERSION_CHARS_MAX);
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_programs_say() {
        assert_eq!(number_of("git version 2.43.0"), Some((2, 43)));
        assert_eq!(number_of("git version 2.39.5 (Apple Git-154)"), Some((2, 39)));
        assert_eq!(number_of("something else"), None);
        assert!((2, 9) < GIT_OLDEST && GIT_OLDEST <= (2, 43));
    }

    #[test]
    fn a_program_that_is_missing_has_no_version() {
        assert_eq!(version_of("/nowhere/at/all"), None);
    }
}
