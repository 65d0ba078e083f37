//! One schedule as its file says it, with findings at their lines.

use std::collections::BTreeMap;
use std::ops::Range;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;
use toml::Spanned;

use super::folder::Scope;
use super::timing::Timing;
use crate::base::text::did_you_mean;
use crate::resource::{Diagnostic, Severity};

/// What happens when a schedule is due and its last run is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// This time is left out.
    #[default]
    Skip,
    /// The last run is stopped.
    Replace,
    /// The new run is started when the last one has ended; several times count once.
    Queue,
}

/// A schedule.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Its name: that of its file.
    pub name: String,
    /// Whose it is.
    pub scope: Scope,
    /// Its file.
    pub path: Utf8PathBuf,
    /// When it is due.
    pub timing: Timing,
    /// What happens when its last run is not over.
    pub overlap: Overlap,
    /// What it asks for.
    pub ask: Ask,
}

/// The keys of a file, as they stand; those of `crew run` are called as there.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    goal: Spanned<String>,
    cron: Option<Spanned<String>>,
    every: Option<Spanned<String>>,
    timezone: Option<Spanned<String>>,
    /// The folder of the project: only in files of the user, and needed there.
    project: Option<Spanned<String>>,
    /// Whether it is due at all.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Whether its runs wait for a person before they start.
    #[serde(default)]
    pub draft: bool,
    #[serde(default)]
    overlap: Overlap,
    /// `-t`.
    pub team: Option<String>,
    /// `-w`.
    pub workflow: Option<String>,
    /// `--role`.
    pub role: Option<String>,
    /// `--agent`.
    pub agent: Option<String>,
    /// `-a`.
    pub runtime: Option<String>,
    /// `-m`.
    pub model: Option<String>,
    /// `--priority`.
    #[serde(default)]
    pub priority: Place,
    /// `--in-place`.
    #[serde(default)]
    pub in_place: bool,
    /// `--validate`.
    pub validate: Option<String>,
    /// `--max-steps`.
    pub max_steps: Option<u32>,
    /// `--max-minutes`.
    pub max_minutes: Option<u32>,
    /// `--max-cost`.
    pub max_cost: Option<f64>,
    /// `--param`.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
}

/// Place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Before all others.
    Urgent,
    /// Before those that say nothing.
    High,
    /// What a file says that says nothing.
    #[default]
    Normal,
    /// After all others.
    Low,
}

const KEYS: &[&str] = &[
    "goal",
    "cron",
    "every",
    "timezone",
    "project",
    "enabled",
    "draft",
    "overlap",
    "team",
    "workflow",
    "role",
    "agent",
    "runtime",
    "model",
    "priority",
    "in_place",
    "validate",
    "max_steps",
    "max_minutes",
    "max_cost",
    "params",
];

fn yes() -> bool {
    true
}

impl Ask {
    /// What is to be done.
    pub fn goal(&self) -> &str {
        self.goal.get_ref()
    }
}

/// Reads the text of a schedule; one of the user may be about another project, and is absent then.
///
/// # Errors
/// What is wrong with it, and where.
pub(super) fn parse(
    path: &Utf8Path,
    shown: &Utf8Path,
    scope: Scope,
    root: &Utf8Path,
    home: Option<&str>,
    source: &str,
) -> Result<Option<Schedule>, Diagnostic> {
    let text = source.strip_prefix('\u{feff}').unwrap_or(source);
    let wrong = |span: Option<Range<usize>>, message: String, fix: String| {
        let before = &text[..span.map_or(0, |span| span.start).min(text.len())];
        let column = before.chars().rev().take_while(|char| *char != '\n').count() + 1;
        Diagnostic {
            file: shown.to_owned(),
            line: u32::try_from(before.matches('\n').count() + 1).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
            severity: Severity::Error,
            message,
            fix,
        }
    };
    let ask: Ask = toml::from_str(text).map_err(|error| {
        let message = error.message().lines().next().unwrap_or_default().to_owned();
        // The list of all keys that follows says less than what mends it.
        let short = message.split(", expected one of").next().unwrap_or(&message);
        wrong(error.span(), short.to_owned(), fix_of(&message))
    })?;
    let name = path.file_stem().unwrap_or_default().to_owned();
    if !is_name(&name) {
        let message = format!("`{name}` is not a name for a schedule");
        return Err(wrong(None, message, "use letters, digits, `-`, `_` and `.`".to_owned()));
    }
    if ask.goal().trim().is_empty() {
        let fix = "say what is to be done: `goal = \"…\"`".to_owned();
        return Err(wrong(Some(ask.goal.span()), "the goal is empty".to_owned(), fix));
    }
    match (scope, &ask.project) {
        (Scope::Project, Some(project)) => {
            let fix = "take the line out".to_owned();
            let message = "a schedule of a project is about that project".to_owned();
            return Err(wrong(Some(project.span()), message, fix));
        }
        (Scope::User, None) => {
            let fix = "say where it works: `project = \"/path/to/project\"`".to_owned();
            return Err(wrong(None, "a schedule of yours needs a `project`".to_owned(), fix));
        }
        (Scope::User, Some(project)) if !is_root(project.get_ref(), root, home) => {
            return Ok(None);
        }
        (Scope::User, Some(_)) | (Scope::Project, None) => {}
    }
    let zone = ask.timezone.as_ref().map(|zone| zone.get_ref().as_str());
    let (place, timing) = match (&ask.cron, &ask.every) {
        (Some(cron), None) => (cron, Timing::cron(cron.get_ref(), zone)),
        (None, Some(every)) => (every, Timing::every(every.get_ref())),
        (Some(_), Some(every)) => (every, Err("`cron` and `every` exclude each other".to_owned())),
        (None, None) => (&ask.goal, Err("neither `cron` nor `every` says when".to_owned())),
    };
    let timing = timing.map_err(|message| {
        let fix = "write `cron = \"0 7 * * 1-5\"`, `cron = \"@daily\"` or `every = \"30m\"`";
        wrong(Some(place.span()), message, fix.to_owned())
    })?;
    let (path, overlap) = (path.to_owned(), ask.overlap);
    Ok(Some(Schedule { name, scope, path, timing, overlap, ask }))
}

fn is_name(name: &str) -> bool {
    let fits = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.');
    !name.is_empty() && name.len() <= crate::base::limits::NAME_CHARS_MAX && name.chars().all(fits)
}

/// Whether a user's schedule names this project; a path that leads nowhere names none.
fn is_root(project: &str, root: &Utf8Path, home: Option<&str>) -> bool {
    let path = match (project.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => Utf8Path::new(home).join(rest),
        _ => Utf8PathBuf::from(project),
    };
    path.canonicalize_utf8().is_ok_and(|path| path == root)
}

/// What mends a line that the parser refused.
fn fix_of(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    match quoted.next() {
        Some(key) if message.starts_with("unknown field") => {
            match did_you_mean(key, KEYS.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the keys are {}", KEYS.join(", ")),
            }
        }
        Some("goal") if message.starts_with("missing field") => {
            "say what is to be done: `goal = \"…\"`".to_owned()
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(scope: Scope, text: &str) -> Result<Option<Schedule>, String> {
        let path = Utf8Path::new("/p/.crew/schedules/nightly.toml");
        parse(path, Utf8Path::new("nightly.toml"), scope, Utf8Path::new("/p"), None, text)
            .map_err(|found| found.to_string())
    }

    #[test]
    fn a_file_says_when_and_what() {
        let text = "goal = \"tidy up\"\ncron = \"@daily\"\ntimezone = \"UTC\"\noverlap = \"queue\"\n\
            team = \"default\"\npriority = \"low\"\nmax_steps = 5\n[params]\narea = \"docs\"\n";
        let schedule = read(Scope::Project, text).unwrap().unwrap();
        assert_eq!((schedule.name.as_str(), schedule.ask.goal()), ("nightly", "tidy up"));
        assert_eq!((schedule.overlap, schedule.ask.priority), (Overlap::Queue, Place::Low));
        assert_eq!(schedule.timing.text(), "cron @daily UTC");
        assert!(schedule.ask.enabled && !schedule.ask.draft);
        assert_eq!(schedule.ask.params["area"], "docs");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_what_mends_it() {
        for (text, place, said) in [
            ("goal = \"x\"\nevrey = \"1h\"\n", "2:1", "did you mean `every`?"),
            ("every = \"1h\"\n", "1:1", "goal = "),
            ("goal = \"x\"\n", "1:8", "says when"),
            ("goal = \"x\"\ncron = \"1 2\"\n", "2:8", "five fields"),
            ("goal = \"x\"\ncron = \"@daily\"\nevery = \"1h\"\n", "3:9", "exclude each other"),
            ("goal = \"x\"\nevery = \"1h\"\noverlap = \"both\"\n", "3:11", "unknown variant"),
            ("goal = \" \"\nevery = \"1h\"\n", "1:8", "the goal is empty"),
            ("goal = \"x\nevery = \"1h\"\n", "1:", "error"),
            ("goal = \"x\"\nevery = \"1h\"\nproject = \"/q\"\n", "3:11", "take the line out"),
        ] {
            let error = read(Scope::Project, text).expect_err(text);
            assert!(error.starts_with(&format!("nightly.toml:{place}")), "{text}: {error}");
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn a_schedule_of_the_user_names_its_project() {
        let error = read(Scope::User, "goal = \"x\"\nevery = \"1h\"\n").unwrap_err();
        assert!(error.contains("needs a `project`"), "{error}");
        let other = read(Scope::User, "goal = \"x\"\nevery = \"1h\"\nproject = \"/nowhere\"\n");
        assert!(other.unwrap().is_none());
    }
}
