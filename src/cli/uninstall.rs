//! `crew uninstall`: tells everything that crew ever wrote, and how to remove it.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args as ClapArgs;
use serde::Serialize;

use super::{CliError, Context, Exit, Result};
use crate::base::limits::JSON_SCHEMA;
use crate::base::text::printable;
use crate::client::{Workspace, forbid_to_agents, projects};
use crate::config::Environment;
use crate::store::git::git;
use crate::store::{Project, ProjectDir, git_dirs};

/// List everything that crew ever wrote, in all projects and for you, and the commands that remove it.
///
/// Nothing is removed: what is printed is a shell script, so that `crew uninstall | sh` removes all of it but what you
/// wrote yourself. With `--dry-run` it is a list. Projects are those in which runs were created on this machine, and
/// this one.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// A list, and no script.
    #[arg(long)]
    dry_run: bool,
}

/// One thing that crew wrote.
#[derive(Debug, Serialize)]
struct Thing {
    /// Where it is.
    place: String,
    /// What it is.
    what: &'static str,
    /// How it is removed; nothing for what a person wrote.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    command: Vec<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    things: &'a [Thing],
}

/// Runs the verb.
///
/// # Errors
/// A run is at work, so that what is listed would be made again.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    forbid_to_agents(&context.env, "uninstall")?;
    let mut roots: BTreeSet<Utf8PathBuf> = projects::roots(&context.env).into_iter().collect();
    if let Ok(dir) = context.project_dir()
        && dir.state().exists()
    {
        roots.insert(dir.root().to_owned());
    }
    let mut things = Vec::new();
    for root in roots {
        let dir = Workspace::locate(&context.env, root.as_std_path(), Some(&root));
        if let Some(dir) = dir.ok().filter(|dir| dir.root() == root) {
            if !args.dry_run {
                is_idle(&dir)?;
            }
            of_project(&dir, &mut things);
        }
    }
    of_user(&context.env, &mut things);
    if context.json {
        context.write_json(&Document { schema_version: JSON_SCHEMA, things: &things })?;
        return Ok(Exit::Ok);
    }
    for thing in &things {
        let (place, what) = (printable(&thing.place), thing.what);
        match (args.dry_run, thing.command.as_slice()) {
            (true, []) => writeln!(context.out, "{place}  {what}; stays")?,
            (true, _) => writeln!(context.out, "{place}  {what}")?,
            (false, []) => writeln!(context.out, "# stays: {place}  {what}")?,
            (false, words) => {
                let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
                writeln!(context.out, "{}  # {what}", words.join(" "))?;
            }
        }
    }
    if things.is_empty() {
        context.say("crew has written nothing that is still there")?;
    } else if !args.dry_run {
        context.say("nothing was removed: the lines above do it; the program itself is removed as it was installed")?;
    }
    Ok(Exit::Ok)
}

/// Refuses while something of a project is at work.
fn is_idle(dir: &ProjectDir) -> Result<()> {
    let project = Project::open(dir.clone())?;
    for number in project.runs()? {
        let lock = dir.run(number).supervisor_lock();
        if crate::store::FileLock::is_held(&lock).unwrap_or(false) {
            let what = format!("run #{number} in `{}` is at work", dir.root());
            return Err(CliError::refused(what)
                .hinted(format!("`crew --project {} stop {number}` ends it", dir.root())));
        }
    }
    Ok(())
}

fn of_project(dir: &ProjectDir, things: &mut Vec<Thing>) {
    let root = dir.root();
    let has_git = git_dirs(root).is_ok_and(|found| found.is_some());
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let mut folder = |path: &Utf8Path, what: &'static str| {
        if path.symlink_metadata().is_ok() {
            let command = words(&["rm", "-rf", "--", path.as_str()]);
            things.push(Thing { place: path.to_string(), what, command });
        }
    };
    folder(dir.worktrees(), "worktrees of runs");
    folder(dir.state(), "state of runs: logs, prompts, output, artifacts");
    folder(&dir.crew().join("agent-memory-local"), "what agents remembered, not committed");
    if has_git {
        let common = git_dirs(root).ok().flatten().map(|found| found.common_dir);
        if let Some(common) = common {
            folder(&common.join("crew-worktrees.lock"), "a lock");
        }
        let prune = words(&["git", "-C", root.as_str(), "worktree", "prune"]);
        let place = format!("{root} (git)");
        things.push(Thing { place, what: "what git knows of the worktrees", command: prune });
        let listed = |pattern: &str| {
            git(root, &["for-each-ref", "--format=%(refname)", pattern]).unwrap_or_default()
        };
        for (pattern, what) in [
            ("refs/heads/crew/", "branch of a run, with its work"),
            ("refs/crew/", "what was put away"),
        ] {
            for name in listed(pattern).lines() {
                let command = words(&["git", "-C", root.as_str(), "update-ref", "-d", name]);
                things.push(Thing { place: format!("{root} {name}"), what, command });
            }
        }
    }
    let yours = dir.crew();
    let left = yours.read_dir_utf8().into_iter().flatten().flatten().filter(|entry| {
        entry.path() != dir.state()
            && entry.path() != dir.worktrees()
            && entry.file_name() != "agent-memory-local"
    });
    for entry in left {
        let place = entry.path().to_string();
        things.push(Thing { place, what: "the project's own", command: Vec::new() });
    }
}

fn of_user(env: &Environment, things: &mut Vec<Thing>) {
    let mut seen: BTreeSet<Utf8PathBuf> = BTreeSet::new();
    let config = env.config_dir();
    let own = [env.user_state_dir(), env.runtime_dir()].into_iter().flatten();
    for folder in own.filter(|folder| Some(folder) != config.as_ref()) {
        if folder.exists() && seen.insert(folder.clone()) {
            let command = ["rm", "-rf", "--", folder.as_str()].map(str::to_owned).to_vec();
            let what = "what crew remembers of you: known and trusted projects, the key of your runs, locks";
            things.push(Thing { place: folder.to_string(), what, command });
        }
    }
    if let Some(folder) = config.filter(|folder| folder.exists()) {
        let what = "your configuration, teams, workflows, agents and skills";
        things.push(Thing { place: folder.to_string(), what, command: Vec::new() });
    }
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@+,%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("/a/b-c"), "/a/b-c");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's; rm"), r"'it'\''s; rm'");
        assert_eq!(quoted(""), "''");
    }
}
