//! `crew drive`: starts the program, and drives its turn until it has ended.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdin, Command, ExitCode, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use clap::Parser;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

use super::acp::Acp;
use super::args::Args;
use super::claude::Claude;
use super::codex::Codex;
use super::machine::{Machine, Phase, Setting};
use super::output::Output;
use super::pi::Pi;
use super::turn::Turn;
use crate::agent::live::{Note, Protocol};
use crate::base::Time;
use crate::base::path::PathContext;
use crate::clock::Clock;
use crate::store::AttemptDir;
use crate::store::watch::Watch;

/// Exit codes, as shells have them.
const NOT_STARTED: u8 = 127;
const STOPPED: u8 = 130;
const USAGE: u8 = 2;
const UNREADABLE: u8 = 8;

/// Milliseconds without a notification after which orders are looked for all the same.
const LOOK_MS: u64 = 1_000;
/// Milliseconds that an interrupted program has to end its turn by itself.
const STOP_MS: u64 = 1_500;
/// Milliseconds of silence after the end of its turn after which a program that does not end is ended.
const QUIET_MS: u64 = 3_000;
/// Milliseconds between asking a program to end and killing it.
const KILL_MS: u64 = 2_000;
/// Milliseconds that its output stays open for what it started and left behind.
const DRAIN_MS: u64 = 300;

/// What happens around the turn.
enum Event {
    Line(Vec<u8>),
    OutputEnded,
    Look,
    Stop,
    Ended,
}

/// Runs `crew drive` with the arguments that follow these two words.
pub fn main(args: &[OsString]) -> ExitCode {
    let words = std::iter::once(OsString::from("crew drive")).chain(args.iter().cloned());
    let args = match Args::try_parse_from(words) {
        Ok(args) => args,
        Err(error) => {
            let code = if error.use_stderr() { USAGE } else { 0 };
            drop(error.print());
            return ExitCode::from(code);
        }
    };
    match drive(&args) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            drop(writeln!(io::stderr(), "error: {error:#}"));
            ExitCode::from(UNREADABLE)
        }
    }
}

fn drive(args: &Args) -> anyhow::Result<u8> {
    let dir = AttemptDir::at(args.attempt.clone());
    let output = Arc::new(Output::new(io::stdout(), &dir.notes())?);
    let mut prompt = Vec::new();
    io::stdin().lock().read_to_end(&mut prompt)?;
    let machine = machine(args)?;
    let (sender, receiver) = mpsc::channel();
    listen(&sender)?;
    let mut child = match start(&args.command) {
        Ok(child) => child,
        Err(error) => {
            let why = format!("cannot start `{}`: {error}", args.command[0]);
            output.note(&Note::Failed { why });
            return Ok(NOT_STARTED);
        }
    };
    let look = sender.clone();
    // A hint only: without it the slow look still sees everything.
    let _watch = Watch::files([dir.live()], move || drop(look.send(Event::Look)));
    let input = connect(&mut child, &output, &sender);
    let mut drive = Drive {
        turn: Turn::new(machine, output, input, dir, args.hold_ms),
        clock: Clock::start(),
        child,
        stop_at: None,
        rest_at: None,
        end_at: None,
        kill_at: None,
        is_killed: false,
    };
    let now = drive.clock.now();
    drive.turn.begin(&String::from_utf8_lossy(&prompt), now);
    let status = drive.run(&receiver)?;
    Ok(drive.code(status))
}

/// The program at work.
struct Drive {
    turn: Turn<io::Stdout>,
    clock: Clock,
    child: Child,
    /// When an interrupted turn must have ended.
    stop_at: Option<Time>,
    /// When the program has rested for long enough.
    rest_at: Option<Time>,
    /// When the program must have ended by itself.
    end_at: Option<Time>,
    /// When it must have ended after it was asked to.
    kill_at: Option<Time>,
    is_killed: bool,
}

impl Drive {
    /// Drives the turn until the program has ended.
    fn run(&mut self, receiver: &Receiver<Event>) -> io::Result<ExitStatus> {
        let (mut has_ended, mut is_drained) = (false, false);
        while !(has_ended && is_drained) {
            let now = self.clock.now();
            let next = self.tend(now);
            let wait = next.map_or(LOOK_MS, |next: Time| next.since_ms(now).min(LOOK_MS));
            let wait = if has_ended { DRAIN_MS } else { wait };
            let event = match receiver.recv_timeout(Duration::from_millis(wait)) {
                Ok(event) => Some(event),
                Err(RecvTimeoutError::Timeout) if has_ended => break,
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let now = self.clock.now();
            match event {
                Some(Event::Line(line)) => {
                    self.turn.line(&line, now);
                    self.rest_at = None;
                    // It is still at work, whatever its input.
                    if self.end_at.is_some() && self.kill_at.is_none() {
                        self.end_at = Some(now.plus_ms(QUIET_MS));
                    }
                }
                Some(Event::Stop) => {
                    self.turn.interrupt(now);
                    self.stop_at.get_or_insert(now.plus_ms(STOP_MS));
                }
                Some(Event::Ended) => has_ended = true,
                Some(Event::OutputEnded) => is_drained = true,
                Some(Event::Look) | None => self.turn.look(now),
            }
        }
        self.child.wait()
    }

    /// Does what is due, and says when to look again.
    fn tend(&mut self, now: Time) -> Option<Time> {
        let expires = self.turn.expire(now);
        if !self.turn.is_closed() && self.has_ended(now) {
            self.turn.close();
            self.end_at = Some(now.plus_ms(QUIET_MS));
        }
        if self.end_at.is_some_and(|at| at <= now) && self.kill_at.is_none() {
            self.signal(Signal::TERM);
            self.kill_at = Some(now.plus_ms(KILL_MS));
        }
        if self.kill_at.is_some_and(|at| at <= now) && !self.is_killed {
            self.signal(Signal::KILL);
            self.is_killed = true;
        }
        let stop = self.stop_at.or(self.rest_at).filter(|_| !self.turn.is_closed());
        let end = self.end_at.filter(|_| self.kill_at.is_none());
        let kill = self.kill_at.filter(|_| !self.is_killed);
        [expires, stop, end, kill].into_iter().flatten().min()
    }

    /// Whether nothing more is to be said to the program.
    fn has_ended(&mut self, now: Time) -> bool {
        if let Some(at) = self.stop_at {
            return at <= now || self.turn.phase() != Phase::Working;
        }
        if self.turn.phase() != Phase::Working {
            // What has just come still belongs to this session.
            self.turn.look(now);
        }
        match self.turn.phase() {
            Phase::Working => false,
            Phase::Over(_) => true,
            Phase::Resting(_) => *self.rest_at.get_or_insert(now.plus_ms(QUIET_MS)) <= now,
        }
    }

    /// Signals the program and what is in its group; what left it is ended by the shim.
    fn signal(&self, signal: Signal) {
        // Not reaped before the end of the turn: its number is nobody else's.
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _ = kill_process_group(pid, signal);
        }
    }

    /// The exit code: how the program ended, and not well unless its turn did.
    fn code(&self, status: ExitStatus) -> u8 {
        let by_signal = status.signal().map(|signal| 128 + signal);
        let own = u8::try_from(status.code().or(by_signal).unwrap_or(1)).unwrap_or(1);
        match self.turn.phase() {
            _ if self.stop_at.is_some() => STOPPED,
            // Its work was done when it was ended.
            Phase::Over(true) | Phase::Resting(true) if self.kill_at.is_some() => 0,
            Phase::Over(true) | Phase::Resting(true) => own,
            Phase::Over(false) | Phase::Resting(false) | Phase::Working => own.max(1),
        }
    }
}

fn machine(args: &Args) -> anyhow::Result<Box<dyn Machine>> {
    let mcp = match &args.mcp {
        Some(path) => serde_json::from_slice(&std::fs::read(path).at("cannot read", path)?)?,
        None => serde_json::Value::Null,
    };
    let setting = Setting {
        consent: args.permission,
        is_held: args.held,
        mark: format!("{:032x}", fastrand::u128(..)),
        cwd: std::env::current_dir()?.to_string_lossy().into_owned(),
        session: args.session.clone(),
        model: args.model.clone(),
        mcp,
    };
    Ok(match args.protocol {
        Protocol::Claude => Box::new(Claude::new(setting)),
        Protocol::Pi => Box::new(Pi::new(setting)),
        Protocol::Codex => Box::new(Codex::new(setting)),
        Protocol::Acp => Box::new(Acp::new(setting)),
    })
}

/// Starts the program in a group of its own: a stop is told to it in its own words first.
fn start(command: &[String]) -> io::Result<Child> {
    Command::new(&command[0])
        .args(&command[1..])
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
}

/// Threads for the program's streams and its end; none is waited for, as what it left behind may hold them.
fn connect(
    child: &mut Child,
    output: &Arc<Output<io::Stdout>>,
    sender: &Sender<Event>,
) -> Sender<Vec<u8>> {
    let (input, lines) = mpsc::channel();
    if let Some(stdin) = child.stdin.take() {
        thread::spawn(move || write_on(stdin, &lines));
    }
    if let Some(stdout) = child.stdout.take() {
        let (sender, output) = (sender.clone(), Arc::clone(output));
        thread::spawn(move || {
            output.pass_on(stdout, |line| drop(sender.send(Event::Line(line))));
            drop(sender.send(Event::OutputEnded));
        });
    }
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let sender = sender.clone();
    thread::spawn(move || {
        if let Some(pid) = pid {
            // It stays a zombie, so that its number is its own until the end.
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while matches!(waitid(WaitId::Pid(pid), options), Err(rustix::io::Errno::INTR)) {}
        }
        drop(sender.send(Event::Ended));
    });
    input
}

/// Writes line by line; the input is closed when nobody has anything more to say.
fn write_on(mut stdin: ChildStdin, lines: &Receiver<Vec<u8>>) {
    while let Ok(line) = lines.recv() {
        if stdin.write_all(&line).and_then(|()| stdin.flush()).is_err() {
            return;
        }
    }
}

/// Turns signals into events.
fn listen(sender: &Sender<Event>) -> io::Result<()> {
    let (mut wake, writer) = UnixStream::pair()?;
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        pipe::register(signal, writer.try_clone()?)?;
    }
    let sender = sender.clone();
    thread::spawn(move || {
        let mut bytes = [0; 16];
        while matches!(wake.read(&mut bytes), Ok(1..)) {
            drop(sender.send(Event::Stop));
        }
    });
    Ok(())
}
