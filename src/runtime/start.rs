//! The beginning of a supervisor's process: session, lock, confirmation, logging, and then the loop.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use camino::Utf8PathBuf;
use tokio::sync::mpsc;

use super::children::ChildRuns;
use super::executor::{About, Executor};
use super::slots::Slots;
use super::supervisor::Supervisor;
use super::told::Teller;
use crate::base::{RunNumber, limits};
use crate::clock::Clock;
use crate::config::{Config, Environment, Overrides};
use crate::launch::Programs;
use crate::launch::{CONFIRMED, OTHER_LIVES};
use crate::ledger::Ledger;
use crate::store::{FileLock, ProjectDir, RunDir};

/// Runs the supervisor of the run named by `ROOT STATE WORKTREES NUMBER`.
pub fn main(args: &[OsString]) -> ExitCode {
    let Some((project, number)) = parse(args) else {
        return ExitCode::from(2);
    };
    // Fails only for the leader of a process group, which a supervisor that was started is not.
    let _ = rustix::process::setsid();
    super::process::close_inherited();
    let run = project.run(number);
    let lock = match take_lock(&run) {
        Ok(Some(lock)) => lock,
        Ok(None) => return say(OTHER_LIVES),
        Err(error) => return say(&super::error_chain(&error)),
    };
    let guard = start_log(&run);
    crate::store::seal::keep_in(Environment::capture().user_state_dir(), false);
    let outcome = Ledger::open_checked(run)
        .map_err(|error| super::error_chain(&error))
        .and_then(|ledger| begin(project, ledger, lock));
    drop(guard);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the supervisor ends");
            say(&error);
            ExitCode::from(8)
        }
    }
}

fn parse(args: &[OsString]) -> Option<(ProjectDir, RunNumber)> {
    let text = |at: usize| args.get(at).and_then(|arg| arg.to_str());
    let [root, state, worktrees] = [text(0)?, text(1)?, text(2)?].map(Utf8PathBuf::from);
    let number = text(3)?.parse().ok()?;
    Some((ProjectDir::new(root, Some(state), Some(worktrees)), RunNumber(number)))
}

/// Says one line to whoever started this process, who waits for it.
fn say(text: &str) -> ExitCode {
    let mut out = std::io::stdout();
    let written = writeln!(out, "{text}").and_then(|()| out.flush());
    ExitCode::from(u8::from(written.is_err()))
}

/// A probe holds the lock for an instant; only who holds it longer is a supervisor.
fn take_lock(run: &RunDir) -> Result<Option<FileLock>, crate::base::PathError> {
    let clock = Clock::start();
    let until = clock.now().plus_ms(limits::SUPERVISOR_LOCK_WAIT_MS);
    loop {
        if let Some(lock) = FileLock::try_exclusive(&run.supervisor_lock())? {
            return Ok(Some(lock));
        }
        if clock.now() >= until {
            return Ok(None);
        }
        // The kernel does not tell when a lock becomes free to somebody who must also give up.
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// Logs to the run's own file, which starts anew when it grew beyond its limit.
fn start_log(run: &RunDir) -> Option<tracing_appender::non_blocking::WorkerGuard> {
    let path = run.supervisor_log();
    let is_large =
        std::fs::metadata(&path).is_ok_and(|file| file.len() > limits::SUPERVISOR_LOG_BYTES_MAX);
    if is_large {
        let old = Utf8PathBuf::from(format!("{path}.1"));
        drop(std::fs::rename(&path, old));
    }
    let file = open_append(&path).ok()?;
    let (writer, guard) = tracing_appender::non_blocking::NonBlockingBuilder::default()
        // The room for all lines is taken at once, and the usual 128,000 take 4 MiB.
        .buffered_lines_limit(limits::SUPERVISOR_LOG_LINES_WAITING)
        .finish(file);
    let level = Environment::capture().get("CREW_LOG").map_or("info", |_| "debug").to_owned();
    let started = tracing_subscriber::fmt()
        .with_writer(writer)
        .with_ansi(false)
        .with_target(false)
        .with_env_filter(tracing_subscriber::EnvFilter::new(level))
        .try_init();
    std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "panic")));
    started.is_ok().then_some(guard)
}

fn open_append(path: &camino::Utf8Path) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

fn begin(project: ProjectDir, ledger: Ledger, lock: FileLock) -> Result<(), String> {
    if let Some(why) = &ledger.health().read_only {
        return Err(why.clone());
    }
    let env = Environment::capture();
    let root = project.root().to_owned();
    let (config, _) = Config::load(&env, Some(&root), &Overrides::default())
        .valid()
        .map_err(|error| super::error_chain(&error))?;
    let programs = Programs::of(&config, &ledger.state().created.runtime_args)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
    let crew = crate::launch::program().ok_or("cannot tell the path of the crew program")?;
    let about = About::new(&config.run, &crew, ledger.dir().clone());
    let crew = about.program().to_owned();
    // The slots of this machine are for agents that work on it.
    let is_here = about.site().is_local();
    let slots = if is_here { Slots::new(&env, config.limits.machine) } else { Slots::elsewhere() };
    let executor = Executor::new(about).map_err(|error| error.to_string())?;
    let (sender, receiver) = mpsc::unbounded_channel();
    let mut supervisor = Supervisor {
        had_slot: ledger.state().holds_slot(),
        project,
        // Somebody may have set the clock back: what is due in the log is due then all the same.
        clock: Clock::not_before(ledger.state().updated_at),
        ledger,
        env,
        config,
        programs,
        executor,
        crew,
        slots,
        held: Vec::new(),
        is_starved: false,
        shims: BTreeMap::new(),
        spawned: BTreeSet::new(),
        trees: BTreeMap::new(),
        listings: BTreeMap::new(),
        has_trees: true,
        stopping: BTreeSet::new(),
        meters: BTreeMap::new(),
        live_turns: super::live::LiveTurns::new(),
        jobs: BTreeSet::new(),
        merge: super::merge::Try::default(),
        radar_at: None,
        evidence: std::collections::BTreeMap::new(),
        making: None,
        sender,
        inputs: Vec::new(),
        children: Vec::new(),
        child_runs: ChildRuns::default(),
        retries_spawn: false,
        teller: None,
        tracker: tokio_util::task::TaskTracker::new(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(8)
        .build()
        .map_err(|error| error.to_string())?;
    say(CONFIRMED);
    silence_stdout();
    runtime.block_on(async {
        supervisor.write_projections();
        let Supervisor { config, env, project, .. } = &supervisor;
        supervisor.teller = Teller::start(config, env, project, supervisor.ledger.dir());
        supervisor.run(lock, receiver).await.map_err(|error| super::error_chain(&error))
    })
}

/// The starter has heard enough: from here on nobody reads what this process prints.
fn silence_stdout() {
    if let Ok(null) = std::fs::OpenOptions::new().write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(null);
    }
}
