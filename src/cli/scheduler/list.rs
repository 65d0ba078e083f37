//! `crew scheduler list`: when each schedule is due next, what its last time started, and why not.

use serde::Serialize;

use crate::base::limits::JSON_SCHEMA;
use crate::base::{RunNumber, Time, time};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::report::Result;
use crate::cli::style::Style;
use crate::cli::table::Table;
use crate::client::schedules::{Memory, SchedulerLock, is_trusted, load};
use crate::schedule::{Due, Known, Schedule, look};
use crate::snapshot::Class;

#[derive(Serialize)]
struct Json<'a> {
    schema_version: u32,
    scheduler: bool,
    schedules: Vec<Row<'a>>,
    broken: Vec<String>,
}

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    scope: &'static str,
    path: &'a str,
    when: &'a str,
    goal: &'a str,
    enabled: bool,
    next: Option<Time>,
    last: Option<Time>,
    run: Option<RunNumber>,
    why_not: Option<String>,
}

/// Runs the verb.
pub(super) fn run(context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    let all = load(&workspace);
    let memory = Memory::read(&workspace)?;
    let is_trusted = is_trusted(&workspace)?;
    let holder = SchedulerLock::holder(&workspace.dir);
    let rows: Vec<Row> = all
        .list
        .iter()
        .map(|schedule| {
            row(schedule, memory.schedules.get(&schedule.name), is_trusted, context.now)
        })
        .collect();
    if context.json {
        let broken = all.broken.iter().map(ToString::to_string).collect();
        let (schema_version, scheduler) = (JSON_SCHEMA, holder.is_some());
        context.write_json(&Json { schema_version, scheduler, schedules: rows, broken })?;
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(&["NAME", "WHEN", "NEXT", "LAST", ">RUN", "WHY NOT"]);
    for row in &rows {
        let far = |moment: Option<Time>| match moment {
            Some(at) if at > context.now => {
                format!("in {}", time::human_ms(at.since_ms(context.now)))
            }
            Some(at) => format!("{} ago", time::human_ms(context.now.since_ms(at))),
            None => String::new(),
        };
        let next = match row.next {
            Some(next) if next <= context.now => "now".to_owned(),
            next => far(next),
        };
        let class = if row.why_not.is_some() { Class::Stalled } else { Class::Idle };
        let run = row.run.map(|run| format!("#{run}")).unwrap_or_default();
        let why_not = row.why_not.clone().unwrap_or_default();
        let cells =
            vec![row.name.to_owned(), row.when.to_owned(), next, far(row.last), run, why_not];
        table.row(class, cells);
    }
    let style = Style::of(context, &workspace.config);
    table.write(&style, &mut context.out)?;
    for found in &all.broken {
        context.say(&found.to_string())?;
    }
    match holder {
        _ if rows.is_empty() && all.broken.is_empty() => context.say(
            "there are no schedules; `.crew/schedules/NAME.toml` holds one (docs/scheduling.md)",
        )?,
        Some(about) => context.say(&format!("a scheduler serves this project{about}"))?,
        None => context.say("no scheduler serves this project; `crew scheduler` starts one")?,
    }
    Ok(Exit::Ok)
}

fn row<'a>(
    schedule: &'a Schedule,
    known: Option<&'a Known>,
    is_trusted: bool,
    now: Time,
) -> Row<'a> {
    let (_, due) = look(&schedule.timing, known, now);
    let ask = &schedule.ask;
    let next = match due {
        Due::Now(due) => Some(due),
        Due::Later(next) => next,
    };
    let why_not = if !ask.enabled {
        Some("`enabled = false`".to_owned())
    } else if !is_trusted {
        Some("the project is not trusted; `crew trust`".to_owned())
    } else {
        known.map(|known| known.note.clone()).filter(|note| !note.is_empty())
    };
    Row {
        name: &schedule.name,
        scope: schedule.scope.as_str(),
        path: schedule.path.as_str(),
        when: schedule.timing.text(),
        goal: ask.goal(),
        enabled: ask.enabled,
        next: next.filter(|_| ask.enabled && is_trusted),
        last: known.and_then(|known| known.last),
        run: known.and_then(|known| known.run),
        why_not,
    }
}
