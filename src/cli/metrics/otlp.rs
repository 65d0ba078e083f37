//! Metrics as an OpenTelemetry collector takes them: OTLP over HTTP, as JSON.

use serde_json::{Value as Json, json};

use crate::base::Time;
use crate::client::metrics::{Kind, Metric, Sample, Value};
use crate::config::Environment;

/// Sums count since the beginning.
const CUMULATIVE: u8 = 2;

/// Where to send to, by the flag or by the variables of the OpenTelemetry specification.
pub(super) fn address(flag: &str, env: &Environment) -> Option<String> {
    let below = |base: &str| format!("{}/v1/metrics", base.trim_end_matches('/'));
    if !flag.is_empty() {
        let has_path = flag.split_once("://").is_some_and(|(_, rest)| {
            rest.split_once('/').is_some_and(|(_, path)| !path.is_empty())
        });
        return Some(if has_path { flag.to_owned() } else { below(flag) });
    }
    let own = env.get("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT").map(str::to_owned);
    own.or_else(|| env.get("OTEL_EXPORTER_OTLP_ENDPOINT").map(below))
}

/// Headers of `OTEL_EXPORTER_OTLP_HEADERS`: `name=value,name=value`.
pub(super) fn headers(env: &Environment) -> Vec<(String, String)> {
    let told = env.get("OTEL_EXPORTER_OTLP_HEADERS").unwrap_or_default();
    let pairs = told.split(',').filter_map(|pair| pair.split_once('='));
    let trimmed = pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
    trimmed.filter(|(name, _)| !name.is_empty()).collect()
}

/// The request.
pub(super) fn request(metrics: &[Metric], since: Time, now: Time) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let told = metrics.iter().filter(|metric| !metric.samples.is_empty());
    let (since, now) = (nanos(since), nanos(now));
    let metrics: Vec<Json> = told.map(|metric| one(metric, &since, &now)).collect();
    let resource = attributes([("service.name", "crew"), ("service.version", version)]);
    json!({"resourceMetrics": [{
        "resource": {"attributes": resource},
        "scopeMetrics": [{"scope": {"name": "crew", "version": version}, "metrics": metrics}],
    }]})
    .to_string()
}

fn one(metric: &Metric, since: &str, now: &str) -> Json {
    let points: Vec<Json> = metric.samples.iter().map(|sample| point(sample, since, now)).collect();
    let data = match metric.kind {
        Kind::Counter => json!({
            "aggregationTemporality": CUMULATIVE, "isMonotonic": true, "dataPoints": points
        }),
        Kind::Gauge => json!({"dataPoints": points}),
        Kind::Histogram => json!({
            "aggregationTemporality": CUMULATIVE, "dataPoints": points
        }),
    };
    let key = match metric.kind {
        Kind::Counter => "sum",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    let (name, unit) = named(metric.name);
    json!({"name": name, "description": metric.help, "unit": unit, key: data})
}

/// Name and unit by the conventions of OpenTelemetry, which writes no units into names.
fn named(name: &str) -> (String, &'static str) {
    let name = name.strip_suffix("_total").unwrap_or(name);
    let (name, unit) = match (name.strip_suffix("_seconds"), name.strip_suffix("_bytes")) {
        (Some(name), _) => (name, "s"),
        (None, Some(_)) => (name, "By"),
        (None, None) => (name, "1"),
    };
    (name.replacen('_', ".", 1), unit)
}

fn point(sample: &Sample, since: &str, now: &str) -> Json {
    let labels = sample.labels.iter().map(|(name, value)| (*name, value.as_str()));
    let mut point = json!({
        "attributes": attributes(labels), "startTimeUnixNano": since, "timeUnixNano": now,
    });
    match &sample.value {
        Value::Number { value } => point["asDouble"] = json!(value),
        Value::Durations { buckets, sum } => {
            let count: u64 = buckets.iter().map(|(_, count)| count).sum();
            let counts: Vec<String> = buckets.iter().map(|(_, count)| count.to_string()).collect();
            let bounds: Vec<f64> = buckets.iter().filter_map(|(bound, _)| *bound).collect();
            // Whole numbers of 64 bits are text in this format.
            point["count"] = json!(count.to_string());
            point["sum"] = json!(sum);
            point["bucketCounts"] = json!(counts);
            point["explicitBounds"] = json!(bounds);
        }
    }
    point
}

fn attributes<'a>(all: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<Json> {
    let one = |(key, value): (&str, &str)| json!({"key": key, "value": {"stringValue": value}});
    all.into_iter().map(one).collect()
}

fn nanos(time: Time) -> String {
    (i128::from(time.0) * 1_000_000).to_string()
}
