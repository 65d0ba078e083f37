//! Where everything meets: the only module that sees the runtime and a front end.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::base::text::{is_moving, printable};
use crate::cli::args::Color;
use crate::cli::{self, Cli, CliError, Context, Exit, Result, Verb};
use crate::client::recover::Keeper;
use crate::clock::Clock;
use crate::config::Environment;

/// Runs the command line and returns its exit code.
pub fn main(args: Vec<OsString>) -> ExitCode {
    let wants_json = args.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--json");
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) if wants_json && error.use_stderr() => {
            let error = CliError::from_usage(&error.to_string());
            drop(error.write(true, &mut std::io::stderr()));
            return ExitCode::from(error.exit.code());
        }
        Err(error) => {
            // Help and version are data; everything else is a usage error. Both may meet a closed pipe.
            let told = error.to_string();
            let is_plain = !told.chars().any(|c| is_moving(c) && c != '\n');
            drop(if is_plain {
                error.print()
            } else {
                write!(std::io::stderr(), "{}", printable(&told))
            });
            return ExitCode::from(if error.use_stderr() { Exit::Usage.code() } else { 0 });
        }
    };
    log_to_stderr(cli.global.verbose);
    // Words of an unknown command are not parsed, and whoever wrote `--json` among them reads JSON.
    let json = cli.global.json || wants_json;
    let outcome = context(&cli).and_then(|mut context| {
        let recovers = context.recovers && cli.verb.as_ref().is_none_or(Verb::opens_runs);
        let exit = dispatch(cli, &mut context)?;
        context.out.flush()?;
        if recovers {
            recover(&mut context)?;
        }
        Ok(exit)
    });
    match outcome {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(error) => {
            drop(error.write(json, &mut std::io::stderr()));
            ExitCode::from(error.exit.code())
        }
    }
}

/// Creates the runs that a run proposed, for its supervisor.
pub fn children(args: &[OsString]) -> ExitCode {
    let mut out = std::io::stdout().lock();
    let now = Clock::start().now();
    let env = Environment::capture();
    crate::client::keep_seal_in(env.user_state_dir(), false);
    match crate::client::children::run(env, args, now, &mut out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The supervisor reads it; when it is gone nobody does.
            drop(writeln!(std::io::stderr(), "{error:#}"));
            ExitCode::from(Exit::Io.code())
        }
    }
}

/// `-v` shows what crew does, `-vv` in detail; supervisors have their own log file.
fn log_to_stderr(verbose: u8) {
    if verbose == 0 {
        return;
    }
    let level = if verbose == 1 { "info" } else { "debug" };
    // Fails only when a logger is there already, which serves as well.
    drop(
        tracing_subscriber::fmt()
            .with_writer(std::io::stderr)
            .with_target(false)
            .with_env_filter(tracing_subscriber::EnvFilter::new(level))
            .try_init(),
    );
}

/// The verbs as the dashboard proposes them.
fn verbs() -> Vec<crate::tui::VerbName> {
    let command = Cli::command();
    let shown = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    shown
        .map(|verb| crate::tui::VerbName {
            name: verb.get_name().to_owned(),
            about: verb.get_about().map(ToString::to_string).unwrap_or_default(),
        })
        .collect()
}

fn context(cli: &Cli) -> Result<Context> {
    let env = Environment::capture();
    // Inside an attempt everything that is started ends with the attempt.
    let is_inside = env.get(crate::runtime::process::MARK).is_some();
    // The home of an agent may be another one; what it may do says its token.
    crate::client::keep_seal_in(env.user_state_dir(), is_inside);
    let color = match cli.global.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => !cli.global.no_color && !env.no_color() && std::io::stdout().is_terminal(),
    };
    let cwd = std::env::current_dir().map_err(|error| {
        CliError::new(Exit::Io, "io", format!("cannot tell the current folder: {error}"))
    })?;
    let clock = Clock::start();
    Ok(Context {
        env,
        cwd,
        project_flag: cli.global.project.clone(),
        out: Box::new(std::io::BufWriter::new(std::io::stdout())),
        err: Box::new(std::io::stderr()),
        json: cli.global.json,
        quiet: cli.global.quiet,
        yes: cli.global.yes,
        color,
        out_is_terminal: std::io::stdout().is_terminal(),
        kill: crate::runtime::stop_attempts,
        elsewhere: crate::runtime::probe,
        sessions: crate::runtime::doors(),
        dashboard: |workspace, run, recovers| {
            let verbs = verbs();
            let seed = crate::tui::Seed { workspace, run, recovers, verbs };
            crate::tui::run(&seed).map(|closed| closed.live)
        },
        recovers: !cli.global.no_recover && !is_inside,
        keeper: Keeper::default(),
        now: clock.now(),
        clock: Box::new(move || clock.now()),
    })
}

/// Starts supervisors that runs have lost, after the answer was given: nobody waits for it.
///
/// The answer stands: a project that can only be read, or whose configuration is broken, has nobody to be
/// recovered by, which is said and changes no exit code.
fn recover(context: &mut Context) -> Result<()> {
    use crate::client::recover::{is_needed, orphans, recover, said, unlooked};
    let Ok(dir) = context.project_dir() else { return Ok(()) };
    let ended = orphans(&dir, context.now).map(|orphans| {
        for orphan in orphans {
            (context.sessions.end)(&orphan.mark, orphan.grace_ms);
        }
    });
    let lines = match ended.and_then(|()| is_needed(&dir, context.now)) {
        Ok(false) => return Ok(()),
        Ok(true) => match context.workspace() {
            Ok(workspace) => match recover(&workspace, context.now) {
                Ok(report) => said(&report),
                Err(error) => vec![unlooked(&error)],
            },
            Err(error) => vec![unlooked(&error.causes.join(": "))],
        },
        Err(error) => vec![unlooked(&error)],
    };
    for line in lines {
        context.say(&line)?;
    }
    Ok(())
}

fn dispatch(cli: Cli, context: &mut Context) -> Result<Exit> {
    let Some(verb) = cli.verb else {
        return cli::dashboard::run(context);
    };
    match verb {
        Verb::Agent(args) => cli::agent::run(&args, context),
        Verb::Answer(args) => cli::answer::run(&args, context),
        Verb::Approve(args) => cli::approve::run(&args, context),
        Verb::Prune(args) => cli::prune::run(&args, context),
        Verb::Salvage(args) => cli::salvage::run(&args, context),
        Verb::Uninstall(args) => cli::uninstall::run(&args, context),
        Verb::Undo(args) => cli::undo::run(&args, context),
        Verb::Archive(args) => cli::archive::run(&args, context),
        Verb::Artifacts(args) => cli::artifacts::run(&args, context),
        Verb::Attach(args) => cli::attach::run(&args, context),
        Verb::Brief(args) => cli::brief::run(&args, context),
        Verb::Chat(args) => cli::chat::run(&args, context),
        Verb::Completions(args) => cli::completions::run(&args, context),
        Verb::Config(args) => cli::config::run(&args, context),
        Verb::Deadletter(args) => cli::deadletter::run(&args, context),
        Verb::Decisions(args) => cli::decisions::run(&args, context),
        Verb::Demo(args) => cli::demo::run(&args, context),
        Verb::Diff(args) => cli::diff::run(&args, context),
        Verb::Discard(args) => cli::discard::run(&args, context),
        Verb::Doctor(args) => cli::doctor::run(&args, context),
        Verb::Events(args) => cli::events::run(&args, context),
        Verb::Export(args) => cli::export::run(&args, context),
        Verb::Forget(args) => cli::forget::run(&args, context),
        Verb::Gate(args) => cli::gate::run(&args, context),
        Verb::Import(args) => cli::import::run(&args, context),
        Verb::Inbox(args) => cli::inbox::run(&args, context),
        Verb::Init(args) => cli::init::run(&args, context),
        Verb::Logs(args) => cli::logs::run(&args, context),
        Verb::Ls(args) => cli::ls::run(&args, context),
        Verb::Mailbox(args) => cli::mailbox::run(&args, context),
        Verb::Man(args) => cli::man::run(&args, context),
        Verb::Merge(args) => cli::merge::run(&args, context),
        Verb::Metrics(args) => cli::metrics::run(&args, context),
        Verb::Mcp(args) => cli::mcp::run(&args, context),
        Verb::Pause(args) => cli::pause::run(&args, context),
        Verb::Recommend(args) => cli::recommend::run(&args, context),
        Verb::Reject(args) => cli::reject::run(&args, context),
        Verb::Reopen(args) => cli::reopen::run(&args, context),
        Verb::Replay(args) => cli::replay::run(&args, context),
        Verb::RequestChanges(args) => cli::request_changes::run(&args, context),
        Verb::Resume(args) => cli::resume::run(&args, context),
        Verb::Retry(args) => cli::retry::run(&args, context),
        Verb::Run(args) => cli::run::run(&args, context),
        Verb::Runtime(args) => cli::runtime::run(&args, context),
        Verb::Scheduler(args) => cli::scheduler::run(&args, context),
        Verb::Send(args) => cli::send::run(&args, context),
        Verb::Show(args) => cli::show::run(&args, context),
        Verb::Skill(args) => cli::skill::run(&args, context),
        Verb::Status(args) => cli::status::run(&args, context),
        Verb::Stop(args) => cli::stop::run(&args, context),
        Verb::Suggest(args) => cli::suggest::run(&args, context),
        Verb::Team(args) => cli::team::run(&args, context),
        Verb::Timeline(args) => cli::timeline::run(&args, context),
        Verb::Tool(args) => cli::tool::run(&args, context),
        Verb::Trust(args) => cli::trust::run(&args, context),
        Verb::Usage(args) => cli::usage::run(&args, context),
        Verb::Verify(args) => cli::verify::run(&args, context),
        Verb::Wait(args) => cli::wait::run(&args, context),
        Verb::Why(args) => cli::why::run(&args, context),
        Verb::Workflow(args) => cli::workflow::run(&args, context),
        Verb::Goal(words) => cli::goal::run(&words, context),
    }
}
