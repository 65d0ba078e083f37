//! `crew brief`: what happened while you were away, and what waits for you.

use std::io::Write;

use super::context::Context;
use super::exit::Exit;
use super::json::{BriefDocument, SCHEMA, WaitingDocument};
use super::report::{CliError, Result};
use super::screen;
use super::status::readable;
use super::style::Style;
use crate::base::Time;
use crate::base::time::{human_ms, parse_ms};
use crate::client::rows;
use crate::snapshot::{Class, DecisionRow, RunRow};

/// Tell what happened while you were away, and what waits for you.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Since when: a length of time (`8h`), a date or a moment.
    #[arg(long, value_name = "TIME", default_value = "1d")]
    pub since: String,
}

/// Runs the verb.
///
/// # Errors
/// The project cannot be read, or the moment makes no sense.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let since = moment(&args.since, context.now)?;
    let workspace = context.workspace()?;
    let project = workspace.project()?;
    let (runs, exit) = readable(rows::rows(&project, &project.runs()?, context.now), context)?;
    let (mut waiting, mut ended, mut going) = (Vec::new(), Vec::new(), Vec::new());
    for run in runs {
        if run.decisions > 0 || run.class() == Class::NeedsYou {
            let ledger = workspace.run(run.number)?;
            let decisions = DecisionRow::all(ledger.state(), context.now);
            waiting.push(WaitingDocument { run, decisions });
            continue;
        }
        match run.class() {
            Class::Running | Class::Starting | Class::Stalled | Class::Parked => going.push(run),
            Class::Failed if !run.status.is_terminal() => ended.push(run),
            Class::Failed | Class::Done | Class::Idle if run.updated_at >= since => ended.push(run),
            Class::NeedsYou | Class::Failed | Class::Done | Class::Idle => {}
        }
    }
    ended.sort_by_key(|run: &RunRow| (run.class(), std::cmp::Reverse(run.updated_at)));
    going.sort_by_key(|run: &RunRow| (run.class(), run.number));
    if context.json {
        let (ended, going) = (&ended, &going);
        let document =
            BriefDocument { schema_version: SCHEMA, since, waiting: &waiting, ended, going };
        context.write_json(&document)?;
    } else {
        let style = Style::of(context, &workspace.config);
        let now = context.now;
        let out = &mut context.out;
        write(&waiting, [("ended or stuck", &ended), ("going on", &going)], now, &style, out)?;
        if waiting.is_empty() && ended.is_empty() && going.is_empty() {
            let age = human_ms(context.now.since_ms(since));
            context.say(&format!("nothing happened in the last {age}, and nothing needs you"))?;
        }
    }
    Ok(exit)
}

fn write(
    waiting: &[WaitingDocument],
    lists: [(&str, &Vec<RunRow>); 2],
    now: Time,
    style: &Style,
    out: &mut dyn Write,
) -> Result<()> {
    let mut is_first = true;
    let mut title = |name: &str, out: &mut dyn Write| {
        let gap = if std::mem::take(&mut is_first) { "" } else { "\n" };
        writeln!(out, "{gap}{}", style.bold(name))
    };
    if !waiting.is_empty() {
        title("waits for you", out)?;
        for entry in waiting {
            if entry.decisions.is_empty() {
                screen::runs(std::slice::from_ref(&entry.run), now, style, out)?;
            }
            screen::decisions(&entry.run, &entry.decisions, style, out)?;
        }
    }
    for (name, runs) in lists {
        if !runs.is_empty() {
            title(name, out)?;
            screen::runs(runs, now, style, out)?;
        }
    }
    Ok(())
}

/// The moment that a person names, counted back from `now` when it is a length of time.
fn moment(text: &str, now: Time) -> Result<Time> {
    if let Ok(ms) = parse_ms(text) {
        return Ok(Time(now.0.saturating_sub(i64::try_from(ms).unwrap_or(i64::MAX))));
    }
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let civil = text.parse::<jiff::civil::DateTime>().ok();
    let zoned = civil.and_then(|civil| civil.to_zoned(jiff::tz::TimeZone::system()).ok());
    zoned.map(|zoned| Time(zoned.timestamp().as_millisecond())).ok_or_else(|| {
        CliError::usage(format!("`{text}` is no moment"))
            .hinted("write `8h`, `2026-05-01` or `2026-05-01T09:30:00Z`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_may_be_lengths_dates_or_moments() {
        let now = Time(1_777_627_800_000);
        assert_eq!(moment("8h", now).unwrap(), Time(now.0 - 8 * 3_600_000));
        assert_eq!(moment("1d", now).unwrap(), Time(now.0 - 86_400_000));
        assert_eq!(moment("2026-05-01T09:30:00Z", Time(0)).unwrap(), now);
        assert!(moment("2026-05-01", now).is_ok());
        assert_eq!(moment("yesterday-ish", now).unwrap_err().exit, Exit::Usage);
    }
}
