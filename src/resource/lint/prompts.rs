//! Placeholders of prompts: what they name exists, and is there when the prompt is written.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::text::did_you_mean;
use crate::resource::diagnostic::Findings;
use crate::resource::fields::quoted;
use crate::resource::placeholder::{NAMES, Placeholder, scan};
use crate::resource::{Pos, StepDecl, WorkflowFile};

pub(super) fn check(file: &WorkflowFile, findings: &mut Findings) {
    let steps = file.steps.iter().map(|step| (step.id.as_str(), step));
    let prompts = Prompts { file, steps: steps.collect() };
    for step in &file.steps {
        for found in scan(&step.prompt) {
            if let Some(problem) = prompts.problem(step, found.placeholder) {
                let pos = place(step, found.range.start);
                // In a plain file braces may be meant as text, so that foreign files load unchanged.
                if file.is_plain() || problem.is_minor {
                    findings.warning(pos, problem.message, problem.fix);
                } else {
                    findings.error(pos, problem.message, problem.fix);
                }
            }
        }
    }
}

/// Line and column of a byte of the prompt.
fn place(step: &StepDecl, at: usize) -> Pos {
    let before = &step.prompt[..at];
    let line = before.matches('\n').count();
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Pos {
        line: step.prompt_line.saturating_add(number(line)),
        column: number(column).saturating_add(1),
    }
}

struct Problem {
    message: String,
    fix: String,
    is_minor: bool,
}

impl Problem {
    fn new(message: String, fix: String) -> Self {
        Self { message, fix, is_minor: false }
    }
}

struct Prompts<'a> {
    file: &'a WorkflowFile,
    steps: BTreeMap<&'a str, &'a StepDecl>,
}

impl Prompts<'_> {
    fn problem(&self, step: &StepDecl, placeholder: Placeholder<'_>) -> Option<Problem> {
        match placeholder {
            Placeholder::Goal
            | Placeholder::Run
            | Placeholder::Task
            | Placeholder::Slot
            | Placeholder::Feedback
            | Placeholder::Failure
            | Placeholder::Artifact(_) => None,
            Placeholder::Unknown(name) => {
                let fix = format!("{}; for text write it between back quotes", near(name, &NAMES));
                let problem = Problem::new(format!("unknown placeholder `{{{name}}}`"), fix);
                (!self.file.is_plain()).then_some(problem)
            }
            Placeholder::Output(name) => self.output(step, name),
            Placeholder::Gate { id, field } => self.gate(id, field),
            Placeholder::Param(name) => {
                let is_known = self.file.params.iter().any(|param| param.name == name);
                let message = format!("the placeholder names the unknown parameter `{name}`");
                let fix = format!("declare it: `params: {{ {name}: \"default\" }}`");
                (!is_known).then(|| Problem::new(message, fix))
            }
        }
    }

    fn output(&self, step: &StepDecl, name: &str) -> Option<Problem> {
        if !self.steps.contains_key(name) {
            let ids: Vec<&str> = self.steps.keys().copied().collect();
            let message = format!("the placeholder names the unknown step `{name}`");
            return Some(Problem::new(message, near(name, &ids)));
        }
        if !self.file.is_plain() || self.is_done_before(name, step) {
            return None;
        }
        let message = format!("the output of `{name}` need not be there when `{}` starts", step.id);
        Some(Problem {
            is_minor: true,
            ..Problem::new(message, format!("add `{name}` to its `dependsOn`"))
        })
    }

    fn gate(&self, id: &str, field: Option<&str>) -> Option<Problem> {
        let Some(gate) = self.file.gate(id) else {
            let ids: Vec<&str> = self.file.gates.iter().map(|gate| gate.id.as_str()).collect();
            let message = format!("the placeholder names the unknown gate `{id}`");
            return Some(Problem::new(message, near(id, &ids)));
        };
        let field = field?;
        if gate.fields.is_empty() || gate.field(field).is_some() {
            return None;
        }
        let fields: Vec<&str> = gate.fields.iter().map(|(name, _)| name.as_str()).collect();
        Some(Problem::new(format!("gate `{id}` has no field `{field}`"), near(field, &fields)))
    }

    /// Whether the dependencies of `step` lead back to `name`.
    fn is_done_before(&self, name: &str, step: &StepDecl) -> bool {
        let mut seen = BTreeSet::new();
        let mut todo: Vec<&StepDecl> = vec![step];
        while let Some(step) = todo.pop() {
            for earlier in &step.depends_on {
                if earlier.as_str() == name {
                    return true;
                }
                if seen.insert(earlier.as_str()) {
                    todo.extend(self.steps.get(earlier.as_str()));
                }
            }
        }
        false
    }
}

fn near(name: &str, names: &[&str]) -> String {
    match did_you_mean(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", quoted(names)),
    }
}
