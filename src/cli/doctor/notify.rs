//! The ways in which notices reach people: which are configured, and whether they would work.

use std::time::Duration;

use camino::Utf8Path;

use super::{Finding, Level};
use crate::base::{Time, text};
use crate::config::{Config, Environment};
use crate::notice::{Letter, Way, Ways};

/// Characters of a command that are shown.
const COMMAND_CHARS: usize = 60;

/// What is configured, and what it lacks; with `try_at`, each way is told that it is a test.
pub(super) fn look(
    config: &Config,
    env: &Environment,
    root: &Utf8Path,
    try_at: Option<Time>,
) -> Vec<Finding> {
    let ways = Ways::of(config, env, root);
    let mut findings = vec![at_terminal(config)];
    for item in &ways.untrusted {
        let text = format!("{}:{}: {} is not used: not trusted", item.file, item.line, item.what);
        findings.push(
            Finding::new("notify", Level::Warning, text).hinted("`crew trust` shows it and asks"),
        );
    }
    for way in &ways.usable {
        findings.push(match try_at {
            Some(now) => tell(way, config, env, &Letter::test(root.to_owned(), now)),
            None => lack(way, env),
        });
    }
    findings
}

fn at_terminal(config: &Config) -> Finding {
    let notify = &config.notify;
    let words = match (notify.bell, notify.terminal) {
        (true, true) => "bell and notification of the terminal",
        (true, false) => "bell of the terminal",
        (false, true) => "notification of the terminal",
        (false, false) => "nothing at the terminal",
    };
    Finding::new("notify", Level::Ok, format!("{words}, for whoever stays with a run"))
}

fn lack(way: &Way, env: &Environment) -> Finding {
    let name = named(way);
    let is_there = |program: &str| which::which_in(program, env.get("PATH"), "/").is_ok();
    if let Some(program) = way.program() {
        if is_there(program) {
            return Finding::new("notify", Level::Ok, format!("{name}, by `{program}`"));
        }
        let text = format!("{name}: `{program}` is not found");
        return Finding::new("notify", Level::Error, text).hinted(format!("install `{program}`"));
    }
    // What looks like the path of a program can be looked for; the rest is for the shell.
    let first = way.shell().unwrap_or_default().split_whitespace().next().unwrap_or_default();
    let is_path = first.starts_with('/') && !first.contains(['$', '"', '\'', '*', ';']);
    if is_path && !is_there(first) {
        return Finding::new("notify", Level::Error, format!("{name}: `{first}` is not found"));
    }
    Finding::new("notify", Level::Ok, name).hinted("`crew doctor --notify` tries it")
}

fn tell(way: &Way, config: &Config, env: &Environment, letter: &Letter) -> Finding {
    let limit = Duration::from_millis(config.notify.timeout_ms);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let told = runtime
        .map_err(|error| error.to_string())
        .and_then(|runtime| runtime.block_on(way.tell(letter, env, limit)));
    let name = named(way);
    match told {
        Ok(said) if said.is_empty() => Finding::new("notify", Level::Ok, format!("{name}: told")),
        Ok(said) => {
            let said = text::one_line(&said, COMMAND_CHARS);
            Finding::new("notify", Level::Ok, format!("{name}: told; it says: {said}"))
        }
        Err(why) => {
            let why = text::one_line(&why, 2 * COMMAND_CHARS);
            Finding::new("notify", Level::Error, format!("{name}: {why}"))
        }
    }
}

fn named(way: &Way) -> String {
    match way.shell() {
        Some(command) => {
            format!("{}: `{}`", way.name(), text::one_line(command, COMMAND_CHARS))
        }
        None => way.name(),
    }
}
