//! Where everything meets: the only module that sees the runtime and a front end.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::cli::args::Color;
use crate::cli::{self, Cli, CliError, Context, Exit, Result, Verb};
use crate::config::Environment;
use crate::runtime::clock::Clock;

/// Runs the command line and returns its exit code.
pub fn main(args: Vec<OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are data; everything else is a usage error. Both may meet a closed pipe.
            drop(error.print());
            return ExitCode::from(if error.use_stderr() { Exit::Usage.code() } else { 0 });
        }
    };
    let json = cli.global.json;
    let outcome = context(&cli).and_then(|mut context| {
        let exit = dispatch(cli, &mut context)?;
        context.out.flush()?;
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

fn context(cli: &Cli) -> Result<Context> {
    let env = Environment::capture();
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
        now: clock.now(),
        clock: Box::new(move || clock.now()),
    })
}

fn dispatch(cli: Cli, context: &mut Context) -> Result<Exit> {
    let Some(verb) = cli.verb else {
        return cli::status::run(&cli::status::Args::default(), context);
    };
    match verb {
        Verb::Artifacts(args) => cli::artifacts::run(&args, context),
        Verb::Brief(args) => cli::brief::run(&args, context),
        Verb::Events(args) => cli::events::run(&args, context),
        Verb::Logs(args) => cli::logs::run(&args, context),
        Verb::Ls(args) => cli::ls::run(&args, context),
        Verb::Replay(args) => cli::replay::run(&args, context),
        Verb::Run(args) => cli::run::run(&args, context),
        Verb::Show(args) => cli::show::run(&args, context),
        Verb::Status(args) => cli::status::run(&args, context),
        Verb::Timeline(args) => cli::timeline::run(&args, context),
        Verb::Verify(args) => cli::verify::run(&args, context),
        Verb::Wait(args) => cli::wait::run(&args, context),
        Verb::Why(args) => cli::why::run(&args, context),
    }
}
