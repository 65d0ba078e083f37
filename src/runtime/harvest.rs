//! Reads what an ended attempt left: the shim's record, the agent's output, its result.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

use camino::Utf8Path;
use jiff::tz::TimeZone;

use super::attempt_files::{self, ExitFile};
use super::reset;
use super::tally::{Counting, Tally, count};
use crate::agent::{
    Call, Decoder, ErrorKind, Marker, Observation, OutputFormat, ResultStatus, TaskState,
    TurnReport, Verdict, kind_of,
};
use crate::base::path::{PathContext, PathError};
use crate::base::{TaskId, Time, limits, redact, text};
use crate::event::attempt::{Fault, Question, Report};
use crate::event::pass::Said;
use crate::event::{AttemptEnded, EndReason, Usage};
use crate::store::AttemptDir;
use crate::store::files::read_text_capped;

/// What an ended attempt left.
#[derive(Debug, Clone, PartialEq)]
pub struct Harvest {
    /// The fact for the log.
    pub end: AttemptEnded,
    /// Whether the program said that its turn came to a good end, also when it did not exit then.
    pub has_answered: bool,
    /// The agent's final text.
    pub text: String,
    /// Artifacts that the agent put into its output, by name.
    pub artifacts: Vec<(String, String)>,
    /// What the agent's output asked crew to do.
    pub calls: Vec<Call>,
    /// Messages that the program got while it worked.
    pub delivered: Vec<String>,
}

/// Reads what an attempt left whose record is `exit`.
///
/// # Errors
/// Its files cannot be read.
pub fn harvest(
    dir: &AttemptDir,
    exit: &ExitFile,
    task: &TaskId,
    attempt: u32,
    format: OutputFormat,
    counting: &Counting,
) -> Result<Harvest, PathError> {
    let mut artifacts = Vec::new();
    let (mut decoder, mut tally) = (counting.decoder(format), Tally::default());
    let report = match exit.stdout_bytes {
        0 => TurnReport::default(),
        _ => read_output(&dir.stdout(), &mut decoder, |observation| {
            tally.observe(observation);
            if let Observation::Artifact { name, text } = observation {
                artifacts.push((name.clone(), text.clone()));
            }
        })?,
    };
    let failure = failure_text(dir, exit, &report);
    let error = fault(format, exit, &report, &failure);
    let mut end = AttemptEnded {
        task: task.clone(),
        attempt,
        reason: reason(exit.reason),
        code: exit.code,
        signal: exit.signal,
        ended_at: exit.ended_at,
        duration_ms: exit.duration_ms,
        output_bytes: exit.stdout_bytes,
        summary: report.summary(),
        failure,
        session: report.session.clone(),
        report: Report {
            proposal: proposal(dir, &report)?,
            broken: broken(format, exit, &report),
            error,
            ..facts(&report)
        },
        usage: Usage::default(),
        leftovers: exit.leftovers,
        changed: None,
    };
    count(&mut end, tally.bill(counting), decoder.session_total());
    let has_answered =
        exit.reason == attempt_files::EndReason::Stopped && report.status == Some(ResultStatus::Ok);
    let (text, delivered) = (report.final_text(), report.delivered);
    Ok(Harvest { end, has_answered, text, artifacts, calls: report.calls, delivered })
}

/// The end of an attempt of which no record will ever come.
pub fn without_record(
    task: &TaskId,
    attempt: u32,
    reason: EndReason,
    started: Time,
    now: Time,
) -> AttemptEnded {
    AttemptEnded {
        task: task.clone(),
        attempt,
        reason,
        code: None,
        signal: None,
        ended_at: now,
        duration_ms: now.since_ms(started),
        output_bytes: 0,
        summary: String::new(),
        failure: String::new(),
        session: None,
        report: Report::default(),
        usage: Usage::default(),
        leftovers: 0,
        changed: None,
    }
}

/// The final text of an attempt that ended, for the prompts of those who build on it.
///
/// # Errors
/// Its output cannot be read.
pub fn final_text(dir: &AttemptDir, format: OutputFormat) -> Result<String, PathError> {
    Ok(read_output(&dir.stdout(), &mut Decoder::new(format), |_| ())?.final_text())
}

fn reason(reason: attempt_files::EndReason) -> EndReason {
    match reason {
        attempt_files::EndReason::Exited => EndReason::Exited,
        attempt_files::EndReason::Stopped => EndReason::Stopped,
        attempt_files::EndReason::Deadline => EndReason::Deadline,
        attempt_files::EndReason::OutputLimit => EndReason::OutputLimit,
        attempt_files::EndReason::SpawnFailed => EndReason::SpawnFailed,
    }
}

fn facts(report: &TurnReport) -> Report {
    let failed_by_program = report.errors.iter().rev().find(|error| !error.retryable);
    Report {
        broken: None,
        error: None,
        spoke: !report.final_text().trim().is_empty(),
        verdict: report.verdict.map(|verdict| verdict == Verdict::Pass),
        state: match report.marker {
            Marker::None => None,
            Marker::One(TaskState::Done) => Some(Said::Done),
            Marker::One(TaskState::Continue) => Some(Said::Continue),
            Marker::One(TaskState::Blocked) => Some(Said::Blocked),
            Marker::Conflict => Some(Said::Conflict),
        },
        blocked: (report.marker == Marker::One(TaskState::Blocked)).then(|| {
            report
                .block_reason
                .clone()
                .unwrap_or_else(|| "the agent says that it is blocked".to_owned())
        }),
        failed: failed_by_program
            .filter(|error| error.kind == ErrorKind::Refusal)
            .map(|error| redact::redact(&error.text).into_owned()),
        proposal: None,
        question: report.questions.last().map(|question| Question {
            text: redact::redact(&question.text).into_owned(),
            choices: question.choices.clone(),
        }),
        ..Report::default()
    }
}

/// What is wrong with the end of a turn whose program exited as if all were well: `pi` does so after an error.
fn broken(format: OutputFormat, exit: &ExitFile, report: &TurnReport) -> Option<String> {
    let is_clean = exit.code == Some(0) && exit.reason == attempt_files::EndReason::Exited;
    // A program that is ended after its result is judged by that.
    let is_told = exit.reason == attempt_files::EndReason::Stopped
        && report.status == Some(ResultStatus::Error);
    if !(is_clean || is_told) || !format.says_its_end() || report.status == Some(ResultStatus::Ok) {
        return None;
    }
    let last = report.errors.last().map(|error| (error.kind, &error.text));
    let tried = report.last_retry.as_ref().map(|(kind, text)| (*kind, text));
    let why = match (report.status, last.or(tried)) {
        (Some(_), Some((kind, text))) => format!("the program failed ({}): {text}", kind.word()),
        (Some(_), None) => "the program says that its turn failed".to_owned(),
        (None, Some((kind, text))) => {
            format!("it ended in the middle of its turn ({}): {text}", kind.word())
        }
        (None, None) => "it ended in the middle of its turn".to_owned(),
    };
    Some(text::one_line(&redact::redact(&why), limits::SUMMARY_CHARS_MAX))
}

/// The failure that ended a turn, in the program's words: its last error, what it tried again and again,
/// or what it wrote as its error before it could begin.
fn fault(
    format: OutputFormat,
    exit: &ExitFile,
    report: &TurnReport,
    failure: &str,
) -> Option<Fault> {
    let is_clean = exit.code == Some(0) && exit.reason == attempt_files::EndReason::Exited;
    let has_answered = report.status == Some(ResultStatus::Ok)
        && (format.says_its_end() || !report.final_text().trim().is_empty());
    if format == OutputFormat::Text || (is_clean && has_answered) {
        return None;
    }
    let (kind, retryable, reset_at, words) = if let Some(error) = report.errors.last() {
        (error.kind, error.retryable, error.reset_at, error.text.as_str())
    } else if let Some((kind, words)) = report.last_retry.as_ref().filter(|_| report.is_retrying) {
        (*kind, true, None, words.as_str())
    } else {
        let never_began = format.says_its_end() && report.session.is_none() && !is_clean;
        let (kind, retryable) = kind_of(failure).filter(|_| never_began)?;
        (kind, retryable, None, failure)
    };
    let is_limit = matches!(kind, ErrorKind::RateLimit | ErrorKind::Overload);
    let in_words = || reset::reset_at(words, exit.ended_at, &TimeZone::system());
    let reset_at = reset_at.or_else(|| is_limit.then(in_words).flatten());
    let text = text::one_line(&redact::redact(words), limits::SUMMARY_CHARS_MAX);
    Some(Fault { kind, retryable, reset_at, text, hint: String::new() })
}

/// A proposed plan: the one of a call, which was checked, else one in the answer that fits into the log.
fn proposal(dir: &AttemptDir, report: &TurnReport) -> Result<Option<String>, PathError> {
    match read_text_capped(dir.proposal(), 2 * limits::MESSAGE_BYTES_MAX as u64) {
        Ok(called) => return Ok(Some(called)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let answer = report.final_text();
    let found = crate::plan::adaptive::find(&answer)
        .or_else(|| crate::plan::children::find(&answer))
        .filter(|found| found.len() <= limits::MESSAGE_BYTES_MAX);
    Ok(found.map(|found| redact::redact(found).into_owned()))
}

/// The output as observations, line by line; a line is read up to its limit and the rest skipped.
fn read_output(
    path: &Utf8Path,
    decoder: &mut Decoder,
    mut look: impl FnMut(&Observation),
) -> Result<TurnReport, PathError> {
    let mut report = TurnReport::default();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(report),
        Err(error) => return Err(error).at("cannot read", path),
    };
    let mut reader = BufReader::with_capacity(64 << 10, file);
    let mut line = Vec::new();
    loop {
        line.clear();
        let limit = limits::OUTPUT_LINE_BYTES_MAX as u64;
        let read =
            (&mut reader).take(limit).read_until(b'\n', &mut line).at("cannot read", path)?;
        if read == 0 {
            for observation in decoder.finish() {
                look(&observation);
                report.observe(&observation);
            }
            return Ok(report);
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if read as u64 == limit {
            reader.skip_until(b'\n').at("cannot read", path)?;
        }
        for observation in decoder.decode(&line) {
            look(&observation);
            report.observe(&observation);
        }
    }
}

/// What went wrong, in the words of whoever knows: the shim, the agent's errors, its stderr.
fn failure_text(dir: &AttemptDir, exit: &ExitFile, report: &TurnReport) -> String {
    if let Some(error) = &exit.error {
        return error.clone();
    }
    if exit.code == Some(0) && exit.reason == attempt_files::EndReason::Exited && report.printed {
        return String::new();
    }
    if let Some(error) = report.errors.last() {
        return redact::redact(&error.text).into_owned();
    }
    let tail = match exit.stderr_bytes {
        0 => String::new(),
        _ => tail_of(&dir.stderr(), limits::STDERR_TAIL_BYTES).unwrap_or_default(),
    };
    let said = if tail.trim().is_empty() { report.summary() } else { tail };
    redact::redact(&text::printable(said.trim())).into_owned()
}

/// The last bytes of a file as text; `None` when it cannot be read.
pub fn tail_of(path: &Utf8Path, bytes: u64) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let size = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(bytes))).ok()?;
    let mut tail = Vec::new();
    file.take(bytes).read_to_end(&mut tail).ok()?;
    Some(String::from_utf8_lossy(&tail).into_owned())
}
