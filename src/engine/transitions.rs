//! The table of a run's transitions (SPEC section 5.2). What it does not list is refused.

use crate::event::{Rule, StatusKind};

use StatusKind::{
    Archived, Blocked, Cancelled, Done, Draft, Failed, Merging, Paused, Queued, Running, Waiting,
};

/// Who may cause a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// A person.
    Human,
    /// The runtime, by the rules.
    Runtime,
    /// Both.
    Either,
}

/// One row of the table. An empty `from` creates the run; an empty `to` keeps its status.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Its name.
    pub rule: Rule,
    /// Statuses that it leaves.
    pub from: &'static [StatusKind],
    /// Statuses that it leads to.
    pub to: &'static [StatusKind],
    /// Who causes it.
    pub who: Who,
    /// What triggers it.
    pub trigger: &'static str,
}

const LIVE: &[StatusKind] = &[Draft, Queued, Running, Waiting, Paused, Blocked, Merging];

/// The table, in the order of the specification.
pub const TABLE: &[Row] = &[
    row(Rule::T01, &[], &[Queued], Who::Either, "created"),
    row(Rule::T02, &[], &[Draft], Who::Either, "created, needs approval"),
    row(Rule::T03, &[Draft], &[Queued], Who::Human, "approved"),
    row(Rule::T04, &[Draft], &[Cancelled], Who::Human, "rejected"),
    row(Rule::T05, &[Draft], &[Draft], Who::Human, "text or budget suggested"),
    row(Rule::T06, &[Draft], &[Queued], Who::Runtime, "the parent's planning is done"),
    row(Rule::T07, &[Draft], &[Cancelled], Who::Runtime, "the parent ended"),
    row(Rule::T08, &[Queued], &[Running], Who::Runtime, "a slot is free"),
    row(
        Rule::T09,
        &[Queued],
        &[Blocked, Cancelled],
        Who::Runtime,
        "a run it depends on ended badly",
    ),
    row(Rule::T10, &[Running], &[Waiting], Who::Runtime, "only a person can open the gate"),
    row(Rule::T11, &[Running], &[Waiting], Who::Runtime, "an agent asks and nothing else is live"),
    row(Rule::T11b, &[Running], &[Waiting], Who::Runtime, "child runs are going on"),
    row(Rule::T12, &[Running], &[Waiting], Who::Runtime, "login needed or usage limit reached"),
    row(Rule::T13, &[Waiting], &[Queued], Who::Either, "answered, approved, woken or logged in"),
    row(Rule::T13b, &[Running, Queued, Paused], &[], Who::Human, "answered or approved early"),
    row(Rule::T13c, &[Waiting], &[Queued], Who::Runtime, "all child runs ended"),
    row(Rule::T14, &[Waiting], &[Blocked], Who::Human, "rejected with a reason"),
    row(Rule::T14b, &[Blocked], &[Queued], Who::Human, "approved after all"),
    row(Rule::T15, &[Waiting], &[Waiting], Who::Runtime, "no answer for two hours"),
    row(Rule::T16, &[Queued, Running, Waiting], &[Paused], Who::Human, "paused"),
    row(Rule::T17, &[Paused], &[Queued], Who::Human, "resumed"),
    row(Rule::T18, &[Running], &[Blocked], Who::Runtime, "a cycle reached its limit"),
    row(Rule::T19, &[Running], &[Blocked], Who::Runtime, "nothing can move and nobody is asked"),
    row(Rule::T20, &[Running], &[Blocked], Who::Runtime, "an agent crashed too often"),
    row(Rule::T21, &[Running], &[Blocked], Who::Runtime, "a task took too long"),
    row(Rule::T22, &[Running], &[Blocked], Who::Runtime, "the budget is used up"),
    row(Rule::T23, &[Running], &[Failed], Who::Runtime, "a denied path was touched"),
    row(Rule::T24, &[Running], &[Blocked], Who::Runtime, "an agent reports that it is blocked"),
    row(Rule::T24b, &[Running], &[Blocked], Who::Runtime, "a check is exhausted"),
    row(Rule::T25, &[Running], &[Blocked], Who::Runtime, "the same failure again and again"),
    row(Rule::T26, &[Running], &[Failed], Who::Runtime, "an end step can no longer be done"),
    row(Rule::T27, &[Running], &[Merging], Who::Runtime, "the end is reached; deliver"),
    row(
        Rule::T28,
        &[Running],
        &[Waiting],
        Who::Runtime,
        "the end is reached; a person decides about the branch",
    ),
    row(Rule::T28b, &[Running], &[Done], Who::Runtime, "the end is reached; nothing to merge"),
    row(Rule::T29, &[Waiting], &[Merging], Who::Human, "merge"),
    row(Rule::T30, &[Waiting], &[Cancelled], Who::Human, "discard"),
    row(Rule::T31, &[Waiting], &[Queued], Who::Human, "changes requested"),
    row(Rule::T32, &[Merging], &[Done], Who::Runtime, "completed"),
    row(Rule::T33, &[Merging], &[Waiting], Who::Runtime, "the merge did not succeed"),
    row(Rule::T34, &[Blocked], &[Queued], Who::Human, "resumed"),
    row(Rule::T34b, &[Running, Blocked], &[Running, Queued], Who::Human, "one task is tried again"),
    row(Rule::T35, &[Blocked, Failed, Cancelled], &[], Who::Human, "a new run tries again"),
    row(Rule::T36, LIVE, &[Cancelled], Who::Human, "stopped"),
    row(Rule::T37, &[Done, Cancelled], &[Queued], Who::Human, "reopened"),
    row(Rule::T38, &[Done, Failed, Cancelled, Blocked, Draft], &[Archived], Who::Human, "archived"),
    row(Rule::T38b, &[Archived], &[Done, Failed, Cancelled, Blocked], Who::Human, "taken back"),
    row(
        Rule::T39,
        &[Running, Merging],
        &[Queued, Blocked, Waiting, Done],
        Who::Runtime,
        "found without a supervisor",
    ),
    row(Rule::T40, &StatusKind::ALL, &[], Who::Runtime, "a decision expired"),
];

const fn row(
    rule: Rule,
    from: &'static [StatusKind],
    to: &'static [StatusKind],
    who: Who,
    trigger: &'static str,
) -> Row {
    Row { rule, from, to, who, trigger }
}

/// The row of a rule.
pub fn row_of(rule: Rule) -> &'static Row {
    let found = TABLE.iter().find(|row| row.rule == rule);
    found.expect("a test compares the table with the rules")
}

/// Whether the table lists this transition.
pub fn is_listed(rule: Rule, from: StatusKind, to: StatusKind) -> bool {
    let row = row_of(rule);
    row.from.contains(&from) && (row.to.contains(&to) || (row.to.is_empty() && from == to))
}

/// Statuses from which a person can cause the rule, for messages: `running or blocked`.
pub fn from_words(rule: Rule) -> String {
    let words: Vec<&str> = row_of(rule).from.iter().map(|kind| kind.as_str()).collect();
    match words.split_last() {
        None => String::new(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_stands_in_the_table_once() {
        for pair in TABLE.windows(2) {
            assert!(pair[0].rule < pair[1].rule, "{:?} {:?}", pair[0].rule, pair[1].rule);
        }
        assert_eq!(TABLE.len(), 48);
        assert_eq!(TABLE.last().map(|row| row.rule), Some(Rule::T40));
    }

    #[test]
    fn a_finished_run_leaves_its_status_only_by_a_person() {
        for row in TABLE.iter().filter(|row| !row.to.is_empty()) {
            for from in row.from.iter().filter(|from| from.is_terminal()) {
                assert_eq!(row.who, Who::Human, "{:?} leaves {from:?}", row.rule);
            }
        }
    }

    #[test]
    fn what_is_not_listed_is_not_allowed() {
        assert!(is_listed(Rule::T16, Running, Paused));
        assert!(!is_listed(Rule::T16, Done, Paused));
        assert!(!is_listed(Rule::T36, Done, Cancelled));
        assert!(is_listed(Rule::T40, Done, Done));
        assert_eq!(from_words(Rule::T16), "queued, running or waiting");
    }
}
