//! `crew runtime test`: whether an installed program does what its adapter says, tried in a real run.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use camino::Utf8PathBuf;
use serde::Serialize;

use super::{abilities, all, ask_versions, login_of, login_words, not_found, spec_of};
use crate::agent::RuntimeSpec;
use crate::base::RunNumber;
use crate::base::limits::JSON_SCHEMA;
use crate::base::path::PathContext;
use crate::cli::{CliError, Context, Exit, Result};
use crate::client::Workspace;
use crate::client::start::{RunRequest, create, prepare};
use crate::clock::Clock;
use crate::config::Overrides;
use crate::engine::State;
use crate::event::{AttemptEnded, Body, EndReason};
use crate::launch::login::Login;
use crate::ledger::Ledger;
use crate::store::LogReader;
use crate::store::git::{git, git_as_author};

const WORKFLOW: &str = include_str!("conformance.workflow.md");
const AGENT: &str = "---\nname: agent\ndescription: Does what it is asked\ntools: read, write, edit, bash\n---\n\n\
    You do exactly what you are asked, and nothing more.\n";
/// What the program is asked to answer.
const WORD: &str = "conformance-ok";

/// One thing that was tried.
#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    /// `ok`, `failed`, or `unknown` where it cannot be told or the program is not said to do it.
    state: &'static str,
    found: String,
}

#[derive(Serialize)]
struct Json<'a> {
    schema_version: u32,
    runtime: &'a str,
    ok: bool,
    checks: &'a [Check],
}

/// Runs the verb.
///
/// # Errors
/// There is no such runtime, or no scratch project can be made.
pub(super) fn run(
    workspace: &Workspace,
    name: &str,
    model: Option<&str>,
    context: &mut Context,
) -> Result<Exit> {
    let mut told = all(&workspace.config);
    let Some(at) = told.iter().position(|told| told.name == name) else {
        return Err(not_found(&told, name));
    };
    ask_versions(&workspace.config, &mut told[at..=at]);
    let spec = spec_of(&workspace.config, name).map_err(CliError::invalid)?;
    let mut checks = vec![Check::of("program", told[at].usable, told[at].version.clone())];
    if told[at].usable {
        let login = login_of(&workspace.config, &workspace.env, &workspace.found.root, &spec);
        let is_known = login != Login::Unknown;
        let found = login_words(login, &spec);
        checks.push(Check { name: "login", state: word(is_known, login != Login::Out), found });
        if login != Login::Out {
            context.say(&format!("asking the model of `{name}` a few short things"))?;
            checks.extend(tried(workspace, &spec, model)?);
        }
    }
    let ok = checks.iter().all(|check| check.state != "failed");
    if context.json {
        context.write_json(&Json {
            schema_version: JSON_SCHEMA,
            runtime: name,
            ok,
            checks: &checks,
        })?;
    } else {
        for check in &checks {
            writeln!(context.out, "{:<8} {:<8} {}", check.state, check.name, check.found)?;
        }
        writeln!(context.out, "{name} can: {}", abilities(&spec).join(", "))?;
    }
    Ok(if ok { Exit::Ok } else { Exit::Invalid })
}

fn word(is_known: bool, is_ok: bool) -> &'static str {
    match (is_known, is_ok) {
        (true, true) => "ok",
        (true, false) => "failed",
        (false, _) => "unknown",
    }
}

impl Check {
    fn of(name: &'static str, is_ok: bool, found: Option<String>) -> Self {
        Self { name, state: word(true, is_ok), found: found.unwrap_or_default() }
    }
}

/// Plays the workflow with the program in a project of its own.
fn tried(workspace: &Workspace, spec: &RuntimeSpec, model: Option<&str>) -> Result<Vec<Check>> {
    let scratch = tempfile::Builder::new()
        .prefix("crew-runtime-test-")
        .tempdir()
        .map_err(|error| CliError::new(Exit::Io, "io", format!("cannot make a folder: {error}")))?;
    let root = Utf8PathBuf::try_from(scratch.path().to_owned())
        .map_err(|_| CliError::invalid("the folder for temporary files is not UTF-8"))?;
    let project = Scratch::new(workspace, root)?;
    let number = project.start(spec, model)?;
    project.wait(number)?;
    let mut checks = first_turns(&project, number, spec)?;
    if checks.iter().all(|check| check.name != "turn" || check.state == "ok") {
        checks.push(again(&project, number, spec)?);
        checks.push(stopped(&project, spec, model)?);
    }
    Ok(checks)
}

/// What the three tasks of the workflow left.
fn first_turns(project: &Scratch, number: RunNumber, spec: &RuntimeSpec) -> Result<Vec<Check>> {
    let state = project.state(number)?;
    let ends = project.ends(number)?;
    let end = |task: &str| ends.iter().find(|end| end.task.to_string() == task);
    let Some(said) = end("say") else {
        let why = state.status.detail().unwrap_or("it was never started").to_owned();
        return Ok(vec![Check::of("turn", false, Some(why))]);
    };
    let mut checks = vec![Check::of("turn", said.summary.contains(WORD), Some(words_of(said)))];
    let tells = spec.output.says_its_end();
    let session = said.session.clone();
    checks.push(Check {
        name: "session",
        state: word(tells || session.is_some(), session.is_some()),
        found: session.unwrap_or_default(),
    });
    let (used_in, used_out) = (said.usage.input_tokens, said.usage.output_tokens);
    checks.push(Check {
        name: "usage",
        state: word(tells || used_in + used_out > 0, used_in + used_out > 0),
        found: format!("{used_in} tokens in, {used_out} out"),
    });
    if let Some(wrote) = end("write") {
        let file = state.worktree.as_ref().map(|tree| tree.path.join("conformance.txt"));
        let is_there = file.is_some_and(|file| file.exists());
        checks.push(Check::of("write", is_there, Some(words_of(wrote))));
    }
    if let Some(told) = end("tell") {
        let gates = state.gate_values();
        let is_told = gates.get("said-gate").is_some_and(|fields| fields.contains_key("word"));
        checks.push(Check::of("tools", is_told, Some(words_of(told))));
    }
    Ok(checks)
}

/// Whether the program goes on with its session.
fn again(project: &Scratch, number: RunNumber, spec: &RuntimeSpec) -> Result<Check> {
    if !spec.can_resume() {
        return Ok(Check {
            name: "resume",
            state: "unknown",
            found: "every turn begins anew".into(),
        });
    }
    let before = project.ends(number)?.len();
    project.crew(&["reopen", &number.to_string(), "--text", "Answer the same once more."])?;
    project.wait(number)?;
    let ends = project.ends(number)?;
    let first = ends.first().and_then(|end| end.session.clone());
    let more = ends.get(before).filter(|end| end.task.to_string() == "say");
    let is_same = more.is_some_and(|end| end.session.is_some() && end.session == first);
    let found = more.map_or_else(|| "there was no second turn".to_owned(), words_of);
    Ok(Check::of("resume", is_same, Some(found)))
}

/// Whether the program ends when it is told to, with all that it has started.
fn stopped(project: &Scratch, spec: &RuntimeSpec, model: Option<&str>) -> Result<Check> {
    let number = project.start(spec, model)?;
    project.wait_for_attempt(number)?;
    project.crew(&["stop", &number.to_string()])?;
    project.wait(number)?;
    let ends = project.ends(number)?;
    let end = ends.last();
    let is_ended = end.is_none_or(|end| {
        matches!(end.reason, EndReason::Stopped | EndReason::Exited | EndReason::Revoked)
    });
    let found = end.map_or_else(
        || "it had not begun".to_owned(),
        |end| format!("after {} ms, {} processes had to be ended", end.duration_ms, end.leftovers),
    );
    Ok(Check::of("stop", is_ended, Some(found)))
}

fn words_of(end: &AttemptEnded) -> String {
    let text = match (end.summary.is_empty(), end.failure.is_empty()) {
        (false, _) => &end.summary,
        (true, false) => &end.failure,
        (true, true) => return "it said nothing".to_owned(),
    };
    crate::base::text::one_line(text, 100)
}

/// A project that is thrown away.
struct Scratch {
    workspace: Workspace,
    root: Utf8PathBuf,
}

impl Scratch {
    fn new(workspace: &Workspace, root: Utf8PathBuf) -> Result<Self> {
        git(&root, &["init", "-q", "-b", "main"]).map_err(|error| git_said(&error))?;
        for (file, text) in
            [("workflows/conformance.workflow.md", WORKFLOW), ("agents/agent.md", AGENT)]
        {
            let file = root.join(".crew").join(file);
            let folder = file.parent().unwrap_or(&root);
            fs::create_dir_all(folder).at("cannot create", folder)?;
            fs::write(&file, text).at("cannot write", &file)?;
        }
        git(&root, &["add", "-A"]).map_err(|error| git_said(&error))?;
        git_as_author(&root, &["commit", "-q", "-m", "start"]).map_err(|error| git_said(&error))?;
        let workspace = Workspace::open(
            workspace.env.clone(),
            root.as_std_path(),
            Some(&root),
            &Overrides::default(),
        )?;
        Ok(Self { workspace, root })
    }

    fn start(&self, spec: &RuntimeSpec, model: Option<&str>) -> Result<RunNumber> {
        let request = RunRequest {
            goal: "conformance".to_owned(),
            workflow: Some("conformance".to_owned()),
            runtime: Some(spec.name.clone()),
            model: model.map(str::to_owned),
            ..RunRequest::default()
        };
        let prepared = prepare(&self.workspace, request)?.accepting();
        Ok(create(&self.workspace, &prepared, Clock::start().now())?.0)
    }

    /// Waits until the run is at rest; its steps have timeouts.
    fn wait(&self, number: RunNumber) -> Result<()> {
        self.crew(&["wait", &number.to_string()])
    }

    /// Waits until an attempt has begun, or the run is over.
    fn wait_for_attempt(&self, number: RunNumber) -> Result<()> {
        let mut command = self.command(&["events", &number.to_string(), "--follow"])?;
        let mut child =
            command.stdout(Stdio::piped()).spawn().at("cannot start crew in", &self.root)?;
        if let Some(output) = child.stdout.take() {
            let mut lines = BufReader::new(output).lines().map_while(std::result::Result::ok);
            lines.find(|line| line.contains("attempt.started"));
        }
        drop(child.kill());
        drop(child.wait());
        Ok(())
    }

    /// Runs the program itself here; what it says of the run is read from the log.
    fn crew(&self, args: &[&str]) -> Result<()> {
        self.command(args)?
            .stdout(Stdio::null())
            .status()
            .at("cannot start crew in", &self.root)?;
        Ok(())
    }

    fn command(&self, args: &[&str]) -> Result<Command> {
        let crew = crate::launch::program().ok_or_else(|| {
            CliError::new(Exit::Io, "io", "cannot tell the path of the crew program")
        })?;
        let mut command = Command::new(&crew);
        command
            .args(args)
            .args(["--project", self.root.as_str()])
            .current_dir(&self.root)
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        Ok(command)
    }

    fn state(&self, number: RunNumber) -> Result<State> {
        Ok(self.workspace.run(number)?.state().clone())
    }

    fn ends(&self, number: RunNumber) -> Result<Vec<AttemptEnded>> {
        let ledger: Ledger = self.workspace.run(number)?;
        let mut ends = Vec::new();
        let mut reader = LogReader::open(ledger.dir().events());
        let read = reader.catch_up(|record| {
            if let Body::AttemptEnded(end) = record.body {
                ends.push(end);
            }
        });
        read.map_err(|error| CliError::from_chain(Exit::Io, "io", &error))?;
        Ok(ends)
    }
}

impl Drop for Scratch {
    /// Nothing of it goes on when its folder is gone.
    fn drop(&mut self) {
        for number in [1, 2] {
            drop(self.crew(&["stop", &number.to_string()]));
            drop(self.wait(RunNumber(number)));
        }
    }
}

fn git_said(error: &crate::store::git::GitError) -> CliError {
    CliError::from_chain(Exit::Io, "git", error)
}
