//! `crew demo`: a small sample repository and a real run in it, played by the rehearsal agent.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args as ClapArgs;

use super::context::Context;
use super::exit::Exit;
use super::report::{CliError, Result};
use crate::base::RunNumber;
use crate::base::path::PathContext;
use crate::client::start::{RunRequest, create, prepare};
use crate::client::{Workspace, give, mint};
use crate::clock::Clock;
use crate::config::Overrides;
use crate::engine::{Command, Proof};
use crate::event::Status;
use crate::event::decision::Action;
use crate::rehearsal::demo;
use crate::store::git::{git, git_as_author};

/// The gate of the demo's workflow that a person opens.
const GATE: &str = "plan-approval-gate";

/// Show a guided run in a sample repository, without any agent program, key or network
#[derive(Debug, Clone, ClapArgs)]
pub struct Args {
    /// How fast the agents play: 2 halves every pause, 0 leaves them out.
    #[arg(long, default_value_t = 1.0, value_name = "N")]
    pub speed: f64,
    /// Print plain lines, without the dashboard.
    #[arg(long)]
    pub no_tui: bool,
    /// Make the sample repository in this folder, which must be new or empty.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<Utf8PathBuf>,
}

/// Makes the sample and runs a goal in it.
///
/// # Errors
/// The sample cannot be made, or the run did not end well.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    if !args.speed.is_finite() || args.speed < 0.0 {
        return Err(CliError::usage("`--speed` is a number from 0 up")
            .hinted("`--speed 2` halves every pause"));
    }
    let root = sample(args.dir.as_deref(), context)?;
    context.say(&format!(
        "A sample repository is in {root}: a script with a bug, and a test that fails."
    ))?;
    context.say(
        "Agents work on it now, played by crew itself, but real processes in the real engine:",
    )?;
    context.say("a plan, your approval, the code, three reviews, QA.\n")?;
    let workspace = Workspace::open(
        context.env.clone(),
        root.as_std_path(),
        Some(&root),
        &Overrides::default(),
    )?;
    let rehearsal =
        ["--script", demo::SCRIPT_NAME, "--speed", &args.speed.to_string()].map(str::to_owned);
    let request = RunRequest {
        goal: demo::GOAL.to_owned(),
        workflow: Some("coding-v2".to_owned()),
        validate: Some("sh test.sh".to_owned()),
        runtime: Some("rehearsal".to_owned()),
        runtime_args: [("rehearsal".to_owned(), rehearsal.to_vec())].into(),
        ..RunRequest::default()
    };
    // The sample is nobody's work: nothing about it is a risk.
    let prepared = prepare(&workspace, request)?.accepting();
    let (number, _) = create(&workspace, &prepared, context.now)?;
    if args.no_tui {
        context.out_is_terminal = false;
    }
    if !args.no_tui && super::dashboard::is_possible(context) {
        super::dashboard::open(workspace, Some(number), context)?;
        return leave(&root, number, context);
    }
    let mut exit = super::offer::follow_and_ask(&workspace, number, context)?;
    let is_asked = context.is_interactive() && !context.yes;
    if exit == Exit::Waiting && waits_for(&workspace, number)? == Some("gate") {
        if is_asked {
            return Ok(exit);
        }
        let told = workspace.run(number)?.state().seq;
        approve(&workspace, number, context)?;
        exit = super::follow::follow_after(&workspace, number, told, context)?;
    }
    if exit == Exit::Interrupted {
        return Ok(exit);
    }
    let is_as_planned = exit == Exit::Waiting && waits_for(&workspace, number)? == Some("merge");
    next_steps(&root, is_as_planned, context)?;
    Ok(if is_as_planned { Exit::Ok } else { exit })
}

/// After the dashboard was closed: what to type next, whatever came of the run.
fn leave(root: &Utf8Path, number: RunNumber, context: &mut Context) -> Result<Exit> {
    context.say(&format!("The sample is in {root}; `crew` there opens run #{number} again."))?;
    Ok(Exit::Ok)
}

/// What the run waits for.
fn waits_for(workspace: &Workspace, number: RunNumber) -> Result<Option<&'static str>> {
    let ledger = workspace.run(number)?;
    let Status::Waiting { wait } = &ledger.state().status else { return Ok(None) };
    Ok(Some(wait.as_str()))
}

/// Approves the plan where nobody can be asked: the demo decides about nothing but its own sample.
fn approve(workspace: &Workspace, number: RunNumber, context: &mut Context) -> Result<()> {
    let ledger = workspace.run(number)?;
    let plan = ledger.dir().artifacts().join("plan.md");
    let plan = fs::read_to_string(&plan).at("cannot read", &plan)?;
    context.say("")?;
    for line in crate::base::text::printable(&plan).lines() {
        context.say(format!("  | {line}").trim_end())?;
    }
    let command = Command::Decide {
        target: Some(GATE.to_owned()),
        action: Action::Approve,
        text: String::new(),
        proof: Proof::Minted(mint().1),
        by: workspace.human(),
        into: None,
    };
    give(workspace, number, command, None, Clock::start().now())?;
    context.say("\napproved (nobody was asked)\n")
}

/// A fresh git repository with the sample's files.
fn sample(dir: Option<&Utf8Path>, context: &Context) -> Result<Utf8PathBuf> {
    let root = if let Some(dir) = dir {
        let cwd = Utf8Path::from_path(&context.cwd)
            .ok_or_else(|| CliError::usage("the current folder's name is not UTF-8"))?;
        let root = cwd.join(dir);
        fs::create_dir_all(&root).at("cannot create", &root)?;
        let is_empty = fs::read_dir(&root).at("cannot read", &root)?.next().is_none();
        if !is_empty {
            return Err(
                CliError::usage(format!("`{root}` is not empty")).hinted("name a new folder")
            );
        }
        root
    } else {
        let made = tempfile::Builder::new().prefix("crew-demo-").tempdir().map_err(|error| {
            CliError::new(Exit::Io, "io", format!("cannot make a folder for the sample: {error}"))
        })?;
        // Kept: the person looks at it after the run.
        Utf8PathBuf::try_from(made.keep())
            .map_err(|error| CliError::new(Exit::Io, "io", error.to_string()))?
    };
    for (path, content) in demo::files() {
        let file = root.join(path);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).at("cannot create", folder)?;
        }
        fs::write(&file, content).at("cannot write", &file)?;
    }
    let made = git(&root, &["init", "-q", "-b", "main"])
        .and_then(|_| git(&root, &["add", "-A"]))
        .and_then(|_| {
            git_as_author(&root, &["commit", "-q", "--no-gpg-sign", "-m", "A greeting, with a bug"])
        });
    made.map_err(|error| {
        CliError::from_chain(Exit::Invalid, "git", &error)
            .hinted("the demo needs the program `git`")
    })?;
    Ok(root)
}

fn next_steps(root: &Utf8Path, is_as_planned: bool, context: &mut Context) -> Result<()> {
    if context.json || context.quiet {
        return Ok(());
    }
    let out = &mut context.out;
    if !is_as_planned {
        writeln!(out, "\nThat did not go as planned; `crew why last` in {root} tells more.")?;
        return Ok(());
    }
    writeln!(out, "\nWhat to type next:")?;
    for (command, what) in [
        (format!("cd {root}"), ""),
        ("crew status last".to_owned(), "the run, its tasks and what waits for you"),
        ("crew logs last coding".to_owned(), "what an agent said and did"),
        ("crew timeline last".to_owned(), "everything that happened, with times"),
        ("crew init".to_owned(), "in your own project; then `crew run \"…\"`"),
    ] {
        writeln!(out, "{}", format!("  {command:<28} {what}").trim_end())?;
    }
    Ok(())
}
