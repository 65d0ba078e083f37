//! From a runtime and a task to the command line of one attempt.

use std::collections::BTreeMap;

use camino::Utf8Path;

use super::live::Protocol;
use super::permission::NotGranted;
use super::spec::{PromptVia, RuntimeSpec};
use super::template::{self, Piece, Placeholder, UnknownPlaceholder};
use crate::base::flow::Permission;
use crate::base::{TaskId, limits};

/// What one attempt knows about itself when its command is built.
#[derive(Debug, Clone, Copy)]
pub struct InvocationInput<'a> {
    /// The running crew program.
    pub crew: &'a Utf8Path,
    /// The prompt as a file.
    pub prompt_file: &'a Utf8Path,
    /// The prompt as text.
    pub prompt_text: &'a str,
    /// Where the agent works.
    pub worktree: &'a Utf8Path,
    /// The task.
    pub task: &'a TaskId,
    /// The model that is asked for.
    pub model: Option<&'a str>,
    /// The session to go on with; ignored by runtimes that cannot resume.
    pub session: Option<&'a str>,
    /// Configuration of crew's MCP server for this attempt.
    pub mcp_config: Option<&'a Utf8Path>,
    /// What stands in that file.
    pub mcp_text: Option<&'a str>,
    /// What the program may do without being asked.
    pub permission: Permission,
}

/// What is started for one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// What the program finds on its standard input.
    pub stdin: StdinPlan,
    /// Names of variables passed through besides the common ones.
    pub env: Vec<String>,
    /// Variables that are set.
    pub set: BTreeMap<String, String>,
    /// Whether it goes on with the session it was given.
    pub resumed: bool,
    /// The protocol in which it takes input while it works.
    pub live: Option<Protocol>,
}

/// What a program finds on its standard input. Never an open pipe that nobody writes: it hangs
/// several programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StdinPlan {
    /// Nothing: `/dev/null`.
    None,
    /// The prompt, and then the end.
    Prompt,
    /// A fifo that stays open for live input.
    Fifo,
}

/// Why no command can be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The template names something unknown.
    #[error(transparent)]
    Placeholder(#[from] UnknownPlaceholder),
    /// The template needs a value that this attempt does not have.
    #[error("runtime `{runtime}` needs `{{{name}}}`, which this task does not have; {advice}")]
    NoValue {
        /// The runtime.
        runtime: String,
        /// Name of the placeholder.
        name: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// The prompt is longer than an argument may be.
    #[error(
        "the prompt of {bytes} bytes is too long for an argument; set `prompt = \"stdin\"` or `\"file\"` for runtime `{runtime}`"
    )]
    PromptTooLong {
        /// The runtime.
        runtime: String,
        /// Length of the prompt.
        bytes: usize,
    },
    /// The program cannot be held to what the task may do.
    #[error(transparent)]
    Permission(#[from] NotGranted),
    /// An argument cannot hold a NUL.
    #[error("an argument of runtime `{0}` would hold a NUL character; give the prompt on `stdin`")]
    Nul(String),
}

impl RuntimeSpec {
    /// The command of one attempt. Every argument stays one argument, whatever its value holds.
    ///
    /// # Errors
    /// A placeholder has no value here, or a value cannot be an argument.
    pub fn invocation(&self, input: &InvocationInput<'_>) -> Result<Invocation, CommandError> {
        let resume = self.resume.as_ref().filter(|_| input.session.is_some());
        let main = resume.unwrap_or(&self.command);
        let mut words: Vec<&str> = main.iter().map(String::as_str).collect();
        if input.model.is_some() && !self.asks_model {
            words.extend(self.model.iter().map(String::as_str));
        }
        if input.mcp_config.is_some() {
            words.extend(self.mcp.iter().map(String::as_str));
        }
        let grant = self.permissions.grant(&self.name, input.permission)?;
        words.extend(grant.iter().flat_map(|grant| &grant.args).map(String::as_str));
        let last = match self.prompt {
            PromptVia::Stdin => None,
            PromptVia::Arg => Some((Placeholder::Prompt, "{prompt}")),
            PromptVia::File => Some((Placeholder::PromptFile, "{prompt_file}")),
        };
        if let Some((placeholder, word)) = last
            && !uses(&words, placeholder)?
        {
            words.push(word);
        }
        let mut argv = Vec::with_capacity(words.len());
        for word in words {
            argv.push(self.fill(word, input)?);
        }
        let mut set = self.set.clone();
        set.extend(grant.into_iter().flat_map(|grant| grant.set.clone()));
        if input.mcp_config.is_some() {
            for (name, value) in &self.mcp_set {
                set.insert(name.clone(), self.fill(value, input)?);
            }
        }
        if argv.iter().any(|argument| argument.contains('\0')) {
            return Err(CommandError::Nul(self.name.clone()));
        }
        Ok(Invocation {
            argv,
            stdin: match self.prompt {
                PromptVia::Stdin => StdinPlan::Prompt,
                PromptVia::Arg | PromptVia::File => StdinPlan::None,
            },
            env: self.env.clone(),
            set,
            resumed: resume.is_some()
                || (input.session.is_some() && self.live.is_some_and(Protocol::resumes_by_itself)),
            live: self.live,
        })
    }

    /// The command of the program's own interactive session; empty when none is known.
    ///
    /// # Errors
    /// A placeholder has no value here.
    pub fn chat(&self, input: &InvocationInput<'_>) -> Result<Vec<String>, CommandError> {
        let mut words = self.chat.clone();
        if input.model.is_some() && !words.is_empty() {
            words.extend(self.model.iter().cloned());
        }
        words.iter().map(|word| self.fill(word, input)).collect()
    }

    /// The command that opens the task's session in a terminal, or without a session one that begins anew;
    /// empty when the program has none.
    ///
    /// # Errors
    /// A placeholder has no value here.
    pub fn attach(&self, input: &InvocationInput<'_>) -> Result<Vec<String>, CommandError> {
        let own = if input.session.is_some() { &self.attach } else { &self.interactive };
        let model = self.model.iter().filter(|_| input.model.is_some() && !own.is_empty());
        own.iter().chain(model).map(|word| self.fill(word, input)).collect()
    }

    fn fill(&self, word: &str, input: &InvocationInput<'_>) -> Result<String, CommandError> {
        let mut filled = String::new();
        for piece in template::pieces(word)? {
            match piece {
                Piece::Literal(text) => filled.push_str(text),
                Piece::Fill(placeholder) => self.put(&mut filled, placeholder, input)?,
            }
        }
        Ok(filled)
    }

    fn put(
        &self,
        filled: &mut String,
        placeholder: Placeholder,
        input: &InvocationInput<'_>,
    ) -> Result<(), CommandError> {
        let missing = |advice| CommandError::NoValue {
            runtime: self.name.clone(),
            name: placeholder.name(),
            advice,
        };
        let value = match placeholder {
            Placeholder::Crew => input.crew.as_str(),
            Placeholder::PromptFile => input.prompt_file.as_str(),
            Placeholder::Worktree => input.worktree.as_str(),
            Placeholder::Prompt if input.prompt_text.len() > limits::ARGUMENT_BYTES_MAX => {
                return Err(CommandError::PromptTooLong {
                    runtime: self.name.clone(),
                    bytes: input.prompt_text.len(),
                });
            }
            Placeholder::Prompt => input.prompt_text,
            Placeholder::Task => {
                filled.push_str(&input.task.to_string());
                return Ok(());
            }
            Placeholder::Model => (input.model).ok_or_else(|| {
                missing("choose one with `-m`, or move the argument to the key `model`")
            })?,
            Placeholder::Session => {
                (input.session).ok_or_else(|| missing("use it in `resume` only"))?
            }
            Placeholder::McpConfig => (input.mcp_config)
                .ok_or_else(|| missing("move the argument to the key `mcp`"))?
                .as_str(),
            Placeholder::Mcp => {
                (input.mcp_text).ok_or_else(|| missing("move the argument to the key `mcp`"))?
            }
        };
        filled.push_str(value);
        Ok(())
    }
}

fn uses(words: &[&str], placeholder: Placeholder) -> Result<bool, UnknownPlaceholder> {
    for word in words {
        if template::pieces(word)?.contains(&Piece::Fill(placeholder)) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(table: &str, change: fn(&mut InvocationInput<'_>)) -> Result<Invocation, String> {
        let table: toml::Table = table.parse().expect("TOML");
        let spec = RuntimeSpec::from_table("mytool", &table).expect("valid runtime");
        let task: TaskId = "review/2".parse().expect("valid task");
        let mut input = InvocationInput {
            crew: Utf8Path::new("/bin/crew"),
            prompt_file: Utf8Path::new("/run/prompt.md"),
            prompt_text: "fix $(it) \"now\"; {model}",
            worktree: Utf8Path::new("/wt"),
            task: &task,
            model: None,
            session: None,
            mcp_config: None,
            mcp_text: None,
            permission: Permission::Edit,
        };
        change(&mut input);
        spec.invocation(&input).map_err(|error| error.to_string())
    }

    #[test]
    fn placeholders_are_filled_and_values_are_never_read_again() {
        const PROMPT: &str = "fix $(it) \"now\"; {model}";
        type Row = (&'static str, fn(&mut InvocationInput<'_>), &'static [&'static str]);
        let rows: &[Row] = &[
            ("command = ['t', '-x']", |_| {}, &["t", "-x"]),
            ("command = 't -x {prompt} -y'", |_| {}, &["t", "-x", PROMPT, "-y"]),
            ("command = 't'\nprompt = 'arg'", |_| {}, &["t", PROMPT]),
            ("command = 't'\nprompt = 'file'", |_| {}, &["t", "/run/prompt.md"]),
            ("command = 't --in={worktree} {task}'", |_| {}, &["t", "--in=/wt", "review/2"]),
            ("command = '{crew} rehearse'", |_| {}, &["/bin/crew", "rehearse"]),
            ("command = 't'\nmodel = '-m {model}'", |_| {}, &["t"]),
            (
                "command = 't'\nmodel = '-m {model}'\nprompt = 'arg'",
                |input| input.model = Some("big one"),
                &["t", "-m", "big one", PROMPT],
            ),
            (
                "command = 't'\nmcp = '--mcp {mcp_config}'",
                |input| input.mcp_config = Some(Utf8Path::new("/m.json")),
                &["t", "--mcp", "/m.json"],
            ),
            (
                "command = 't'\nresume = 't --resume {session}'",
                |input| input.session = Some("s1"),
                &["t", "--resume", "s1"],
            ),
        ];
        for (table, change, argv) in rows {
            let invocation = check(table, *change).expect(table);
            assert_eq!(invocation.argv, *argv, "{table}");
        }
    }

    #[test]
    fn standard_input_holds_the_prompt_only_when_it_goes_there() {
        let stdin = |table| check(table, |_| {}).expect(table).stdin;
        assert_eq!(stdin("command = 't'"), StdinPlan::Prompt);
        assert_eq!(stdin("command = 't {prompt}'"), StdinPlan::None);
        assert_eq!(stdin("command = 't {prompt_file}'"), StdinPlan::None);
        assert_eq!(stdin("command = 't {prompt_file}'\nprompt = 'stdin'"), StdinPlan::Prompt);
    }

    #[test]
    fn a_session_is_resumed_only_where_the_runtime_can() {
        let resumed = |table| {
            let invocation = check(table, |input| input.session = Some("s1")).expect(table);
            invocation.resumed
        };
        assert!(resumed("command = 't'\nresume = 't {session}'"));
        assert!(!resumed("command = 't'"));
    }

    #[test]
    fn a_command_that_cannot_be_built_says_what_to_do() {
        let error = check("command = 't {model}'", |_| {}).expect_err("no model");
        assert!(error.contains("needs `{model}`") && error.contains("`-m`"), "{error}");
        let error = check("command = 't {session}'", |_| {}).expect_err("no session");
        assert!(error.contains("use it in `resume` only"), "{error}");
        let error = check("command = 't {mcp_config}'", |_| {}).expect_err("no MCP");
        assert!(error.contains("key `mcp`"), "{error}");
        let error = check("command = 't {prompt}'", |input| {
            input.prompt_text = Box::leak("x".repeat(limits::ARGUMENT_BYTES_MAX + 1).into());
        })
        .expect_err("too long");
        assert!(error.contains("set `prompt = \"stdin\"`"), "{error}");
        let error =
            check("command = 't {prompt}'", |input| input.prompt_text = "a\0b").expect_err("NUL");
        assert!(error.contains("NUL"), "{error}");
    }
}
