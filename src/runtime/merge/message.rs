//! The message of a merge: what was wanted, who did it, how it was found; and the line that names the run.

use crate::base::flow::Access;
use crate::base::text;
use crate::engine::{State, TaskStatus};

/// Characters of the first line.
const SUBJECT_CHARS: usize = 72;
/// Lines about tasks.
const TASKS_MAX: usize = 20;

/// The trailer by which the commit of a run is found.
pub fn trailer(state: &State) -> String {
    format!("Crew-Run: {}", state.reference())
}

/// The whole message.
pub fn of(state: &State) -> String {
    let goal = state.created.goal.trim();
    let mut parts = vec![title(state)];
    // A goal that fits into the title is told there.
    if text::one_line(goal, SUBJECT_CHARS * 4) != text::one_line(goal, SUBJECT_CHARS)
        || goal.contains('\n')
    {
        parts.push(goal.to_owned());
    }
    let tasks = tasks(state);
    if !tasks.is_empty() {
        parts.push(tasks.join("\n"));
    }
    parts.push(trailer(state));
    parts.join("\n\n")
}

/// The first line: what was wanted.
pub fn title(state: &State) -> String {
    let goal = text::one_line(&state.created.goal, SUBJECT_CHARS);
    if goal.is_empty() { format!("Merge branch of {}", state.reference()) } else { goal }
}

/// What the tasks that wrote or judged said in the end.
fn tasks(state: &State) -> Vec<String> {
    let told = (0..state.tasks.len()).filter_map(|task| {
        let step = state.step_of(task);
        let TaskStatus::Done { result } = &state.tasks[task].status else { return None };
        let matters = step.access == Access::Write || step.verify;
        let summary = text::one_line(&state.tasks[task].summary, 100);
        let result = crate::event::status::word(result);
        let line = if summary.is_empty() { result } else { format!("{result}, {summary}") };
        matters.then(|| format!("- {}: {line}", state.task_id(task)))
    });
    told.take(TASKS_MAX).collect()
}
