//! Names of things: runs by number, steps and tasks by name, attempts by task and number.
//!
//! A name that has been parsed is valid; nobody checks it again.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::limits;

/// Number of a run inside its project; starts at 1 and is never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunNumber(pub u32);

impl RunNumber {
    /// Name of the run's folder: four digits, more when the number needs them.
    pub fn folder(self) -> String {
        format!("{:04}", self.0)
    }
}

impl fmt::Display for RunNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text is empty.
    #[error("a name must not be empty")]
    Empty,
    /// The text is longer than a name may be.
    #[error("`{0}…` is longer than {max} characters", max = limits::NAME_CHARS_MAX)]
    Long(String),
    /// The text holds a character that names do not have.
    #[error("`{name}` holds `{bad}`; names hold letters, digits, `-`, `_` and `.`")]
    Character {
        /// The whole text.
        name: String,
        /// The first character that does not fit.
        bad: char,
    },
}

/// Checks that a text can name a step, role, gate, team, workflow, agent or skill.
///
/// # Errors
/// Says which rule the text breaks.
pub fn check_name(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name.chars().count() > limits::NAME_CHARS_MAX {
        return Err(NameError::Long(name.chars().take(20).collect()));
    }
    let bad_start = name.chars().next().filter(|c| matches!(c, '.' | '-'));
    let bad = bad_start
        .or_else(|| name.chars().find(|c| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))));
    match bad {
        None => Ok(()),
        Some(bad) => Err(NameError::Character { name: name.to_owned(), bad }),
    }
}

/// Name of a step in a workflow file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId(Arc<str>);

impl StepId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for StepId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        check_name(text)?;
        Ok(Self(text.into()))
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Name of a task: its step, and the slot when the step has several (`review/2`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId {
    step: StepId,
    slot: Option<u32>,
}

impl TaskId {
    /// Names a task of `step`; `slot` counts from 1 and is absent when the step has one task.
    pub fn new(step: StepId, slot: Option<u32>) -> Self {
        Self { step, slot }
    }

    /// The step that the task plays.
    pub fn step(&self) -> &StepId {
        &self.step
    }

    /// The slot of the task in its step, from 1.
    pub fn slot(&self) -> Option<u32> {
        self.slot
    }

    /// The name as one path component: slashes become dots.
    pub fn file_name(&self) -> String {
        self.to_string().replace('/', ".")
    }
}

impl FromStr for TaskId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let Some((step, slot)) = text.split_once('/') else {
            return Ok(Self { step: text.parse()?, slot: None });
        };
        let bad = || NameError::Character { name: text.to_owned(), bad: '/' };
        let slot: u32 = slot.parse().map_err(|_| bad())?;
        Ok(Self { step: step.parse()?, slot: Some(slot) })
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.slot {
            None => self.step.fmt(f),
            Some(slot) => write!(f, "{}/{slot}", self.step),
        }
    }
}

/// One execution of a task; attempts are numbered from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId {
    /// The task.
    pub task: TaskId,
    /// The attempt's number, from 1.
    pub number: u32,
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.task, self.number)
    }
}

/// Name of an artifact: one path component.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArtifactName(String);

impl ArtifactName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ArtifactName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        check_name(text)?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ArtifactName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! serde_as_text {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

serde_as_text!(StepId, TaskId, ArtifactName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn task_names_round_trip() {
        for name in ["review", "review/3", "a.b_c-d/12"] {
            let task: TaskId = name.parse().expect(name);
            assert_eq!(task.to_string(), name);
        }
        assert_eq!("review/3".parse::<TaskId>().expect("valid").file_name(), "review.3");
    }

    #[test]
    fn names_that_would_leave_their_folder_are_refused() {
        for name in ["", "..", "a/b/c", "../x", "a b", "-x", "a\n", &"x".repeat(200)] {
            assert!(name.parse::<TaskId>().is_err(), "{name:?}");
            assert!(name.parse::<ArtifactName>().is_err(), "{name:?}");
        }
    }
}
