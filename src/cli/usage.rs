//! `crew usage`: what the runs of a project have used.

use std::collections::BTreeMap;

use clap::{Args as ClapArgs, ValueEnum};
use serde::Serialize;

use super::style::Style;
use super::table::Table;
use super::target::Target;
use super::{Context, Exit, Result};
use crate::base::limits::JSON_SCHEMA;
use crate::base::time::{human_ms, parse_ms};
use crate::base::{Time, text};
use crate::client::usage::{UsedBy, used};
use crate::engine::Spending;
use crate::event::Usage;
use crate::snapshot::{Class, UsageRow};

/// Show tokens, cost and time, by run or by what else you want to know.
///
/// A cost that no program told is unknown, and never nothing; `~` marks what follows from `[prices]` of the
/// configuration. Attempts count when they have ended; time is that of all attempts together, also of those that ran
/// beside each other. Where several models worked for one attempt, it counts for the one that answered, and their
/// tokens are told apart. Days are those of UTC.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Only these runs: numbers, `last`, or parts of their slugs.
    #[arg(value_name = "RUN")]
    runs: Vec<String>,
    /// What to add up by.
    #[arg(long, value_enum, default_value_t = By::Run)]
    by: By,
    /// Only the days since so long ago: `7d`, `24h`.
    #[arg(long, value_name = "DURATION", value_parser = parse_ms)]
    since: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    Run,
    Task,
    Model,
    Runtime,
    Day,
}

impl By {
    fn word(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Task => "task",
            Self::Model => "model",
            Self::Runtime => "runtime",
            Self::Day => "day",
        }
    }

    fn header(self) -> &'static str {
        match self {
            Self::Run => "RUN",
            Self::Task => "TASK",
            Self::Model => "MODEL",
            Self::Runtime => "RUNTIME",
            Self::Day => "DAY",
        }
    }

    /// What a spending is added to; the number in front keeps the order of runs.
    fn key(self, run: &UsedBy, entry: &Spending) -> (u32, String) {
        match self {
            Self::Run => (run.number.0, format!("#{}", run.number)),
            Self::Task => (run.number.0, format!("{}/{}", run.number, entry.task)),
            Self::Model => (0, entry.model.clone().unwrap_or_else(|| "(not named)".to_owned())),
            Self::Runtime => (0, entry.runtime.clone()),
            Self::Day => (0, entry.day.to_string().chars().take(10).collect()),
        }
    }
}

/// One line: what was used by one of whatever is added up by.
#[derive(Debug, Clone, Default, Serialize)]
struct Line {
    key: String,
    attempts: u32,
    active_ms: u64,
    usage: UsageRow,
    #[serde(skip)]
    sum: Usage,
    #[serde(skip)]
    about: String,
}

impl Line {
    fn add(&mut self, entry: &Spending) {
        self.attempts += entry.attempts;
        self.active_ms += entry.active_ms;
        self.sum.add(&entry.usage);
        self.usage = UsageRow::from(&self.sum);
    }

    fn cells(&self) -> Vec<String> {
        // What no program told is not nothing.
        let count = |number: u64| match (number, self.usage.uncounted) {
            (0, _) => String::new(),
            (_, 0) => number.to_string(),
            (_, _) => format!("≥ {number}"),
        };
        vec![
            self.key.clone(),
            self.attempts.to_string(),
            human_ms(self.active_ms),
            count(self.usage.input_tokens),
            count(self.usage.output_tokens),
            count(self.usage.cache_tokens),
            self.usage.cost(),
            self.about.clone(),
        ]
    }
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    by: &'static str,
    since: Option<Time>,
    rows: Vec<&'a Line>,
    total: &'a Line,
}

/// Runs the verb.
///
/// # Errors
/// The project cannot be read.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    let project = workspace.project()?;
    let day_ms = 24 * 60 * 60 * 1_000;
    let since = args.since.map(|age| {
        let from = context.now.0.saturating_sub(i64::try_from(age).unwrap_or(i64::MAX));
        Time(from.max(0).div_euclid(day_ms) * day_ms)
    });
    let mut numbers = if args.runs.is_empty() {
        project.runs()?
    } else {
        args.runs.iter().map(|run| Target::find_run(&workspace, run)).collect::<Result<_>>()?
    };
    numbers.sort_unstable();
    numbers.dedup();
    let (runs, unreadable) = used(&project, &numbers, since, context.now);
    let mut lines: BTreeMap<(u32, String), Line> = BTreeMap::new();
    let mut total = Line { key: "total".to_owned(), ..Line::default() };
    for run in &runs {
        for entry in &run.spendings {
            let key = args.by.key(run, entry);
            let line = lines.entry(key.clone()).or_default();
            line.key = key.1;
            if args.by == By::Run {
                line.about = text::one_line(&run.goal, 200);
            }
            line.add(entry);
            total.add(entry);
        }
    }
    if context.json {
        let rows = lines.values().collect();
        let document = Document {
            schema_version: JSON_SCHEMA,
            by: args.by.word(),
            since,
            rows,
            total: &total,
        };
        context.write_json(&document)?;
    } else if lines.is_empty() {
        context.say("nothing was used yet")?;
    } else {
        let header =
            [args.by.header(), ">ATTEMPTS", ">TIME", ">IN", ">OUT", ">CACHED", ">COST", "GOAL"];
        let mut table = Table::new(&header);
        for line in lines.values().chain([&total]) {
            table.row(Class::Idle, line.cells());
        }
        table.write(&Style::of(context, &workspace.config), &mut context.out)?;
    }
    for (number, error) in &unreadable {
        context.say(&format!("warning: run #{number} cannot be read: {error}"))?;
    }
    Ok(if unreadable.is_empty() { Exit::Ok } else { Exit::Io })
}
