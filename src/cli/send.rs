//! `crew send`: writes to a task, to a whole run, to its people, or to all runs.

use std::collections::BTreeMap;

use clap::{Args as ClapArgs, ValueEnum};

use super::given::{Told, Version, tell, tell_all};
use super::risky::{give_risky, with};
use super::target::{Target, text_of};
use super::{CliError, Context, Exit, Result, every};
use crate::base::RunNumber;
use crate::client::message::{TO_RUN, from_person};
use crate::client::{Workspace, forbid_to_agents, give};
use crate::engine::{BudgetChange, Caller, Command};
use crate::event::message::{Delivery, Message, MessageKind, MessagePriority};
use crate::ledger::OpenError;
use crate::store::LogError;

/// Write a message to a run or to one of its tasks.
///
/// It goes into the prompt of the next attempt; with `--interrupt` it reaches an agent at work at once, where its
/// program can be told something. `crew inbox RUN` shows what became of it. Texts are limited to 64 KiB; keys and
/// tokens in them are removed.
#[derive(Debug, ClapArgs)]
#[command(
    override_usage = "crew send [OPTIONS] RUN[/TASK] TEXT…\n       crew send [OPTIONS] --all TEXT…\n       crew send RUN --retract ID"
)]
pub struct Args {
    /// The run, or one of its tasks (`5`, `5/coding`, `last/review/2`, `5/human`); then the message, where `-` reads
    /// it from standard input.
    #[arg(required = true, value_name = "RUN[/TASK] TEXT")]
    words: Vec<String>,
    /// To every run that is not over; without RUN.
    #[arg(long, conflicts_with_all = ["retract", "reply_to", "expect_version"])]
    all: bool,
    /// At once, also into an attempt that is at work.
    #[arg(long)]
    interrupt: bool,
    /// How urgent it is.
    #[arg(long, value_enum, default_value_t = Priority::Normal, value_name = "PRIORITY")]
    priority: Priority,
    /// The message that this one answers.
    #[arg(long, value_name = "ID")]
    reply_to: Option<String>,
    /// A program sends it on behalf of a person: it is mail, and gives no loop its limit back.
    #[arg(long, hide = true, conflicts_with_all = ["interrupt", "retract", "all"])]
    follow_up: bool,
    /// Take a message back that nobody was given yet, instead of sending one.
    #[arg(long, value_name = "ID", conflicts_with_all = ["interrupt", "reply_to"])]
    retract: Option<String>,
    #[command(flatten)]
    version: Version,
}

/// How urgent a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Priority {
    Urgent,
    Normal,
    Low,
}

/// Runs the verb.
///
/// # Errors
/// Refused, no such run, task or message, or it cannot be written.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    if args.all {
        return broadcast(args, &workspace, context);
    }
    let (target, words) = args.words.split_first().ok_or_else(no_text)?;
    let Target { run, inside } = Target::find(&workspace, target)?;
    if let Some(id) = &args.retract {
        if !words.is_empty() || inside.is_some() {
            return Err(CliError::usage("`--retract` takes a run and no text"));
        }
        let command = Command::Retract { id: id.clone() };
        let given = give(&workspace, run, command, args.version.expect_version, context.now)?;
        tell(context, &given, &format!("message {id} of run #{run} is taken back"))?;
        return Ok(Exit::Ok);
    }
    if words.is_empty() {
        return Err(no_text());
    }
    if let Some(id) = &args.reply_to {
        check_known(&workspace, run, id)?;
    }
    let to = inside.as_deref().unwrap_or(TO_RUN);
    let message = message(args, &workspace, to, &text_of(words)?, context)?;
    let id = message.id.clone();
    let command = send(&workspace, message);
    let (budget, version) = (BudgetChange::default(), args.version.expect_version);
    let given = give_risky(context, &workspace, run, command, budget, version)?;
    let whom =
        inside.map_or_else(|| format!("run #{run}"), |task| format!("`{task}` of run #{run}"));
    tell(context, &given, &format!("message {id} is sent to {whom}"))?;
    Ok(Exit::Ok)
}

fn no_text() -> CliError {
    CliError::usage("there is no text")
        .hinted("`crew send RUN TEXT`; `-` reads it from standard input")
}

fn message(
    args: &Args,
    workspace: &Workspace,
    to: &str,
    text: &str,
    context: &Context,
) -> Result<Message> {
    let mut message = from_person(&workspace.human(), to, text, context.now)?;
    if args.interrupt {
        (message.kind, message.delivery) = (MessageKind::Steer, Delivery::Interrupt);
    }
    if args.follow_up {
        message.kind = MessageKind::FollowUp;
    }
    message.priority = match args.priority {
        Priority::Urgent => MessagePriority::Urgent,
        Priority::Normal => MessagePriority::Normal,
        Priority::Low => MessagePriority::Low,
    };
    message.reply_to.clone_from(&args.reply_to);
    Ok(message)
}

fn send(workspace: &Workspace, message: Message) -> Command {
    let by = Caller::Human(workspace.env.user().unwrap_or("unknown").to_owned());
    Command::Send { message, gates: BTreeMap::new(), by }
}

fn check_known(workspace: &Workspace, run: RunNumber, id: &str) -> Result<()> {
    let ledger = workspace.run(run)?;
    if ledger.state().messages.iter().any(|entry| entry.message.id == *id) {
        return Ok(());
    }
    Err(CliError::new(Exit::NotFound, "not_found", format!("run #{run} has no message `{id}`"))
        .hinted(format!("`crew inbox {run}` lists them")))
}

/// To every run that is not over; a run that cannot take it does not keep the others.
fn broadcast(args: &Args, workspace: &Workspace, context: &mut Context) -> Result<Exit> {
    forbid_to_agents(&workspace.env, "send")?;
    let text = text_of(&args.words)?;
    let mut told: Vec<Told> = Vec::new();
    let mut refused = None;
    for number in workspace.project()?.runs()? {
        let is_over = match workspace.run(number) {
            Ok(ledger) => ledger.state().status.is_terminal(),
            Err(OpenError::Log(LogError::Missing(_))) => true,
            Err(error) => {
                context.say(&format!("warning: run #{number} is left alone: {error}"))?;
                true
            }
        };
        if is_over {
            continue;
        }
        let message = message(args, workspace, TO_RUN, &text, context)?;
        let command = with(send(workspace, message), BudgetChange::default(), context.yes);
        match give(workspace, number, command, None, context.now) {
            Ok(given) => told.push(Told { is_at_rest: given.is_at_rest, given }),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    let runs: Vec<RunNumber> = told.iter().map(|told| told.given.run).collect();
    if context.json {
        tell_all(context, &told)?;
    } else if runs.is_empty() {
        context.say("no run is going on; nothing was sent")?;
    } else {
        context.say(&format!("sent to {}", every::named(&runs)))?;
    }
    refused.map_or(Ok(Exit::Ok), |error| Err(error.into()))
}
