//! What all verbs that decide have in common: which decision is meant, how the person shows that they saw
//! it, and how the outcome is told (SPEC section 9).

use clap::Args as ClapArgs;
use serde::Serialize;

use super::given::{GivenJson, Version, given_json};
use super::risky::{self, give_risky};
use super::target::{Target, text_of};
use super::{CliError, Context, Exit, Result, ask, screen, showing};
use crate::base::limits::JSON_SCHEMA;
use crate::base::time::human_ms;
use crate::base::{RunNumber, Time};
use crate::client::message::check_text;
use crate::client::{Given, Workspace, forbid_to_agents, mint, nonce_hash};
use crate::engine::{BudgetChange, Command, DecisionState, Input, Proof, Refusal, State, decide};
use crate::event::Body;
use crate::event::decision::{Action, DecisionKind};
use crate::ledger::Ledger;
use crate::snapshot::DecisionRow;

/// The arguments of every verb that decides.
#[derive(Debug, Clone, ClapArgs)]
pub struct Decide {
    /// The run: `5`, `#5`, `project#5`, `last` or a part of its name.
    pub run: String,
    /// What is decided: a gate, a task, or a decision (`d1`); left out, the only one that fits.
    #[arg(value_name = "GATE|TASK|DECISION")]
    pub subject: Option<String>,
    /// The nonce that `crew decisions RUN` printed: decides exactly what was shown there.
    #[arg(long, value_name = "NONCE")]
    pub nonce: Option<String>,
    /// The reason, the answer, the instructions; `-` reads them from standard input.
    #[arg(long, value_name = "TEXT")]
    pub text: Option<String>,
    #[command(flatten)]
    version: Version,
}

#[derive(Serialize)]
struct OutcomeJson<'a> {
    schema_version: u32,
    #[serde(flatten)]
    given: GivenJson<'a>,
    decision: MadeJson,
}

/// A decision that was made.
#[derive(Serialize)]
struct MadeJson {
    id: String,
    kind: &'static str,
    subject: String,
    action: &'static str,
    text: String,
    by: String,
    at: Time,
    /// It had been made before, in the same way.
    repeated: bool,
}

/// Decides.
///
/// # Errors
/// Refused, nothing or several things fit, nobody saw it, or it cannot be written.
pub fn run(args: &Decide, action: Action, context: &mut Context) -> Result<Exit> {
    run_with(args, action, BudgetChange::default(), context)
}

/// Decides, and allows another budget with it.
///
/// # Errors
/// As [`run`].
pub fn run_with(
    args: &Decide,
    action: Action,
    budget: BudgetChange,
    context: &mut Context,
) -> Result<Exit> {
    let workspace = context.workspace()?;
    match make(args, action, None, budget, &workspace, context)? {
        Some(made) => made.tell(context),
        None => Ok(Exit::Refused),
    }
}

/// A decision that was made just now, or before.
#[derive(Debug)]
pub struct Made {
    /// What the command has put on record.
    pub given: Given,
    entry: Option<DecisionState>,
    /// It was made just now.
    pub is_new: bool,
}

impl Made {
    /// Tells what was decided.
    ///
    /// # Errors
    /// The output is gone.
    pub fn tell(&self, context: &mut Context) -> Result<Exit> {
        tell(context, &self.given, self.entry.as_ref(), self.is_new)?;
        Ok(Exit::Ok)
    }
}

/// Decides; nothing when the person looked and decided nothing.
///
/// # Errors
/// As [`run`].
pub fn make(
    args: &Decide,
    action: Action,
    into: Option<&str>,
    budget: BudgetChange,
    workspace: &Workspace,
    context: &mut Context,
) -> Result<Option<Made>> {
    forbid_to_agents(&workspace.env, action.as_str())?;
    let Target { run, inside } = Target::find(workspace, &args.run)?;
    if inside.is_some() && args.subject.is_some() {
        return Err(CliError::usage("what is decided is named twice")
            .hinted(format!("`crew {action} {run} NAME`, or `crew {action} {run}/NAME`")));
    }
    let mut wish = Wish {
        run,
        action,
        target: inside.or_else(|| args.subject.clone()),
        text: given_text(args, action)?,
        version: args.version.expect_version,
        budget,
        into: into.map(str::to_owned),
    };
    let mut ledger = workspace.run(run)?;
    let proof = match (&args.nonce, context.yes) {
        (Some(nonce), _) => Proof::Nonce(nonce_hash(nonce)),
        (None, true) => Proof::Minted(mint().1),
        (None, false) => match look(&mut wish, workspace, &mut ledger, context)? {
            Some(proof) => proof,
            None => return Ok(None),
        },
    };
    if wish.lacks_text() {
        return Err(no_text(action));
    }
    let command = wish.plain(workspace, proof.clone());
    let given = give_risky(context, workspace, run, command, wish.budget, wish.version)?;
    ledger.refresh()?;
    let state = ledger.state();
    let made = given.records.iter().find_map(|record| {
        if let Body::DecisionMade(made) = &record.body { Some(made.id.as_str()) } else { None }
    });
    let entry = match made {
        Some(id) => state.decisions.iter().find(|entry| entry.opened.id == id),
        None => state.decision_meant(wish.target.as_deref(), action, &proof).ok(),
    };
    let (entry, is_new) = (entry.cloned(), made.is_some());
    Ok(Some(Made { given, entry, is_new }))
}

/// What a person wishes to decide.
struct Wish {
    run: RunNumber,
    action: Action,
    target: Option<String>,
    text: Option<String>,
    version: Option<u64>,
    budget: BudgetChange,
    into: Option<String>,
}

impl Wish {
    /// The command as somebody gives it who accepts everything: what is refused then is refused for good.
    fn command(&self, workspace: &Workspace, proof: Proof) -> Command {
        risky::with(self.plain(workspace, proof), self.budget, true)
    }

    fn lacks_text(&self) -> bool {
        needs_text(self.action) && self.text.is_none() && self.budget == BudgetChange::default()
    }

    fn plain(&self, workspace: &Workspace, proof: Proof) -> Command {
        Command::Decide {
            target: self.target.clone(),
            action: self.action,
            text: self.text.clone().unwrap_or_default(),
            proof,
            by: workspace.human(),
            into: self.into.clone(),
        }
    }
}

/// The text of the command line, checked.
fn given_text(args: &Decide, action: Action) -> Result<Option<String>> {
    let text = args.text.as_ref().map(|text| text_of(std::slice::from_ref(text))).transpose()?;
    let text = text.map(|text| check_text(&text)).transpose()?;
    match (&text, action) {
        (Some(_), Action::Discard) => Err(CliError::usage(format!("`{action}` takes no text"))),
        _ => Ok(text),
    }
}

fn needs_text(action: Action) -> bool {
    matches!(action, Action::Answer | Action::Suggest | Action::RequestChanges)
}

fn no_text(action: Action) -> CliError {
    CliError::usage(format!("`{action}` needs a text")).hinted("give it with `--text TEXT`")
}

/// Without a nonce and without `--yes`: what was decided already is told, and everything else must be seen
/// by somebody first. Nothing means that the person looked and decided nothing.
fn look(
    wish: &mut Wish,
    workspace: &Workspace,
    ledger: &mut Ledger,
    context: &mut Context,
) -> Result<Option<Proof>> {
    // It belongs to no nonce, and goes only with the name of a decision that was made.
    let peek = Proof::Minted(nonce_hash(""));
    let found = ledger.state().decision_meant(wish.target.as_deref(), wish.action, &peek).cloned();
    let entry = match found {
        Ok(entry) => entry,
        Err(refusal) => return Err(refused(wish, refusal, workspace, ledger, context)),
    };
    wish.target = Some(entry.opened.id.clone());
    if entry.verdict.is_some() {
        return Ok(Some(peek));
    }
    let is_interactive = context.is_interactive();
    if wish.lacks_text() && !is_interactive {
        return Err(no_text(wish.action));
    }
    if !is_interactive || !entry.opened.actions.contains(&wish.action) {
        let input = Input::Command(wish.command(workspace, peek));
        if let Err(refusal) = decide(ledger.state(), context.now, &input) {
            return Err(refused(wish, refusal, workspace, ledger, context));
        }
    }
    if !is_interactive {
        return Err(unseen(wish, ledger.state(), &entry));
    }
    seen(wish, workspace, ledger, &entry, context)
}

/// A refusal of something that nobody was shown; it goes on record like any other.
fn refused(
    wish: &Wish,
    refusal: Refusal,
    workspace: &Workspace,
    ledger: &mut Ledger,
    context: &Context,
) -> CliError {
    let actor = workspace.human();
    match ledger.refuse(context.now, &actor, wish.action.as_str(), refusal) {
        Ok(never) => match never {},
        Err(error) => error.into(),
    }
}

/// Nobody can be asked here, and nothing shows that somebody saw the decision.
fn unseen(wish: &Wish, state: &State, entry: &DecisionState) -> CliError {
    let (run, action) = (wish.run, wish.action);
    let row = DecisionRow::of(state, entry, state.updated_at);
    let reason = format!("nobody can be asked about `{}` here", row.subject);
    // What is about the run itself needs no further name.
    let subject = if entry.opened.subject.is_empty() { "" } else { &format!(" {}", row.subject) };
    CliError::new(Exit::Refused, "unseen", reason)
        .hinted(format!(
            "`crew decisions {run}` shows it with a nonce, `crew {action} {run}{subject} --nonce …` decides just that"
        ))
        .hinted("`--yes` decides without a look")
}

/// Shows a decision to the person at the terminal and asks.
fn seen(
    wish: &mut Wish,
    workspace: &Workspace,
    ledger: &mut Ledger,
    entry: &DecisionState,
    context: &mut Context,
) -> Result<Option<Proof>> {
    let (nonce, row) = showing::show(workspace, ledger, &entry.opened.id, context)?;
    let screen = showing::text(ledger, &row, workspace, context);
    write!(context.err, "{screen}")?;
    if wish.lacks_text() {
        let text = ask::line(context, &format!("{}: ", wish.action))?;
        wish.text = Some(check_text(&text)?);
    } else {
        let action = wish.action;
        let question = format!("{action} {}?", screen::about(&row));
        if !ask::confirm(context, &question)? {
            context.say("nothing was decided")?;
            return Ok(None);
        }
        if action == Action::Reject && wish.text.is_none() {
            let text = ask::line(context, "why (may stay empty): ")?;
            wish.text = (!text.trim().is_empty()).then(|| check_text(&text)).transpose()?;
        }
    }
    wish.target = Some(row.id);
    Ok(Some(Proof::Nonce(nonce_hash(&nonce))))
}

/// Tells what was decided, now or before.
fn tell(
    context: &mut Context,
    given: &Given,
    meant: Option<&DecisionState>,
    is_new: bool,
) -> Result<()> {
    let run = given.run;
    let made = meant.and_then(|entry| Some((entry, entry.verdict.as_ref()?)));
    let Some((entry, verdict)) = made else {
        // Only when somebody replaced the log in this very moment.
        return super::given::tell(context, given, &format!("run #{run} has it on record"));
    };
    let opened = &entry.opened;
    let subject =
        if opened.subject.is_empty() { opened.kind.as_str() } else { opened.subject.as_str() };
    if context.json {
        return context.write_json(&OutcomeJson {
            schema_version: JSON_SCHEMA,
            given: given_json(given),
            decision: MadeJson {
                id: opened.id.clone(),
                kind: opened.kind.as_str(),
                subject: subject.to_owned(),
                action: verdict.action.as_str(),
                text: verdict.text.clone(),
                by: verdict.by.to_string(),
                at: verdict.at,
                repeated: !is_new,
            },
        });
    }
    let status = given.status.kind().as_str();
    let what = match opened.kind {
        DecisionKind::Merge | DecisionKind::Risk => format!("run #{run}"),
        DecisionKind::Gate | DecisionKind::Question | DecisionKind::Plan => format!("`{subject}`"),
    };
    let done = done(verdict.action);
    let line = if is_new {
        format!("{done} {what}: run #{run} is {status}; `crew status {run}` shows it")
    } else {
        let age = human_ms(context.now.since_ms(verdict.at));
        format!("{} {done} {what} {age} ago already; run #{run} is {status}", verdict.by)
    };
    context.say(&line)
}

/// The action as something that was done.
fn done(action: Action) -> &'static str {
    match action {
        Action::Approve => "approved",
        Action::Reject => "rejected",
        Action::Suggest => "suggested something else for",
        Action::Answer => "answered",
        Action::Merge => "merged",
        Action::Discard => "discarded the work of",
        Action::RequestChanges => "requested changes of",
    }
}
