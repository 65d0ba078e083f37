//! What people are told in the words of a workflow: the question of a person's step.

use super::state::State;
use crate::base::{limits, text};
use crate::plan::graph::StepIx;
use crate::plan::prompt::{PromptInput, fill};

/// The question of a `kind: human` step, with its placeholders filled in.
pub(super) fn question(state: &State, step: StepIx) -> String {
    let plan = &state.plan().steps[step];
    let reference = state.reference();
    let input = PromptInput {
        goal: &state.created.goal,
        run: &reference,
        task: plan.id.as_str(),
        feedback: &state.steps[step].feedback,
        gates: state.gate_values(),
        ..PromptInput::default()
    };
    text::middle_cut(fill(state.plan(), &plan.prompt, &input).trim(), limits::MESSAGE_BYTES_MAX)
        .into_owned()
}
