//! Metrics in the text format of Prometheus (version 0.0.4).

use std::fmt::Write;

use crate::client::metrics::{Kind, Metric, Value};

/// The page that a scraper reads.
pub(super) fn page(metrics: &[Metric]) -> String {
    let mut out = String::new();
    for metric in metrics.iter().filter(|metric| !metric.samples.is_empty()) {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(out, "# HELP {0} {1}\n# TYPE {0} {kind}", metric.name, metric.help);
        for sample in &metric.samples {
            let labels: Vec<String> = sample
                .labels
                .iter()
                .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
                .collect();
            let labels = labels.join(",");
            match &sample.value {
                Value::Number { value } => {
                    let _ = writeln!(out, "{}{{{labels}}} {value}", metric.name);
                }
                Value::Durations { buckets, sum } => {
                    let mut count = 0;
                    for (bound, more) in buckets {
                        count += more;
                        let bound = bound.map_or_else(|| "+Inf".to_owned(), |s| s.to_string());
                        let _ = writeln!(
                            out,
                            "{}_bucket{{{labels},le=\"{bound}\"}} {count}",
                            metric.name
                        );
                    }
                    let _ = writeln!(out, "{}_sum{{{labels}}} {sum}", metric.name);
                    let _ = writeln!(out, "{}_count{{{labels}}} {count}", metric.name);
                }
            }
        }
    }
    out
}

/// The value of a label as the format wants it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        assert_eq!(escaped("a\\b\"c\nd"), "a\\\\b\\\"c\\nd");
    }
}
