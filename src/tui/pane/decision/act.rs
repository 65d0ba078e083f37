//! What the keys do to a decision, as commands.

use super::super::super::keymap::Action;
use super::super::super::model::Model;
use super::super::super::msg::Effect;
use super::super::super::overlay::{Overlay, reason};
use super::super::super::update::{Data, ask, words};
use super::super::attention::Matter;
use super::{GUARD_MS, Wish, is_settled, mint, row};
use crate::event::StatusKind;
use crate::event::decision::{Action as Verdict, DecisionKind};
use crate::snapshot::DecisionRow;

/// The keys of the answers to choose from.
pub const CHOICES: [Action; 4] =
    [Action::Choice1, Action::Choice2, Action::Choice3, Action::Choice4];

/// Whether each answer that is allowed has a key of its own.
pub fn is_chosen(row: &DecisionRow) -> bool {
    (1..=CHOICES.len()).contains(&row.choices.len())
}

/// Where a reason or an answer is kept that was not given yet.
pub fn draft_key(matter: &Matter) -> String {
    match &matter.decision {
        Some(id) => format!("reason:{}/{id}", matter.run),
        None => format!("reason:{}", matter.run),
    }
}

/// The words of the command that decides; the nonce as far as it is known.
pub fn command(
    model: &Model,
    matter: &Matter,
    verdict: Verdict,
    text: Option<&str>,
) -> Vec<String> {
    let id = matter.decision.as_deref().unwrap_or_default();
    let known = model.inbox.decision.nonce.as_ref().filter(|nonce| nonce.matter == *matter);
    let nonce = known.and_then(|nonce| nonce.text.as_deref()).unwrap_or("…");
    let mut args = words(&[verdict.as_str(), &matter.run.to_string(), id, "--nonce", nonce]);
    match text {
        Some(text) if text.starts_with('-') => args.push(format!("--text={text}")),
        Some(text) => args.extend(words(&["--text", text])),
        None => {}
    }
    args
}

/// Makes a decision: at once when its nonce is there, else as soon as it is.
pub fn give(
    model: &mut Model,
    data: &Data<'_>,
    matter: &Matter,
    verdict: Verdict,
    text: Option<String>,
) -> Vec<Effect> {
    let is_asked = row(&data.scene(model), matter).is_some();
    if !is_asked || is_settled(model, matter) {
        model.complain("that is not asked any more", data.now);
        return Vec::new();
    }
    let nonce = model.inbox.decision.nonce.as_ref().filter(|nonce| nonce.matter == *matter);
    if nonce.is_some_and(|nonce| nonce.text.is_some()) {
        let args = command(model, matter, verdict, text.as_deref());
        return vec![model.call_from(&draft_key(matter), args, "")];
    }
    let is_coming = nonce.is_some_and(|nonce| model.calls.contains_key(&nonce.call));
    model.inbox.decision.wish = Some(Wish { matter: matter.clone(), verdict, text });
    if is_coming { Vec::new() } else { mint(model, matter) }
}

/// Does what a key of the decision means.
pub fn act(model: &mut Model, data: &Data<'_>, action: Action) -> Vec<Effect> {
    let Some(matter) = model.inbox.cursor.clone() else { return Vec::new() };
    if model.replay.as_ref().is_some_and(|replay| replay.seq.is_some()) {
        model.complain("this is the past; nothing can be decided in it", data.now);
        return Vec::new();
    }
    let seen = model.inbox.decision.seen.as_ref().filter(|seen| seen.matter == matter);
    if seen.is_none_or(|seen| data.now.since_ms(seen.since) < GUARD_MS) {
        model.complain("it appeared just now: look, and press it again", data.now);
        return Vec::new();
    }
    if is_settled(model, &matter) {
        model.say("it is being decided", data.now);
        return Vec::new();
    }
    match row(&data.scene(model), &matter).cloned() {
        Some(row) => decide(model, data, &matter, &row, action),
        None => without_decision(model, data, &matter, action),
    }
}

fn decide(
    model: &mut Model,
    data: &Data<'_>,
    matter: &Matter,
    row: &DecisionRow,
    action: Action,
) -> Vec<Effect> {
    let can = |verdict: Verdict| row.actions.contains(&verdict);
    match action {
        Action::Approve => {
            match [Verdict::Approve, Verdict::Merge].into_iter().find(|one| can(*one)) {
                Some(verdict) => return give(model, data, matter, verdict, None),
                None if can(Verdict::Answer) => answer(model, data, matter, row),
                None => model.complain("there is nothing to approve", data.now),
            }
        }
        Action::Deny if can(Verdict::Reject) => write(model, matter, row, Verdict::Reject),
        Action::Deny if can(Verdict::Discard) => return discard(model, data, matter),
        Action::RequestChanges if can(Verdict::RequestChanges) => {
            write(model, matter, row, Verdict::RequestChanges);
        }
        Action::Suggest if can(Verdict::Suggest) => write(model, matter, row, Verdict::Suggest),
        Action::Answer if can(Verdict::Answer) => answer(model, data, matter, row),
        Action::Answer => {}
        Action::Choice1 | Action::Choice2 | Action::Choice3 | Action::Choice4 => {
            let at = choice(action);
            if let Some(text) = row.choices.get(at) {
                return give(model, data, matter, Verdict::Answer, Some(text.clone()));
            }
            model.complain(format!("there is no choice {}", at + 1), data.now);
        }
        _ => {
            let word = action.binding().help;
            let kind = row.kind.as_str();
            model.complain(format!("a {kind} decision has no `{word}`"), data.now);
        }
    }
    Vec::new()
}

/// The position of a choice.
pub fn choice(action: Action) -> usize {
    CHOICES.iter().position(|one| *one == action).unwrap_or(0)
}

/// Opens the field for an answer, unless one of those that are proposed has to be chosen.
fn answer(model: &mut Model, data: &Data<'_>, matter: &Matter, row: &DecisionRow) {
    if !is_chosen(row) {
        return write(model, matter, row, Verdict::Answer);
    }
    let keys = CHOICES.iter().zip(&row.choices);
    let choices: Vec<String> =
        keys.map(|(key, choice)| format!("{} {choice}", model.key(*key))).collect();
    let send = model.key(Action::Send);
    let said = format!("choose: {}; {send} sends a message in other words", choices.join(", "));
    model.complain(said, data.now);
}

/// Opens the field for the text that a decision needs.
fn write(model: &mut Model, matter: &Matter, row: &DecisionRow, verdict: Verdict) {
    let (run, subject) = (matter.run, &row.subject);
    let (title, hint) = match (verdict, row.kind) {
        (Verdict::Reject, DecisionKind::Risk) => {
            (format!(" Reject run #{run} "), "why it is not to start …")
        }
        (Verdict::Reject, _) => (format!(" Reject {subject} of #{run} "), "why not …"),
        (Verdict::Suggest, _) => (format!(" Suggest for #{run} "), "what it should do instead …"),
        (Verdict::Answer, _) => (format!(" Answer {subject} of #{run} "), "your answer …"),
        (_, _) => (format!(" Request changes of #{run} "), "what has to change …"),
    };
    let state = reason::State::new(title, hint, matter.clone(), verdict, model);
    model.overlays.push(Overlay::Reason(Box::new(state)));
}

/// Asks before the work of a run is thrown away.
fn discard(model: &mut Model, data: &Data<'_>, matter: &Matter) -> Vec<Effect> {
    let known = model.inbox.decision.nonce.as_ref().filter(|nonce| nonce.matter == *matter);
    if known.is_none_or(|nonce| nonce.text.is_none()) {
        model.complain("its nonce is still on its way: press it again", data.now);
        return Vec::new();
    }
    let args = command(model, matter, Verdict::Discard, None);
    let question = format!(
        "Discard the work of #{}? The run ends; its branch stays until you delete it.",
        matter.run
    );
    ask(model, question, vec![(args, String::new())], data.now);
    Vec::new()
}

/// What the keys do to a run that waits for a person and asks nothing.
fn without_decision(
    model: &mut Model,
    data: &Data<'_>,
    matter: &Matter,
    action: Action,
) -> Vec<Effect> {
    let status = data.world.row(matter.run).map(|row| row.status);
    match (action, status) {
        (Action::Approve, Some(StatusKind::Blocked | StatusKind::Waiting | StatusKind::Paused)) => {
            vec![model.call(words(&["resume", &matter.run.to_string(), "--yes"]), "")]
        }
        (Action::Deny, Some(status)) if status.is_terminal() => {
            model.memory.seen.insert(matter.run.to_string());
            Vec::new()
        }
        (Action::Answer, _) => Vec::new(),
        _ => {
            let (retry, why) = (model.key(Action::Retry), model.key(Action::Why));
            let said = format!("it asks nothing: {retry} tries again, {why} tells why");
            model.complain(said, data.now);
            Vec::new()
        }
    }
}
