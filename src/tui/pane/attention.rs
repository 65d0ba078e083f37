//! Everything that waits for a person, over all runs: one list for the inbox, the strip and the keys.

use super::super::scene::Scene;
use super::super::world::{RunItem, TaskRef};
use crate::base::text::{one_line, printable};
use crate::base::{RunNumber, Time};
use crate::event::StatusKind;
use crate::snapshot::Class;

/// Milliseconds for which a run that failed is news.
const NEWS_MS: u64 = 24 * 3_600_000;

/// Something that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The run, and the task that asks.
    pub target: TaskRef,
    /// The decision; absent for something that only failed.
    pub decision: Option<String>,
    /// How urgent it is.
    pub class: Class,
    /// A few words: `approve plan-approval #42`.
    pub title: String,
    /// One line more.
    pub text: String,
    /// Since when.
    pub since: Time,
}

/// Names something that waits, as long as it does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Matter {
    /// The run.
    pub run: RunNumber,
    /// The decision; absent for the run as a whole.
    pub decision: Option<String>,
}

impl Item {
    /// What names it.
    pub fn matter(&self) -> Matter {
        Matter { run: self.target.run, decision: self.decision.clone() }
    }
}

/// Everything that waits, the most urgent first and the oldest first among equals.
pub fn items(scene: &Scene<'_>) -> Vec<Item> {
    let mut items = Vec::new();
    for run in scene.world.runs.iter().filter_map(|item| scene.run(item.number)) {
        let row = &run.status.run;
        if row.imported.is_some() {
            continue;
        }
        for decision in &run.status.decisions {
            let task = decision.task.as_ref().and_then(|task| task.parse().ok());
            let subject = match &decision.task {
                Some(task) => format!("from {task}"),
                None => decision.subject.clone(),
            };
            let words = match decision.kind {
                crate::event::decision::DecisionKind::Question => {
                    format!("question {subject} #{}", row.number)
                }
                crate::event::decision::DecisionKind::Merge => format!("merge #{}", row.number),
                crate::event::decision::DecisionKind::Risk => format!("risk of #{}", row.number),
                crate::event::decision::DecisionKind::Gate
                | crate::event::decision::DecisionKind::Plan => {
                    format!("approve {subject} #{}", row.number)
                }
            };
            items.push(Item {
                target: TaskRef { run: row.number, task },
                decision: Some(decision.id.clone()),
                class: Class::NeedsYou,
                title: words,
                text: one_line(&printable(&decision.text), 200),
                since: decision.since,
            });
        }
        if let Some(damage) = &run.damage {
            items.retain(|item: &Item| item.target.run != row.number);
            items.push(Item {
                target: TaskRef { run: row.number, task: None },
                decision: None,
                class: Class::Failed,
                title: format!("#{} can only be read", row.number),
                text: one_line(damage, 200),
                since: row.updated_at,
            });
            continue;
        }
        let needs = run.status.decisions.is_empty() && row.class() == Class::NeedsYou;
        // What it asks says it better.
        let is_blocked = row.status == StatusKind::Blocked && run.status.decisions.is_empty();
        if needs || is_blocked {
            items.push(Item {
                target: TaskRef { run: row.number, task: None },
                decision: None,
                class: if needs { Class::NeedsYou } else { Class::Failed },
                title: format!("#{} {}", row.number, row.status_words()),
                text: one_line(row.detail.as_deref().unwrap_or(&row.goal), 200),
                since: row.updated_at,
            });
        }
    }
    items.extend(scene.world.runs.iter().filter_map(|item| failed(item, scene)));
    items.sort_by_key(|item| (item.class, item.since));
    items
}

/// A run that failed lately and that nobody has looked at since.
fn failed(item: &RunItem, scene: &Scene<'_>) -> Option<Item> {
    let row = item.row.as_ref().ok()?;
    let is_new = !scene.model.memory.seen.contains(&item.number.to_string())
        && scene.now.since_ms(row.updated_at) < NEWS_MS;
    if row.status != StatusKind::Failed || !is_new || row.imported.is_some() {
        return None;
    }
    Some(Item {
        target: TaskRef { run: row.number, task: None },
        decision: None,
        class: Class::Failed,
        title: format!("#{} {}", row.number, row.status_words()),
        text: one_line(row.detail.as_deref().unwrap_or(&row.goal), 200),
        since: row.updated_at,
    })
}
