//! What a play can do, and how a script writes it.

use std::collections::BTreeMap;

use toml::Table;

use crate::agent::{CrewLine, ErrorKind, TaskState, Verdict};
use crate::base::text::did_you_mean;
use crate::base::time::parse_ms;

/// One thing that the agent does.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    Say(String),
    /// A line of output as it is, but for its placeholders.
    Tell(CrewLine),
    /// Only when the last `run` ended so.
    TellAfter {
        is_green: bool,
        line: CrewLine,
    },
    Tool {
        name: String,
        detail: String,
        ms: u64,
        ok: bool,
    },
    Wait {
        ms: u64,
    },
    Edit {
        how: Edit,
        path: String,
        text: String,
    },
    Run {
        command: String,
    },
    Ask {
        text: String,
        choices: Vec<String>,
        go_on: bool,
    },
    Error {
        kind: ErrorKind,
        text: String,
        retryable: bool,
        reset_ms: Option<u64>,
    },
    /// `None` follows the last `run`.
    Verdict(Option<Verdict>),
    State {
        state: TaskState,
        reason: Option<String>,
    },
    Result(String),
    Print(String),
    Stderr(String),
    Trouble(Trouble),
}

/// What happens to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edit {
    Write,
    Append,
    Delete,
}

impl Edit {
    /// Its verb, also the name of the tool call.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Append => "append",
            Self::Delete => "delete",
        }
    }
}

/// A way to misbehave.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Trouble {
    Fail { code: u8, text: String },
    Hang { ignore_signals: bool },
    Flood { lines: u64, line_bytes: usize },
    Garbage { lines: u64 },
    Crash(Crash),
    Child(Child),
    Silent,
}

/// The signal by which the agent dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Crash {
    Kill,
    Abort,
    Term,
}

/// A process that the agent leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Child {
    /// How long it stays; never scaled by the speed.
    pub(super) ms: u64,
    /// Whether it leaves the agent's session.
    pub(super) session: bool,
    /// Whether it ignores SIGINT, SIGTERM and SIGHUP.
    pub(super) ignore_signals: bool,
    /// Whether it keeps the agent's standard output open.
    pub(super) stdout: bool,
    /// Whether it drops the attempt's mark from its environment.
    pub(super) unmarked: bool,
}

impl Action {
    /// Whether nothing that follows can be played.
    pub(super) fn ends_the_turn(&self) -> bool {
        match self {
            Self::Ask { go_on, .. } => !go_on,
            Self::Trouble(trouble) => match trouble {
                Trouble::Fail { .. }
                | Trouble::Hang { .. }
                | Trouble::Crash(_)
                | Trouble::Silent => true,
                Trouble::Flood { .. } | Trouble::Garbage { .. } | Trouble::Child(_) => false,
            },
            Self::Say(_)
            | Self::Tell(_)
            | Self::TellAfter { .. }
            | Self::Tool { .. }
            | Self::Wait { .. }
            | Self::Edit { .. }
            | Self::Run { .. }
            | Self::Error { .. }
            | Self::Verdict(_)
            | Self::State { .. }
            | Self::Result(_)
            | Self::Print(_)
            | Self::Stderr(_) => false,
        }
    }

    /// Reads one table of `actions`.
    ///
    /// # Errors
    /// Says what is wrong and what to write.
    pub(super) fn read(table: &Table) -> Result<Self, String> {
        let mut verbs = table.keys().filter(|key| known(key).is_some());
        let Some(verb) = verbs.next() else {
            return Err(no_verb(table));
        };
        if let Some(other) = verbs.next() {
            return Err(format!(
                "an action has one verb, this one has `{verb}` and `{other}`; write two tables"
            ));
        }
        let extras = known(verb).unwrap_or_default();
        let stranger = |key: &&String| *key != verb && !extras.contains(&key.as_str());
        if let Some(key) = table.keys().find(stranger) {
            let advice = match (did_you_mean(key, extras.iter().copied()), extras) {
                (Some(near), _) => format!("did you mean `{near}`"),
                (None, []) => "it takes no other key".to_owned(),
                (None, extras) => format!("it takes `{}`", extras.join("`, `")),
            };
            return Err(format!("`{verb}` does not know `{key}`; {advice}"));
        }
        read(verb, &Fields { verb, table })
    }
}

/// Every verb, with the keys that it takes besides itself.
const VERBS: &[(&str, &[&str])] = &[
    ("say", &[]),
    ("think", &[]),
    ("tool", &["detail", "ms", "ok"]),
    ("wait", &[]),
    ("write", &["text"]),
    ("append", &["text"]),
    ("delete", &[]),
    ("run", &[]),
    ("gate", &["values", "after"]),
    ("message", &["to"]),
    ("ask", &["choices", "go_on"]),
    ("artifact", &["text"]),
    ("usage", &[]),
    ("error", &["text", "retryable", "reset"]),
    ("verdict", &[]),
    ("state", &["reason"]),
    ("result", &[]),
    ("print", &[]),
    ("stderr", &[]),
    ("fail", &["text"]),
    ("hang", &["ignore_signals"]),
    ("flood", &[]),
    ("garbage", &[]),
    ("crash", &[]),
    ("child", &["session", "ignore_signals", "stdout", "unmarked"]),
    ("silent", &[]),
];

fn known(key: &str) -> Option<&'static [&'static str]> {
    let found = VERBS.iter().find(|(verb, _)| *verb == key);
    found.map(|(_, extras)| *extras)
}

fn no_verb(table: &Table) -> String {
    let verbs = VERBS.iter().map(|(verb, _)| *verb);
    for key in table.keys() {
        if let Some(near) = did_you_mean(key, verbs.clone()) {
            return format!("unknown action `{key}`; did you mean `{near}`");
        }
    }
    let verbs: Vec<_> = verbs.collect();
    match table.keys().next() {
        Some(key) => format!("unknown action `{key}`; known are `{}`", verbs.join("`, `")),
        None => format!("an action must not be empty; write one of `{}`", verbs.join("`, `")),
    }
}

fn read(verb: &str, fields: &Fields<'_>) -> Result<Action, String> {
    let own = || fields.need::<String>(verb, "a text");
    let edit =
        |how| Ok::<_, String>(Action::Edit { how, path: own()?, text: fields.text("text")? });
    Ok(match verb {
        "say" => Action::Say(own()?),
        "think" => Action::Tell(CrewLine::Thinking { text: own()? }),
        "tool" => Action::Tool {
            name: own()?,
            detail: fields.text("detail")?,
            ms: fields.get("ms", "a number of milliseconds")?.unwrap_or(0),
            ok: fields.flag("ok")?.unwrap_or(true),
        },
        "wait" => Action::Wait { ms: fields.duration("wait")? },
        "write" => edit(Edit::Write)?,
        "append" => edit(Edit::Append)?,
        "delete" => edit(Edit::Delete)?,
        "run" => Action::Run { command: own()? },
        "gate" => {
            let line = CrewLine::Gate {
                gate: own()?,
                values: fields.need("values", "a table like `{ votes = \"approve\" }`")?,
            };
            match fields.get::<String>("after", "`green` or `red`")?.as_deref() {
                None => Action::Tell(line),
                Some("green") => Action::TellAfter { is_green: true, line },
                Some("red") => Action::TellAfter { is_green: false, line },
                Some(other) => {
                    return Err(format!(
                        "`after` is `green` or `red` (as the last `run` ended), not `{other}`"
                    ));
                }
            }
        }
        "message" => Action::Tell(CrewLine::Message {
            text: own()?,
            to: fields.need("to", "an address: a task, `run` or `human`")?,
        }),
        "ask" => Action::Ask {
            text: own()?,
            choices: fields.get("choices", "a list of texts")?.unwrap_or_default(),
            go_on: fields.flag("go_on")?.unwrap_or(false),
        },
        "artifact" => Action::Tell(CrewLine::Artifact { name: own()?, text: fields.text("text")? }),
        "usage" => Action::Tell(CrewLine::Usage(fields.need(
            "usage",
            "a table of `input_tokens`, `output_tokens`, `cache_tokens`, `cost_usd`",
        )?)),
        "error" => error(fields)?,
        "verdict" => verdict(&own()?)?,
        "state" => state(&own()?, fields)?,
        "result" => Action::Result(own()?),
        "print" => Action::Print(own()?),
        "stderr" => Action::Stderr(own()?),
        _ => Action::Trouble(trouble(verb, fields)?),
    })
}

fn verdict(word: &str) -> Result<Action, String> {
    if word == "run" {
        return Ok(Action::Verdict(None));
    }
    let verdict = Verdict::from_word(word).ok_or_else(|| {
        format!("`{word}` is no verdict; write `PASS`, `FAIL` or `run` (as the last `run` ended)")
    })?;
    Ok(Action::Verdict(Some(verdict)))
}

fn state(word: &str, fields: &Fields<'_>) -> Result<Action, String> {
    Ok(Action::State {
        state: TaskState::from_word(word).ok_or_else(|| {
            format!("`{word}` is no state; write `DONE`, `CONTINUE` or `BLOCKED`")
        })?,
        reason: fields.get("reason", "a text")?,
    })
}

fn error(fields: &Fields<'_>) -> Result<Action, String> {
    let word: String = fields.need("error", "a kind of error")?;
    let kind = ErrorKind::ALL.into_iter().find(|kind| kind.word() == word);
    let words = ErrorKind::ALL.map(ErrorKind::word).join("`, `");
    Ok(Action::Error {
        kind: kind
            .ok_or_else(|| format!("`{word}` is no kind of error; write one of `{words}`"))?,
        text: fields.text("text")?,
        retryable: fields.flag("retryable")?.unwrap_or(false),
        reset_ms: if fields.table.contains_key("reset") {
            Some(fields.duration("reset")?)
        } else {
            None
        },
    })
}

/// The verbs that misbehave.
fn trouble(verb: &str, fields: &Fields<'_>) -> Result<Trouble, String> {
    Ok(match verb {
        "fail" => Trouble::Fail {
            code: fields.need("fail", "an exit code from 0 to 255")?,
            text: fields.text("text")?,
        },
        "hang" => {
            fields.must_be_true("hang")?;
            Trouble::Hang { ignore_signals: fields.flag("ignore_signals")?.unwrap_or(false) }
        }
        "flood" => flood(fields)?,
        "garbage" => Trouble::Garbage { lines: fields.need("garbage", "a number of lines")? },
        "crash" => {
            let word: String = fields.need("crash", "a signal")?;
            Trouble::Crash(match word.as_str() {
                "KILL" => Crash::Kill,
                "ABRT" => Crash::Abort,
                "TERM" => Crash::Term,
                _ => {
                    return Err(format!(
                        "`{word}` is no signal here; write `KILL`, `ABRT` or `TERM`"
                    ));
                }
            })
        }
        "child" => Trouble::Child(Child {
            ms: fields.duration("child")?,
            session: fields.flag("session")?.unwrap_or(false),
            ignore_signals: fields.flag("ignore_signals")?.unwrap_or(false),
            stdout: fields.flag("stdout")?.unwrap_or(false),
            unmarked: fields.flag("unmarked")?.unwrap_or(false),
        }),
        _ => {
            fields.must_be_true("silent")?;
            Trouble::Silent
        }
    })
}

fn flood(fields: &Fields<'_>) -> Result<Trouble, String> {
    const WANTED: &str = "a table of `mb` or `lines`, and `line_bytes`";
    const LINE_BYTES: u64 = 200;
    let sizes: BTreeMap<String, u64> = fields.need("flood", WANTED)?;
    if let Some(key) =
        sizes.keys().find(|key| !matches!(key.as_str(), "mb" | "lines" | "line_bytes"))
    {
        return Err(format!("`flood` does not know `{key}`; it is {WANTED}"));
    }
    let line_bytes = sizes.get("line_bytes").copied().unwrap_or(LINE_BYTES).max(1);
    let lines = match (sizes.get("mb"), sizes.get("lines")) {
        (Some(mb), None) => (mb << 20).div_ceil(line_bytes),
        (None, Some(lines)) => *lines,
        (None, None) => 1,
        (Some(_), Some(_)) => return Err("`flood` takes `mb` or `lines`, not both".to_owned()),
    };
    let line_bytes = usize::try_from(line_bytes).map_err(|_| format!("`flood` is {WANTED}"))?;
    Ok(Trouble::Flood { lines, line_bytes })
}

/// Typed access to the keys of one action.
struct Fields<'a> {
    verb: &'a str,
    table: &'a Table,
}

impl Fields<'_> {
    fn get<T: serde::de::DeserializeOwned>(
        &self,
        key: &str,
        wanted: &str,
    ) -> Result<Option<T>, String> {
        let Some(value) = self.table.get(key) else {
            return Ok(None);
        };
        let value = value.clone().try_into();
        value.map(Some).map_err(|_| self.form(key, wanted))
    }

    fn need<T: serde::de::DeserializeOwned>(&self, key: &str, wanted: &str) -> Result<T, String> {
        self.get(key, wanted)?.ok_or_else(|| self.form(key, wanted))
    }

    fn form(&self, key: &str, wanted: &str) -> String {
        if key == self.verb {
            format!("`{key}` must be {wanted}")
        } else {
            format!("`{key}` of `{}` must be {wanted}", self.verb)
        }
    }

    fn text(&self, key: &str) -> Result<String, String> {
        Ok(self.get(key, "a text")?.unwrap_or_default())
    }

    fn flag(&self, key: &str) -> Result<Option<bool>, String> {
        self.get(key, "`true` or `false`")
    }

    fn duration(&self, key: &str) -> Result<u64, String> {
        let text: String = self.need(key, "a duration like `\"800ms\"` or `\"2s\"`")?;
        parse_ms(&text).map_err(|error| error.to_string())
    }

    fn must_be_true(&self, key: &str) -> Result<(), String> {
        match self.flag(key)? {
            Some(true) => Ok(()),
            Some(false) | None => {
                Err(format!("`{key}` must be `true`; leave the action out instead"))
            }
        }
    }
}
