//! Which overlay an action opens.

use super::super::keymap::Action;
use super::super::model::Model;
use super::super::msg::Effect;
use super::super::update::Data;
use super::super::world::TaskRef;
use super::{Overlay, compose};

/// Opens the overlay that an action stands for; nothing for other actions.
pub fn open(model: &mut Model, data: &Data<'_>, action: Action) -> Vec<Effect> {
    match action {
        Action::Send => {
            let to: Vec<TaskRef> = model.selected.iter().cloned().collect();
            write(model, data, to);
        }
        Action::Broadcast => {
            let to = if model.tagged.is_empty() {
                let run = model.selected.as_ref().map(|selected| selected.run);
                run.map(|run| TaskRef { run, task: None }).into_iter().collect()
            } else {
                model.tagged.iter().cloned().collect()
            };
            write(model, data, to);
        }
        _ => {}
    }
    Vec::new()
}

fn write(model: &mut Model, data: &Data<'_>, to: Vec<TaskRef>) {
    if to.is_empty() {
        return model.complain("there is no run under the cursor to write to", data.now);
    }
    let state = compose::State::new(to, model);
    model.overlays.push(Overlay::Compose(Box::new(state)));
}
