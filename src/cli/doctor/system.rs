//! The machine: git, the disk, agent programs.

use camino::Utf8Path;

use super::{Finding, Level};
use crate::agent::rehearsal;
use crate::base::limits;
use crate::cli::runtime;
use crate::config::{Config, Environment};
use crate::launch::login::Login;
use crate::launch::version::version;
use crate::store::ProjectDir;

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
    let Ok(version) = version(&["git", "--version"].map(str::to_owned), limits::VERSION_LOOK_MS)
    else {
        return Finding::new("git", Level::Error, "git is not found")
            .hinted("install git; without it runs have no worktrees and cannot merge");
    };
    match number_of(&version) {
        Some(found) if found < GIT_OLDEST => {
            let (major, minor) = GIT_OLDEST;
            Finding::new("git", Level::Warning, version)
                .hinted(format!(
                    "crew needs git {major}.{minor} or newer; without it the conflict radar is not available"
                ))
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

pub(super) fn runtimes(config: &Config, env: &Environment, root: &Utf8Path) -> Vec<Finding> {
    let mut all = runtime::all(config);
    runtime::ask_versions(config, &mut all);
    let mut findings: Vec<Finding> = Vec::new();
    for told in all.iter().filter(|told| told.name != rehearsal::NAME) {
        if told.kind == "configured" && told.path.is_none() {
            let text = format!("{}: `{}` is not found", told.name, told.program);
            findings.push(
                Finding::new("runtimes", Level::Error, text)
                    .hinted(format!("install it, or correct `[runtimes.{}]`", told.name)),
            );
        } else if told.usable {
            findings.push(usable(config, env, root, told));
        }
    }
    if findings.is_empty() {
        findings.push(
            Finding::new("runtimes", Level::Warning, "no program is there that can play an agent")
                .hinted(NO_PROGRAM),
        );
    }
    findings
}

const NO_PROGRAM: &str = "install claude, codex, pi, opencode, gemini or qwen, or describe another one under \
    `[runtimes.<name>]` in your own configuration; `crew demo` needs none";

/// A program that is there, and whether somebody is logged in.
fn usable(config: &Config, env: &Environment, root: &Utf8Path, told: &runtime::Told) -> Finding {
    let version = told.version.as_deref().unwrap_or(&told.note);
    let text = format!("{}: {version}", told.name);
    let Ok(spec) = runtime::spec_of(config, &told.name) else {
        return Finding::new("runtimes", Level::Ok, text);
    };
    let login = runtime::login_of(config, env, root, &spec);
    let text = match login {
        Login::Unknown => text,
        Login::In | Login::Out | Login::Key => {
            format!("{text}, {}", runtime::login_words(login, &spec))
        }
    };
    let stray = runtime::stray_keys(config, env, &spec);
    match (login, stray.into_iter().next()) {
        (Login::Out, _) => Finding::new("runtimes", Level::Warning, text)
            .hinted(format!("log in with `{}`", spec.login_with)),
        (_, Some(key)) => Finding::new("runtimes", Level::Ok, text).hinted(key),
        (_, None) => Finding::new("runtimes", Level::Ok, text),
    }
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
}
