//! What one attempt said, folded from its observations in bounded memory.

use std::collections::VecDeque;

use super::call::Call;
use super::marker::{self, Mark, Scan};
use super::observation::{ErrorKind, Observation, ResultStatus, TaskState, Usage, Verdict};
use crate::base::redact;
use crate::base::{Time, limits, text};

/// A failure that the program reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentError {
    /// What kind of failure it is.
    pub kind: ErrorKind,
    /// Whether the same call may work later.
    pub retryable: bool,
    /// When a limit ends.
    pub reset_at: Option<Time>,
    /// The program's own words.
    pub text: String,
}

/// A question that the agent asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The question.
    pub text: String,
    /// Proposed answers.
    pub choices: Vec<String>,
}

/// How many tool calls were seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ToolCounts {
    /// Begun.
    pub started: u32,
    /// Ended.
    pub ended: u32,
    /// Ended badly.
    pub failed: u32,
}

/// How the agent said its task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Marker {
    /// It said nothing, which means "another pass".
    #[default]
    None,
    /// It said one thing, perhaps more than once.
    One(TaskState),
    /// It said two different things: a contract violation.
    Conflict,
}

/// The fold of one attempt's observations.
#[derive(Debug, Clone, Default)]
pub struct TurnReport {
    /// The program's session, the last one that it named.
    pub session: Option<String>,
    /// The model that answered, the last one that the program named.
    pub model: Option<String>,
    /// Calls that the program tried again by itself.
    pub retries: u32,
    /// The last of these: often the reason why a program had to be stopped.
    pub last_retry: Option<(ErrorKind, String)>,
    /// Whether it has done nothing since then.
    pub is_retrying: bool,
    /// Tools that the program was not allowed to use, each once.
    pub denied: Vec<String>,
    /// Tokens and cost; `None` when nothing was reported.
    pub usage: Option<Usage>,
    /// Questions, in order.
    pub questions: Vec<Question>,
    /// How the agent said its task stands.
    pub marker: Marker,
    /// Why the agent is blocked, in its words.
    pub block_reason: Option<String>,
    /// The last verdict.
    pub verdict: Option<Verdict>,
    /// Failures, in order; the last one is always kept.
    pub errors: Vec<AgentError>,
    /// Tool calls.
    pub tools: ToolCounts,
    /// Gates, messages and artifacts that the output asked for.
    pub requests: u32,
    /// What the output asked crew to do, in order.
    pub calls: Vec<Call>,
    /// Messages that the program got while it worked.
    pub delivered: Vec<String>,
    /// Lines that no rule knew.
    pub raw_lines: u64,
    /// The last of these: often the reason why a program did not start.
    pub last_raw: Option<String>,
    /// Whether the program printed anything at all.
    pub printed: bool,
    /// What the program thinks of its answer; `None` when it gave none.
    pub status: Option<ResultStatus>,
    said: Kept,
    result: Option<String>,
    scan: Scan,
}

impl TurnReport {
    /// The report of a whole attempt.
    pub fn of<'a>(observations: impl IntoIterator<Item = &'a Observation>) -> Self {
        let mut report = Self::default();
        for observation in observations {
            report.observe(observation);
        }
        report
    }

    /// Takes one more observation into account.
    pub fn observe(&mut self, observation: &Observation) {
        if let Observation::Text { text } = observation {
            self.printed |= !text.trim().is_empty();
        } else {
            self.printed = true;
            self.scan.end_message();
        }
        self.is_retrying = observation.is_retrying(self.is_retrying);
        match observation {
            Observation::Session { id } => self.session = Some(id.clone()),
            Observation::Text { text } => {
                self.said.push_line(text);
                self.note(text);
            }
            Observation::Thinking { .. }
            | Observation::UsageIsPart
            | Observation::Undelivered { .. }
            | Observation::Request { .. }
            | Observation::Answer { .. } => {}
            Observation::Model { name } => self.model = Some(name.clone()),
            Observation::Retry { kind, text } => {
                self.retries += 1;
                self.last_retry = Some((*kind, text.clone()));
            }
            Observation::Denied { tool, .. } if self.denied.contains(tool) => {}
            Observation::Denied { tool, .. } => keep_last(&mut self.denied, tool.clone()),
            Observation::ToolStart { .. } => self.tools.started += 1,
            Observation::ToolEnd { ok, .. } => {
                self.tools.ended += 1;
                self.tools.failed += u32::from(!ok);
            }
            Observation::Usage(usage) | Observation::UsageOf { usage, .. } => self.add(usage),
            Observation::Question { text, choices } => keep_last(
                &mut self.questions,
                Question { text: text.clone(), choices: choices.clone() },
            ),
            Observation::Error { kind, retryable, reset_at, text } => keep_last(
                &mut self.errors,
                AgentError {
                    kind: *kind,
                    retryable: *retryable,
                    reset_at: *reset_at,
                    text: text.clone(),
                },
            ),
            Observation::Result { text, status } => {
                self.note(text);
                self.scan.end_message();
                self.result = Some(redact::middle_cut(text, limits::RESULT_BYTES_MAX).into_owned());
                self.status = Some(*status);
            }
            Observation::GateWrite { gate, values } => {
                self.request(Call::Gate { gate: gate.clone(), values: values.clone() });
            }
            Observation::Message { to, text } => {
                self.request(Call::Send { to: to.clone(), text: text.clone() });
            }
            Observation::Artifact { .. } => self.requests += 1,
            Observation::Marker { state, reason } => {
                self.mark(*state);
                if reason.is_some() {
                    self.block_reason.clone_from(reason);
                }
            }
            Observation::Delivered { id, .. } => self.delivered.push(id.clone()),
            Observation::Raw { line } => {
                self.raw_lines += 1;
                self.last_raw = Some(line.clone());
            }
        }
    }

    fn request(&mut self, call: Call) {
        self.requests += 1;
        self.call(call);
    }

    /// The attempt's answer: its last result, else everything it said; both ends when it is too long.
    pub fn final_text(&self) -> String {
        match &self.result {
            Some(result) if !result.trim().is_empty() => result.clone(),
            _ => self.said.text(),
        }
    }

    /// One line about the answer: its last paragraph without marker lines, secrets replaced.
    pub fn summary(&self) -> String {
        let answer = self.final_text();
        let answer = redact::redact(answer.trim_end());
        let end = text::tail(&answer, 4 * limits::SUMMARY_CHARS_MAX);
        let mut paragraph = String::new();
        for line in end.lines().rev() {
            if line.trim().is_empty() {
                if !paragraph.is_empty() {
                    break;
                }
            } else if marker::mark(line).is_none() && !is_fence(line) {
                paragraph = format!("{line} {paragraph}");
            }
        }
        text::one_line(&paragraph, limits::SUMMARY_CHARS_MAX)
    }

    fn add(&mut self, usage: &Usage) {
        self.usage.get_or_insert_default().add(usage);
    }

    fn note(&mut self, text: &str) {
        for mark in self.scan.marks(text) {
            match mark {
                Mark::State(state) => self.mark(state),
                Mark::BlockReason(reason) => self.block_reason = Some(reason),
                Mark::Call(call) => self.call(call),
                Mark::Verdict(verdict) => self.verdict = Some(verdict),
            }
        }
    }

    /// The first calls are kept; a program that says its result twice calls once.
    fn call(&mut self, call: Call) {
        if self.calls.len() < limits::TURN_NOTES_MAX && !self.calls.contains(&call) {
            self.calls.push(call);
        }
    }

    fn mark(&mut self, state: TaskState) {
        self.marker = match self.marker {
            Marker::None => Marker::One(state),
            Marker::One(before) if before == state => Marker::One(state),
            Marker::One(_) | Marker::Conflict => Marker::Conflict,
        };
    }
}

/// A line that only opens or closes a block of code says nothing by itself.
fn is_fence(line: &str) -> bool {
    let line = line.trim();
    line.starts_with("```") || line.starts_with("~~~") || line.starts_with("ADAPTIVE_PLAN_JSON")
}

/// Adds a note; when the list is full its last place is taken, so that the newest is there.
fn keep_last<T>(notes: &mut Vec<T>, note: T) {
    notes.truncate(limits::TURN_NOTES_MAX - 1);
    notes.push(note);
}

/// Text of any length of which both ends are kept.
#[derive(Debug, Clone, Default)]
struct Kept {
    head: String,
    tail: VecDeque<u8>,
    bytes: usize,
}

impl Kept {
    const HALF: usize = limits::RESULT_BYTES_MAX / 2;

    fn push_line(&mut self, line: &str) {
        if self.bytes > 0 {
            self.push("\n");
        }
        self.push(line);
    }

    fn push(&mut self, text: &str) {
        self.bytes += text.len();
        let room = if self.tail.is_empty() {
            text.floor_char_boundary(Self::HALF - self.head.len())
        } else {
            0
        };
        self.head.push_str(&text[..room]);
        self.tail.extend(&text.as_bytes()[room..]);
        let surplus = self.tail.len().saturating_sub(Self::HALF);
        self.tail.drain(..surplus);
    }

    fn text(&self) -> String {
        let (front, back) = self.tail.as_slices();
        let tail = String::from_utf8_lossy(&[front, back].concat()).into_owned();
        let missing = self.bytes - self.head.len() - self.tail.len();
        if missing == 0 {
            return format!("{}{tail}", self.head);
        }
        format!("{}\n[… {missing} bytes left out …]\n{tail}", self.head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Observation {
        Observation::Text { text: text.to_owned() }
    }

    fn result(text: &str) -> Observation {
        Observation::Result { text: text.to_owned(), status: ResultStatus::Ok }
    }

    #[test]
    fn the_marker_is_one_state_or_a_conflict() {
        let tool =
            Observation::ToolStart { id: "1".into(), name: "bash".into(), detail: String::new() };
        let typed = Observation::Marker { state: TaskState::Done, reason: None };
        let done = Marker::One(TaskState::Done);
        for (observations, marker) in [
            (vec![], Marker::None),
            (vec![text("all fine")], Marker::None),
            (vec![text("ok\nTASK_STATE: DONE")], done),
            (vec![text("TASK_STATE: DONE"), result("TASK_STATE: DONE")], done),
            (vec![text("```"), text("TASK_STATE: BLOCKED"), text("```")], Marker::None),
            (vec![text("```"), tool, text("TASK_STATE: DONE")], done),
            (vec![text("TASK_STATE: DONE"), text("TASK_STATE: CONTINUE")], Marker::Conflict),
            (vec![text("TASK_STATE: CONTINUE"), typed.clone()], Marker::Conflict),
            (vec![typed], done),
        ] {
            assert_eq!(TurnReport::of(&observations).marker, marker, "{observations:?}");
        }
    }

    #[test]
    fn the_last_verdict_counts_and_the_block_reason_is_kept() {
        let report = TurnReport::of(&[
            text("VERDICT: PASS\nwait, no\nVERIFICATION: FAIL"),
            text("TASK_STATE: BLOCKED\nBLOCK_REASON: the key is missing"),
        ]);
        assert_eq!(report.verdict, Some(Verdict::Fail));
        assert_eq!(report.block_reason.as_deref(), Some("the key is missing"));
    }

    #[test]
    fn usage_is_summed_and_unknown_cost_stays_unknown() {
        let usage = |input_tokens, cost_usd| {
            Observation::Usage(Usage { input_tokens, cost_usd, ..Usage::default() })
        };
        assert_eq!(TurnReport::of(&[text("x")]).usage, None);
        let free = TurnReport::of(&[usage(3, None), usage(4, None)]).usage.expect("reported");
        assert_eq!((free.input_tokens, free.cost_usd), (7, None));
        let paid = TurnReport::of(&[usage(3, None), usage(4, Some(0.5))]).usage.expect("reported");
        assert_eq!(paid.cost_usd, Some(0.5));
    }

    #[test]
    fn blank_output_is_no_output() {
        assert!(!TurnReport::default().printed);
        assert!(!TurnReport::of(&[text(""), text("  ")]).printed);
        assert!(TurnReport::of(&[text("x")]).printed);
        let raw = TurnReport::of(&[Observation::Raw { line: "usage: x".into() }]);
        assert!(raw.printed && raw.final_text().is_empty());
        assert_eq!(raw.last_raw.as_deref(), Some("usage: x"));
    }

    #[test]
    fn the_answer_is_the_last_result_else_everything_said() {
        let report = TurnReport::of(&[text("a"), text("b")]);
        assert_eq!(report.final_text(), "a\nb");
        let report = TurnReport::of(&[text("a"), result("one"), result("two")]);
        assert_eq!(report.final_text(), "two");
        let report = TurnReport::of(&[text("a"), result(" ")]);
        assert_eq!(report.final_text(), "a");
    }

    #[test]
    fn a_flood_keeps_both_ends_and_little_memory() {
        let mut report = TurnReport::default();
        report.observe(&text("the beginning"));
        let line = text(&"ü".repeat(5_001));
        for _ in 0..2_000 {
            report.observe(&line);
        }
        report.observe(&text("the end"));
        let answer = report.final_text();
        assert!(answer.starts_with("the beginning\n") && answer.ends_with("\nthe end"));
        assert!(answer.contains("bytes left out"));
        assert!(answer.len() < limits::RESULT_BYTES_MAX + 100, "{}", answer.len());
    }

    #[test]
    fn the_summary_is_the_last_paragraph_without_markers_and_secrets() {
        for (said, summary) in [
            ("", ""),
            ("One.\n\nTwo\nlines.\n\nVERDICT: PASS\n", "Two lines."),
            ("VERDICT: PASS", ""),
            ("token ghp_abcdefghijklmnopqrstuvwxyz01 used", "token [redacted] used"),
        ] {
            assert_eq!(TurnReport::of(&[text(said)]).summary(), summary);
        }
        let long = TurnReport::of(&[text(&"word ".repeat(1_000))]).summary();
        assert!(long.chars().count() <= limits::SUMMARY_CHARS_MAX, "{long}");
    }

    #[test]
    fn the_newest_error_is_kept_when_there_are_too_many() {
        let mut report = TurnReport::default();
        for number in 0..1_000 {
            report.observe(&Observation::Error {
                kind: ErrorKind::Overload,
                retryable: true,
                reset_at: None,
                text: number.to_string(),
            });
        }
        assert_eq!(report.errors.len(), limits::TURN_NOTES_MAX);
        assert_eq!(report.errors.last().map(|error| error.text.as_str()), Some("999"));
    }
}
