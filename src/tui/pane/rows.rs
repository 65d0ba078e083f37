//! The rows of the fleet: every agent of a live run, and every run that needs a look as a whole.

use std::collections::BTreeMap;

use super::super::model::{Memory, Model};
use super::super::scene::Scene;
use super::super::world::{RunItem, RunView, TaskRef};
use crate::base::RunNumber;
use crate::base::text::one_line;
use crate::event::body::HeartbeatLevel;
use crate::snapshot::{Class, TaskRow};

/// Milliseconds for which a run that ended unseen stays in the fleet.
const NEWS_MS: u64 = 24 * 3_600_000;

/// Rows from which on they are shown by their runs.
const GROUPED_FROM: usize = 16;

/// One row of the fleet.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What it stands for.
    pub target: TaskRef,
    /// How much it needs a look.
    pub class: Class,
    /// The step or task, or what the run waits for.
    pub name: String,
    /// The program.
    pub agent: String,
    /// What it does, in a word or two.
    pub state: String,
    /// More about that.
    pub detail: String,
    /// Milliseconds of work.
    pub active_ms: u64,
    /// US dollars; absent when unknown.
    pub cost: Option<f64>,
    /// Whether somebody knows that the cost is unknown, rather than nothing.
    pub is_unpriced: bool,
    /// Whether its clock runs.
    pub is_live: bool,
    /// Number of the attempt.
    pub attempt: u32,
    /// Whether it ended and nobody has looked at it.
    pub is_new: bool,
    /// Its heartbeat.
    pub heartbeat: Option<HeartbeatLevel>,
    /// The last lines that it printed.
    pub lines: Vec<String>,
}

/// The rows of the fleet, in their order: what needs a person first, and stable within a class.
pub fn rows(scene: &Scene<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    for item in &scene.world.runs {
        match scene.run(item.number) {
            Some(run) => of_run(run, scene, &mut rows),
            None => rows.extend(of_item(item, scene)),
        }
    }
    let filter = scene.model.fleet.filter.trim().to_lowercase();
    if !filter.is_empty() {
        rows.retain(|row| matches(row, &filter, scene));
    }
    rows.sort_by_key(|row| row.class);
    if is_grouped(rows.len()) { grouped(rows) } else { rows }
}

/// Whether so many rows are shown by their runs.
pub fn is_grouped(count: usize) -> bool {
    count >= GROUPED_FROM
}

/// The rows of each run together; the runs in the order of their most urgent row.
fn grouped(rows: Vec<Row>) -> Vec<Row> {
    let mut order: Vec<RunNumber> = Vec::new();
    for row in &rows {
        // Few runs live at once, and the newest ones are asked for most.
        if !order.contains(&row.target.run) {
            order.push(row.target.run);
        }
    }
    let place: BTreeMap<RunNumber, usize> =
        order.into_iter().enumerate().map(|(at, run)| (run, at)).collect();
    let mut rows = rows;
    rows.sort_by_key(|row| place[&row.target.run]);
    rows
}

fn matches(row: &Row, filter: &str, scene: &Scene<'_>) -> bool {
    let goal = scene.world.row(row.target.run).map(|row| row.goal.as_str()).unwrap_or_default();
    let text = format!("#{} {} {} {} {goal}", row.target.run, row.name, row.agent, row.state);
    let text = text.to_lowercase();
    filter.split_whitespace().all(|word| text.contains(word))
}

fn of_run(run: &RunView, scene: &Scene<'_>, rows: &mut Vec<Row>) {
    let before = rows.len();
    let row = &run.status.run;
    for decision in &run.status.decisions {
        if decision.task.is_none() && row.imported.is_none() {
            let mut found = whole(run);
            found.class = Class::NeedsYou;
            found.name.clone_from(&decision.subject);
            decision.kind.as_str().clone_into(&mut found.state);
            found.detail = one_line(&decision.text, 200);
            rows.push(found);
        }
    }
    for task in &run.status.tasks {
        // What was never tried and is not about to be is seen in the workflow.
        if task.attempt > 0 || matches!(task.status, "ready" | "waiting") {
            rows.push(of_task(run, task, scene));
        }
    }
    // What keeps the run as a whole is told once, unless one of its tasks says it.
    let class = row.class();
    let is_said = rows[before..].iter().any(|row| row.class <= class);
    let is_over = row.status.is_terminal();
    let is_new = is_over && is_news(&run.number().to_string(), &scene.model.memory);
    if rows.len() == before || (!is_said && class <= Class::Stalled) || is_new {
        let mut found = whole(run);
        if is_over && !is_new {
            found.class = Class::Idle;
        }
        found.is_new = is_new;
        rows.push(found);
    }
}

/// The row of a run as a whole.
fn whole(run: &RunView) -> Row {
    let row = &run.status.run;
    Row {
        target: TaskRef { run: row.number, task: None },
        class: row.class(),
        name: String::new(),
        agent: String::new(),
        state: row.status_words(),
        detail: row.detail.clone().unwrap_or_else(|| one_line(&row.goal, 200)),
        active_ms: row.active_ms,
        cost: row.usage.cost_usd,
        is_unpriced: row.usage.unpriced > 0,
        is_live: false,
        attempt: 0,
        is_new: false,
        heartbeat: None,
        lines: Vec::new(),
    }
}

/// A run that is not followed: shown while it is news or tagged, or when it cannot be read.
fn of_item(item: &RunItem, scene: &Scene<'_>) -> Option<Row> {
    let memory = &scene.model.memory;
    let key = item.number.to_string();
    let target = TaskRef { run: item.number, task: None };
    let empty = Row {
        target,
        class: item.class(),
        name: String::new(),
        agent: String::new(),
        state: "cannot be read".to_owned(),
        detail: String::new(),
        active_ms: 0,
        cost: None,
        is_unpriced: false,
        is_live: false,
        attempt: 0,
        is_new: false,
        heartbeat: None,
        lines: Vec::new(),
    };
    match &item.row {
        Err(why) => is_news(&key, memory).then(|| Row { detail: why.clone(), ..empty }),
        Ok(row) => {
            let is_recent = scene.now.since_ms(row.updated_at) < NEWS_MS;
            let is_new = is_recent && is_news(&key, memory);
            // What will be acted on has to be seen.
            let is_tagged = scene.model.tagged.contains(&empty.target);
            (is_new || is_tagged).then(|| Row {
                class: if is_new { empty.class } else { Class::Idle },
                state: row.status_words(),
                detail: row.detail.clone().unwrap_or_else(|| one_line(&row.goal, 200)),
                active_ms: row.active_ms,
                cost: row.usage.cost_usd,
                is_unpriced: row.usage.unpriced > 0,
                is_new,
                ..empty
            })
        }
    }
}

fn is_news(key: &str, memory: &Memory) -> bool {
    !memory.seen.contains(key)
}

fn of_task(run: &RunView, task: &TaskRow, scene: &Scene<'_>) -> Row {
    let target = TaskRef { run: run.number(), task: Some(task.id.clone()) };
    let activity = run.activity.get(&task.id);
    let is_live = task.heartbeat.is_some();
    let ended = matches!(task.class, Class::Done | Class::Failed);
    let is_new = ended && is_news(&Model::seen_key(&target, task.attempt), &scene.model.memory);
    let class = if task.class == Class::Done && !is_new { Class::Idle } else { task.class };
    let passed = if is_live { scene.passed_ms(run) } else { 0 };
    let (state, detail) = match activity {
        Some(activity) if is_live && !activity.word.is_empty() => {
            (activity.word.clone(), activity.detail.clone())
        }
        Some(_) | None => {
            let detail = task.why.clone().or_else(|| task.summary.clone()).unwrap_or_default();
            (task.status.to_owned(), detail)
        }
    };
    let asks = run
        .status
        .decisions
        .iter()
        .any(|decision| decision.task.as_deref() == Some(task.id.to_string().as_str()));
    let state = if asks { "question".to_owned() } else { state };
    Row {
        target,
        class: if asks { Class::NeedsYou } else { class },
        name: task.id.to_string(),
        agent: task.runtime.clone().unwrap_or_default(),
        state,
        detail,
        active_ms: task.active_ms + passed,
        cost: task.usage.cost_usd,
        is_unpriced: task.usage.unpriced > 0,
        is_live,
        attempt: task.attempt,
        is_new,
        heartbeat: task.heartbeat,
        lines: activity.map(|activity| activity.lines.clone()).unwrap_or_default(),
    }
}
