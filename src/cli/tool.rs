//! `crew tool`: what an agent calls while it works.

use std::collections::BTreeMap;
use std::io::Read;

use clap::{Args as ClapArgs, Subcommand};
use serde_json::{Map, Value};

use super::target::text_of;
use super::{CliError, Context, Exit, Result};
use crate::base::limits;
use crate::base::path::PathContext;
use crate::client::tool::{Request, ToolError, Tools};
use crate::event::gate::TurnOutcome;
use crate::store::artifact::ArtifactError;

/// Call crew as an agent, from inside an attempt.
///
/// The attempt is known from the variables that crew has set and proved by the token file. People use `crew send`,
/// `crew gate` and the other commands.
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the channels of the workflow.
    Channels,
    /// List the gates, with their fields and who may write them.
    Gates,
    /// Show a gate and what was written into it.
    ReadGate {
        /// The gate, or its store.
        gate: String,
    },
    /// Write into a gate.
    ///
    /// In a field with one entry for each task you write your own: `write-gate review-votes-gate votes=approve`.
    WriteGate {
        /// The gate, or its store.
        gate: String,
        /// Fields with their values.
        #[arg(value_name = "FIELD=VALUE", required_unless_present = "data")]
        fields: Vec<String>,
        /// Fields and values as a JSON object.
        #[arg(long, value_name = "JSON")]
        data: Option<String>,
    },
    /// List the other tasks, and to whom you may write.
    Peers,
    /// Show the run and your place in it.
    Status,
    /// Read your messages; what is shown counts as read.
    Inbox {
        /// Also those that you have read.
        #[arg(long)]
        all: bool,
    },
    /// Send a message to a task, a step, `run` or `human`.
    Send {
        /// Whom.
        to: String,
        /// What; `-` reads it from standard input.
        #[arg(required = true)]
        text: Vec<String>,
        /// Data for programs, as JSON.
        #[arg(long, value_name = "JSON")]
        data: Option<String>,
        /// Fields to write into gates, all or nothing: `{"GATE": {"FIELD": VALUE}}`.
        #[arg(long, value_name = "JSON")]
        gates: Option<String>,
        /// A name for the message: sent again under the same name, it is not sent twice.
        #[arg(long)]
        id: Option<String>,
    },
    /// Ask a person, and wait a while for the answer.
    ///
    /// Without an answer the exit code is 4: end your turn, the next one begins with the answer.
    Ask {
        /// The question; `-` reads it from standard input.
        #[arg(required = true)]
        question: Vec<String>,
        /// An answer to choose; may be given several times.
        #[arg(long, value_name = "TEXT")]
        choice: Vec<String>,
    },
    /// Let a check of the workflow run on the current tree, and wait for what it says.
    ///
    /// The exit code is 0 when it is green, and 1 when it is not. Only steps that verify may, and only the named checks.
    Verify {
        /// The check; without it, those that you may run are listed.
        name: Option<String>,
    },
    /// Show what was printed in the last turn of a task whose work comes to you.
    Transcript {
        /// The task.
        task: String,
    },
    /// Say that the work is done.
    Done {
        /// What was done.
        summary: Vec<String>,
    },
    /// Say that you cannot go on.
    Block {
        /// Why.
        #[arg(required = true)]
        reason: Vec<String>,
    },
    /// Say that the task has failed.
    Fail {
        /// Why.
        #[arg(required = true)]
        reason: Vec<String>,
    },
    /// Store a file of the run.
    Artifact {
        /// Its name.
        name: String,
        /// The file; `-` reads standard input.
        file: String,
    },
    /// Propose the tasks that your step adds to the run, or the runs that it starts.
    Propose {
        /// A file with the proposal as JSON; `-` reads standard input.
        file: String,
    },
}

/// Runs the verb.
///
/// # Errors
/// Refused, no agent, or it cannot be written.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let request = request(&args.verb)?;
    let reply = Tools::open(&context.env)?.perform(&request, &context.clock)?;
    if context.json {
        context.write_json(&with_version(reply.json))?;
    } else {
        writeln!(context.out, "{}", reply.text)?;
    }
    Ok(match (reply.is_parked, reply.is_red) {
        (true, _) => Exit::Waiting,
        (false, true) => Exit::RunFailed,
        (false, false) => Exit::Ok,
    })
}

fn with_version(mut document: Value) -> Value {
    if let Value::Object(fields) = &mut document {
        fields.insert("schema_version".to_owned(), limits::JSON_SCHEMA.into());
    }
    document
}

fn request(verb: &Verb) -> Result<Request> {
    let report = |outcome, words: &[String]| -> Result<Request> {
        Ok(Request::Report { outcome, text: text_of(words)? })
    };
    Ok(match verb {
        Verb::Channels => Request::Channels,
        Verb::Gates => Request::Gates,
        Verb::ReadGate { gate } => Request::ReadGate(gate.clone()),
        Verb::WriteGate { gate, fields, data } => Request::WriteGate {
            gate: gate.clone(),
            data: object("--data", data.as_deref())?,
            words: pairs(fields)?,
        },
        Verb::Peers => Request::Peers,
        Verb::Status => Request::Status,
        Verb::Inbox { all } => Request::Inbox { all: *all },
        Verb::Send { to, text, data, gates, id } => Request::Send {
            id: id.clone(),
            to: to.clone(),
            text: text_of(text)?,
            data: data.as_deref().map(|text| json("--data", text)).transpose()?,
            gates: writes(gates.as_deref())?,
        },
        Verb::Ask { question, choice } => {
            Request::Ask { text: text_of(question)?, choices: choice.clone() }
        }
        Verb::Verify { name } => Request::Verify(name.clone()),
        Verb::Transcript { task } => Request::Transcript(
            task.parse().map_err(|error| CliError::usage(format!("`{task}`: {error}")))?,
        ),
        Verb::Done { summary } => report(TurnOutcome::Done, summary)?,
        Verb::Block { reason } => report(TurnOutcome::Blocked, reason)?,
        Verb::Fail { reason } => report(TurnOutcome::Failed, reason)?,
        Verb::Artifact { name, file } => Request::Artifact {
            name: name.clone(),
            bytes: bytes_of(file, limits::ARTIFACT_BYTES_MAX)?,
        },
        Verb::Propose { file } => {
            let bytes = bytes_of(file, limits::MESSAGE_BYTES_MAX as u64)?;
            let text = String::from_utf8(bytes)
                .map_err(|_| CliError::usage(format!("`{file}` is not text")))?;
            Request::Propose(text)
        }
    })
}

fn json<T: serde::de::DeserializeOwned>(flag: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| {
        CliError::usage(format!("the value of `{flag}` is not the JSON asked for: {error}"))
    })
}

fn object(flag: &str, text: Option<&str>) -> Result<Map<String, Value>> {
    text.map_or_else(|| Ok(Map::new()), |text| json(flag, text))
}

fn writes(text: Option<&str>) -> Result<BTreeMap<String, Map<String, Value>>> {
    text.map_or_else(|| Ok(BTreeMap::new()), |text| json("--gates", text))
}

fn pairs(words: &[String]) -> Result<Vec<(String, String)>> {
    let pairs = words.iter().map(|word| match word.split_once('=') {
        Some((field, value)) if !field.is_empty() => Ok((field.to_owned(), value.to_owned())),
        _ => Err(CliError::usage(format!("`{word}` is no `FIELD=VALUE`"))
            .hinted("put the whole word in quotes when the value has spaces")),
    });
    pairs.collect()
}

/// The content of a file, or of standard input; one byte more than is allowed shows that it is longer.
fn bytes_of(file: &str, max: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if file == "-" {
        std::io::stdin().take(max + 1).read_to_end(&mut bytes)?;
    } else {
        let open = std::fs::File::open(file).at("cannot read", file)?;
        open.take(max + 1).read_to_end(&mut bytes).at("cannot read", file)?;
    }
    Ok(bytes)
}

impl From<ToolError> for CliError {
    fn from(error: ToolError) -> Self {
        let hint = error.hint().to_owned();
        match error {
            ToolError::Identity(_) => {
                Self::from_chain(Exit::Refused, "identity", &error).hinted(hint)
            }
            ToolError::Commit(error) => error.into(),
            ToolError::Open(error) => error.into(),
            ToolError::Artifact(ArtifactError::Io(error)) | ToolError::Io(error) => error.into(),
            ToolError::Artifact(error) => {
                Self::from_chain(Exit::Refused, "too_large", &error).hinted(hint)
            }
            ToolError::Text(error) => Self::from(error),
            ToolError::Name(error) => Self::usage(error.to_string()),
        }
    }
}
