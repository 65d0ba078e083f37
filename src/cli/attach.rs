//! `crew attach`: a person takes a task over in this terminal.

use std::io::IsTerminal;

use camino::Utf8PathBuf;
use clap::Args as ClapArgs;

use super::report::{CliError, Result};
use super::target::task_id;
use super::{Context, Exit};
use crate::base::time::human_ms;
use crate::base::{RunNumber, TaskId, limits, text};
use crate::client::attach::{self, Held};
use crate::client::plan::PlanError;
use crate::client::{Follower, Workspace, find_task, forbid_to_agents, give, split_task};
use crate::engine::{Command, check_takeover};
use crate::event::takeover::{HandBack, TaskTaken};
use crate::event::{Hash, StatusKind};
use crate::launch::Programs;
use crate::launch::session::{Session, SessionEnd, SessionError, Wanted};
use crate::ledger::{CommitError, Ledger};
use crate::plan::graph::TaskIx;

/// Take a task over: open its agent's own session in this terminal.
///
/// The attempt that runs is stopped, and the program's interactive session is opened where the task works, with what
/// was said until then. When you leave it, the agent goes on by itself with what is there. A program without such a
/// session, and a command, get a shell instead. Other tasks go on meanwhile; clocks and budget of this one stand still.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The run, or the task at once: `5`, `5/coding`.
    #[arg(value_name = "RUN[/TASK]")]
    run: String,
    /// The task: `coding`, `review/2`.
    task: Option<String>,
    /// Open a shell, even where the program has a session of its own.
    #[arg(long)]
    shell: bool,
    /// Afterwards let the agent go on, without a question.
    #[arg(long, conflicts_with_all = ["done", "pause"])]
    hand_back: bool,
    /// Afterwards the task is done: what is there is checked like the work of its agent.
    #[arg(long, conflicts_with = "pause")]
    done: bool,
    /// Afterwards pause the run.
    #[arg(long)]
    pause: bool,
}

/// How the person wants it to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    GoOn,
    Done,
    Pause,
}

/// Runs the verb.
///
/// # Errors
/// No terminal, no such task, refused, or the program cannot be started.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    forbid_to_agents(&workspace.env, "attach")?;
    let (wanted, named) = split_task(&args.run);
    let (run, ledger) = context.run(&workspace, wanted)?;
    let Some(named) = args.task.as_deref().or(named) else {
        return Err(CliError::usage("`crew attach` takes a task over, and none is named")
            .hinted(format!("`crew status {run}` lists them; `crew attach {run} TASK`")));
    };
    drop(task_id(named)?);
    let task = find_task(ledger.state(), named)?;
    if context.json || !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(CliError::new(
            Exit::Refused,
            "no_terminal",
            "`crew attach` opens a session in a terminal, and this is none",
        )
        .hinted(format!("`crew logs {run} {task} -f` shows the task, `crew send {run}/{task} TEXT` tells it something")));
    }
    let programs = Programs::of(&workspace.config, &ledger.state().created.runtime_args)
        .map_err(PlanError::Programs)?;
    let crew = crate::launch::program()
        .ok_or_else(|| CliError::new(Exit::Io, "io", "cannot tell the path of the crew program"))?;
    Takeover { args, workspace: &workspace, programs, crew, run, task, ledger }.run(context)
}

/// One task that is taken over.
struct Takeover<'a> {
    args: &'a Args,
    workspace: &'a Workspace,
    programs: Programs,
    crew: Utf8PathBuf,
    run: RunNumber,
    task: TaskId,
    ledger: Ledger,
}

impl Takeover<'_> {
    fn run(mut self, context: &mut Context) -> Result<Exit> {
        let Some(held) = self.take(context)? else { return Ok(Exit::Refused) };
        if !self.wait(context, &held)? {
            return Ok(Exit::Refused);
        }
        // It may have told its session only now.
        let opened = self.plan(context, &held.mark).and_then(|session| {
            self.announce(context, &session)?;
            context.out.flush()?;
            let end = (context.sessions.open)(&session, &held.shown)?;
            Ok((session, end))
        });
        let (session, end) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                self.give_back(
                    context,
                    &held,
                    HandBack::Unused,
                    SessionEnd::default(),
                    Vec::new(),
                )?;
                return Err(error);
            }
        };
        self.ledger.refresh()?;
        let files = (context.sessions.changes)(&self.wanted(&held.mark), &held.since);
        self.go_on(context, &held, &session, end, files)
    }

    fn ix(&self) -> TaskIx {
        self.ledger.state().task_ix(&self.task).unwrap_or_default()
    }

    fn wanted<'a>(&'a self, mark: &'a str) -> Wanted<'a> {
        Wanted {
            state: self.ledger.state(),
            dir: self.ledger.dir(),
            programs: &self.programs,
            env: &self.workspace.env,
            passed: &self.workspace.config.defaults.env,
            crew: &self.crew,
            task: self.ix(),
            mark,
            shell: self.args.shell,
        }
    }

    fn plan(&self, context: &Context, mark: &str) -> Result<Session> {
        Ok((context.sessions.plan)(&self.wanted(mark))?)
    }

    /// Takes the task, unless another process has it.
    fn take(&mut self, context: &mut Context) -> Result<Option<Held>> {
        let (dir, ix) = (self.ledger.dir().clone(), self.ix());
        let state = self.ledger.state();
        let old = state.taken(ix).cloned();
        // Said before anything is touched: refusals that are plain now.
        let over = old.as_ref().map(|old| old.mark.as_str());
        check_takeover(state, ix, over).map_err(CommitError::Refused)?;
        let number = state.created.number;
        let uid = &state.created.uid;
        let pid = std::process::id();
        let mark = Hash::of(format!("{uid}/{}/attach/{pid}/{}", self.task, state.seq).as_bytes());
        let mark = mark.to_string();
        let is_there = attach::is_free(state, ix) || state.tasks[ix].attempts > 0;
        let program = match self.plan(context, &mark) {
            Ok(session) => session.program,
            Err(error) if is_there && state.tasks[ix].status.as_live().is_none() => {
                return Err(error);
            }
            // The session, or the folder, comes with the attempt that runs.
            Err(_) => {
                state.tasks[ix].runtime.clone().unwrap_or_else(|| state.step_of(ix).runtime.clone())
            }
        };
        let Some(lock) = attach::lock(&dir, &self.task)? else {
            self.ledger.refresh()?;
            let by = self.ledger.state().taken(ix).map(|taken| {
                let since = human_ms(context.now.since_ms(taken.since));
                format!("{} has it (process {}, since {since})", taken.by.name(), taken.pid)
            });
            let by = by.unwrap_or_else(|| "another process is just taking it".to_owned());
            let reason = format!("`{}` of run #{number} is taken over already: {by}", self.task);
            return Err(CliError::refused(reason).hinted("end that session first"));
        };
        if let Some(old) = &old {
            (context.sessions.end)(&old.mark, self.ledger.state().created.limits.grace_ms);
        }
        std::fs::write(dir.attach_lock(&self.task), format!("{pid}\n"))?;
        let (task, by) = (self.task.clone(), self.workspace.human());
        let taken = TaskTaken { task, by, pid, mark, program };
        let over = old.map(|old| old.mark);
        let (held, _) =
            attach::take(self.workspace, self.run, taken, over, lock, (context.clock)())?;
        self.ledger.refresh()?;
        Ok(Some(held))
    }

    /// Waits until the attempt that runs has ended; `false` when there is nothing to take over any more.
    fn wait(&mut self, context: &mut Context, held: &Held) -> Result<bool> {
        let ix = self.ix();
        let follower = Follower::new([self.ledger.dir().events()]);
        let mut has_said = false;
        loop {
            let state = self.ledger.state();
            if attach::is_free(state, ix) {
                return Ok(true);
            }
            if attach::is_gone(state, ix) || state.status.is_terminal() {
                let entry = &state.tasks[ix];
                let why = entry.status.why().map(|why| format!(": {}", text::one_line(why, 200)));
                let line = format!(
                    "`{}` is {} before it could be taken over{}",
                    self.task,
                    entry.status.as_str(),
                    why.unwrap_or_default()
                );
                self.give_back(context, held, HandBack::Unused, SessionEnd::default(), Vec::new())?;
                context.say(&line)?;
                return Ok(false);
            }
            if !has_said {
                let what = match state.tasks[ix].status.as_live() {
                    Some(live) => {
                        format!("attempt {} of `{}` is being stopped", live.number, self.task)
                    }
                    None => format!("waiting until `{}` can be worked on", self.task),
                };
                context.say(&format!("{what} …"))?;
                has_said = true;
            }
            follower.wait(limits::SAFETY_POLL_MS);
            self.ledger.refresh()?;
        }
    }

    fn announce(&self, context: &mut Context, session: &Session) -> Result<()> {
        let what = match (session.program.as_str(), session.resumes) {
            ("shell", _) => self.shell_words(),
            (program, true) => format!("its session in {program}"),
            (program, false) => format!("a new session in {program}"),
        };
        let reference = self.ledger.state().reference();
        context.say(&format!("{reference} `{}`: {what}, in {}", self.task, session.cwd))?;
        if session.reads_only {
            context.say(
                "this task may only read: what you change in its folder is put away afterwards",
            )?;
        }
        context.say("leave it as you always do, and the run goes on")
    }

    /// A shell, and why it is no session of the program where nobody has asked for it.
    fn shell_words(&self) -> String {
        let state = self.ledger.state();
        let name = state.tasks[self.ix()].runtime.as_ref();
        let name = name.unwrap_or(&state.step_of(self.ix()).runtime);
        match name.as_str() {
            _ if self.args.shell => "a shell".to_owned(),
            "" => "a shell (a command has no session)".to_owned(),
            name => format!("a shell (`{name}` has no session that is opened in a terminal)"),
        }
    }

    /// The session is over: what becomes of the task.
    fn go_on(
        mut self,
        context: &mut Context,
        held: &Held,
        session: &Session,
        end: SessionEnd,
        files: Vec<String>,
    ) -> Result<Exit> {
        let state = self.ledger.state();
        let had = human_ms((context.clock)().since_ms(held.taken_at));
        let changed = match files.len() {
            0 => "nothing changed".to_owned(),
            count => format!("{} changed", text::count(count, "file")),
        };
        let kind = state.status.kind();
        if end.closed {
            self.give_back(context, held, HandBack::GoOn, end, files)?;
            return Ok(Exit::Interrupted);
        }
        context
            .say(&format!("{} ended after {had}; {changed} in {}", session.program, session.cwd))?;
        if state.status.is_terminal() {
            let status = kind.as_str();
            self.give_back(context, held, HandBack::GoOn, end, files)?;
            context.say(&format!(
                "run #{} is {status} meanwhile; what you did is still there, and `crew reopen {}` goes on with it",
                self.run, self.run
            ))?;
            return Ok(Exit::Ok);
        }
        if state.tasks[self.ix()].status.is_settled() {
            self.give_back(context, held, HandBack::Unused, end, files)?;
            context.say(&format!("`{}` was settled meanwhile", self.task))?;
            return Ok(Exit::Ok);
        }
        let next = self.ask(context)?;
        if next == Next::Pause && kind != StatusKind::Paused {
            give(self.workspace, self.run, Command::Pause, None, (context.clock)())?;
        }
        let how = if next == Next::Done { HandBack::Done } else { HandBack::GoOn };
        self.give_back(context, held, how, end, files)?;
        let (run, task, status) = (self.run, &self.task, self.ledger.state().status.kind());
        let line = match (next, status) {
            (_, StatusKind::Paused) => {
                format!("run #{run} is paused; `crew resume {run}` goes on with `{task}`")
            }
            (Next::Done, _) => {
                format!("`{task}` is being checked; `crew status {run}` shows the run")
            }
            (_, StatusKind::Running) => {
                format!("`{task}` goes on by itself; `crew logs {run} {task} -f` follows it")
            }
            (_, status) => format!("`{task}` is handed back; run #{run} is {}", status.as_str()),
        };
        context.say(&line)?;
        Ok(Exit::Ok)
    }

    fn ask(&self, context: &mut Context) -> Result<Next> {
        let args = self.args;
        let is_first = self.ledger.state().tasks[self.ix()].attempts == 0;
        if args.done && is_first {
            context.say("the task had no attempt yet that could be called done; it goes on")?;
            return Ok(Next::GoOn);
        }
        if args.done {
            return Ok(Next::Done);
        }
        if args.pause {
            return Ok(Next::Pause);
        }
        if args.hand_back || context.yes || !context.is_interactive() {
            return Ok(Next::GoOn);
        }
        let done = if is_first { "" } else { "[d]one, " };
        loop {
            let question = format!(
                "How does `{}` go on? [G]o on by itself, {done}[p]ause the run: ",
                self.task
            );
            let answer = super::ask::line(context, &question)?;
            match answer.to_ascii_lowercase().as_str() {
                "" | "g" | "go" | "go on" => return Ok(Next::GoOn),
                "d" | "done" if !is_first => return Ok(Next::Done),
                "p" | "pause" => return Ok(Next::Pause),
                _ => {}
            }
        }
    }

    fn give_back(
        &mut self,
        context: &Context,
        held: &Held,
        how: HandBack,
        end: SessionEnd,
        files: Vec<String>,
    ) -> Result<()> {
        attach::hand_back(self.workspace, held, how, end, files, (context.clock)())?;
        self.ledger.refresh()?;
        Ok(())
    }
}

impl From<SessionError> for CliError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Unknown { reason, hint } => Self::invalid(reason).hinted(hint),
            SessionError::Io(error) => error.into(),
        }
    }
}
