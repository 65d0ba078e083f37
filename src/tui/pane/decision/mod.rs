//! A decision as a person sees and makes it: what is asked with all that belongs to it, and one key for each verb.
//!
//! Looking at it with the focus mints the nonce that decides exactly that. A key counts only here, and
//! only some moments after the decision appeared; what is given is the command that a person would type.

mod act;
#[cfg(test)]
mod tests;
mod view;

use std::cell::Cell;
use std::collections::BTreeSet;

use super::super::model::{Model, Screen};
use super::super::msg::{Call, Called, Effect};
use super::super::page::Panel;
use super::super::scene::Scene;
use super::super::update::{Data, words};
use super::super::want::Want;
use super::attention::{Item, Matter};
use crate::base::Time;
use crate::event::decision::{Action as Verdict, DecisionKind};
use crate::snapshot::DecisionRow;

pub use act::{act, choice, command, draft_key, give};
pub use view::{view, word_of};

/// Milliseconds for which a key does not count: it was meant for what was there before.
pub const GUARD_MS: u64 = 300;

/// What is known of the decision under the cursor, and of those that are being made.
#[derive(Debug, Clone, Default)]
pub struct State {
    seen: Option<Seen>,
    nonce: Option<Nonce>,
    wish: Option<Wish>,
    refused: Option<(Matter, String)>,
    /// Made just now, and still in the list.
    made: BTreeSet<Matter>,
    /// Asked anew just now, and in the list as soon as the log was read.
    coming: Option<Matter>,
    /// First line of the last frame.
    pub top: Cell<usize>,
}

/// What is under the cursor, and since when it looks as it does.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    matter: Matter,
    face: Option<Face>,
    since: Time,
}

/// What a person sees of a decision: when it is another one, it appeared anew.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Face {
    text: String,
    actions: Vec<Verdict>,
    choices: Vec<String>,
    reason: Option<String>,
}

/// What decides the decision that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Nonce {
    matter: Matter,
    /// The call that mints it.
    call: u64,
    /// The nonce, once it is there.
    text: Option<String>,
}

/// A decision that waits for its nonce.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wish {
    matter: Matter,
    verdict: Verdict,
    text: Option<String>,
}

/// The decision of a matter, as it is asked now.
pub fn row<'a>(scene: &Scene<'a>, matter: &Matter) -> Option<&'a DecisionRow> {
    let id = matter.decision.as_ref()?;
    scene.run(matter.run)?.status.decisions.iter().find(|row| row.id == *id)
}

/// What has to be loaded to see it.
pub fn wants(scene: &Scene<'_>, matter: &Matter, wants: &mut BTreeSet<Want>) {
    let Some(row) = row(scene, matter) else { return };
    wants.insert(Want::Briefing { run: matter.run, id: row.id.clone() });
    if has_patch(scene, matter) {
        wants.insert(Want::Patch { run: matter.run, task: None });
    }
}

/// Whether the decision is about what was changed.
fn has_patch(scene: &Scene<'_>, matter: &Matter) -> bool {
    let (Some(row), Some(run)) = (row(scene, matter), scene.run(matter.run)) else { return false };
    match row.kind {
        DecisionKind::Merge => true,
        DecisionKind::Gate => {
            let gate = run.plan.gates.iter().find(|gate| gate.id == row.subject);
            gate.is_some_and(|gate| gate.show.iter().any(|item| item == "diff"))
        }
        DecisionKind::Risk | DecisionKind::Question | DecisionKind::Plan => false,
    }
}

/// Whether it is being decided, or was just now.
pub fn is_settled(model: &Model, matter: &Matter) -> bool {
    model.inbox.decision.made.contains(matter)
        || model.calls.values().any(|call| decided(call).as_ref() == Some(matter))
}

/// What a command decides.
fn decided(call: &Call) -> Option<Matter> {
    const VERBS: [&str; 7] =
        ["approve", "reject", "suggest", "answer", "merge", "discard", "request-changes"];
    let verb = call.args.first()?.as_str();
    let run = call.args.get(1)?.parse().ok().map(crate::base::RunNumber)?;
    if matches!(verb, "resume" | "retry") {
        return Some(Matter { run, decision: None });
    }
    let id = call.args.get(2).filter(|id| !id.starts_with('-'))?;
    VERBS.contains(&verb).then(|| Matter { run, decision: Some(id.clone()) })
}

/// Keeps up with what is under the cursor: since when it is seen, its nonce, and the next one after it is decided.
pub fn follow(model: &mut Model, data: &Data<'_>) -> Vec<Effect> {
    if model.screen != Screen::Inbox {
        model.inbox.decision.seen = None;
        return Vec::new();
    }
    let items = super::super::screen::inbox::items(&data.scene(model));
    let known: BTreeSet<Matter> = items.iter().map(Item::matter).collect();
    model.inbox.decision.made.retain(|matter| known.contains(matter));
    model.inbox.decision.coming.take_if(|matter| known.contains(matter));
    let coming = model.inbox.decision.coming.as_ref();
    let is_there = |matter: &Matter| known.contains(matter) || coming == Some(matter);
    if !model.inbox.cursor.as_ref().is_some_and(is_there) {
        super::super::screen::inbox::settle(model, data);
    }
    let Some(matter) = model.inbox.cursor.clone() else {
        model.inbox.decision.seen = None;
        return Vec::new();
    };
    if is_settled(model, &matter) && model.overlays.is_empty() {
        move_on(model, &items, &matter);
    }
    let Some(matter) = model.inbox.cursor.clone() else { return Vec::new() };
    let scene = data.scene(model);
    let face = row(&scene, &matter).map(|row| Face {
        text: row.text.clone(),
        actions: row.actions.clone(),
        choices: row.choices.clone(),
        reason: row.reason.clone(),
    });
    let state = &mut model.inbox.decision;
    let is_same =
        state.seen.as_ref().is_some_and(|seen| seen.matter == matter && seen.face == face);
    if !is_same {
        state.seen = Some(Seen { matter: matter.clone(), face, since: data.now });
    }
    let is_asked = state.nonce.as_ref().is_some_and(|nonce| nonce.matter == matter);
    let can_be = model.panel == Panel::Inspector
        && matter.decision.is_some()
        && model.replay.is_none()
        && !is_settled(model, &matter);
    if can_be && !is_asked { mint(model, &matter) } else { Vec::new() }
}

/// Puts the cursor on what comes after something that was decided; taking the focus is a step of its own.
fn move_on(model: &mut Model, items: &[Item], matter: &Matter) {
    let at = items.iter().position(|item| item.matter() == *matter).unwrap_or(0);
    let order = (at + 1..items.len()).chain(0..at);
    let next = order.map(|at| &items[at]).find(|item| !is_settled(model, &item.matter()));
    model.panel = Panel::List;
    if let Some(next) = next {
        super::super::screen::inbox::choose(model, next);
    }
}

/// Lets crew put on record that the person looks, and tell the nonce of what they see.
fn mint(model: &mut Model, matter: &Matter) -> Vec<Effect> {
    let Some(id) = &matter.decision else { return Vec::new() };
    // It is no action of the person.
    let before = model.last_line.clone();
    let effect = model.call(words(&["decisions", &matter.run.to_string(), id, "--json"]), "");
    model.last_line = before;
    if let Effect::Call(call) = &effect {
        model.inbox.decision.nonce =
            Some(Nonce { matter: matter.clone(), call: call.id, text: None });
    }
    vec![effect]
}

/// Takes in the end of a command; nothing when it is to be told like any other.
pub fn called(model: &mut Model, called: &Called, data: &Data<'_>) -> Option<Vec<Effect>> {
    let id = called.call.id;
    let is_mint = model.inbox.decision.nonce.as_ref().is_some_and(|nonce| nonce.call == id);
    if is_mint {
        model.calls.remove(&id);
        return Some(minted(model, called, data));
    }
    if called.call.args.first().is_some_and(|verb| verb == "decisions") {
        // Of a decision that was left before.
        model.calls.remove(&id);
        return Some(Vec::new());
    }
    let matter = decided(&called.call)?;
    let state = &mut model.inbox.decision;
    if called.code == Some(0) {
        state.refused.take_if(|(of, _)| *of == matter);
        if matter.decision.is_some() {
            state.made.insert(matter);
        }
    } else {
        let said = if called.err.trim().is_empty() { &called.out } else { &called.err };
        let said = said.trim().trim_start_matches("error: ").to_owned();
        // What was looked at is used up, or counts no longer: the next look shows it anew.
        state.nonce.take_if(|nonce| nonce.matter == matter);
        state.refused = Some((matter, said));
    }
    None
}

/// Takes the nonce in, and makes the decision that waited for it.
fn minted(model: &mut Model, called: &Called, data: &Data<'_>) -> Vec<Effect> {
    let state = &mut model.inbox.decision;
    let Some(mut nonce) = state.nonce.take() else { return Vec::new() };
    let wish = state.wish.take();
    let Some((id, text)) = nonce_in(&called.out).filter(|_| called.code == Some(0)) else {
        let said = called.err.trim().trim_start_matches("error: ").to_owned();
        state.refused = Some((nonce.matter.clone(), said.clone()));
        if wish.is_some() {
            model.complain(said, data.now);
        }
        // It is not tried again before something else was looked at.
        model.inbox.decision.nonce = Some(nonce);
        return Vec::new();
    };
    let before = nonce.matter.clone();
    // One that had expired was asked anew, under another name.
    nonce.matter.decision = Some(id);
    nonce.text = Some(text);
    let matter = nonce.matter.clone();
    state.nonce = Some(nonce);
    if before != matter {
        state.coming = Some(matter.clone());
        if model.inbox.cursor.as_ref() == Some(&before) {
            model.inbox.cursor = Some(matter);
        }
        return Vec::new();
    }
    match wish.filter(|wish| wish.matter == matter) {
        Some(wish) => give(model, data, &matter, wish.verdict, wish.text),
        None => Vec::new(),
    }
}

/// The decision and its nonce in what `crew decisions --json` printed.
fn nonce_in(out: &str) -> Option<(String, String)> {
    let document: serde_json::Value = serde_json::from_str(out).ok()?;
    let decision = document.get("decisions")?.get(0)?;
    let text = |name: &str| decision.get(name)?.as_str().map(str::to_owned);
    Some((text("id")?, text("nonce")?))
}
