//! A run, or a list of runs, as text on one screen.

use std::io::{Result, Write};

use super::style::Style;
use super::table::Table;
use crate::base::time::human_ms;
use crate::base::{RunNumber, Time, text};
use crate::event::StatusKind;
use crate::event::body::HeartbeatLevel;
use crate::event::decision::DecisionKind;
use crate::event::merge::MergeResult;
use crate::event::status::word;
use crate::snapshot::{
    BudgetRow, ChildRow, Class, ConflictRow, DecisionRow, GateRow, RunRow, StatusView, TaskRow,
    UsageRow,
};

/// Writes a run with its tasks and what it needs.
///
/// # Errors
/// The output is gone.
pub fn run(view: &StatusView, style: &Style, out: &mut dyn Write) -> Result<()> {
    head(view, style, out)?;
    writeln!(out)?;
    tasks(&view.tasks, view.now, style, out)?;
    if !view.children.is_empty() {
        writeln!(out)?;
        children(&view.children, style, out)?;
    }
    if !view.gates.is_empty() {
        writeln!(out)?;
        gates(&view.gates, style, out)?;
    }
    for found in &view.conflicts {
        writeln!(out)?;
        conflict(None, found, style, out)?;
    }
    if !view.decisions.is_empty() && view.run.imported.is_none() {
        writeln!(out)?;
        decisions(&view.run, &view.decisions, style, out)?;
    }
    Ok(())
}

/// Writes that the work of a run, or of the one that is shown, would conflict with that of another.
///
/// # Errors
/// The output is gone.
pub fn conflict(
    run: Option<RunNumber>,
    found: &ConflictRow,
    style: &Style,
    out: &mut dyn Write,
) -> Result<()> {
    let files: Vec<String> = found.files.iter().take(5).map(|file| text::printable(file)).collect();
    let more = found.files.len().saturating_sub(files.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let who = run.map(|run| format!("run #{run} ")).unwrap_or_default();
    let words = format!("{who}conflicts with run #{} in {}{more}", found.run, files.join(", "));
    writeln!(out, "{} {}", style.glyph(Class::Stalled), style.text(&words))
}

/// Writes what is true of the whole run.
///
/// # Errors
/// The output is gone.
pub fn head(view: &StatusView, style: &Style, out: &mut dyn Write) -> Result<()> {
    let run = &view.run;
    let class = run.class();
    let status = style.paint(class, &run.status_words());
    writeln!(out, "{} {}  {status}", style.glyph(class), style.bold(&run.reference))?;
    let mut fact = |name: &str, value: &str| {
        let value = text::one_line(&style.text(value), 400);
        writeln!(out, "  {} {value}", style.dim(&format!("{name:<11}")))
    };
    fact("goal", &run.goal)?;
    if let Some(from) = &run.imported {
        fact("imported", &format!("from {from}, to be looked at"))?;
    }
    if let Some(parent) = run.parent {
        fact("parent", &format!("#{parent}"))?;
    }
    let waits = matches!(run.wait.as_deref(), Some("limit" | "auth"));
    let why = run.detail.as_ref().or(run.wait_detail.as_ref().filter(|_| waits));
    if let Some(detail) = why.filter(|detail| !detail.is_empty()) {
        fact("why", detail)?;
    }
    if let Some(wake_at) = run.wake_at {
        fact("goes on", &style.moment(wake_at))?;
    }
    let mut flow = format!("{} (team {})", run.workflow, run.team);
    if run.cycles > 0 || run.epoch > 1 {
        flow = format!("{flow}, epoch {}, cycle {}/{}", run.epoch, run.cycles, run.max_iterations);
    }
    fact("workflow", &flow)?;
    let age = human_ms(view.now.since_ms(run.created_at));
    let time = format!("{} of work, created {age} ago", human_ms(run.active_ms));
    fact("time", &time)?;
    if run.usage.is_reported() {
        fact("usage", &run.usage.words())?;
    }
    if run.budget.is_limited() {
        fact("budget", &budget(&run.budget))?;
    }
    if !run.risk.is_empty() {
        fact("risk", &run.risk.join(", "))?;
    }
    if let Some(words) = run.worktree.words() {
        fact("worktree", &words)?;
    }
    if let Some(result) = &run.merge {
        fact("merge", &text::one_line(&merged(result), 400))?;
    }
    if run.supervisor.live {
        let pid = run.supervisor.pid.map_or_else(String::new, |pid| format!(", process {pid}"));
        // In replay nobody knows its process, and that it lived is no news.
        if !pid.is_empty() {
            fact("supervisor", &format!("lives{pid}"))?;
        }
    }
    Ok(())
}

/// What became of the work, in a line.
fn merged(result: &MergeResult) -> String {
    match result {
        MergeResult::Merged { target, commit } => format!("{target} has it, at {commit:.10}"),
        MergeResult::PrOpened { url } => url.clone(),
        MergeResult::Nothing { target } => format!("{target} gets nothing from it"),
        MergeResult::Refused { why, detail, .. } => format!("refused ({why}): {detail}"),
    }
}

/// Writes a table of tasks.
///
/// # Errors
/// The output is gone.
pub fn tasks(rows: &[TaskRow], now: Time, style: &Style, out: &mut dyn Write) -> Result<()> {
    let mut table =
        Table::new(&["TASK", "ROLE", "STATE", ">TRY", "RUNTIME", ">TIME", ">COST", "NOTE"]);
    for task in rows {
        let state = match &task.result {
            Some(result) => format!("{} ({})", task.status, word(result)),
            None => task.status.replace('_', " "),
        };
        let time = if task.active_ms > 0 { human_ms(task.active_ms) } else { String::new() };
        table.row(
            task.class,
            vec![
                task.id.to_string(),
                task.role.clone(),
                state,
                if task.attempt > 0 { task.attempt.to_string() } else { String::new() },
                task.runtime.clone().unwrap_or_default(),
                time,
                shown_cost(&task.usage),
                note(task, now),
            ],
        );
    }
    table.write(style, out)
}

/// Writes a table of runs that a run started.
///
/// # Errors
/// The output is gone.
pub fn children(rows: &[ChildRow], style: &Style, out: &mut dyn Write) -> Result<()> {
    let mut table = Table::new(&["STARTED", "KEY", "STATUS", "AFTER", "GOAL"]);
    for child in rows {
        let number = child.number.map_or_else(String::new, |number| format!("#{number}"));
        let class = match child.status {
            Some(StatusKind::Done) => Class::Done,
            Some(StatusKind::Running | StatusKind::Merging) => Class::Running,
            Some(StatusKind::Blocked | StatusKind::Failed) => Class::Failed,
            Some(StatusKind::Waiting) if child.reason.as_deref() != Some("children") => {
                Class::NeedsYou
            }
            Some(StatusKind::Cancelled | StatusKind::Archived) => Class::Idle,
            Some(_) | None => Class::Parked,
        };
        let (key, after) = (child.key.clone(), child.after.join(", "));
        table.row(class, vec![number, key, child.status_words(), after, child.goal.clone()]);
    }
    table.write(style, out)
}

/// Writes a table of gates.
///
/// # Errors
/// The output is gone.
pub fn gates(rows: &[GateRow], style: &Style, out: &mut dyn Write) -> Result<()> {
    let mut table = Table::new(&["GATE", "STATE", "WRITERS", "NOTE"]);
    for gate in rows {
        let note = match (&gate.waiting_for, &gate.reason) {
            (Some(_), Some(reason)) => format!("waits for you: {reason}"),
            (None, Some(reason)) => reason.clone(),
            (_, None) => values(gate),
        };
        let state = gate.word().to_owned();
        table.row(gate.class(), vec![gate.id.clone(), state, gate.writers.join(", "), note]);
    }
    table.write(style, out)
}

/// What stands in a gate's store, in one line.
pub fn values(gate: &GateRow) -> String {
    let fields: Vec<String> = gate
        .data
        .iter()
        .map(|(field, value)| match value.as_str() {
            Some(text) => format!("{field}={text}"),
            None => format!("{field}={value}"),
        })
        .collect();
    fields.join(", ")
}

/// Writes what a person is asked, with the commands that decide it.
///
/// # Errors
/// The output is gone.
pub fn decisions(
    run: &RunRow,
    rows: &[DecisionRow],
    style: &Style,
    out: &mut dyn Write,
) -> Result<()> {
    for decision in rows {
        let mark = style.glyph(Class::NeedsYou);
        let kind = style.bold(&about(decision));
        let asked = text::one_line(&style.text(&decision.text), 400);
        writeln!(out, "{mark} {} {kind}: {asked}", run.reference)?;
        if !decision.choices.is_empty() {
            let choices = text::one_line(&style.text(&decision.choices.join(" | ")), 400);
            writeln!(out, "  {choices}")?;
        }
        if decision.expired {
            writeln!(out, "  expired: `crew decisions {}` asks it anew", run.number)?;
        }
        for command in decision.commands(run.number) {
            writeln!(out, "  {}", style.dim(&style.text(&command)))?;
        }
    }
    Ok(())
}

/// What kind of decision it is, and about what: `question of coding`, `gate plan-approval-gate`.
pub fn about(decision: &DecisionRow) -> String {
    let (kind, subject) = (decision.kind.as_str(), &decision.subject);
    match decision.kind {
        DecisionKind::Question | DecisionKind::Plan => format!("{kind} of {subject}"),
        DecisionKind::Gate => format!("{kind} {subject}"),
        DecisionKind::Risk | DecisionKind::Merge => kind.to_owned(),
    }
}

/// Writes a table of runs.
///
/// # Errors
/// The output is gone.
pub fn runs(rows: &[RunRow], now: Time, style: &Style, out: &mut dyn Write) -> Result<()> {
    let header = ["RUN", "STATUS", ">TASKS", ">WORK", ">COST", ">CHANGED", "WORKFLOW", "GOAL"];
    let mut table = Table::new(&header);
    for run in rows {
        table.row(
            run.class(),
            vec![
                match run.parent {
                    Some(parent) => format!("#{} of #{parent}", run.number),
                    None => format!("#{}", run.number),
                },
                run.status_words(),
                format!("{}/{}", run.progress.done, run.progress.tasks),
                if run.active_ms > 0 { human_ms(run.active_ms) } else { String::new() },
                shown_cost(&run.usage),
                format!("{} ago", human_ms(now.since_ms(run.updated_at))),
                run.workflow.clone(),
                run.goal.clone(),
            ],
        );
    }
    table.write(style, out)
}

/// The cost in a table: a place without a number where no program told anything at all.
fn shown_cost(usage: &UsageRow) -> String {
    if usage.is_reported() { usage.cost() } else { String::new() }
}

/// What is used of what may be used.
fn budget(budget: &BudgetRow) -> String {
    let used = &budget.used;
    let steps = budget.steps.map(|all| format!("{} of {all} steps", used.steps));
    let time = budget.minutes.map(|all| {
        format!("{} of {} of work", human_ms(used.active_ms), human_ms(u64::from(all) * 60_000))
    });
    let tokens = budget.tokens.map(|all| format!("{} of {all} tokens", used.tokens));
    let cost = budget.cost_usd.map(|all| {
        let used = used.cost_usd.map_or_else(|| "unknown".to_owned(), |cost| format!("${cost:.2}"));
        format!("{used} of ${all:.2}")
    });
    let parts: Vec<String> = [steps, time, tokens, cost].into_iter().flatten().collect();
    parts.join(", ")
}

fn note(task: &TaskRow, now: Time) -> String {
    let said = said(task, now);
    let is_open = !matches!(task.status, "done" | "skipped");
    match task.branch.as_ref().filter(|_| is_open) {
        Some(branch) if said.is_empty() => format!("on branch {branch}"),
        Some(branch) => format!("{said} (on branch {branch})"),
        None => said,
    }
}

fn said(task: &TaskRow, now: Time) -> String {
    if let Some(why) = &task.why {
        return why.clone();
    }
    if let Some(level) = task.heartbeat {
        let output = match task.output_at {
            Some(at) => format!("last output {} ago", human_ms(now.since_ms(at))),
            None => "no output seen".to_owned(),
        };
        return match level {
            HeartbeatLevel::Healthy => output,
            HeartbeatLevel::Warn | HeartbeatLevel::Stale | HeartbeatLevel::Dead => {
                format!("heartbeat {}, {output}", word(&level))
            }
        };
    }
    task.summary.clone().unwrap_or_default()
}
