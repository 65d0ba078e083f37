//! The bar that scrubs through a run's past: every screen shows what was, and acts on nothing.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::keymap::{Action, Scope};
use super::look::Role;
use super::model::{Model, Replay};
use super::msg::Effect;
use super::page::{Page, Target};
use super::scene::Scene;
use super::text::{columns, inert_line};
use super::update::Data;
use crate::base::{RunNumber, Time};
use crate::snapshot::Class;

/// Parts of a run that a long step goes over.
const LONG_STEPS: u64 = 20;
/// Milliseconds between two steps of a run that plays.
const STEP_MS: u64 = 200;
/// Steps in which a long run has played to its end.
const PLAY_STEPS: u64 = 300;
/// Columns of the bar itself at most.
const BAR: usize = 48;

/// Opens the bar for a run, at the present.
pub fn open(model: &mut Model, run: RunNumber) {
    model.replay = Some(Replay { run, seq: None, shown: None, playing: None });
}

/// What an action does while a past is shown; nothing when it is not one of the bar's.
pub fn update(model: &mut Model, data: &Data<'_>, action: Action) -> Option<Vec<Effect>> {
    let replay = model.replay.as_mut()?;
    let last = last(data, replay.run);
    let now = replay.seq.unwrap_or(last);
    let long = (last / LONG_STEPS).max(1);
    let to = match action {
        Action::Earlier => now.saturating_sub(1),
        Action::Later => now + 1,
        Action::MuchEarlier => now.saturating_sub(long),
        Action::MuchLater => now + long,
        Action::Start => 1,
        Action::End => last,
        Action::Play => {
            play(replay, last, data.now);
            return Some(Vec::new());
        }
        Action::Leave => {
            model.replay = None;
            return Some(Vec::new());
        }
        action if is_of_the_present(action) && replay.seq.is_some() => {
            let key = model.key(Action::Leave);
            model.complain(format!("this is the past; {key} goes back to the present"), data.now);
            return Some(Vec::new());
        }
        _ => return None,
    };
    replay.playing = None;
    move_to(replay, to, last);
    Some(Vec::new())
}

/// Goes to a moment of the run that is replayed.
pub fn seek(model: &mut Model, data: &Data<'_>, seq: u64) {
    if let Some(replay) = &mut model.replay {
        let last = last(data, replay.run);
        replay.playing = None;
        move_to(replay, seq, last);
    }
}

/// Lets a run that plays go on when its time has come, and not before the last moment could be shown.
pub fn tick(model: &mut Model, data: &Data<'_>) {
    let Some(replay) = &mut model.replay else { return };
    let Some(due) = replay.playing else { return };
    if replay.seq != replay.shown || due > data.now {
        return;
    }
    let last = last(data, replay.run);
    let step = (last / PLAY_STEPS).max(1);
    move_to(replay, replay.seq.unwrap_or(last) + step, last);
    replay.playing = replay.seq.map(|_| data.now.plus_ms(STEP_MS));
}

/// When a run that plays takes its next step.
pub fn next_step(replay: &Replay) -> Option<Time> {
    replay.playing.filter(|_| replay.seq == replay.shown)
}

/// Something was loaded: a moment that is there is the one that is shown.
pub fn loaded(model: &mut Model, data: &Data<'_>) {
    if let Some(replay) = &mut model.replay
        && replay.seq.is_none_or(|seq| data.loads.past(replay.run, seq).is_some())
    {
        replay.shown = replay.seq;
    }
}

/// Shows the run as it was after an event; the last one is the present.
fn move_to(replay: &mut Replay, seq: u64, last: u64) {
    replay.seq = (seq < last).then(|| seq.max(1));
    if replay.seq.is_none() {
        replay.shown = None;
    }
}

fn play(replay: &mut Replay, last: u64, now: Time) {
    if replay.playing.take().is_some() {
        return;
    }
    if replay.seq.is_none() {
        move_to(replay, 1, last);
    }
    replay.playing = Some(now.plus_ms(STEP_MS));
}

/// Number of the run's newest event.
fn last(data: &Data<'_>, run: RunNumber) -> u64 {
    data.world.views.get(&run).map_or(1, |run| run.status.version)
}

/// Whether an action would change something: the past cannot be changed.
fn is_of_the_present(action: Action) -> bool {
    let scope = action.binding().scope;
    let changes = matches!(
        action,
        Action::Send
            | Action::Broadcast
            | Action::TakeOver
            | Action::Stop
            | Action::StopAll
            | Action::Pause
            | Action::Retry
            | Action::Archive
            | Action::RetryRun
            | Action::Comment
            | Action::SendComments
    );
    changes || matches!(scope, Scope::Decision | Scope::Mail)
}

/// Draws the bar in the last line and returns what is left above it.
pub fn view(scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) -> Rect {
    let Some(replay) = scene.model.replay.as_ref().filter(|_| area.height > 4) else {
        return area;
    };
    let look = scene.look();
    let line = Rect { y: area.bottom() - 1, height: 1, ..area };
    let present = scene.world.views.get(&replay.run);
    let last = present.map_or(1, |run| run.status.version).max(1);
    let at = replay.seq.unwrap_or(last);
    let sign = match (replay.playing, replay.seq) {
        (Some(_), _) => look.sign("▶", ">"),
        (None, Some(_)) => look.sign("‖", "="),
        (None, None) => look.sign("●", "*"),
    };
    let state = if replay.seq.is_some() { "as it was" } else { "now" };
    let head = format!(" {sign} #{} {state} ", replay.run);
    let style = look.class(if replay.seq.is_some() { Class::NeedsYou } else { Class::Running });
    let room = usize::from(line.width);
    let wide = (room / 3).clamp(4, BAR).min(room.saturating_sub(columns(&head)));
    let head_wide = u16::try_from(columns(&head)).unwrap_or(0);
    page.line(line, &head, style);
    let bar = Rect { x: line.x + head_wide, width: u16::try_from(wide).unwrap_or(0), ..line };
    let bar = bar.intersection(line);
    scale(at, last, scene, bar, page);
    let told = told(replay, at, last, scene);
    let rest = Rect { x: bar.right(), width: line.right().saturating_sub(bar.right()), ..line };
    page.spans(rest, &Line::from(told));
    Rect { height: area.height - 1, ..area }
}

/// The bar itself; each of its cells is a moment that can be clicked.
fn scale(at: u64, last: u64, scene: &Scene<'_>, bar: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    let cells = u64::from(bar.width).max(1);
    let here = at.saturating_sub(1) * cells / last.max(1);
    for cell in 0..bar.width {
        let place = Rect { x: bar.x + cell, width: 1, ..bar };
        let cell = u64::from(cell);
        let (sign, role) = match cell.cmp(&here) {
            std::cmp::Ordering::Less => (look.sign("━", "="), Role::Accent),
            std::cmp::Ordering::Equal => (look.sign("◆", "#"), Role::Strong),
            std::cmp::Ordering::Greater => (look.sign("─", "-"), Role::Faint),
        };
        page.line(place, sign, look.style(role));
        page.hit(place, Target::Moment(cell * last / cells + 1));
    }
}

/// Position, time and what happened there.
fn told(replay: &Replay, at: u64, last: u64, scene: &Scene<'_>) -> Vec<Span<'static>> {
    let look = scene.look();
    let mut spans = vec![Span::styled(format!(" {at}/{last}"), look.style(Role::Strong))];
    let failed = replay.seq.and_then(|seq| match scene.loads.past(replay.run, seq) {
        Some(Err(why)) => Some(why.to_owned()),
        Some(Ok(_)) | None => None,
    });
    if let Some(why) = failed {
        let why = format!("  {}", inert_line(&why, look));
        spans.push(Span::styled(why, look.class(Class::Failed)));
        return spans;
    }
    let story = scene.run(replay.run).and_then(|run| run.story.last());
    if let Some(event) = story {
        let time = format!("  {}  ", scene.time(event.at));
        spans.push(Span::styled(time, look.style(Role::Dim)));
        if let Some(task) = &event.task {
            spans.push(Span::styled(format!("{task} "), look.style(Role::Strong)));
        }
        spans.push(Span::raw(inert_line(&event.text, look)));
    }
    spans
}
