//! Scripts: which play belongs to which task, read from TOML with the line of every mistake.

use serde::Deserialize;
use toml::{Spanned, Table};

use super::action::Action;
use super::stage::Stage;

/// Why a text is not a script.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{file}` line {line}: {what}")]
pub(super) struct ScriptError {
    file: String,
    line: usize,
    what: String,
}

/// Plays, each with the tasks that it is for.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Script {
    plays: Vec<Play>,
}

/// What one kind of task does.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Play {
    who: Who,
    pub(super) actions: Vec<Action>,
}

/// The tasks that a play is for; everything that is named must fit.
#[derive(Debug, Clone, PartialEq)]
struct Who {
    task: Option<String>,
    step: Option<String>,
    role: Option<String>,
    prompt: Option<String>,
    attempt: Option<u32>,
    epoch: Option<u32>,
}

impl Who {
    /// How closely the play fits; `None` when it does not. What stands first outweighs all after it.
    fn fit(&self, stage: &Stage) -> Option<u32> {
        let mut weight = 0;
        for fits in [
            self.task.as_ref().map(|task| *task == stage.task),
            self.step.as_ref().map(|step| *step == stage.step),
            self.role.as_ref().map(|role| *role == stage.role),
            self.prompt.as_ref().map(|part| stage.prompt.contains(part)),
            self.attempt.map(|number| number == stage.attempt),
            self.epoch.map(|epoch| epoch == stage.epoch),
        ] {
            weight = weight * 2 + u32::from(fits.is_some());
            if fits == Some(false) {
                return None;
            }
        }
        Some(weight)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawScript {
    #[serde(default)]
    play: Vec<RawPlay>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPlay {
    task: Option<String>,
    step: Option<String>,
    role: Option<String>,
    prompt: Option<String>,
    attempt: Option<u32>,
    epoch: Option<u32>,
    actions: Vec<Spanned<Table>>,
}

impl Script {
    /// Reads a script; `file` is its name in errors.
    pub(super) fn parse(file: &str, text: &str) -> Result<Self, ScriptError> {
        let error = |offset: usize, what: String| ScriptError {
            file: file.to_owned(),
            line: 1 + text[..text.floor_char_boundary(offset)].matches('\n').count(),
            what,
        };
        let raw: RawScript = toml::from_str(text).map_err(|source| {
            let offset = source.span().map_or(0, |span| span.start);
            error(offset, source.message().trim().replace('\n', ", "))
        })?;
        let mut plays = Vec::new();
        for play in raw.play {
            let mut actions: Vec<Action> = Vec::new();
            for table in &play.actions {
                let at = table.span().start;
                if actions.last().is_some_and(Action::ends_the_turn) {
                    return Err(error(
                        at,
                        "the action before this one ends the turn; remove what follows it".into(),
                    ));
                }
                actions.push(Action::read(table.get_ref()).map_err(|what| error(at, what))?);
            }
            plays.push(Play {
                who: Who {
                    task: play.task,
                    step: play.step,
                    role: play.role,
                    prompt: play.prompt,
                    attempt: play.attempt,
                    epoch: play.epoch,
                },
                actions,
            });
        }
        Ok(Self { plays })
    }

    /// Adds the plays of another script; of two that fit equally well the first one is played.
    pub(super) fn extend(&mut self, other: Self) {
        self.plays.extend(other.plays);
    }

    /// The play that fits this task best.
    pub(super) fn select(&self, stage: &Stage) -> Option<&Play> {
        let fitting = self.plays.iter().filter_map(|play| Some((play.who.fit(stage)?, play)));
        // `max_by_key` takes the last of equals, so it looks from behind.
        let best = fitting.rev().max_by_key(|(fit, _)| *fit);
        best.map(|(_, play)| play)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        let error = Script::parse("s.toml", text).expect_err(text);
        error.to_string()
    }

    #[test]
    fn every_action_of_the_documentation_is_read() {
        let page = include_str!("../../docs/runtimes.md");
        let mut scripts = page.split("```toml\n# script\n").skip(1);
        let script = scripts.next().expect("the page shows a script");
        let text = script.split("```").next().expect("it ends");
        let script = Script::parse("docs/runtimes.md", text).expect("valid");
        assert!(script.plays.iter().map(|play| play.actions.len()).sum::<usize>() >= 26);
        assert!(scripts.next().is_none());
    }

    #[test]
    fn the_closest_play_is_chosen_and_the_first_of_equals() {
        let text = r#"
            play = [
              { actions = [{ say = "anybody" }] },
              { role = "coder", actions = [{ say = "role" }] },
              { role = "coder", actions = [{ say = "role again" }] },
              { role = "coder", attempt = 2, actions = [{ say = "role, attempt" }] },
              { role = "coder", epoch = 2, actions = [{ say = "role, epoch" }] },
              { role = "coder", prompt = "vote", actions = [{ say = "role, prompt" }] },
              { step = "review", actions = [{ say = "step" }] },
              { task = "review/2", actions = [{ say = "task" }] },
              { task = "review/2", attempt = 3, actions = [{ say = "task, attempt" }] },
            ]"#;
        let script = Script::parse("s.toml", text).expect("valid");
        for (task, role, prompt, attempt, epoch, expected) in [
            ("x", "nobody", "", 1, 1, "anybody"),
            ("x", "coder", "", 1, 1, "role"),
            ("x", "coder", "", 2, 1, "role, attempt"),
            ("x", "coder", "", 1, 2, "role, epoch"),
            ("x", "coder", "", 2, 2, "role, attempt"),
            ("x", "coder", "please vote", 2, 2, "role, prompt"),
            ("review/1", "coder", "please vote", 2, 2, "step"),
            ("review/2", "coder", "", 2, 1, "task"),
            ("review/2", "coder", "", 3, 1, "task, attempt"),
        ] {
            let stage = Stage {
                task: task.to_owned(),
                step: task.split('/').next().unwrap_or_default().to_owned(),
                role: role.to_owned(),
                prompt: prompt.to_owned(),
                attempt,
                epoch,
                ..Stage::default()
            };
            let play = script.select(&stage).expect("somebody plays");
            assert_eq!(play.actions, [Action::Say(expected.to_owned())]);
        }
    }

    #[test]
    fn no_play_is_chosen_when_none_fits() {
        let text = "[[play]]\nrole = \"qa\"\nactions = []";
        let script = Script::parse("s.toml", text).expect("valid");
        assert_eq!(script.select(&Stage::default()), None);
    }

    #[test]
    fn a_mistake_is_named_with_its_line_and_its_fix() {
        for (actions, part) in [
            ("{ verdikt = \"x\" }", "unknown action `verdikt`; did you mean `verdict`"),
            ("{ dance = 1 }", "unknown action `dance`; known are `say`, `think`"),
            ("{ }", "an action must not be empty; write one of `say`"),
            ("{ say = \"x\", think = \"y\" }", "one verb, this one has `say` and `think`"),
            ("{ say = 1 }", "`say` must be a text"),
            ("{ say = \"x\", text = \"y\" }", "`say` does not know `text`; it takes no other key"),
            ("{ tool = \"x\", detial = \"y\" }", "did you mean `detail`"),
            ("{ tool = \"x\", ms = \"1s\" }", "`ms` of `tool` must be a number of milliseconds"),
            ("{ wait = 3 }", "`wait` must be a duration like"),
            ("{ wait = \"soon\" }", "`soon` is not a duration"),
            ("{ message = \"x\" }", "`to` of `message` must be an address"),
            ("{ gate = \"x\" }", "`values` of `gate` must be a table"),
            ("{ verdict = \"GOOD\" }", "write `PASS`, `FAIL` or `run`"),
            ("{ state = \"OK\" }", "write `DONE`, `CONTINUE` or `BLOCKED`"),
            ("{ error = \"bad\" }", "write one of `rate_limit`, `overload`"),
            ("{ fail = 256 }", "an exit code from 0 to 255"),
            ("{ hang = false }", "`hang` must be `true`; leave the action out"),
            ("{ silent = false }", "`silent` must be `true`"),
            ("{ flood = { gb = 1 } }", "`flood` does not know `gb`"),
            ("{ flood = { mb = 1, lines = 1 } }", "`mb` or `lines`, not both"),
            ("{ crash = \"SEGV\" }", "write `KILL`, `ABRT` or `TERM`"),
            ("{ child = 3 }", "`child` must be a duration"),
            ("{ usage = { input_tokens = -1 } }", "`usage` must be a table"),
        ] {
            let error =
                error(&format!("[[play]]\nactions = [\n  {{ say = \"fine\" }},\n  {actions},\n]"));
            assert!(error.starts_with("`s.toml` line 4: "), "{error}");
            assert!(error.contains(part), "{actions}: {error}");
        }
    }

    #[test]
    fn mistakes_around_the_actions_are_named_too() {
        let error_of = error;
        let error = error_of("[[play]]\nactions = [\n  { fail = 1 },\n  { say = \"x\" },\n]");
        assert!(
            error.starts_with("`s.toml` line 4: the action before this one ends the turn"),
            "{error}"
        );
        let error = error_of("[[play]]\nrolle = \"x\"\nactions = []");
        assert!(error.starts_with("`s.toml` line 2: unknown field `rolle`"), "{error}");
        let error = error_of("[[play]]\nactions = [");
        assert!(error.starts_with("`s.toml` line 2: "), "{error}");
        let error = error_of("[[play]]\nrole = \"x\"\n");
        assert!(error.contains("missing field `actions`"), "{error}");
    }

    #[test]
    fn the_compiled_in_scripts_are_valid_and_know_every_role() {
        Script::parse("demo.toml", super::super::demo::SCRIPT).expect("valid");
        let roles = Script::parse("roles.toml", include_str!("roles.toml")).expect("valid");
        for role in [
            "analyst",
            "critic",
            "executor",
            "explorer",
            "planner",
            "reviewer",
            "security-reviewer",
            "test-engineer",
            "verifier",
            "writer",
            "coder",
            "qa",
            "craft",
            "lead",
        ] {
            let stage = Stage { role: role.to_owned(), ..Stage::default() };
            let play = roles.select(&stage).expect(role);
            assert_eq!(play.who.role.as_deref(), Some(role));
        }
    }
}
