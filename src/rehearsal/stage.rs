//! What the agent knows about its task, from its arguments and its environment.

use camino::{Utf8Path, Utf8PathBuf};

use super::files;

/// The task that is played.
#[derive(Debug, Clone, Default)]
pub(super) struct Stage {
    pub(super) task: String,
    pub(super) step: String,
    pub(super) role: String,
    pub(super) slot: String,
    pub(super) attempt: u32,
    pub(super) epoch: u32,
    pub(super) worktree: Utf8PathBuf,
    pub(super) prompt: String,
    pub(super) session: String,
}

impl Stage {
    /// Reads the environment; what is missing gets the value of a first, lonely task.
    pub(super) fn from_environment(
        role: Option<String>,
        session: Option<String>,
        prompt: String,
    ) -> Self {
        let task = variable("CREW_TASK").unwrap_or_else(|| "task".to_owned());
        let step = task.split('/').next().unwrap_or_default().to_owned();
        let number = |name| variable(name).and_then(|text| text.parse().ok()).unwrap_or(1);
        let attempt = number("CREW_ATTEMPT_NUMBER");
        Self {
            role: role.or_else(|| variable("CREW_ROLE")).unwrap_or_else(|| step.clone()),
            slot: variable("CREW_SLOT").unwrap_or_default(),
            epoch: number("CREW_EPOCH"),
            worktree: variable("CREW_WORKTREE").map_or_else(|| Utf8PathBuf::from("."), Into::into),
            session: session
                .unwrap_or_else(|| format!("rehearsal-{}-{attempt}", task.replace('/', "."))),
            attempt,
            prompt,
            task,
            step,
        }
    }

    /// The folder that the agent works in.
    pub(super) fn worktree(&self) -> &Utf8Path {
        &self.worktree
    }

    /// Fills `{task}` and its like; braces that name nothing known are text.
    pub(super) fn fill(&self, text: &str, output: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            filled.push_str(&rest[..open]);
            rest = &rest[open..];
            let found = rest.find('}').and_then(|close| {
                let value = self.value(&rest[1..close], output)?;
                Some((close, value))
            });
            if let Some((close, value)) = found {
                filled.push_str(&value);
                rest = &rest[close + 1..];
            } else {
                filled.push('{');
                rest = &rest[1..];
            }
        }
        filled + rest
    }

    fn value(&self, name: &str, output: &str) -> Option<String> {
        Some(match name {
            "task" => self.task.clone(),
            "task_file" => self.task.replace('/', "."),
            "step" => self.step.clone(),
            "role" => self.role.clone(),
            "slot" => self.slot.clone(),
            "attempt" => self.attempt.to_string(),
            "epoch" => self.epoch.to_string(),
            "output" => output.trim_end().to_owned(),
            "files" => files::listing(&self.worktree),
            _ => return None,
        })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the environment is how crew tells any agent program about its task"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_names_are_filled_and_values_are_not_read_again() {
        let stage = Stage {
            task: "review/2".into(),
            role: "{step}".into(),
            attempt: 3,
            ..Stage::default()
        };
        let filled =
            stage.fill("{task} {task_file} {role} {attempt} {output} {x} {\"a\":{}} {", "out\n");
        assert_eq!(filled, "review/2 review.2 {step} 3 out {x} {\"a\":{}} {");
    }
}
