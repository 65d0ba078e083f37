//! What makes a run risky: a pure look at its words, its budget and the way it is started (SPEC 8.1).

use serde::{Deserialize, Serialize};

use super::policy::{Budget, RiskPolicy};
use super::{Plan, StepPlan};
use crate::base::flow::words;
use crate::base::text;

/// Passes of a loop above which a run needs a person's word.
pub const STEPS_MAX: u32 = 8;
/// Active minutes above which a run needs a person's word.
pub const MINUTES_MAX: u64 = 20;
/// Words that speak of a change all over the project.
const LARGE: [&str; 5] = [
    "across the repo",
    "across the repository",
    "all files",
    "large refactor",
    "large refactoring",
];

words! {
    /// Why a run needs a person's word before it starts.
    RiskReason {
        /// More than eight passes of a loop.
        StepsOver8 = "steps_over_8",
        /// More than twenty active minutes.
        MinutesOver20 = "minutes_over_20",
        /// Words of the configuration's list.
        ContainsSensitiveKeywords = "contains_sensitive_keywords",
        /// Words that speak of a change all over the project.
        PossibleLargeChange = "possible_large_change",
        /// A person wants to look at it first.
        ForceDraft = "force_draft",
        /// It writes where its paths can only be checked afterwards.
        PathsUnenforceable = "paths_unenforceable",
        /// A command checks it that neither a person nor the project has named.
        UnknownCommand = "unknown_command",
        /// No person has started it.
        CreatedByAgent = "created_by_agent",
    }
}

/// One reason with its evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Risk {
    /// The reason.
    pub reason: RiskReason,
    /// The word, the number or the command.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub what: String,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub place: String,
}

impl Risk {
    /// A reason that needs no further evidence.
    pub fn plain(reason: RiskReason) -> Self {
        Self { reason, what: String::new(), place: String::new() }
    }

    /// Whether both say the same, wherever it stands.
    ///
    /// What was accepted once is accepted when it is said again; another word or number is not.
    pub fn is_same(&self, other: &Self) -> bool {
        self.reason == other.reason && self.what == other.what
    }

    /// What a person reads.
    pub fn text(&self) -> String {
        let at = |what: String| {
            if self.place.is_empty() { what } else { format!("{what} in {}", self.place) }
        };
        match self.reason {
            RiskReason::StepsOver8 => at(format!("{}, more than {STEPS_MAX},", self.what)),
            RiskReason::MinutesOver20 => at(format!("{}, more than {MINUTES_MAX},", self.what)),
            RiskReason::ContainsSensitiveKeywords => at(format!("`{}`", self.what)),
            RiskReason::PossibleLargeChange => at(format!("a large change: `{}`", self.what)),
            RiskReason::ForceDraft => "it was asked for as a draft".to_owned(),
            RiskReason::PathsUnenforceable => {
                "it works in the project folder itself, where nothing keeps paths apart".to_owned()
            }
            RiskReason::UnknownCommand => {
                format!("the command `{}` is not one of the project's", self.what)
            }
            RiskReason::CreatedByAgent => "an agent started it".to_owned(),
        }
    }
}

/// The texts of risks, in one line.
pub fn told<'a>(risks: impl IntoIterator<Item = &'a Risk>) -> String {
    lines(risks).join("; ")
}

/// The texts of risks, one for each reason and place.
pub fn lines<'a>(risks: impl IntoIterator<Item = &'a Risk>) -> Vec<String> {
    let mut groups: Vec<Risk> = Vec::new();
    for risk in risks {
        let same = groups
            .iter_mut()
            .find(|group| group.reason == risk.reason && group.place == risk.place);
        match same {
            Some(group) if !risk.what.is_empty() => {
                group.what = format!("{}`, `{}", group.what, risk.what);
            }
            Some(_) => {}
            None => groups.push(risk.clone()),
        }
    }
    groups.iter().map(|risk| format!("{} ({})", risk.text(), risk.reason)).collect()
}

/// Everything that is looked at.
#[derive(Debug)]
pub struct RiskSubject<'a> {
    /// Texts that tell agents what to do, each with the words for where it stands.
    pub texts: Vec<(String, &'a str)>,
    /// What the run may use up.
    pub budget: &'a Budget,
    /// The plan, for the loops in it.
    pub plan: &'a Plan,
    /// Risks that lie in the way it was started.
    pub started: &'a [Risk],
    /// What counts as risky.
    pub policy: &'a RiskPolicy,
}

/// What a run is told when it is created: its goal and the parameters of its workflow.
pub fn texts_of<'a>(goal: &'a str, plan: &'a Plan) -> Vec<(String, &'a str)> {
    let params = plan.params.iter();
    let params = params.map(|(name, value)| (format!("parameter `{name}`"), value.as_str()));
    std::iter::once(("the goal".to_owned(), goal)).chain(params).collect()
}

/// All reasons that hold, whether somebody accepts them or not; each is named once.
pub fn assess(subject: &RiskSubject<'_>) -> Vec<Risk> {
    let policy = subject.policy;
    // Where the rules do not apply a draft that was asked for is still one, and agents still ask.
    let always = [RiskReason::ForceDraft, RiskReason::CreatedByAgent];
    let started = subject.started.iter();
    let mut risks: Vec<Risk> =
        started.filter(|risk| policy.is_strict || always.contains(&risk.reason)).cloned().collect();
    if !policy.is_strict {
        return risks;
    }
    let mut found = of_budget(subject);
    for (place, text) in &subject.texts {
        found.extend(of_text(place, text, &policy.keywords));
    }
    for risk in found {
        if !risks.iter().any(|known| known.is_same(&risk)) {
            risks.push(risk);
        }
    }
    risks
}

/// The goal without the word that makes it a draft, and whether that word stood there.
pub fn strip_draft(goal: &str) -> (&str, bool) {
    let goal = goal.trim();
    let head = goal.get(..5).filter(|head| head.eq_ignore_ascii_case("draft"));
    let rest = head.and_then(|_| goal[5..].trim_start().strip_prefix([':', '：']));
    rest.map_or((goal, false), |rest| (rest.trim_start(), true))
}

fn of_budget(subject: &RiskSubject<'_>) -> Vec<Risk> {
    let mut risks = Vec::new();
    let steps = |count: u32, place: String| Risk {
        reason: RiskReason::StepsOver8,
        what: text::count(count as usize, "step"),
        place,
    };
    let passes = |step: &StepPlan| step.looping.as_ref().map_or(0, |looping| looping.steps);
    if let Some(count) = subject.budget.steps.filter(|count| *count > STEPS_MAX) {
        risks.push(steps(count, "the budget".to_owned()));
    }
    // A budget of the whole run bounds its loops as well.
    let most = subject.budget.steps.unwrap_or(u32::MAX);
    for step in subject.plan.steps.iter().filter(|step| passes(step).min(most) > STEPS_MAX) {
        risks.push(steps(passes(step).min(most), format!("the loop of `{}`", step.id)));
    }
    let minutes = subject.budget.active_ms.map(|ms| ms.div_ceil(60_000));
    if let Some(minutes) = minutes.filter(|minutes| *minutes > MINUTES_MAX) {
        let what = text::count(usize::try_from(minutes).unwrap_or(usize::MAX), "minute");
        let place = "the budget".to_owned();
        risks.push(Risk { reason: RiskReason::MinutesOver20, what, place });
    }
    risks
}

fn of_text(place: &str, text: &str, keywords: &[String]) -> Vec<Risk> {
    let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    let found = |reason, what: &str| {
        is_said(&text, what).then(|| Risk {
            reason,
            what: what.to_owned(),
            place: place.to_owned(),
        })
    };
    let sensitive =
        keywords.iter().filter_map(|word| found(RiskReason::ContainsSensitiveKeywords, word));
    let large = LARGE.iter().filter_map(|word| found(RiskReason::PossibleLargeChange, word));
    sensitive.chain(large).collect()
}

/// Whether a word, or several with any white space between them, stands in a lower-case text by itself.
fn is_said(text: &[char], keyword: &str) -> bool {
    let words: Vec<Vec<char>> = keyword
        .split_whitespace()
        .map(|word| word.chars().flat_map(char::to_lowercase).collect())
        .collect();
    let Some(first) = words.first().and_then(|word| word.first()) else { return false };
    let starts = (0..text.len()).filter(|&at| text[at] == *first);
    starts.into_iter().any(|at| {
        let is_begun = at == 0 || !is_word(text[at - 1]);
        is_begun && end_of(text, at, &words).is_some_and(|end| is_alone(text, end))
    })
}

/// The place behind the words, when they stand at `at`.
fn end_of(text: &[char], mut at: usize, words: &[Vec<char>]) -> Option<usize> {
    for (ix, word) in words.iter().enumerate() {
        if ix > 0 {
            let spaces = text[at..].iter().take_while(|letter| letter.is_whitespace()).count();
            if spaces == 0 {
                return None;
            }
            at += spaces;
        }
        if !text[at..].starts_with(word) {
            return None;
        }
        at += word.len();
    }
    Some(at)
}

fn is_alone(text: &[char], end: usize) -> bool {
    !text.get(end).copied().is_some_and(is_word)
}

/// Letters that words are made of; scripts that write without spaces do not bind a word to its neighbour.
fn is_word(letter: char) -> bool {
    letter == '_' || (letter.is_alphanumeric() && letter < '\u{2e80}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, keyword: &str) -> bool {
        let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
        is_said(&text, keyword)
    }

    #[test]
    fn words_are_found_whole_in_any_case_and_with_any_space() {
        for (text, keyword) in [
            ("Deploy it", "deploy"),
            ("PIP  install x", "pip install"),
            ("run npm\n\tinstall", "npm install"),
            ("edit .env, please", ".env"),
            ("look at src/.env", ".env"),
            ("(.env)", ".env"),
            ("write config.yaml.", "config.yaml"),
            ("use apt-get", "apt"),
            ("更新database吧", "database"),
            ("the database", "Database"),
        ] {
            assert!(said(text, keyword), "`{keyword}` in {text:?}");
        }
    }

    #[test]
    fn parts_of_other_words_are_not_found() {
        for (text, keyword) in [
            ("networking basics", "network"),
            ("compare databases", "database"),
            ("adapt it", "apt"),
            ("read process.env", ".env"),
            ("use direnv .envrc", ".env"),
            ("write configXyaml", "config.yaml"),
            ("pipinstall", "pip install"),
            ("pip reinstall", "pip install"),
            ("secret_key", "secret"),
            ("", "apt"),
            ("anything", " "),
        ] {
            assert!(!said(text, keyword), "`{keyword}` in {text:?}");
        }
    }

    #[test]
    fn a_draft_is_asked_for_by_the_first_word() {
        for goal in ["draft: add it", "DRAFT：add it", " Draft:add it", "draft : add it"] {
            assert_eq!(strip_draft(goal), ("add it", true), "{goal:?}");
        }
        for goal in ["drafts: add", "a draft: x", "draft it", "dräft: x", ""] {
            assert_eq!(strip_draft(goal), (goal, false), "{goal:?}");
        }
    }
}
