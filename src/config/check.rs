//! Checks what configuration values must be to each other, after all layers are laid.

use camino::Utf8Path;

use super::file::dotted;
use super::merge::Origin;
use super::model::Config;
use super::problem::{Place, Problem};
use super::run;
use crate::base::flow::BUILT_IN_PROGRAMS;
use crate::base::text;

/// A runtime that needs no `command` either.
const REHEARSAL: &str = "rehearsal";

/// Faults between values; `earlier` are the faults that have been found in single ones.
pub(super) fn together(
    config: &Config,
    root: Option<&Utf8Path>,
    earlier: &[Problem],
) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(heartbeat(config));
    problems.extend(runtimes(config, earlier));
    problems.extend(validation(config));
    problems.extend(webhook(config));
    problems.extend(run::check(config));
    problems.extend(root.and_then(|root| folders(config, root)));
    problems
}

fn heartbeat(config: &Config) -> Option<Problem> {
    let beat = config.heartbeat;
    if beat.warn_ms < beat.stale_ms && beat.stale_ms < beat.dead_ms {
        return None;
    }
    let keys = ["heartbeat.warn", "heartbeat.stale", "heartbeat.dead"];
    let problem =
        Problem::new(place_of(config, &keys), "`heartbeat` must have `warn` < `stale` < `dead`");
    Some(problem.hinted("such as `warn = \"30s\"`, `stale = \"60s\"`, `dead = \"5m\"`"))
}

fn runtimes(config: &Config, earlier: &[Problem]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, runtime) in &config.runtimes {
        let table = dotted(&["runtimes".to_owned(), name.clone()]);
        let has_wrong_one =
            earlier.iter().any(|problem| problem.what.starts_with(&format!("`{table}.command`")));
        if !runtime.command.is_empty()
            || has_wrong_one
            || BUILT_IN_PROGRAMS.contains(&name.as_str())
            || name == REHEARSAL
        {
            continue;
        }
        let keys = ["command", "args", "prompt", "output", "env", "resume"]
            .map(|key| format!("{table}.{key}"));
        let near = text::did_you_mean(name, BUILT_IN_PROGRAMS.into_iter().chain([REHEARSAL]));
        let hint = near.map_or_else(
            || "write `command = [\"program\", \"argument\"]`".to_owned(),
            |near| format!("did you mean `[runtimes.{near}]`?"),
        );
        let what = format!("`[{table}]` has no `command`, and no built-in runtime has that name");
        problems.push(
            Problem::new(place_of(config, &keys.each_ref().map(String::as_str)), what).hinted(hint),
        );
    }
    problems
}

/// A single word that no command is called is taken for a misspelt name; anything longer is a command line.
fn validation(config: &Config) -> Option<Problem> {
    let commands = &config.validation.commands;
    let default = config.validation.default.as_ref()?;
    if commands.is_empty()
        || commands.contains_key(default)
        || default.contains(char::is_whitespace)
    {
        return None;
    }
    let names: Vec<&str> = commands.keys().map(String::as_str).collect();
    let hint = text::did_you_mean(default, names.iter().copied()).map_or_else(
        || format!("there are: {}", names.join(", ")),
        |near| format!("did you mean `{near}`?"),
    );
    let what = format!(
        "`validation.default` names `{default}`, which `[validation.commands]` does not have"
    );
    Some(Problem::new(place_of(config, &["validation.default"]), what).hinted(hint))
}

/// The address is never shown: whoever knows it may write there.
fn webhook(config: &Config) -> Option<Problem> {
    let address = config.notify.webhook.as_ref()?;
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
    let is_address = rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with('/') && !rest.contains(char::is_whitespace)
    });
    if is_address && !address.contains(char::is_control) {
        return None;
    }
    let what = "`notify.webhook` must be an address that begins with `https://` or `http://`";
    let problem = Problem::new(place_of(config, &["notify.webhook"]), what);
    Some(problem.hinted("write `webhook = \"https://example.com/hook\"`"))
}

/// Worktrees inside the state would be swept away with it.
fn folders(config: &Config, root: &Utf8Path) -> Option<Problem> {
    let worktrees = config.worktrees_dir(root)?;
    let state = config.state_dir(root).unwrap_or_else(|| root.join(".crew/state"));
    if !worktrees.starts_with(&state) {
        return None;
    }
    let what = format!("`worktree.dir` must not lie inside the state folder `{state}`");
    let problem = Problem::new(place_of(config, &["worktree.dir"]), what);
    Some(problem.hinted("leave it out for `.crew/worktrees`"))
}

/// Where the first of the keys stands that is not from the preset.
pub(super) fn place_of(config: &Config, keys: &[&str]) -> Place {
    let mut origins = keys.iter().flat_map(|key| config.origins.of(key));
    match origins.find(|origin| **origin != Origin::Preset) {
        Some(Origin::User(path, line) | Origin::Project(path, line)) => {
            Place::File { path: path.clone(), line: *line, column: 1 }
        }
        Some(Origin::Env(name)) => Place::Variable(name.clone()),
        Some(Origin::Flag(name)) => Place::Flag(name.clone()),
        Some(Origin::Preset) | None => Place::Whole("default.toml".into()),
    }
}
