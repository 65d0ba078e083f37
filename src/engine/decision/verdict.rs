//! Takes a person's decision: which one is meant, whether it can be made now, and its one event.

use super::super::decide::next_step;
use super::super::facts::DecisionState;
use super::super::input::{Proof, Refusal};
use super::super::merge::check_target;
use super::super::state::State;
use super::choice::write_of;
use crate::base::{Time, limits, text};
use crate::event::decision::{Action, DecisionKind, DecisionMade, DecisionOpened, DecisionShown};
use crate::event::{Actor, Body};
use crate::plan::Risk;

/// A person looks at a decision: the nonce that decides it goes on record as its hash.
pub(in crate::engine) fn show(
    state: &State,
    now: Time,
    id: &str,
    nonce_hash: &str,
) -> Result<Vec<Body>, Refusal> {
    let entry = state.decisions.iter().find(|entry| entry.opened.id == id);
    let Some(entry) = entry else {
        return Err(no_decision(state, id));
    };
    if !state.is_asked(entry) {
        return Err(gone(state, entry));
    }
    if entry.opened.expires_at > now {
        let shown = DecisionShown { id: id.to_owned(), nonce_hash: nonce_hash.to_owned() };
        return Ok(vec![shown.into()]);
    }
    let id = format!("d{}", state.decisions.len() + 1);
    let again = DecisionOpened {
        id: id.clone(),
        expires_at: now.plus_ms(limits::DECISION_MS),
        ..entry.opened.clone()
    };
    Ok(vec![again.into(), DecisionShown { id, nonce_hash: nonce_hash.to_owned() }.into()])
}

fn no_decision(state: &State, name: &str) -> Refusal {
    let number = state.created.number;
    let decisions = state.decisions.iter().filter(|entry| state.is_asked(entry));
    let gates = state.plan().gates.iter().map(|gate| gate.id.clone());
    let tasks = (0..state.tasks.len()).map(|task| state.task_id(task).to_string());
    let names: Vec<String> =
        decisions.map(|entry| subject(entry).to_owned()).chain(gates).chain(tasks).collect();
    let hint = match text::did_you_mean(name, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("`crew decisions {number}` lists what it asks"),
    };
    let reason = format!("run #{number} asks nothing called `{name}`");
    Refusal { code: "not_found", reason, hint }
}

/// What a person decided, and how they show that they saw it.
#[derive(Debug)]
pub(in crate::engine) struct Wish<'a> {
    pub target: Option<&'a str>,
    pub action: Action,
    pub text: &'a str,
    pub proof: &'a Proof,
    pub by: &'a Actor,
    /// It comes with another budget.
    pub has_budget: bool,
    pub into: Option<&'a str>,
}

/// The decision that is meant, made or not.
///
/// # Errors
/// None fits, or several do.
pub(super) fn meant<'a>(
    state: &'a State,
    target: Option<&str>,
    action: Action,
    proof: &Proof,
) -> Result<&'a DecisionState, Refusal> {
    let by = &Actor::Supervisor;
    let (has_budget, into) = (false, None);
    find(state, &Wish { target, action, text: "", proof, by, has_budget, into })
}

/// Decides. The same decision twice is the first one; another one is a conflict.
pub(in crate::engine) fn decide(
    state: &State,
    now: Time,
    wish: &Wish<'_>,
) -> Result<Vec<Body>, Refusal> {
    let entry = find(state, wish)?;
    if let Some(verdict) = &entry.verdict {
        if verdict.action == wish.action
            && (wish.action != Action::Answer || verdict.text == wish.text)
        {
            return Ok(Vec::new());
        }
        let reason = format!(
            "{} decided `{}` on `{}` at {}",
            verdict.by,
            verdict.action,
            subject(entry),
            verdict.at
        );
        return Err(Refusal { code: "conflict", reason, hint: next_step(state) });
    }
    if !state.is_asked(entry) {
        return Err(gone(state, entry));
    }
    if !entry.opened.actions.contains(&wish.action) {
        let words: Vec<&str> = entry.opened.actions.iter().map(|action| action.as_str()).collect();
        let reason =
            format!("`{}` takes {}, not {}", subject(entry), words.join(", "), wish.action);
        return Err(refused(reason, String::new()));
    }
    if wish.action == Action::Merge {
        check_target(state, wish.into)?;
    }
    check_expiry(state, now, entry)?;
    check_text(entry, wish)?;
    let mut events = Vec::new();
    if let Proof::Minted(hash) = wish.proof {
        let id = entry.opened.id.clone();
        events.push(DecisionShown { id, nonce_hash: hash.clone() }.into());
    }
    events.push(
        DecisionMade {
            id: entry.opened.id.clone(),
            action: wish.action,
            text: wish.text.to_owned(),
            by: wish.by.clone(),
            write: write_of(state, entry, wish)?,
            accepts: accepts_of(state, entry, wish),
            into: wish.into.map(str::to_owned),
        }
        .into(),
    );
    Ok(events)
}

/// Risks that a yes accepts: all that the person was shown.
fn accepts_of(state: &State, entry: &DecisionState, wish: &Wish<'_>) -> Vec<Risk> {
    let is_yes = entry.opened.kind == DecisionKind::Risk && wish.action == Action::Approve;
    if is_yes { state.open_risks() } else { Vec::new() }
}

/// Why a decision cannot be made any more.
fn gone(state: &State, entry: &DecisionState) -> Refusal {
    let id = &entry.opened.id;
    let number = state.created.number;
    if entry.verdict.is_none() && state.status.is_terminal() {
        let word = state.status.kind().as_str();
        let reason = format!("run #{number} is {word}; `{}` is not asked any more", subject(entry));
        return Refusal::state(reason, next_step(state));
    }
    let why = match (&entry.superseded, &entry.verdict) {
        (_, Some(_)) => "it was made".to_owned(),
        (Some(why), None) => why.clone(),
        (None, None) => format!("`{}` has changed since", subject(entry)),
    };
    let reason = format!("decision `{id}` counts no longer: {why}");
    let hint = format!("look again: `crew decisions {number}`");
    Refusal { code: "superseded", reason, hint }
}

pub(super) fn refused(reason: impl Into<String>, hint: impl Into<String>) -> Refusal {
    Refusal { code: "forbidden", reason: reason.into(), hint: hint.into() }
}

/// How a person would name what a decision is about.
fn subject(entry: &DecisionState) -> &str {
    if entry.opened.subject.is_empty() { entry.opened.kind.as_str() } else { &entry.opened.subject }
}

/// The decision that is meant: by nonce, by name, or the only one that fits.
fn find<'a>(state: &'a State, wish: &Wish<'_>) -> Result<&'a DecisionState, Refusal> {
    if let Proof::Nonce(hash) = wish.proof {
        let shown = state.decisions.iter().find(|entry| entry.nonces.contains(hash));
        let Some(entry) = shown else {
            let hint = format!("`crew decisions {}` shows a new one", state.created.number);
            return Err(refused("this nonce was never shown for this run", hint));
        };
        if let Some(name) = wish.target
            && entry.opened.id != name
            && subject(entry) != name
        {
            let reason = format!("the nonce belongs to `{}`, not to `{name}`", subject(entry));
            return Err(refused(reason, String::new()));
        }
        return Ok(entry);
    }
    let fits = |entry: &&DecisionState| match wish.target {
        Some(name) => entry.opened.id == name || subject(entry) == name,
        None => takes(entry, wish.action),
    };
    let open: Vec<&DecisionState> =
        state.decisions.iter().filter(|entry| state.is_asked(entry)).filter(fits).collect();
    match open.as_slice() {
        [only] if takes(only, wish.action) => Ok(only),
        [only] => Ok(repeated(state, only, wish.action).unwrap_or(only)),
        [] => nothing_open(state, wish, fits),
        several => {
            let names: Vec<&str> = several.iter().map(|entry| subject(entry)).collect();
            let reason = format!("{} decisions fit: {}", several.len(), names.join(", "));
            let hint =
                format!("name one: `crew {} {} {}`", wish.action, state.created.number, names[0]);
            Err(Refusal { code: "ambiguous", reason, hint })
        }
    }
}

fn takes(entry: &DecisionState, action: Action) -> bool {
    entry.opened.actions.contains(&action)
}

/// The newest decision about the same subject, when it was made in just this way: a no, said again, is
/// still the no that was said, although the gate is asked for anew by then.
fn repeated<'a>(
    state: &'a State,
    open: &DecisionState,
    action: Action,
) -> Option<&'a DecisionState> {
    let mut earlier = state.decisions.iter().rev().filter(|entry| {
        entry.opened.kind == open.opened.kind && entry.opened.subject == open.opened.subject
    });
    let last = earlier.find(|entry| entry.verdict.is_some())?;
    last.verdict.as_ref().is_some_and(|verdict| verdict.action == action).then_some(last)
}

/// Nothing open fits: a decision that was made already, or the reason why there is none.
fn nothing_open<'a>(
    state: &'a State,
    wish: &Wish<'_>,
    fits: impl Fn(&&DecisionState) -> bool + Copy,
) -> Result<&'a DecisionState, Refusal> {
    let mut made = state.decisions.iter().rev().filter(fits);
    if let Some(entry) = made.find(|entry| entry.verdict.is_some()) {
        return Ok(entry);
    }
    if let Some(name) = wish.target {
        if let Some(entry) = state.decisions.iter().rev().find(fits) {
            return Ok(entry);
        }
        return Err(not_asked(state, name));
    }
    let number = state.created.number;
    let reason = format!("run #{number} asks nothing that `{}` decides", wish.action);
    Err(Refusal::state(reason, next_step(state)))
}

/// Why a name cannot be decided: it is no gate of a person's, it is nothing, or its time has not come.
fn not_asked(state: &State, name: &str) -> Refusal {
    let Some(gate) = state.plan().gates.iter().find(|gate| gate.id == name) else {
        if let Some(task) = name.parse().ok().and_then(|id| state.task_ix(&id)) {
            let word = state.tasks[task].status.as_str();
            return Refusal::state(
                format!("task `{name}` is {word}; it asks nothing"),
                next_step(state),
            );
        }
        return no_decision(state, name);
    };
    if !gate.writers.iter().any(|writer| writer == "human") {
        let reason = format!(
            "gate `{name}` is not decided by people; {} may write it",
            gate.writers.join(", ")
        );
        return refused(reason, String::new());
    }
    let verdict = state.evaluate(gate);
    let reason = if verdict.open {
        format!("gate `{name}` is open already")
    } else {
        format!("gate `{name}` is not asked for yet")
    };
    let number = state.created.number;
    Refusal::state(reason, format!("`crew gate write {number} {name} …` writes it beforehand"))
}

fn check_expiry(state: &State, now: Time, entry: &DecisionState) -> Result<(), Refusal> {
    let number = state.created.number;
    if entry.opened.expires_at <= now {
        let reason = format!("decision `{}` has expired", entry.opened.id);
        let hint = format!("`crew decisions {number}` asks it again");
        return Err(Refusal { code: "expired", reason, hint });
    }
    Ok(())
}

fn check_text(entry: &DecisionState, wish: &Wish<'_>) -> Result<(), Refusal> {
    let is_blank = wish.text.trim().is_empty();
    match wish.action {
        Action::Suggest if wish.has_budget => Ok(()),
        Action::Answer | Action::Suggest | Action::RequestChanges if is_blank => {
            Err(refused(format!("`{}` needs a text", wish.action), "add `--text …`"))
        }
        Action::Answer
            if !entry.opened.choices.is_empty()
                && !entry.opened.choices.iter().any(|choice| choice == wish.text) =>
        {
            let reason = format!("`{}` is none of the answers to choose from", wish.text);
            Err(refused(reason, format!("choose {}", entry.opened.choices.join(", "))))
        }
        Action::Answer
        | Action::Suggest
        | Action::RequestChanges
        | Action::Approve
        | Action::Reject
        | Action::Merge
        | Action::Discard => Ok(()),
    }
}
