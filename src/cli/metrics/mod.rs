//! `crew metrics`: numbers for monitoring.

mod otlp;
mod prometheus;

use std::time::Duration;

use clap::Args as ClapArgs;
use serde::Serialize;

use super::style::Style;
use super::table::Table;
use super::{CliError, Context, Exit, Result};
use crate::base::limits::{JSON_SCHEMA, OTLP_WAIT_MS};
use crate::base::{Time, time::human_ms};
use crate::client::metrics::{Collected, Metric, Value, collect};
use crate::notice::post;
use crate::snapshot::Class;

/// Show numbers for monitoring: runs, tasks, attempts, durations, queue time, tokens, cost, retries.
///
/// Everything is counted from the logs, so nothing has to run for it, and counters never fall back to nothing.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// In the text format of Prometheus.
    #[arg(long, conflicts_with = "otlp")]
    prometheus: bool,
    /// Send them to an OpenTelemetry collector (OTLP over HTTP): this address, or that of
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`.
    #[arg(long, value_name = "URL", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    otlp: Option<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    metrics: &'a [Metric],
}

/// Runs the verb.
///
/// # Errors
/// The project cannot be read, or the collector does not take it.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    let project = workspace.project()?;
    let Collected { metrics, since, unreadable } = collect(&project, context.now)?;
    if let Some(flag) = &args.otlp {
        send(flag, &metrics, since, context)?;
    } else if args.prometheus {
        write!(context.out, "{}", prometheus::page(&metrics))?;
    } else if context.json {
        context.write_json(&Document { schema_version: JSON_SCHEMA, metrics: &metrics })?;
    } else {
        let mut table = Table::new(&["METRIC", "ABOUT", ">VALUE"]);
        for (metric, sample) in
            metrics.iter().flat_map(|metric| metric.samples.iter().map(move |one| (metric, one)))
        {
            let labels = sample.labels.iter().filter(|(name, _)| **name != "project");
            let about: Vec<&str> = labels.map(|(_, value)| value.as_str()).collect();
            let cells = vec![metric.name.to_owned(), about.join(" "), shown(&sample.value)];
            table.row(Class::Idle, cells);
        }
        table.write(&Style::of(context, &workspace.config), &mut context.out)?;
    }
    for (number, error) in &unreadable {
        context.say(&format!("warning: run #{number} cannot be read: {error}"))?;
    }
    Ok(if unreadable.is_empty() { Exit::Ok } else { Exit::Io })
}

/// A value for people.
fn shown(value: &Value) -> String {
    match value {
        Value::Number { value } => format!("{value}"),
        Value::Durations { buckets, sum } => {
            let count: u64 = buckets.iter().map(|(_, count)| count).sum();
            let mean = Duration::try_from_secs_f64(*sum).unwrap_or_default();
            let mean = mean.checked_div(u32::try_from(count).unwrap_or(u32::MAX));
            let mean = mean.map_or(0, |mean| u64::try_from(mean.as_millis()).unwrap_or(u64::MAX));
            format!("{count}, {} on average", human_ms(mean))
        }
    }
}

fn send(flag: &str, metrics: &[Metric], since: Time, context: &mut Context) -> Result<()> {
    let Some(address) = otlp::address(flag, &context.env) else {
        return Err(CliError::usage("no collector is named")
            .hinted("`--otlp=http://localhost:4318`, or set `OTEL_EXPORTER_OTLP_ENDPOINT`"));
    };
    let request = otlp::request(metrics, since, context.now);
    let headers = otlp::headers(&context.env);
    let limit = Duration::from_millis(OTLP_WAIT_MS);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let sent = runtime.map_err(|error| error.to_string()).and_then(|runtime| {
        runtime.block_on(post(&address, &headers, &request, &context.env, limit))
    });
    sent.map(drop).map_err(|why| {
        CliError::new(Exit::Io, "io", format!("the collector did not take the metrics: {why}"))
    })?;
    let count = crate::base::text::count(metrics.len(), "metric");
    context.say(&format!("{count} sent"))?;
    Ok(())
}
