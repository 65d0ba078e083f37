//! The names of events that a hook may wait for, and which of them a pattern means.

use super::merge::Origin;
use super::model::Hook;
use super::problem::{Place, Problem};
use crate::base::text;

/// Names that say more than the type of an event does.
const SPECIAL: &[&str] = &[
    "run.draft",
    "run.queued",
    "run.running",
    "run.waiting",
    "run.paused",
    "run.blocked",
    "run.merging",
    "run.done",
    "run.failed",
    "run.cancelled",
    "risk.accepted",
    "run.archived",
    "run.reminder",
    "heartbeat.healthy",
    "heartbeat.warn",
    "heartbeat.stale",
    "heartbeat.dead",
];

/// Types of events.
const TYPES: &[&str] = &[
    "run.created",
    "run.transitioned",
    "run.noted",
    "supervisor.started",
    "worktree.created",
    "plan.expanded",
    "children.proposed",
    "child.created",
    "children.released",
    "children.refused",
    "child.ended",
    "task.activated",
    "budget.changed",
    "budget.warned",
    "channels.fired",
    "gate.written",
    "evidence.recorded",
    "decision.opened",
    "decision.shown",
    "decision.made",
    "task.readied",
    "task.settled",
    "task.taken",
    "task.handed_back",
    "attempt.started",
    "attempt.stopping",
    "attempt.ended",
    "check.finished",
    "tree.prepared",
    "tree.merged",
    "tree.conflicted",
    "pass.finished",
    "passes.added",
    "heartbeat.changed",
    "attention.raised",
    "verification.asked",
    "question.asked",
    "question.parked",
    "question.withdrawn",
    "turn.reported",
    "merge.started",
    "merge.built",
    "merge.stopping",
    "merge.finished",
    "artifact.stored",
    "message.sent",
    "message.delivered",
    "message.acked",
    "message.retracted",
    "message.dead",
    "command.refused",
    "log.truncated",
];

/// Every name that an event may have for a hook.
pub fn event_names() -> impl Iterator<Item = &'static str> {
    SPECIAL.iter().chain(TYPES).copied()
}

impl Hook {
    /// Whether the hook waits for an event of this name.
    pub fn is_on(&self, name: &str) -> bool {
        self.on.iter().any(|pattern| fits(pattern, name))
    }
}

/// Patterns that no event has; an older crew reads a newer file, so they are only told.
pub(super) fn unknown(hooks: &[(Hook, Origin)]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (hook, origin) in hooks {
        let (Origin::User(path, line) | Origin::Project(path, line)) = origin else { continue };
        let place = Place::File { path: path.clone(), line: *line, column: 1 };
        let wrong = hook.on.iter().filter(|on| !event_names().any(|name| fits(on, name)));
        for pattern in wrong {
            let hint = text::did_you_mean(pattern, event_names()).map_or_else(
                || "docs/notifications.md lists them".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            let what = format!("no event is called `{pattern}`, so this hook never runs for it");
            problems.push(Problem::new(place.clone(), what).hinted(hint));
        }
    }
    problems
}

/// Whether a pattern, in which `*` stands for anything, is a name.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(head) else { return false };
    let Some((middle, tail)) = rest.rsplit_once('*') else { return left.ends_with(rest) };
    for part in middle.split('*') {
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
    }
    left.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name, expected) in [
            ("run.done", "run.done", true),
            ("run.done", "run.done2", false),
            ("*", "heartbeat.stale", true),
            ("run.*", "run.blocked", true),
            ("run.*", "rerun.blocked", false),
            ("*.dead", "message.dead", true),
            ("*.dead", "message.deadly", false),
            ("*.*ed", "run.blocked", true),
            ("a*b*c", "abbc", true),
            ("a*b*c", "acb", false),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_name_that_no_event_has_is_told_with_the_nearest_one() {
        let hook = |on: &str| Hook { on: vec![on.to_owned()], command: "true".to_owned() };
        let origin = || Origin::User("c.toml".into(), 7);
        let hooks = [(hook("run.blockd"), origin()), (hook("run.*"), origin())];
        let said: Vec<_> = unknown(&hooks)
            .into_iter()
            .map(|problem| (problem.to_string(), problem.hint.unwrap_or_default()))
            .collect();
        let what = "c.toml:7:1: no event is called `run.blockd`, so this hook never runs for it";
        assert_eq!(said, [(what.to_owned(), "did you mean `run.blocked`?".to_owned())]);
    }
}
