//! What a step's contract demands of an attempt: a write into a gate, and what the value says of the task.

use super::judge::Case;
use crate::event::attempt::Question;
use crate::event::body::{QuestionAsked, ReadyCause};
use crate::event::{Actor, Body};

/// The field of a contract's store that can fail its task.
pub(super) const VERDICT: &str = "verdict";
/// The value of that field which fails it.
const FAIL: &str = "fail";

impl Case<'_> {
    /// The gate that the step's contract names, when this attempt has not written it.
    pub(super) fn missing_write(&self) -> Option<&str> {
        let name = self.step.contract.as_deref()?;
        let store = self.store_of(name);
        let wrote = self.entry().wrote.get(store).is_some_and(|&attempt| {
            self.counts(attempt)
                && (attempt == self.checking.end.attempt || self.still_holds(store, attempt))
        });
        (!wrote).then_some(name)
    }

    /// Whether writes of an attempt count for this one: it is the same, or was cut short before it.
    fn counts(&self, attempt: u32) -> bool {
        let last = self.checking.end.attempt;
        (self.entry().carries.unwrap_or(last)..=last).contains(&attempt)
    }

    /// Whether a store still has something that an earlier attempt of the task wrote.
    fn still_holds(&self, store: &str, attempt: u32) -> bool {
        let by = Actor::Agent(self.state.task_id(self.task));
        let origins = self.state.stores.get(store).map(|store| store.origins.values());
        origins.into_iter().flatten().any(|from| from.by == by && from.attempt == Some(attempt))
    }

    /// A verdict is missing: one nudge, then a person says what is to be done.
    pub(super) fn unwritten(&self, name: &str) -> Body {
        if self.entry().nudges == 0 {
            let failure = format!(
                "The last turn did not count: it ended without writing `{name}`. Write it exactly \
                 once, with evidence: `crew tool write-gate {name} field=value`."
            );
            return self.again(ReadyCause::Contract, 0, failure);
        }
        let task = self.state.task_id(self.task);
        let text = format!(
            "`{task}` ended {} turns without writing `{name}`. What should it do? Its next turn gets your answer.",
            self.entry().nudges + 1
        );
        QuestionAsked { task, question: Question { text, choices: Vec::new() } }.into()
    }

    /// Why the verdict that this attempt wrote, as its contract demands, is `fail`.
    pub(super) fn failing_verdict(&self) -> Option<String> {
        let name = self.step.contract.as_deref()?;
        let store = self.state.stores.get(self.store_of(name))?;
        let origin = store.origins.get(VERDICT)?;
        let task = self.state.task_id(self.task);
        let is_own = origin.by == Actor::Agent(task)
            && origin.attempt.is_some_and(|attempt| self.counts(attempt));
        if !is_own || store.data.get(VERDICT)?.as_str() != Some(FAIL) {
            return None;
        }
        let feedback =
            store.data.get("feedback").and_then(|said| said.as_str()).unwrap_or_default();
        let summary = &self.checking.end.summary;
        let said = [feedback, summary].into_iter().find(|said| !said.trim().is_empty());
        let said = crate::base::text::one_line(said.unwrap_or_default(), 300);
        Some(match said.as_str() {
            "" => "its verdict is `fail`".to_owned(),
            said => format!("its verdict is `fail`: {said}"),
        })
    }

    /// The store behind the name of a gate, or the store of that name.
    fn store_of<'a>(&'a self, name: &'a str) -> &'a str {
        let gates = &self.state.plan().gates;
        gates.iter().find(|gate| gate.id == name).map_or(name, |gate| &gate.store)
    }
}
