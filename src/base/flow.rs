//! Pure types that workflows, plans, events and the engine share: closed step words, gate fields and conditions.
//!
//! The plan freezes them into the event log, so their serialised form may only grow.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::id::StepId;

/// Declares a closed set of words: the enum, its table of words, and both directions between them.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize, ::serde::Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// Every word with its meaning, in the order of the declaration.
            pub const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),*];

            /// The word as it stands in a file.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
pub(crate) use words;

/// Names of the programs that crew drives without being told how, in the order in which one is chosen when
/// nothing names one.
pub const BUILT_IN_PROGRAMS: [&str; 6] = ["claude", "codex", "pi", "opencode", "gemini", "qwen"];

words! {
    /// What a task may do to the files of its worktree.
    Access {
        /// It must leave the tree as it was.
        Read = "read",
        /// It may change files.
        Write = "write",
        /// It needs no files at all.
        None = "none",
    }
}

words! {
    /// What an agent program may do without being asked, from the least to the most.
    Permission {
        /// Read only.
        Plan = "plan",
        /// Whatever changes something is asked for.
        Ask = "ask",
        /// Files of its folder may be changed; commands run in a sandbox or not at all.
        Edit = "edit",
        /// Everything that the user may.
        Full = "full",
    }
}

impl Permission {
    /// What a task with this access is given in a run whose writers have `writers`.
    pub fn of(access: Access, writers: Self) -> Self {
        match access {
            Access::Write => writers,
            Access::Read | Access::None => Self::Plan,
        }
    }
}

words! {
    /// Where the memory file of an agent lies.
    MemoryScope {
        /// With the user.
        User = "user",
        /// With the project, committed.
        Project = "project",
        /// With the project, not committed.
        Local = "local",
    }
}

words! {
    /// Which tree a task works in.
    Isolation {
        /// The run's worktree.
        Shared = "shared",
        /// A tree of its own.
        Snapshot = "snapshot",
    }
}

words! {
    /// Who plays a step.
    StepKind {
        /// An agent program.
        Agent = "agent",
        /// A shell command, without an agent.
        Command = "command",
        /// A person, who is asked.
        Human = "human",
        /// Nobody unless it has a prompt: the step ends the run.
        End = "end",
    }
}

words! {
    /// How many of the edges into a step must fire before it starts.
    Join {
        /// Every edge.
        All = "all",
        /// The first edge.
        Any = "any",
    }
}

words! {
    /// What happens to a live attempt when its task becomes stale.
    OnStale {
        /// It may finish; its result does not count.
        Drain = "drain",
        /// It is stopped.
        Cancel = "cancel",
    }
}

words! {
    /// When a channel fires (SPEC 7.3, F2).
    Fire {
        /// When it is open and its source is settled, whichever comes last.
        Settled = "settled",
        /// When it changes from closed to open.
        Open = "open",
        /// When a message is sent along it while it is open.
        Message = "message",
    }
}

words! {
    /// What a step may propose.
    Expands {
        /// The step proposes phases of tasks between the plan markers.
        Adaptive = "adaptive",
        /// The step proposes runs of their own, which are started when its task is done.
        Runs = "runs",
    }
}

/// The loop of a step: passes of one agent until the work is done and green.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loop {
    /// Passes at most.
    pub steps: u32,
    /// Whether the validation command must be green at the end.
    pub validate: bool,
}

/// Type of one field of a gate's store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// One short text.
    String,
    /// `true` or `false`.
    Bool,
    /// A JSON number.
    Number,
    /// A longer text.
    Text,
    /// One of the listed words.
    OneOf(Vec<String>),
    /// One of the listed words per task.
    MapOf(Vec<String>),
    /// A text per task.
    MapText,
}

impl FieldType {
    /// Whether the field holds one entry per task.
    pub fn is_map(&self) -> bool {
        matches!(self, Self::MapOf(_) | Self::MapText)
    }

    /// Whether the whole field may hold `value`.
    pub fn accepts(&self, value: &Value) -> bool {
        match self {
            Self::MapOf(_) | Self::MapText => value
                .as_object()
                .is_some_and(|entries| entries.values().all(|entry| self.accepts_entry(entry))),
            Self::String | Self::Bool | Self::Number | Self::Text | Self::OneOf(_) => {
                self.accepts_entry(value)
            }
        }
    }

    /// Whether one entry of a map field, or the whole of any other field, may hold `value`.
    pub fn accepts_entry(&self, value: &Value) -> bool {
        match self {
            Self::String | Self::Text | Self::MapText => value.is_string(),
            Self::Bool => value.is_boolean(),
            Self::Number => value.is_number(),
            Self::OneOf(words) | Self::MapOf(words) => {
                value.as_str().is_some_and(|word| words.iter().any(|allowed| allowed == word))
            }
        }
    }
}

impl std::fmt::Display for FieldType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::String => f.write_str("string"),
            Self::Bool => f.write_str("bool"),
            Self::Number => f.write_str("number"),
            Self::Text => f.write_str("text"),
            Self::OneOf(words) => write!(f, "one of {}", words.join(", ")),
            Self::MapOf(words) => write!(f, "per task one of {}", words.join(", ")),
            Self::MapText => f.write_str("per task a text"),
        }
    }
}

/// What a `check` asks of a field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckOp {
    /// Present, not null, not the empty text.
    Exists,
    /// Equal as JSON.
    Eq(Value),
    /// Not equal as JSON; a missing value is not equal.
    Ne(Value),
}

/// When a gate is open (SPEC 7.2).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Looks at one field of the store.
    Check {
        /// A literal top-level key, or a JSON Pointer when it begins with `/`.
        field: String,
        /// What is asked of it.
        op: CheckOp,
    },
    /// Counts the entries of a map field that equal a value.
    Count {
        /// A literal top-level key, or a JSON Pointer when it begins with `/`.
        field: String,
        /// The value that is counted.
        eq: Value,
        /// How many are needed, at least 1.
        min: u32,
    },
    /// Every one holds; true when empty.
    All(Vec<Condition>),
    /// At least one holds; false when empty.
    Any(Vec<Condition>),
    /// The step is settled as done and not stale.
    Done(StepId),
    /// The newest evidence of that command is green for the current tree and epoch.
    Exec(String),
}

impl Condition {
    /// Whether it looks at a field of the store.
    pub fn asks_about(&self, name: &str) -> bool {
        let mut found = false;
        self.walk(&mut |part| {
            if let Self::Check { field, .. } | Self::Count { field, .. } = part {
                let path = field.strip_prefix('/').and_then(|path| path.split('/').next());
                let first = path.map(|part| part.replace("~1", "/").replace("~0", "~"));
                found |= first.as_deref().unwrap_or(field) == name;
            }
        });
        found
    }

    /// Calls `visit` for this condition and everything inside it, outermost first.
    pub fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Self)) {
        visit(self);
        match self {
            Self::All(parts) | Self::Any(parts) => {
                for part in parts {
                    part.walk(visit);
                }
            }
            Self::Check { .. } | Self::Count { .. } | Self::Done(_) | Self::Exec(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_round_trip_through_json() {
        let condition = Condition::All(vec![
            Condition::Check { field: "pr_url".to_owned(), op: CheckOp::Exists },
            Condition::Any(vec![
                Condition::Count { field: "votes".to_owned(), eq: "approve".into(), min: 3 },
                Condition::Done("review".parse().expect("valid")),
                Condition::Exec("check".to_owned()),
                Condition::Check { field: "/a/b".to_owned(), op: CheckOp::Ne(1.into()) },
            ]),
        ]);
        let text = serde_json::to_string(&condition).expect("serialises");
        assert_eq!(serde_json::from_str::<Condition>(&text).expect("parses"), condition, "{text}");
    }

    #[test]
    fn fields_accept_only_their_type() {
        let votes = FieldType::MapOf(vec!["approve".to_owned(), "reject".to_owned()]);
        assert!(votes.accepts(&serde_json::json!({"review/1": "approve"})));
        assert!(!votes.accepts(&serde_json::json!({"review/1": "maybe"})));
        assert!(votes.accepts_entry(&"reject".into()) && !votes.accepts(&"reject".into()));
        assert!(!FieldType::Bool.accepts(&"true".into()));
        assert!(FieldType::Number.accepts(&1.5.into()));
    }

    #[test]
    fn words_are_written_as_in_files() {
        assert_eq!(serde_json::to_string(&Access::None).expect("serialises"), "\"none\"");
        assert_eq!(Fire::WORDS.len(), 3);
        assert_eq!(Join::Any.to_string(), "any");
    }
}
