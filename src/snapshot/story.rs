//! What an event means, in one line for people.

use super::usage::UsageRow;
use crate::base::time::human_ms;
use crate::base::{TaskId, text};
use crate::event::body::{Attention, HeartbeatLevel, ReadyCause, Settled};
use crate::event::child::ChildEnded;
use crate::event::decision::{DecisionKind, DecisionOpened};
use crate::event::gate::{ChannelsFired, EvidenceRecorded, GateWritten};
use crate::event::merge::MergeResult;
use crate::event::pass::PassFinished;
use crate::event::policy::{AcceptedBy, RiskAccepted};
use crate::event::status::word;
use crate::event::takeover::{HandBack, TaskHandedBack};
use crate::event::{AttemptEnded, Body, Record, Status};
use crate::plan::policy::Budget;
use crate::plan::risk::told as told_risks;

/// Characters of a quoted text in a line.
const QUOTE_CHARS: usize = 120;

/// An event in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The task it is about.
    pub task: Option<TaskId>,
    /// What happened, without the task's name.
    pub text: String,
    /// Whether it belongs into a short story of the run.
    pub is_major: bool,
}

/// The event in one line.
pub fn line(record: &Record) -> Line {
    let (task, text, is_major) = told(&record.body);
    Line { task: task.cloned(), text, is_major }
}

#[expect(clippy::too_many_lines, reason = "one arm for each event, so that none is forgotten")]
fn told(body: &Body) -> (Option<&TaskId>, String, bool) {
    match body {
        Body::RunCreated(created) => (None, format!("created: {}", quote(&created.goal)), true),
        Body::RunTransitioned(moved) => {
            let said = if moved.text.is_empty() {
                String::new()
            } else {
                format!(": {}", quote(&moved.text))
            };
            (None, format!("{}{said}", status(&moved.to)), true)
        }
        Body::RunNoted(note) => (None, quote(&note.text), true),
        Body::RiskAccepted(accepted) => (None, accepted_text(accepted), true),
        Body::BudgetChanged(changed) => {
            (None, format!("the budget is {}", budget(&changed.budget)), true)
        }
        Body::BudgetWarned(warned) => {
            let (used, limit) = (&warned.used, &warned.limit);
            (None, format!("most of its {} is used up: {used} of {limit}", warned.kind), true)
        }
        Body::SupervisorStarted(started) => {
            (None, format!("supervisor {} on {}", started.pid, started.host), false)
        }
        Body::WorktreeCreated(made) => (None, format!("worktree on branch {}", made.branch), false),
        Body::PlanExpanded(expanded) => {
            let count = text::count(expanded.added.len(), "task");
            (None, format!("{} added {count}", expanded.step), true)
        }
        Body::ChildrenProposed(proposed) => {
            let keys: Vec<&str> = proposed.runs.iter().map(|run| run.key.as_str()).collect();
            let count = text::count(keys.len(), "run");
            (Some(&proposed.task), format!("proposes {count}: {}", keys.join(", ")), true)
        }
        Body::ChildCreated(created) => {
            (None, format!("run `{}` is #{}", created.key, created.number), true)
        }
        Body::ChildrenReleased(released) => {
            (None, format!("the runs of proposal {} may start", released.round), true)
        }
        Body::ChildrenRefused(refused) => {
            (None, format!("the proposed runs cannot be created: {}", quote(&refused.why)), true)
        }
        Body::ChildEnded(ended) => (None, child_end(ended), true),
        Body::TaskActivated(activated) => {
            let names: Vec<String> = activated.steps.iter().map(ToString::to_string).collect();
            (None, format!("next: {}", names.join(", ")), false)
        }
        Body::TaskReadied(ready) => {
            let mut text = format!("again ({})", cause(ready.cause));
            if let Some(moment) = ready.not_before.filter(|_| ready.cause == ReadyCause::Limit) {
                text = format!("{text}, not before {moment}");
            }
            if !ready.failure.is_empty() {
                // What the agent is told to do is no news.
                let failure = ready.failure.split(". Look at what is there").next();
                text.push_str(": ");
                text.push_str(&quote(failure.unwrap_or_default()));
            }
            (Some(&ready.task), text, true)
        }
        Body::TaskSettled(settled) => {
            let mut text = match settled.status {
                Settled::Done => "done".to_owned(),
                Settled::Failed => "failed".to_owned(),
                Settled::Skipped => "skipped".to_owned(),
                Settled::TimedOut => "timed out".to_owned(),
            };
            if let Some(result) = &settled.result {
                text = format!("{text} ({})", word(result));
            }
            if !settled.why.is_empty() {
                text = format!("{text}: {}", quote(&settled.why));
            }
            (Some(&settled.task), text, true)
        }
        Body::AttemptStarted(started) => {
            let model = started.model.as_deref().map(|model| format!(" {model}"));
            let why = match started.model_why.as_str() {
                "" => String::new(),
                why => format!("; {why}"),
            };
            let text = format!(
                "attempt {} started ({}{}{why})",
                started.attempt,
                if started.runtime.is_empty() { "command" } else { &started.runtime },
                model.unwrap_or_default()
            );
            (Some(&started.task), text, true)
        }
        Body::AttemptStopping(stopping) => {
            let text = format!("attempt {} is being stopped: {}", stopping.attempt, stopping.why);
            (Some(&stopping.task), text, true)
        }
        Body::AttemptEnded(ended) => (Some(&ended.task), end(ended), true),
        Body::CheckFinished(check) => {
            let text = match &check.error {
                Some(error) => format!("its work could not be looked at: {}", quote(error)),
                None if !check.denied.is_empty() => quote(&check.denied_words()),
                None if !check.conflicts.is_empty() => {
                    format!("left conflicts in {}", quote(&check.conflicts.join(", ")))
                }
                None => format!("changed {}", text::count(check.files as usize, "file")),
            };
            (Some(&check.task), text, check.error.is_some() || !check.denied.is_empty())
        }
        Body::TreePrepared(made) => {
            let text = match &made.branch {
                Some(branch) => format!("works in a tree of its own, on branch `{branch}`"),
                None => "works in a tree of its own".to_owned(),
            };
            (Some(&made.task), text, false)
        }
        Body::TreeMerged(merged) => {
            let text = match (&merged.error, &merged.by) {
                (Some(error), _) => format!("its work could not be merged: {}", quote(error)),
                (None, Some(by)) => format!("its work was merged by `{by}`"),
                (None, None) => {
                    let files = text::count(merged.files as usize, "file");
                    format!("its work was merged into the run's branch, {files}")
                }
            };
            (Some(&merged.task), text, true)
        }
        Body::TreeConflicted(found) => {
            let files = quote(&found.files.join(", "));
            let text = format!("conflict in {files}; `{}` resolves it", found.added.id);
            (Some(&found.task), text, true)
        }
        Body::PassFinished(pass) => (Some(&pass.task), self::pass(pass), true),
        Body::PassesAdded(added) => {
            let count = text::count(added.passes as usize, "more pass");
            (None, format!("loops may make {count}"), true)
        }
        Body::HeartbeatChanged(beat) => {
            let is_bad = matches!(beat.level, HeartbeatLevel::Stale | HeartbeatLevel::Dead);
            let text = format!("heartbeat {} ({})", word(&beat.level), human_ms(beat.age_ms));
            (Some(&beat.task), text, is_bad)
        }
        Body::AttentionRaised(raised) => {
            let what = match raised.kind {
                Attention::FirstOutput => "printed nothing yet",
                Attention::Silence => "fell silent",
                Attention::Retries => "only tries again",
            };
            (Some(&raised.task), format!("{what}: {}", quote(&raised.detail)), true)
        }
        Body::QuestionAsked(asked) => {
            (Some(&asked.task), format!("asks: {}", quote(&asked.question.text)), true)
        }
        Body::TaskTaken(taken) => {
            let by = quote(&taken.by.name());
            (Some(&taken.task), format!("taken over by {by} with {}", quote(&taken.program)), true)
        }
        Body::TaskHandedBack(back) => (Some(&back.task), handed_back(back), true),
        Body::QuestionParked(parked) => {
            (Some(&parked.task), "ended its turn without the answer".to_owned(), false)
        }
        Body::QuestionWithdrawn(gone) => {
            (Some(&gone.task), format!("asks no longer: {}", quote(&gone.why)), true)
        }
        Body::TurnReported(turn) => {
            let said = if turn.text.is_empty() {
                String::new()
            } else {
                format!(": {}", quote(&turn.text))
            };
            (Some(&turn.task), format!("says it is {}{said}", word(&turn.outcome)), true)
        }
        Body::GateWritten(written) => (None, wrote(written), true),
        Body::VerificationAsked(asked) => {
            (Some(&asked.task), format!("runs `{}`", asked.name), false)
        }
        Body::EvidenceRecorded(found) => (None, evidence(found), true),
        Body::ChannelsFired(fired) => (None, fired_text(fired), true),
        Body::DecisionOpened(asked) => {
            // The question and the finished work have lines of their own.
            let is_known = matches!(asked.kind, DecisionKind::Question | DecisionKind::Merge);
            (None, decision(asked), !is_known)
        }
        Body::DecisionShown(shown) => (None, format!("{} was shown", shown.id), false),
        Body::DecisionMade(made) => {
            let said = if made.text.is_empty() {
                String::new()
            } else {
                format!(": {}", quote(&made.text))
            };
            (None, format!("{} decided {} on {}{said}", made.by, made.action, made.id), true)
        }
        Body::MergeStarted(started) => {
            (None, format!("the work is being taken over into {}", started.target), true)
        }
        Body::MergeBuilt(built) => {
            let short: String = built.new.chars().take(10).collect();
            (None, format!("the result is {short}; {} moves", built.target), false)
        }
        Body::MergeStopping(_) => {
            (None, "to be stopped, unless the work is taken over already".to_owned(), true)
        }
        Body::MergeFinished(finished) => (None, merged(&finished.result), true),
        Body::ArtifactStored(stored) => {
            let text = format!("stored {} ({} bytes)", stored.name.as_str(), stored.bytes);
            (Some(&stored.task), text, false)
        }
        Body::MessageSent(sent) => {
            let message = &sent.message;
            let text = format!("{} → {}: {}", message.from, message.to, quote(&message.text));
            (None, text, true)
        }
        Body::MessageDelivered(delivered) => {
            let count = text::count(delivered.ids.len(), "message");
            (Some(&delivered.task), format!("got {count} in attempt {}", delivered.attempt), false)
        }
        Body::MessageAcked(ack) => {
            let count = text::count(ack.ids.len(), "message");
            (Some(&ack.task), format!("has read {count}"), false)
        }
        Body::MessageRetracted(gone) => (None, format!("message {} was taken back", gone.id), true),
        Body::MessageDead(gone) => {
            let count = text::count(gone.ids.len(), "message");
            (None, format!("{count} will never be delivered: {}", quote(&gone.why)), true)
        }
        Body::CommandRefused(refused) => {
            (None, format!("{} refused: {}", refused.command, quote(&refused.reason)), false)
        }
        Body::LogTruncated(cut) => {
            (None, format!("an interrupted write of {} bytes was moved away", cut.bytes), true)
        }
        Body::Unknown { kind, .. } => (None, format!("{kind} (of a newer version)"), false),
    }
}

fn merged(result: &MergeResult) -> String {
    match result {
        MergeResult::Merged { target, commit } => {
            let short: String = commit.chars().take(10).collect();
            format!("{target} has the work with {short}")
        }
        MergeResult::PrOpened { url } => format!("pull request: {}", quote(url)),
        MergeResult::Nothing { target } => format!("{target} gets nothing from it"),
        MergeResult::Refused { why, detail, .. } => {
            format!("the work was not taken over ({why}): {}", quote(detail))
        }
    }
}

fn child_end(ended: &ChildEnded) -> String {
    let end = &ended.end;
    let outcome = end.outcome.as_ref().map(word);
    let more = end.reason.as_ref().or(outcome.as_ref());
    let more = more.map(|more| format!(" ({more})")).unwrap_or_default();
    let said = match end.summary.as_str() {
        "" => String::new(),
        said => format!(": {}", quote(said)),
    };
    format!("run `{}` is {}{more}{said}", ended.key, end.status.as_str())
}

fn wrote(written: &GateWritten) -> String {
    let entries: Vec<String> = written
        .write
        .entries
        .iter()
        .map(|entry| {
            let value = entry.value.as_str().map_or_else(|| entry.value.to_string(), str::to_owned);
            format!("{}={}", entry.field, quote(&value))
        })
        .collect();
    format!("{} wrote {}: {}", written.by, written.gate, entries.join(", "))
}

fn evidence(found: &EvidenceRecorded) -> String {
    let how = match found.code {
        Some(0) => "is green".to_owned(),
        Some(code) => format!("exited with code {code}"),
        None => "did not end by itself".to_owned(),
    };
    let after = if found.cached {
        " (the same tree as before)".to_owned()
    } else {
        format!(" after {}", human_ms(found.duration_ms))
    };
    format!("command `{}` {how}{after}", found.name)
}

fn fired_text(fired: &ChannelsFired) -> String {
    let names: Vec<String> = fired.steps.iter().map(ToString::to_string).collect();
    let next = if names.is_empty() { String::new() } else { format!("next: {}", names.join(", ")) };
    let back = if fired.cycle { " again, in a new round" } else { "" };
    let said = if fired.feedback.is_empty() || !fired.cycle {
        String::new()
    } else {
        format!(": {}", quote(&fired.feedback))
    };
    match (fired.channels.as_slice(), next.is_empty()) {
        ([], _) => format!("{next}{back}{said}"),
        (channels, true) => format!("{} fired", channels.join(", ")),
        (channels, false) => format!("{} fired; {next}{back}{said}", channels.join(", ")),
    }
}

fn pass(pass: &PassFinished) -> String {
    let said = pass.said.as_str().to_uppercase();
    let found = match pass.validation.as_ref().map(|found| (&found.name, found.code)) {
        None => String::new(),
        Some((name, Some(0))) => format!(", and `{name}` is green"),
        Some((name, Some(code))) => format!(", and `{name}` exited with code {code}"),
        Some((name, None)) => format!(", and `{name}` did not end by itself"),
    };
    let commit = pass.commit.as_deref().map(|commit| &commit[..commit.floor_char_boundary(8)]);
    let commit = commit.map(|commit| format!(" ({commit})")).unwrap_or_default();
    format!("pass {} of {}{commit} said {said}{found}", pass.pass, pass.limit)
}

fn accepted_text(accepted: &RiskAccepted) -> String {
    let how = match accepted.by {
        AcceptedBy::Person => "accepted",
        AcceptedBy::Configuration => "accepted by the configuration",
        AcceptedBy::Parent => "accepted for the run that started it",
    };
    format!("risks {how}: {}", quote(&told_risks(&accepted.risks)))
}

/// A budget in words.
pub fn budget(budget: &Budget) -> String {
    let steps = budget.steps.map(|steps| text::count(steps as usize, "step"));
    let time = budget.active_ms.map(|ms| format!("{} of work", human_ms(ms)));
    let tokens = budget.tokens.map(|tokens| format!("{tokens} tokens"));
    let cost = budget.cost_usd.map(|cost| format!("${cost:.2}"));
    let parts: Vec<String> = [steps, time, tokens, cost].into_iter().flatten().collect();
    if parts.is_empty() { "without limit".to_owned() } else { parts.join(", ") }
}

fn decision(asked: &DecisionOpened) -> String {
    let about = if asked.subject.is_empty() { asked.kind.as_str() } else { &asked.subject };
    format!("asks a person ({}, {about}): {}", asked.id, quote(&asked.text))
}

fn status(status: &Status) -> String {
    let word = status.kind().as_str();
    let more = if let Status::Waiting { wait } = status {
        Some(wait.as_str().to_owned())
    } else if let Status::Done { outcome } = status {
        Some(crate::event::status::word(outcome))
    } else {
        status.reason()
    };
    let head = more.map_or_else(|| word.to_owned(), |more| format!("{word} ({more})"));
    match status.detail() {
        Some(detail) if !detail.is_empty() => format!("{head}: {}", quote(detail)),
        _ => head,
    }
}

fn end(ended: &AttemptEnded) -> String {
    let how = match (ended.code, ended.signal) {
        (Some(code), _) => format!("code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => word(&ended.reason).replace('_', " "),
    };
    let said = if ended.summary.is_empty() { &ended.failure } else { &ended.summary };
    let said = if said.is_empty() { String::new() } else { format!(": {}", quote(said)) };
    let time = human_ms(ended.duration_ms);
    let used = UsageRow::from(&ended.usage);
    let used = if used.is_reported() { format!(" ({})", used.words()) } else { String::new() };
    format!("attempt {} ended with {how} after {time}{said}{used}", ended.attempt)
}

fn handed_back(back: &TaskHandedBack) -> String {
    let how = match back.how {
        HandBack::GoOn => "handed back",
        HandBack::Done => "handed back as done",
        HandBack::Unused => "ended before it could be taken over",
        HandBack::Lost => "given back because its terminal was gone",
    };
    if back.how == HandBack::Unused {
        return how.to_owned();
    }
    let end = back.end_words();
    let end = if end.is_empty() { end } else { format!("{end}; ") };
    format!("{how} ({end}{})", quote(&back.file_words()))
}

fn cause(cause: ReadyCause) -> &'static str {
    match cause {
        ReadyCause::Retry => "it failed",
        ReadyCause::Crash => "it crashed",
        ReadyCause::Timeout => "it took too long",
        ReadyCause::Interrupted => "it was interrupted",
        ReadyCause::Revoked => "it never started",
        ReadyCause::Contract => "it did not do what its step demands",
        ReadyCause::Human => "a person asked for it",
        ReadyCause::Answer => "it has its answer",
        ReadyCause::Validation => "a check was red",
        ReadyCause::Pass => "next pass",
        ReadyCause::Final => "the finished work was red",
        ReadyCause::Outdated => "the tree has changed since its vote",
        ReadyCause::Limit => "its provider has no room",
        ReadyCause::Fallback => "another model takes over",
        ReadyCause::Overflow => "its conversation no longer fitted",
        ReadyCause::Session => "its session is gone",
    }
}

fn quote(said: &str) -> String {
    text::one_line(said, QUOTE_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::sample;

    const USED: &str = " (1200 in, 300 out, 4000 cached, $0.25)";

    #[test]
    fn a_run_reads_as_a_story() {
        let inputs = sample::started().into_iter().chain(sample::question());
        let (_, records) = sample::records(inputs);
        let told: Vec<String> = records
            .iter()
            .map(line)
            .filter(|line| line.is_major)
            .map(|line| match line.task {
                Some(task) => format!("{task}: {}", line.text),
                None => line.text,
            })
            .collect();
        assert_eq!(
            told,
            [
                "created: Add refunds to the shop",
                "queued",
                "running",
                "planning: attempt 1 started (claude)",
                &format!("planning: attempt 1 ended with code 0 after 15s: wrote the plan{USED}"),
                "planning: done (unverified)",
                "coding: attempt 1 started (claude sonnet)",
                &format!("coding: attempt 1 ended with code 0 after 15s{USED}"),
                "coding: asks: Are amounts in cents?",
                "waiting (question)",
            ]
        );
    }

    #[test]
    fn nothing_in_a_line_can_move_the_cursor() {
        let (_, mut records) = sample::records([]);
        let note = crate::event::body::RunNoted { text: "a\u{1b}[2Jb\r\nc\u{9b}31m".into() };
        records[1].body = note.into();
        let text = line(&records[1]).text;
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
}
