//! The bar that scrubs through a run's past.

use super::keymap::Action;
use super::model::{Model, Replay};
use super::msg::Effect;
use super::update::Data;

/// Parts of a run that a long step goes over.
const LONG_STEPS: u64 = 20;

/// What an action does while a past is shown; nothing when it is not one of the bar's.
pub fn update(model: &mut Model, data: &Data<'_>, action: Action) -> Option<Vec<Effect>> {
    let replay = model.replay.as_mut()?;
    let last = data.world.views.get(&replay.run).map_or(1, |run| run.status.version);
    let now = replay.seq.unwrap_or(last);
    let long = (last / LONG_STEPS).max(1);
    let to = match action {
        Action::Earlier => now.saturating_sub(1),
        Action::Later => now + 1,
        Action::MuchEarlier => now.saturating_sub(long),
        Action::MuchLater => now + long,
        Action::Start => 1,
        Action::End => last,
        Action::Leave => {
            model.replay = None;
            return Some(Vec::new());
        }
        _ => return None,
    };
    move_to(replay, to, last);
    Some(Vec::new())
}

/// Shows the run as it was after an event; the last one is the present.
fn move_to(replay: &mut Replay, seq: u64, last: u64) {
    replay.seq = (seq < last).then(|| seq.max(1));
}
