//! `crew rehearse`: from the arguments to a performed play.

use std::ffi::OsString;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use anyhow::Context;
use camino::Utf8Path;
use clap::Parser;

use super::action::Action;
use super::args::Args;
use super::pace::Pace;
use super::play::{PlayError, Player};
use super::script::{Play, Script, ScriptError};
use super::stage::Stage;
use super::{demo, linger};
use crate::agent::TaskState;
use crate::base::path::{PathContext, PathError};

/// What the built-in roles do when no script says otherwise.
const ROLES: &str = include_str!("roles.toml");
/// Exit codes, as in the rest of crew.
const FAILED: u8 = 1;
const USAGE: u8 = 2;
const INVALID: u8 = 5;
const UNREADABLE: u8 = 8;

/// Runs `crew rehearse` with the arguments that follow these two words.
pub fn main(args: &[OsString]) -> ExitCode {
    let words = std::iter::once(OsString::from("crew rehearse")).chain(args.iter().cloned());
    let args = match Args::try_parse_from(words) {
        Ok(args) => args,
        Err(error) => {
            let told = error.print();
            let code = if error.use_stderr() { USAGE } else { 0 };
            return ExitCode::from(if told.is_ok() { code } else { FAILED });
        }
    };
    match rehearse(args) {
        Ok(code) => ExitCode::from(code),
        // Nobody reads any more, as with any program in a pipe.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let told = report(&error, &mut io::stderr());
            ExitCode::from(told.map_or(FAILED, |()| code_of(&error)))
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(PlayError::Io(source)) if source.kind() == io::ErrorKind::BrokenPipe)
}

fn report(error: &anyhow::Error, err: &mut impl Write) -> io::Result<()> {
    writeln!(err, "error: {error}")?;
    for cause in error.chain().skip(1) {
        writeln!(err, "caused by: {cause}")?;
    }
    Ok(())
}

fn code_of(error: &anyhow::Error) -> u8 {
    if error.is::<ScriptError>() {
        INVALID
    } else if error.is::<PathError>() {
        UNREADABLE
    } else if error.is::<BadSpeed>() {
        USAGE
    } else {
        FAILED
    }
}

#[derive(Debug, thiserror::Error)]
#[error("`--speed {0}` is not a speed; write 0 for no pauses, or a number from 0.001")]
struct BadSpeed(f64);

fn rehearse(args: Args) -> anyhow::Result<u8> {
    if let Some(ms) = args.linger {
        linger::stay(ms, args.own_session, args.ignore_signals).context("cannot stay behind")?;
        return Ok(0);
    }
    let pace = Pace::new(args.speed).ok_or(BadSpeed(args.speed))?;
    let path = args.prompt.unwrap_or_default();
    let prompt = fs::read(&path).at("cannot read", &path)?;
    let prompt = String::from_utf8_lossy(&prompt).into_owned();
    let stage = Stage::from_environment(args.role, args.session, prompt);
    let play = choose(args.script.as_deref(), &stage)?;
    let out = BufWriter::new(io::stdout().lock());
    Ok(Player::new(out, &stage, pace).perform(&play)?)
}

/// The script's play when one fits, else the role's own, else what anybody can do.
fn choose(script: Option<&Utf8Path>, stage: &Stage) -> anyhow::Result<Play> {
    if let Some(script) = script
        && let Some(play) = load(script)?.select(stage)
    {
        return Ok(play.clone());
    }
    let roles = Script::parse("roles.toml", ROLES)?;
    let mut play = roles.select(stage).context("no play for any role is built in")?.clone();
    follow_instructions(&mut play.actions, &stage.prompt);
    Ok(play)
}

/// A role that has no script still answers in the form that its prompt asks for.
fn follow_instructions(actions: &mut Vec<Action>, prompt: &str) {
    let verdict = |action: &Action| matches!(action, Action::Verdict(_));
    if prompt.contains("VERDICT:") && !actions.iter().any(verdict) {
        actions.push(Action::Verdict(None));
    }
    if prompt.contains("TASK_STATE:") {
        actions.push(Action::State { state: TaskState::Done, reason: None });
    }
}

fn load(path: &Utf8Path) -> anyhow::Result<Script> {
    if path == demo::SCRIPT_NAME {
        return Ok(Script::parse("demo.toml", demo::SCRIPT)?);
    }
    let mut files = Vec::new();
    if path.is_dir() {
        for entry in path.read_dir_utf8().at("cannot read", path)? {
            let file = entry.at("cannot read", path)?.into_path();
            if file.extension() == Some("toml") {
                files.push(file);
            }
        }
        files.sort();
    } else {
        files.push(path.to_owned());
    }
    let mut script = Script::default();
    for file in files {
        let text = fs::read_to_string(&file).at("cannot read", &file)?;
        script.extend(Script::parse(file.as_str(), &text)?);
    }
    Ok(script)
}
