//! What was changed: files, hunks, lines, and comments on them that go to the agent in one batch.

mod comment;
mod rows;
mod state;
#[cfg(test)]
mod tests;
mod view;

use std::collections::BTreeSet;

use super::super::model::Tab;
use super::super::scene::Scene;
use super::super::want::Want;

pub use comment::Comment;
pub use rows::{Rows, Spot, file_line, letter, line, sum};
pub use state::{State, called, clicked, follow, has_focus, update};
pub use view::view;

/// What has to be loaded to see the diff of what is under the cursor.
pub fn wants(scene: &Scene<'_>, wants: &mut BTreeSet<Want>) {
    if let (Tab::Diff, Some(target)) = (scene.model.tab, scene.selected()) {
        wants.insert(Want::Patch { run: target.run, task: target.task.clone() });
    }
}
