//! A runtime as data: what `[runtimes.<name>]` in the user's configuration says.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Table, Value};

use super::cli_words::{self, WordsError};
use super::decoder::OutputFormat;
use super::live::Protocol;
use super::permission::Permissions;
use super::template::{self, Piece, Placeholder, UnknownPlaceholder};
use super::transport;
use crate::base::text::did_you_mean;

/// How a program gets its prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptVia {
    /// On its standard input, which is then closed.
    #[default]
    Stdin,
    /// As an argument: where `{prompt}` stands, else as the last one.
    Arg,
    /// As the path of a file: where `{prompt_file}` stands, else as the last argument.
    File,
}

impl PromptVia {
    /// The word for it in configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Stdin => "stdin",
            Self::Arg => "arg",
            Self::File => "file",
        }
    }
}

/// How a program wants to be told of an MCP server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum McpForm {
    /// `{"mcpServers": {…}}`, what most take.
    #[default]
    Servers,
    /// The same, offered from the first turn on.
    Claude,
    /// An inline table of TOML.
    Codex,
    /// A piece of its own configuration.
    Opencode,
    /// The same as most, trusted.
    Gemini,
}

/// A program that can play an agent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuntimeSpec {
    /// Its name in crew.
    pub name: String,
    /// Program and arguments, with placeholders.
    pub command: Vec<String>,
    /// How it gets the prompt.
    pub prompt: PromptVia,
    /// What it prints.
    pub output: OutputFormat,
    /// Names of variables that are passed through besides the common ones.
    pub env: Vec<String>,
    /// Variables that are set for it.
    pub set: BTreeMap<String, String>,
    /// Program and arguments that go on with a session; without it every attempt starts anew.
    pub resume: Option<Vec<String>>,
    /// Arguments added when a model is asked for: `["--model", "{model}"]`.
    pub model: Vec<String>,
    /// Arguments added when tools are offered over MCP: `["--mcp-config", "{mcp_config}"]`.
    pub mcp: Vec<String>,
    /// Program and arguments of its own interactive session: `["mytool", "--mcp-config", "{mcp_config}"]`.
    pub chat: Vec<String>,
    /// The protocol in which it takes input while it works; without one it has its prompt and nothing more.
    pub live: Option<Protocol>,
    /// Its driver asks for the model in the words of the protocol; `model` is not for this command.
    pub asks_model: bool,
    /// Program and arguments that open a session of it in a terminal: `["mytool", "--resume", "{session}"]`.
    pub attach: Vec<String>,
    /// The same for a session that begins anew.
    pub interactive: Vec<String>,
    /// In which form it is told of the MCP server.
    pub mcp_form: McpForm,
    /// Variables set when tools are offered over MCP: `{ CONFIG = "{mcp}" }`.
    pub mcp_set: BTreeMap<String, String>,
    /// What it may do without being asked, as arguments and variables.
    pub permissions: Permissions,
    /// Program and arguments that print its version.
    pub version: Vec<String>,
    /// Program and arguments that end well when somebody is logged in.
    pub login: Vec<String>,
    /// How a person logs in, in words.
    pub login_with: String,
    /// Variables by which it takes a key; passed on only when `env` names them too.
    pub keys: Vec<String>,
}

const KEYS: [&str; 24] = [
    "command",
    "prompt",
    "output",
    "env",
    "set",
    "resume",
    "model",
    "mcp",
    "chat",
    "transport",
    "live",
    "live_command",
    "live_resume",
    "live_permissions",
    "attach",
    "interactive",
    "mcp_form",
    "mcp_set",
    "permissions",
    "version",
    "login",
    "login_with",
    "keys",
    "program",
];

/// Why a table does not describe a runtime.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("runtime `{runtime}` is not usable")]
pub struct SpecError {
    /// The runtime's name.
    pub runtime: String,
    /// What is wrong.
    #[source]
    pub problem: SpecProblem,
}

/// What is wrong with a runtime's table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecProblem {
    /// A key that no runtime has.
    #[error("unknown key `{key}`; {}", key_advice(key))]
    UnknownKey {
        /// The key.
        key: String,
    },
    /// The value has another form.
    #[error("`{key}` must be {wanted}")]
    Form {
        /// The key.
        key: &'static str,
        /// The form that it must have.
        wanted: String,
    },
    /// There is no program to start.
    #[error("`{key}` names no program; write `{key} = [\"program\", \"argument\"]`")]
    NoProgram {
        /// The key.
        key: &'static str,
    },
    /// The command text cannot be split.
    #[error("`{key}` is no list of words")]
    Words {
        /// The key.
        key: &'static str,
        /// Where it fails.
        source: WordsError,
    },
    /// A placeholder is not known.
    #[error("`{key}` has a placeholder that means nothing")]
    Placeholder {
        /// The key.
        key: &'static str,
        /// Which one.
        source: UnknownPlaceholder,
    },
    /// Live without a protocol.
    #[error("`{key}` needs `live`, which names the protocol of the program")]
    NoProtocol {
        /// The key.
        key: &'static str,
    },
    /// A command that goes on with a session but names none would silently start anew.
    #[error("`{key}` must hold `{{session}}`")]
    NoSession {
        /// The key.
        key: &'static str,
    },
    /// The text cannot be a variable's name.
    #[error("`{0}` cannot be the name of an environment variable")]
    Variable(String),
}

fn key_advice(key: &str) -> String {
    match did_you_mean(key, KEYS) {
        Some(near) => format!("did you mean `{near}`"),
        None => format!("known are {}", quoted(KEYS)),
    }
}

fn quoted<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<_> = words.into_iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}

impl RuntimeSpec {
    /// Reads `[runtimes.<name>]`.
    ///
    /// # Errors
    /// Names the key and what it must look like.
    pub fn from_table(name: &str, table: &Table) -> Result<Self, SpecError> {
        read(name, table).map_err(|problem| SpecError { runtime: name.to_owned(), problem })
    }

    /// The program that must be found before the first attempt.
    pub fn program(&self) -> &str {
        self.command.first().map_or("", String::as_str)
    }

    /// Whether it is given crew's tools over MCP.
    pub fn takes_mcp(&self) -> bool {
        !self.mcp.is_empty() || !self.mcp_set.is_empty() || self.live == Some(Protocol::Acp)
    }

    /// Whether an attempt can go on with the session of an earlier one.
    pub fn can_resume(&self) -> bool {
        self.resume.is_some() || self.live.is_some_and(Protocol::resumes_by_itself)
    }

    /// Whether a model can be asked for.
    pub fn takes_model(&self) -> bool {
        !self.model.is_empty() || self.asks_model
    }

    /// The same program at another place.
    fn at(&mut self, program: &str) {
        let lists = [
            &mut self.command,
            &mut self.chat,
            &mut self.attach,
            &mut self.interactive,
            &mut self.version,
            &mut self.login,
        ];
        for words in lists.into_iter().chain(self.resume.as_mut()) {
            if let Some(first) = words.first_mut() {
                program.clone_into(first);
            }
        }
    }
}

fn read(name: &str, table: &Table) -> Result<RuntimeSpec, SpecProblem> {
    if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(SpecProblem::UnknownKey { key: key.clone() });
    }
    let (command, resume) = starts(table)?;
    let attach = words(table, "attach")?;
    if !attach.is_empty() && !has(&attach, Placeholder::Session) {
        return Err(SpecProblem::NoSession { key: "attach" });
    }
    let implied = if has(&command, Placeholder::Prompt) {
        PromptVia::Arg
    } else if has(&command, Placeholder::PromptFile) {
        PromptVia::File
    } else {
        PromptVia::Stdin
    };
    let formats = format!("one of {}", quoted(OutputFormat::ALL.map(OutputFormat::word)));
    let forms = "`servers`, `claude`, `codex`, `opencode` or `gemini`";
    let mut spec = RuntimeSpec {
        name: name.to_owned(),
        prompt: value(table, "prompt", "`stdin`, `arg` or `file`")?.unwrap_or(implied),
        output: value(table, "output", &formats)?.unwrap_or_default(),
        env: value(table, "env", "a list of variable names")?.unwrap_or_default(),
        set: value(table, "set", "a table of texts")?.unwrap_or_default(),
        model: words(table, "model")?,
        mcp: words(table, "mcp")?,
        chat: words(table, "chat")?,
        attach,
        interactive: words(table, "interactive")?,
        mcp_form: value(table, "mcp_form", forms)?.unwrap_or_default(),
        mcp_set: value(table, "mcp_set", "a table of texts")?.unwrap_or_default(),
        permissions: permissions(table, "permissions")?,
        version: words(table, "version")?,
        login: words(table, "login")?,
        login_with: value(table, "login_with", "a text")?.unwrap_or_default(),
        keys: value(table, "keys", "a list of variable names")?.unwrap_or_default(),
        command,
        resume,
        live: None,
        asks_model: false,
    };
    transport::choose(&mut spec, table)?;
    if let Some(program) = value::<String>(table, "program", "a path")? {
        spec.at(&program);
    }
    for text in spec.mcp_set.values() {
        template::pieces(text)
            .map_err(|source| SpecProblem::Placeholder { key: "mcp_set", source })?;
    }
    match spec.env.iter().chain(spec.set.keys()).find(|name| bad_variable(name)) {
        Some(name) => Err(SpecProblem::Variable(name.clone())),
        None => Ok(spec),
    }
}

/// How the program is started anew, and how it goes on with a session.
fn starts(table: &Table) -> Result<(Vec<String>, Option<Vec<String>>), SpecProblem> {
    let command = words(table, "command")?;
    let resume = match table.get("resume") {
        None => None,
        Some(_) => Some(words(table, "resume")?),
    };
    if (command.first()).is_none_or(String::is_empty) {
        return Err(SpecProblem::NoProgram { key: "command" });
    }
    match &resume {
        Some(words) if words.first().is_none_or(String::is_empty) => {
            Err(SpecProblem::NoProgram { key: "resume" })
        }
        Some(words) if !has(words, Placeholder::Session) => {
            Err(SpecProblem::NoSession { key: "resume" })
        }
        _ => Ok((command, resume)),
    }
}

/// A table of levels, or none.
pub(super) fn permissions(table: &Table, key: &'static str) -> Result<Permissions, SpecProblem> {
    match table.get(key) {
        None => Ok(Permissions::default()),
        Some(Value::Table(levels)) => Permissions::from_table(levels),
        Some(_) => Err(form(key, "a table")),
    }
}

fn has(words: &[String], wanted: Placeholder) -> bool {
    words.iter().any(|word| template::pieces(word).is_ok_and(|p| p.contains(&Piece::Fill(wanted))))
}

fn bad_variable(name: &str) -> bool {
    name.is_empty() || name.contains(['=', '\0'])
}

pub(super) fn value<'de, T: Deserialize<'de>>(
    table: &Table,
    key: &'static str,
    wanted: &str,
) -> Result<Option<T>, SpecProblem> {
    let Some(value) = table.get(key) else {
        return Ok(None);
    };
    value.clone().try_into().map(Some).map_err(|_| form(key, wanted))
}

fn form(key: &'static str, wanted: &str) -> SpecProblem {
    SpecProblem::Form { key, wanted: wanted.to_owned() }
}

/// A command as a list, or as one text that is split like in a shell; empty when the key is absent.
pub(super) fn words(table: &Table, key: &'static str) -> Result<Vec<String>, SpecProblem> {
    let words = match table.get(key) {
        None => Vec::new(),
        Some(Value::String(text)) => {
            cli_words::split(text).map_err(|source| SpecProblem::Words { key, source })?
        }
        Some(_) => value(table, key, "a list of texts, or one text")?.unwrap_or_default(),
    };
    for word in &words {
        template::pieces(word).map_err(|source| SpecProblem::Placeholder { key, source })?;
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::text::error_chain;

    fn check(text: &str) -> Result<RuntimeSpec, String> {
        let table: Table = text.parse().expect("TOML");
        RuntimeSpec::from_table("mytool", &table).map_err(|error| error_chain(&error))
    }

    #[test]
    fn the_documented_table_is_read() {
        let spec = check(
            r#"
            command = ["mytool", "--headless", "{prompt_file}"]
            prompt  = "stdin"
            output  = "text"
            env     = ["MYTOOL_KEY"]
            resume  = ["mytool", "--resume", "{session}"]
            "#,
        )
        .expect("valid");
        assert_eq!(spec.program(), "mytool");
        assert_eq!(spec.prompt, PromptVia::Stdin);
        assert_eq!(spec.env, ["MYTOOL_KEY"]);
        assert!(spec.resume.is_some_and(|words| words.len() == 3));
    }

    #[test]
    fn the_way_of_the_prompt_follows_from_the_command() {
        for (command, via) in [
            ("mytool", PromptVia::Stdin),
            ("mytool --ask '{prompt}'", PromptVia::Arg),
            ("mytool --file={prompt_file}", PromptVia::File),
        ] {
            let spec = check(&format!("command = \"{command}\"")).expect("valid");
            assert_eq!(spec.prompt, via, "{command}");
        }
    }

    #[test]
    fn errors_name_the_key_and_the_fix() {
        for (text, part) in [
            ("comand = \"x\"", "unknown key `comand`; did you mean `command`"),
            ("command = \"x\"\nzzz = 1", "unknown key `zzz`; known are `command`, "),
            ("output = \"text\"", "`command` names no program; write `command = ["),
            ("command = []", "`command` names no program"),
            ("command = 3", "`command` must be a list of texts, or one text"),
            ("command = \"x 'y\"", "`command` is no list of words: `x 'y` ends inside a quote"),
            ("command = \"x\"\nprompt = \"tty\"", "`prompt` must be `stdin`, `arg` or `file`"),
            ("command = \"x\"\noutput = \"xml\"", "`output` must be one of `text`, `crew`"),
            ("command = \"x\"\nenv = [\"A=B\"]", "`A=B` cannot be the name"),
            ("command = \"x\"\nresume = \"x\"", "`resume` must hold `{session}`"),
            ("command = \"x\"\nattach = \"x\"", "`attach` must hold `{session}`"),
            ("command = \"x\"\nresume = \"\"", "`resume` names no program"),
            ("command = \"x {modle}\"", "did you mean `{model}`"),
        ] {
            let error = check(text).expect_err(text);
            assert!(error.starts_with("runtime `mytool` is not usable: "), "{error}");
            assert_eq!(error.matches(part).count(), 1, "{text}: {error}");
            let mut causes: Vec<&str> = error.split(": ").collect();
            causes.sort_unstable();
            causes.dedup();
            assert_eq!(causes.len(), error.split(": ").count(), "said twice: {error}");
        }
    }
}
