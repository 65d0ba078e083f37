//! Work that goes round in circles, told without a model: the same failure, the same trees, again and again (T25).

use super::state::State;
use super::task::{Failure, Pass};
use crate::base::{Time, limits, text};
use crate::event::Hash;
use crate::event::body::ReadyCause;
use crate::plan::graph::TaskIx;

/// Passes in a row with the same red output and the same tree.
const SAME_PASSES: usize = 3;
/// Failures that are one failure too many …
const SAME_FAILURES: usize = 5;
/// … within so many milliseconds.
const FAILURE_WINDOW_MS: u64 = 5 * 60 * 1_000;

/// Why the passes of a loop lead nowhere, when they do.
pub(super) fn of_passes(passes: &[Pass]) -> Option<String> {
    let last = |count: usize| passes.len().checked_sub(count).map(|from| &passes[from..]);
    let tree = |pass: &Pass| pass.finished.tree.clone();
    if let Some(same) = last(SAME_PASSES) {
        let print = |pass: &Pass| pass.finished.validation.as_ref().map(|it| it.print.clone());
        let first = (tree(&same[0]), print(&same[0]));
        let is_red = first.1.as_ref().is_some_and(|print| !print.is_empty());
        if first.0.is_some() && is_red && same.iter().all(|p| (tree(p), print(p)) == first) {
            let name = same[0].finished.validation.as_ref().map_or("", |it| it.name.as_str());
            return Some(format!(
                "`{name}` failed in the same way in passes {}, and nothing was changed between them",
                numbers(same)
            ));
        }
    }
    let round = last(4)?;
    let trees: Vec<Option<String>> = round.iter().map(tree).collect();
    let is_round = trees[0].is_some()
        && trees[0] == trees[2]
        && trees[1] == trees[3]
        && trees[0] != trees[1]
        && trees[1].is_some();
    is_round.then(|| {
        let short = |tree: &Option<String>| {
            tree.as_deref().unwrap_or_default().chars().take(8).collect::<String>()
        };
        format!(
            "passes {} go back and forth between the trees {} and {}",
            numbers(round),
            short(&trees[0]),
            short(&trees[1])
        )
    })
}

fn numbers(passes: &[Pass]) -> String {
    let numbers: Vec<String> = passes.iter().map(|pass| pass.finished.pass.to_string()).collect();
    numbers.join(", ")
}

impl State {
    /// Why a failure of a task is one too many: the same several times in some minutes.
    pub(super) fn same_again(
        &self,
        task: TaskIx,
        cause: ReadyCause,
        failure: &str,
        now: Time,
    ) -> Option<String> {
        let next = self.failure(cause, failure, now)?;
        let known = &self.tasks[task].failures;
        let is_same = |old: &&Failure| {
            old.print == next.print
                && old.tree == next.tree
                && now.since_ms(old.at) <= FAILURE_WINDOW_MS
        };
        let count = known.iter().filter(is_same).count() + 1;
        (count >= SAME_FAILURES).then(|| {
            let said = text::one_line(failure, 200);
            format!("the same failure {count} times in five minutes: {said}")
        })
    }

    /// A failure as it is compared with others; an interruption and a next pass are none.
    pub(super) fn failure(&self, cause: ReadyCause, failure: &str, at: Time) -> Option<Failure> {
        let tree = match cause {
            ReadyCause::Retry | ReadyCause::Crash | ReadyCause::Timeout | ReadyCause::Contract => {
                String::new()
            }
            // The same words about another tree may be progress.
            ReadyCause::Validation => self.tree_key(),
            ReadyCause::Interrupted
            | ReadyCause::Revoked
            | ReadyCause::Human
            | ReadyCause::Answer
            | ReadyCause::Pass
            | ReadyCause::Final
            | ReadyCause::Limit
            | ReadyCause::Fallback
            | ReadyCause::Overflow
            | ReadyCause::Session
            | ReadyCause::Outdated => return None,
        };
        if failure.is_empty() {
            return None;
        }
        Some(Failure { at, print: print(failure), tree })
    }
}

impl super::state::TaskState {
    /// Remembers a failure; the newest are enough.
    pub(super) fn failed_with(&mut self, failure: Failure) {
        let surplus = (self.failures.len() + 1).saturating_sub(SAME_FAILURES);
        self.failures.drain(..surplus);
        self.failures.push(failure);
    }
}

/// A hash of an output without what differs from time to time: numbers, hexadecimal words, paths.
pub(super) fn print(output: &str) -> String {
    let mut plain = String::with_capacity(output.len());
    for word in output.split_whitespace() {
        // A path keeps its last part, which says what it is.
        let last = word.rsplit('/').next().unwrap_or(word);
        let word = if last.is_empty() { word } else { last };
        plain.push(' ');
        for part in word.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
            let body = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            if is_hexadecimal(body) {
                plain.push('#');
                plain.push_str(&part[body.len()..]);
            } else {
                plain.extend(part.chars().filter(|c| !c.is_ascii_digit()));
            }
        }
    }
    let kept = text::tail(&plain, limits::EVIDENCE_TAIL_BYTES);
    Hash::of(kept.as_bytes()).to_string().chars().take(16).collect()
}

fn is_hexadecimal(word: &str) -> bool {
    let has_digit = word.bytes().any(|byte| byte.is_ascii_digit());
    word.len() >= 6 && has_digit && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::pass::{PassFinished, PassValidation, Said};

    /// Passes by tree and output; an empty output is green.
    fn passes(all: &[(&str, &str)]) -> Vec<Pass> {
        let each = all.iter().zip(1..).map(|((tree, output), pass)| Pass {
            at: Time(i64::from(pass)),
            finished: PassFinished {
                task: "work".parse().unwrap(),
                attempt: pass,
                pass,
                limit: 8,
                said: Said::Continue,
                commit: None,
                tree: (!tree.is_empty()).then(|| (*tree).to_owned()),
                validation: Some(PassValidation {
                    name: "check".into(),
                    code: Some(i32::from(!output.is_empty())),
                    print: if output.is_empty() { String::new() } else { print(output) },
                }),
            },
        });
        each.collect()
    }

    #[test]
    fn circles_are_found_and_slow_progress_is_none() {
        for (all, is_dead) in [
            (&[("a", "x"), ("a", "x")][..], false),
            (&[("a", "x"), ("a", "x"), ("a", "x")], true),
            (&[("a", "at 10:00:01 x"), ("a", "at 10:00:22 x"), ("a", "at 11:20:01 x")], true),
            (&[("a", "x"), ("a", "y"), ("a", "x")], false),
            (&[("a", "x"), ("b", "x"), ("c", "x"), ("d", "x"), ("e", "x")], false),
            (&[("a", ""), ("a", ""), ("a", "")], false),
            (&[("", "x"), ("", "x"), ("", "x")], false),
            (&[("a", "x"), ("b", "y"), ("a", "x"), ("b", "y")], true),
            (&[("a", "x"), ("b", "y"), ("a", "z"), ("b", "w")], true),
            (&[("a", "x"), ("b", "y"), ("a", "x"), ("c", "y")], false),
            (&[("a", "x"), ("b", "y"), ("c", "x"), ("a", "x"), ("b", "y")], false),
            (&[("a", "3 failed"), ("a", "3 failed"), ("b", "2 failed"), ("b", "2 failed")], false),
        ] {
            let found = of_passes(&passes(all));
            assert_eq!(found.is_some(), is_dead, "{all:?}: {found:?}");
        }
    }

    #[test]
    fn outputs_are_the_same_but_for_times_numbers_hashes_and_paths() {
        for (a, b, is_same) in [
            ("failed in 0.12s", "failed in 9.8s", true),
            ("at /tmp/a1/x.rs:3:7", "at /var/b2/x.rs:14:1", true),
            ("commit deadbeef12 bad", "commit 0123abcdef bad", true),
            ("2026-05-01T10:00:00Z x", "2027-11-21T08:41:19Z x", true),
            ("a  b\n", "a b", true),
            ("test one failed", "test two failed", false),
            ("x.rs failed", "y.rs failed", false),
            ("decade", "facade", false),
        ] {
            assert_eq!(print(a) == print(b), is_same, "{a:?} {b:?}");
        }
    }
}
