//! The table: on standard output while it grows, and as a document in the end.

use std::fmt::Write as _;

use super::measure::{Costs, Spread};

/// One comparison or one measurement.
pub struct Row {
    pub work: String,
    /// What it is compared with; empty for a measurement against a fixed limit.
    pub baseline: String,
    pub unit: &'static str,
    pub ours: Spread,
    pub theirs: Option<Spread>,
    /// What the ratio, or without a baseline the value, may be at most; none is only told.
    pub target: Option<f64>,
}

impl Row {
    /// A value against a limit.
    pub fn limit(work: &str, unit: &'static str, ours: Spread, target: f64) -> Self {
        let (work, baseline) = (work.to_owned(), String::new());
        Self { work, baseline, unit, ours, theirs: None, target: Some(target) }
    }

    /// Wall time against a baseline's.
    pub fn wall(work: &str, baseline: &str, ours: &Costs, theirs: &Costs, target: f64) -> Self {
        Self::ratio(work, baseline, "ms", ours.wall(), theirs.wall(), target)
    }

    /// Processor time against a baseline's.
    pub fn cpu(work: &str, baseline: &str, ours: &Costs, theirs: &Costs, target: f64) -> Self {
        let work = format!("{work}: processor time");
        Self::ratio(&work, baseline, "ms", ours.cpu(), theirs.cpu(), target)
    }

    pub fn ratio(
        work: &str,
        baseline: &str,
        unit: &'static str,
        ours: Spread,
        theirs: Spread,
        target: f64,
    ) -> Self {
        Self {
            work: work.to_owned(),
            baseline: baseline.to_owned(),
            unit,
            ours,
            theirs: Some(theirs),
            target: Some(target),
        }
    }

    /// The same without a verdict.
    pub fn told(mut self) -> Self {
        self.target = None;
        self
    }

    fn value(&self) -> f64 {
        self.theirs.map_or(self.ours.median, |theirs| self.ours.median / theirs.median)
    }

    pub fn is_missed(&self) -> bool {
        self.target.is_some_and(|target| self.value() > target)
    }

    /// The row in Markdown.
    pub fn line(&self) -> String {
        let theirs = self.theirs.map_or("–".to_owned(), number);
        let ratio = self.theirs.map_or("–".to_owned(), |_| format!("{:.2}", self.value()));
        let target = match (self.target, self.theirs) {
            (None, _) => "–".to_owned(),
            (Some(target), Some(_)) => format!("≤ {target}×"),
            (Some(target), None) => format!("≤ {target} {}", self.unit),
        };
        let verdict = match self.target {
            None => "–",
            Some(_) if self.is_missed() => "**missed**",
            Some(_) => "met",
        };
        let (work, baseline, unit) = (&self.work, &self.baseline, self.unit);
        let ours = number(self.ours);
        format!(
            "| {work} | {ours} | {baseline} | {theirs} | {unit} | {ratio} | {target} | {verdict} |"
        )
    }
}

/// `median (least–most)`; of 20 samples and more the outer twentieths are left out.
fn number(spread: Spread) -> String {
    let text = |value: f64| {
        let digits = match value.abs() {
            value if value >= 100.0 => 0,
            value if value >= 10.0 => 1,
            value if value >= 0.1 => 2,
            _ => 3,
        };
        format!("{value:.digits$}")
    };
    let Spread { median, least, most } = spread;
    if (most - least).abs() < f64::EPSILON {
        return text(median);
    }
    format!("{} ({}–{})", text(median), text(least), text(most))
}

/// The document.
pub fn document(machine: &str, rows: &[Row]) -> String {
    let mut text = HEAD.to_owned();
    writeln!(text, "{machine}\n").expect("text grows");
    text.push_str(TABLE_HEAD);
    for row in rows {
        writeln!(text, "{}", row.line()).expect("text grows");
    }
    text.push_str(NOTES);
    text
}

pub const TABLE_HEAD: &str = "| work | crew | baseline | its figure | unit | ratio | target | verdict |\n\
     |---|---|---|---|---|---|---|---|\n";

/// What stands above the table.
const HEAD: &str = include_str!("head.md");
/// What stands below it.
const NOTES: &str = include_str!("notes.md");
