//! Proposes a team and a workflow for a goal, from what their files say about themselves.

use std::collections::BTreeSet;

use crate::base::flow::words;

use super::agent::Routing;
use super::load::Catalog;

words! {
    /// How sure a recommendation is.
    Confidence {
        /// Nothing in the goal speaks for a team; it is the default one.
        Low = "low",
        /// Something speaks for it.
        Medium = "medium",
        /// Much speaks for it, and more than for any other.
        High = "high",
    }
}

/// A team and a workflow for a goal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recommendation {
    /// The team.
    pub team: String,
    /// Its workflow.
    pub workflow: String,
    /// Why, the strongest reason first.
    pub reasons: Vec<String>,
    /// How sure it is.
    pub confidence: Confidence,
}

/// The team that is taken when nothing speaks for another.
const DEFAULT: &str = "default";
/// Points of a trigger; longer triggers say more.
const TRIGGER_POINTS: i32 = 10;
/// Points of a word that the goal shares with `useWhen` or, negative, with `avoidWhen`.
const WORD_POINTS: i32 = 2;
/// From here on a recommendation is a sure one.
const SURE_POINTS: i32 = 20;

/// Proposes a team and a workflow; the same goal and files give the same answer.
pub fn recommend(goal: &str, catalog: &Catalog) -> Recommendation {
    let goal_words = words(goal);
    let mut best: Option<(i32, &str, Vec<String>)> = None;
    let mut second = 0;
    for team in catalog.teams() {
        let file = &team.file;
        let (points, reasons) = score(&goal_words, &file.routing);
        let current = best.as_ref().map_or(0, |best| best.0);
        // The default team wins a draw, then the first by name.
        let is_better =
            points > current || (points == current && points > 0 && file.name == DEFAULT);
        if is_better {
            second = current;
            best = Some((points, &file.name, reasons));
        } else {
            second = second.max(points);
        }
    }
    let (points, name, mut reasons) = best.unwrap_or((0, DEFAULT, Vec::new()));
    if reasons.is_empty() {
        reasons.push(format!("nothing in the goal speaks for another team than `{name}`"));
    }
    let confidence = if points >= SURE_POINTS && points >= second * 2 {
        Confidence::High
    } else if points > 0 {
        Confidence::Medium
    } else {
        Confidence::Low
    };
    let team = catalog.team(name).ok();
    let workflow = team.and_then(|team| team.file.default_workflow.as_ref());
    Recommendation {
        team: name.to_owned(),
        workflow: workflow.map_or_else(|| DEFAULT.to_owned(), |workflow| workflow.value.clone()),
        reasons,
        confidence,
    }
}

fn score(goal: &[String], routing: &Routing) -> (i32, Vec<String>) {
    let mut points = 0;
    let mut reasons = Vec::new();
    for trigger in &routing.triggers {
        let length = words(trigger).len();
        if contains(goal, trigger) {
            points += TRIGGER_POINTS * i32::try_from(length).unwrap_or(1);
            reasons.push(format!("the goal says `{trigger}`"));
        }
    }
    let shared = |texts: &[String]| {
        let theirs: BTreeSet<String> = texts.iter().flat_map(|text| words(text)).collect();
        let both = goal.iter().filter(|word| word.chars().count() > 3 && theirs.contains(*word));
        both.cloned().collect::<BTreeSet<String>>()
    };
    let use_words = shared(&routing.use_when);
    let avoid_words = shared(&routing.avoid_when);
    if points > 0 || use_words.len() > 1 {
        points += WORD_POINTS * i32::try_from(use_words.len()).unwrap_or(0);
        if !use_words.is_empty() {
            reasons.push(format!("it is meant for: {}", routing.use_when.join(", ")));
        }
    }
    points -= WORD_POINTS * i32::try_from(avoid_words.len()).unwrap_or(0);
    (points, reasons)
}

/// Lower-case words of a text.
fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// Whether the goal has the words of the trigger in a row; a trigger that ends with `*` may end in the middle of a word.
fn contains(goal: &[String], trigger: &str) -> bool {
    let is_open = trigger.ends_with('*');
    let wanted = words(trigger);
    let is_same = |(index, (have, want)): (usize, (&String, &String))| {
        let is_last = index + 1 == wanted.len();
        have == want || (is_open && is_last && have.starts_with(want.as_str()))
    };
    !wanted.is_empty()
        && goal
            .windows(wanted.len())
            .any(|window| window.iter().zip(&wanted).enumerate().all(is_same))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::Roots;

    #[track_caller]
    fn check(goal: &str, team: &str, confidence: Confidence) {
        let catalog = Catalog::load(&Roots::default());
        let found = recommend(goal, &catalog);
        assert_eq!(
            (found.team.as_str(), found.confidence),
            (team, confidence),
            "{goal}: {found:?}"
        );
        assert!(!found.reasons.is_empty());
    }

    #[test]
    fn triggers_choose_the_team() {
        check("Fix the crash in the parser", "fast-fix", Confidence::High);
        check("Review this pull request", "review", Confidence::High);
        check("add a --json flag", "default", Confidence::Medium);
        check("do a deep read of these repositories", "parallel-research", Confidence::High);
        check("hello", "default", Confidence::Low);
    }

    #[test]
    fn a_trigger_is_whole_words() {
        let goal = words("prefix the additions");
        assert!(!contains(&goal, "fix") && !contains(&goal, "add"));
        assert!(contains(&words("read pi-crew"), "pi-*"));
        assert!(contains(&words("read crewmate"), "crew*"));
    }

    #[test]
    fn the_workflow_is_the_one_of_the_team() {
        let catalog = Catalog::load(&Roots::default());
        assert_eq!(recommend("investigate how does it work", &catalog).workflow, "research");
    }
}
