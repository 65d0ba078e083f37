//! Performs a play: every action has its real effect, and is told in lines of the `crew` format.

use std::io::{self, Write};
use std::process::{Command, Stdio};

use rustix::process::{Signal, getpid, kill_process};
use serde_json::Value;

use super::action::{Action, Crash, Edit, Trouble};
use super::files::{self, FileError};
use super::linger;
use super::pace::{self, Pace};
use super::script::Play;
use super::stage::Stage;
use crate::agent::{CrewLine as Line, ResultStatus, Usage, Verdict};
use crate::base::Time;
use crate::base::path::{PathContext, PathError};
use crate::base::text::{one_line, tail};

/// Bytes of a command's output that a play quotes.
const OUTPUT_BYTES: usize = 4 << 10;
/// Characters of a tool call's detail.
const DETAIL_CHARS: usize = 200;

/// Why a play could not be performed to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlayError {
    /// A file was not changed.
    #[error(transparent)]
    File(#[from] FileError),
    /// A command could not be started.
    #[error(transparent)]
    Start(#[from] PathError),
    /// Nobody reads the output any more, or the system refused a signal or a process.
    #[error("cannot go on with the play")]
    Io(#[from] io::Error),
}

/// Somebody who performs a play.
pub(super) struct Player<'a, W: Write> {
    out: W,
    stage: &'a Stage,
    pace: Pace,
    greeted: bool,
    tools: u32,
    said: Vec<String>,
    usage_told: bool,
    result: Option<String>,
    run_ok: bool,
    run_output: String,
}

/// Whether the turn goes on.
enum Next {
    Go,
    /// The turn ends here without a result, with this exit code.
    End(u8),
}

impl<'a, W: Write> Player<'a, W> {
    /// A player who prints to `out`.
    pub(super) fn new(out: W, stage: &'a Stage, pace: Pace) -> Self {
        Self {
            out,
            stage,
            pace,
            greeted: false,
            tools: 0,
            said: Vec::new(),
            usage_told: false,
            result: None,
            run_ok: true,
            run_output: String::new(),
        }
    }

    /// Performs a play and returns the exit code.
    pub(super) fn perform(&mut self, play: &Play) -> Result<u8, PlayError> {
        const DEAF: Action = Action::Trouble(Trouble::Hang { ignore_signals: true });
        if play.actions.contains(&DEAF) {
            // From the start, so that whoever has seen a line of output knows that it holds.
            linger::ignore_signals()?;
        }
        for action in &play.actions {
            let next = self.act(action)?;
            self.out.flush()?;
            if let Next::End(code) = next {
                return Ok(code);
            }
        }
        if !self.usage_told {
            // Zero tokens were used; what they cost is not known and stays so.
            self.print(&Line::Usage(Usage::default()))?;
        }
        let text = self.result.take().unwrap_or_else(|| self.said.join("\n"));
        let status = ResultStatus::Ok;
        self.print(&Line::Result { text, status })?;
        self.out.flush()?;
        Ok(0)
    }

    fn act(&mut self, action: &Action) -> Result<Next, PlayError> {
        match action {
            Action::Say(text) => self.say(&self.fill(text))?,
            Action::Tell(line) => {
                self.usage_told |= matches!(line, Line::Usage(_));
                self.tell(line)?;
            }
            Action::TellAfter { is_green, line } => {
                if *is_green == self.run_ok {
                    self.tell(line)?;
                }
            }
            Action::Tool { name, detail, ms, ok } => {
                let id = self.tool(name, &self.fill(detail))?;
                self.pace.pause(*ms);
                self.tool_end(id, *ok, "")?;
            }
            Action::Wait { ms } => self.pace.pause(*ms),
            Action::Edit { how, path, text } => self.edit(*how, path, text)?,
            Action::Run { command } => self.run(&self.fill(command))?,
            Action::Error { kind, text, retryable, reset_ms } => self.tell(&Line::Error {
                kind: *kind,
                retryable: *retryable,
                reset_at: reset_ms.map(|ms| now().plus_ms(ms)),
                text: text.clone(),
            })?,
            Action::Verdict(verdict) => {
                let of_run = if self.run_ok { Verdict::Pass } else { Verdict::Fail };
                self.say(&format!("VERDICT: {}", verdict.unwrap_or(of_run).word()))?;
            }
            Action::State { state, reason } => {
                self.say(&format!("TASK_STATE: {}", state.word()))?;
                if let Some(reason) = reason {
                    self.say(&format!("BLOCK_REASON: {}", self.fill(reason)))?;
                }
            }
            Action::Result(text) => self.result = Some(self.fill(text)),
            Action::Print(text) => writeln!(self.out, "{}", self.fill(text))?,
            Action::Stderr(text) => writeln!(io::stderr(), "{}", self.fill(text))?,
            Action::Ask { text, choices, go_on } => {
                self.tell(&Line::Question { text: text.clone(), choices: choices.clone() })?;
                if !go_on {
                    return Ok(Next::End(0));
                }
            }
            Action::Trouble(trouble) => return self.misbehave(trouble),
        }
        Ok(Next::Go)
    }

    fn misbehave(&mut self, trouble: &Trouble) -> Result<Next, PlayError> {
        match trouble {
            Trouble::Fail { code, text } => {
                if !text.is_empty() {
                    writeln!(io::stderr(), "{}", self.fill(text))?;
                }
                return Ok(Next::End(*code));
            }
            Trouble::Silent => return Ok(Next::End(0)),
            Trouble::Hang { .. } => {
                self.out.flush()?;
                pace::for_ever();
            }
            Trouble::Crash(crash) => {
                self.out.flush()?;
                let signal = match crash {
                    Crash::Kill => Signal::KILL,
                    Crash::Abort => Signal::ABORT,
                    Crash::Term => Signal::TERM,
                };
                kill_process(getpid(), signal).map_err(io::Error::from)?;
                pace::for_ever();
            }
            Trouble::Flood { lines, line_bytes } => self.flood(*lines, *line_bytes)?,
            Trouble::Garbage { lines } => self.garbage(*lines)?,
            Trouble::Child(child) => {
                let id = self.tool("bash", "a server in the background")?;
                let pid = linger::leave_behind(*child)?;
                self.tool_end(id, true, &format!("pid {pid}"))?;
            }
        }
        Ok(Next::Go)
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        self.said.push(text.to_owned());
        self.print(&Line::Text { text: text.to_owned() })
    }

    /// Starts a command in the worktree and waits for its end; a failure is the play's to judge.
    fn run(&mut self, command: &str) -> Result<(), PlayError> {
        let id = self.tool("bash", command)?;
        self.out.flush()?;
        let output = Command::new("sh")
            .args(["-c", command])
            .current_dir(self.stage.worktree())
            .stdin(Stdio::null())
            .output()
            .at("cannot start `sh` in", self.stage.worktree())?;
        let bytes = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&bytes);
        tail(&text, OUTPUT_BYTES).clone_into(&mut self.run_output);
        self.run_ok = output.status.success();
        let last = text.lines().next_back().unwrap_or_default();
        self.tool_end(id, self.run_ok, last)?;
        Ok(())
    }

    fn edit(&mut self, how: Edit, path: &str, text: &str) -> Result<(), PlayError> {
        let (path, text) = (self.fill(path), self.fill(text));
        let worktree = self.stage.worktree();
        let id = self.tool(how.word(), &path)?;
        match how {
            Edit::Write => files::write(worktree, &path, &text)?,
            Edit::Append => files::append(worktree, &path, &text)?,
            Edit::Delete => files::delete(worktree, &path)?,
        }
        self.tool_end(id, true, "")?;
        Ok(())
    }

    fn tool(&mut self, name: &str, detail: &str) -> io::Result<String> {
        self.tools += 1;
        let id = format!("t{}", self.tools);
        self.print(&Line::ToolStart {
            id: id.clone(),
            name: name.to_owned(),
            detail: one_line(detail, DETAIL_CHARS),
        })?;
        self.out.flush()?;
        Ok(id)
    }

    fn tool_end(&mut self, id: String, ok: bool, detail: &str) -> io::Result<()> {
        let detail = one_line(detail, DETAIL_CHARS);
        self.print(&Line::ToolEnd { id, ok, detail })
    }

    fn flood(&mut self, lines: u64, line_bytes: usize) -> io::Result<()> {
        let frame = br#"{"type":"text","text":""}"#.len() + 1;
        let text = "x".repeat(line_bytes.saturating_sub(frame));
        let mut line = serde_json::to_vec(&Line::Text { text })?;
        line.push(b'\n');
        for _ in 0..lines {
            self.out.write_all(&line)?;
        }
        Ok(())
    }

    fn garbage(&mut self, lines: u64) -> io::Result<()> {
        let mut random = fastrand::Rng::with_seed(lines);
        for number in 0..lines {
            let mut line: Vec<u8> = (0..random.usize(1..120)).map(|_| random.u8(..)).collect();
            line.retain(|byte| *byte != b'\n');
            match number % 3 {
                0 => line.extend([0, 0xff, 0xfe]),
                1 => line.splice(..0, *br#"{"type":"text","#).for_each(drop),
                _ => line.splice(..0, *b"\x1b[2J\x1b[31m").for_each(drop),
            }
            line.push(b'\n');
            self.out.write_all(&line)?;
        }
        Ok(())
    }

    /// Prints a line of the script, with the placeholders in its texts filled.
    fn tell(&mut self, line: &Line) -> io::Result<()> {
        let mut line = serde_json::to_value(line)?;
        self.fill_all(&mut line);
        self.print(&line)
    }

    /// Prints a line as it is: what it quotes is never filled a second time.
    fn print(&mut self, line: &impl serde::Serialize) -> io::Result<()> {
        if !self.greeted {
            self.greeted = true;
            let id = self.stage.session.clone();
            self.print(&Line::Session { id })?;
        }
        serde_json::to_writer(&mut self.out, line)?;
        self.out.write_all(b"\n")
    }

    fn fill(&self, text: &str) -> String {
        self.stage.fill(text, &self.run_output)
    }

    fn fill_all(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.fill(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.fill_all(value)),
            Value::Object(fields) => fields.values_mut().for_each(|value| self.fill_all(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a play tells when a limit ends, as a provider would, counted from now"
)]
fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Time(since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
}
