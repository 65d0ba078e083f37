//! Tells a goal typed without a verb from a verb typed wrongly.

use super::report::CliError;
use crate::base::text;

/// Whether a text is a goal: it begins with one of the intent words, in whole words and any case.
///
/// One word alone is taken for a verb: `crew test` is more likely a slip than a goal.
pub fn is_goal(text: &str, intents: &[String]) -> bool {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    intents.iter().any(|intent| {
        let intent: Vec<String> = intent.split_whitespace().map(str::to_lowercase).collect();
        !intent.is_empty() && words.len() > intent.len() && words.starts_with(&intent)
    })
}

/// The error for a first word that is neither a verb nor the beginning of a goal.
pub fn unknown_verb<'a>(
    word: &str,
    verbs: impl IntoIterator<Item = &'a str>,
    intents: &[String],
) -> CliError {
    let error = CliError::usage(format!("no command `{word}`"));
    match text::did_you_mean(word, verbs) {
        Some(near) => error.hinted(format!("did you mean `crew {near}`?")),
        None => error.hinted("`crew --help` lists the commands").hinted(format!(
            "a goal begins with a word such as {}, or goes after `crew run`",
            intents
                .iter()
                .take(4)
                .map(|intent| format!("`{intent}`"))
                .collect::<Vec<_>>()
                .join(", ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_begins_with_an_intent_word() {
        let intents = ["fix", "run tests"].map(str::to_owned);
        for goal in ["fix the login bug", "Fix it", "run tests twice"] {
            assert!(is_goal(goal, &intents), "{goal}");
        }
        for other in ["fix", "fixing things now", "run tests", "run the tests", "", "prefix fix it"]
        {
            assert!(!is_goal(other, &intents), "{other}");
        }
    }

    #[test]
    fn an_unknown_verb_names_the_near_one() {
        let intents = ["fix".to_owned()];
        let near = unknown_verb("stpo", ["stop", "status"], &intents);
        assert_eq!(near.hints, ["did you mean `crew stop`?"]);
        assert_eq!(unknown_verb("zzz", ["stop"], &intents).hints.len(), 2);
    }
}
