//! Runs that a step proposes: read and checked as a whole, before any of them exists.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::adaptive;
use crate::base::{id, limits, text};

/// The line before proposed runs.
pub const START: &str = "CHILD_RUNS_JSON_START";
/// The line after proposed runs.
pub const END: &str = "CHILD_RUNS_JSON_END";

/// What a planner is asked for whose answer held no usable runs.
pub const ASKED: &str = "Propose the runs with `crew tool propose FILE`, or end with them as JSON \
    between the lines `CHILD_RUNS_JSON_START` and `CHILD_RUNS_JSON_END`: {\"runs\": [{\"key\": \"a\", \
    \"goal\": …, \"team\": …, \"after\": []}]}.";

/// A proposed run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChildPlan {
    /// What it is called in its proposal.
    pub key: String,
    /// What is to be done.
    pub goal: String,
    /// Its team; the default one when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Its workflow; that of its team when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// Runs of the same proposal that must be done first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
}

/// Names that proposed runs may use, frozen when their parent starts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ChildChoices {
    /// Teams.
    pub teams: Vec<String>,
    /// Workflows.
    pub workflows: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Proposal {
    runs: Vec<ChildPlan>,
}

/// The text between the markers of an answer, without a code fence around it.
pub fn find(answer: &str) -> Option<&str> {
    adaptive::between(answer, START, END)
}

/// Reads a proposal; the runs come in an order in which each stands behind those it comes after.
///
/// # Errors
/// Everything that is wrong with it, in words for the planner.
pub fn compile(choices: &ChildChoices, proposal: &str) -> Result<Vec<ChildPlan>, Vec<String>> {
    let parsed: Proposal = serde_json::from_str(proposal)
        .map_err(|error| vec![format!("the proposal is not the JSON asked for: {error}")])?;
    let mut wrong = check_keys(&parsed.runs);
    for run in &parsed.runs {
        check_run(choices, run, &mut wrong);
    }
    let names: BTreeSet<&str> = parsed.runs.iter().map(|run| run.key.as_str()).collect();
    for run in &parsed.runs {
        for other in run.after.iter().filter(|other| !names.contains(other.as_str())) {
            let hint = hint(other, names.iter().copied(), "the keys are");
            wrong.push(format!("run `{}` comes after `{other}`, which is no run; {hint}", run.key));
        }
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    in_order(parsed.runs)
}

fn check_keys(runs: &[ChildPlan]) -> Vec<String> {
    let mut wrong = Vec::new();
    if runs.is_empty() {
        wrong.push("the proposal has no runs".to_owned());
    }
    if runs.len() > limits::CHILD_RUNS_MAX {
        let (count, max) = (runs.len(), limits::CHILD_RUNS_MAX);
        wrong.push(format!("the proposal has {count} runs; {max} is the limit"));
    }
    let mut seen = BTreeSet::new();
    for run in runs {
        if let Err(error) = id::check_name(&run.key) {
            wrong.push(format!("`{}` is no key: {error}", text::one_line(&run.key, 40)));
        } else if !seen.insert(run.key.as_str()) {
            wrong.push(format!("two runs have the key `{}`", run.key));
        }
    }
    wrong
}

fn check_run(choices: &ChildChoices, run: &ChildPlan, wrong: &mut Vec<String>) {
    if run.goal.trim().is_empty() {
        wrong.push(format!("run `{}` has no goal", run.key));
    }
    let named =
        [("team", &run.team, &choices.teams), ("workflow", &run.workflow, &choices.workflows)];
    for (what, name, known) in named {
        if let Some(name) = name.as_ref().filter(|name| !known.contains(name)) {
            let hint = hint(name, known.iter().map(String::as_str), &format!("the {what}s are"));
            wrong.push(format!(
                "run `{}` names the {what} `{name}`, which is not there; {hint}",
                run.key
            ));
        }
    }
}

fn hint<'a>(wanted: &str, known: impl Iterator<Item = &'a str> + Clone, all: &str) -> String {
    match text::did_you_mean(wanted, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("{all} {}", known.collect::<Vec<_>>().join(", ")),
    }
}

/// The runs, each behind those that it comes after; else in the order of the proposal.
fn in_order(runs: Vec<ChildPlan>) -> Result<Vec<ChildPlan>, Vec<String>> {
    let mut open: BTreeMap<usize, ChildPlan> = runs.into_iter().enumerate().collect();
    let mut ordered: Vec<ChildPlan> = Vec::new();
    while !open.is_empty() {
        let is_placed = |key: &String| ordered.iter().any(|run| run.key == *key);
        let next = open.iter().find(|(_, run)| run.after.iter().all(is_placed)).map(|(at, _)| *at);
        let Some(run) = next.and_then(|at| open.remove(&at)) else {
            let names: Vec<String> = open.values().map(|run| format!("`{}`", run.key)).collect();
            return Err(vec![format!("the runs {} wait for each other", names.join(", "))]);
        };
        ordered.push(run);
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices() -> ChildChoices {
        ChildChoices { teams: vec!["default".into()], workflows: vec!["review".into()] }
    }

    fn wrong(proposal: &str) -> String {
        compile(&choices(), proposal).expect_err("it is refused").join("; ")
    }

    #[test]
    fn runs_come_behind_those_they_come_after() {
        let text = r#"{"runs":[{"key":"c","goal":"g","after":["a","b"]},{"key":"b","goal":"g","after":["a"]},
            {"key":"a","goal":"g","team":"default","workflow":"review"},{"key":"d","goal":"g"}]}"#;
        let runs = compile(&choices(), text).expect("it is fine");
        let keys: Vec<&str> = runs.iter().map(|run| run.key.as_str()).collect();
        assert_eq!(keys, ["a", "b", "c", "d"]);
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let text = r#"{"runs":[{"key":"a","goal":" ","team":"defualt"},{"key":"a","goal":"g","after":["z"]},
            {"key":"b c","goal":"g","workflow":"reviev"}]}"#;
        let said = wrong(text);
        for part in [
            "two runs have the key `a`",
            "`b c` is no key",
            "run `a` has no goal",
            "names the team `defualt`, which is not there; did you mean `default`?",
            "names the workflow `reviev`",
            "comes after `z`, which is no run; the keys are a, b c",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }

    #[test]
    fn cycles_and_wrong_numbers_and_foreign_fields_are_refused() {
        let text = r#"{"runs":[{"key":"a","goal":"g","after":["b"]},{"key":"b","goal":"g","after":["a"]}]}"#;
        assert_eq!(wrong(text), "the runs `a`, `b` wait for each other");
        let own = r#"{"runs":[{"key":"a","goal":"g","after":["a"]}]}"#;
        assert_eq!(wrong(own), "the runs `a` wait for each other");
        assert_eq!(wrong(r#"{"runs":[]}"#), "the proposal has no runs");
        let many: Vec<String> = (0..7).map(|n| format!(r#"{{"key":"k{n}","goal":"g"}}"#)).collect();
        let many = format!(r#"{{"runs":[{}]}}"#, many.join(","));
        assert_eq!(wrong(&many), "the proposal has 7 runs; 6 is the limit");
        assert!(wrong(r#"{"runs":[{"key":"a","goal":"g","risk":"low"}]}"#).contains("risk"));
        assert!(wrong("no JSON").contains("not the JSON asked for"));
    }

    #[test]
    fn runs_are_found_between_their_markers() {
        let answer =
            "so:\nCHILD_RUNS_JSON_START\n```json\n{\"runs\":[]}\n```\nCHILD_RUNS_JSON_END\n";
        assert_eq!(find(answer), Some("{\"runs\":[]}"));
        assert_eq!(find("ADAPTIVE_PLAN_JSON_START {} ADAPTIVE_PLAN_JSON_END"), None);
    }
}
