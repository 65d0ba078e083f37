//! The workflow canvas: steps as boxes, channels as lines, gates on their lines.
//!
//! [`Canvas`] is what a run or a plan shows, [`Layout`] where it lies (and knows nothing of runs), [`Drawing`] a
//! layout that fits a screen, [`CanvasState`] what is selected on it. [`draw()`] puts it on the terminal.

mod band;
mod draw;
mod gap;
mod graph;
mod grid;
mod lane;
mod layers;
mod layout;
mod model;
mod place;
mod route;
mod strip;
mod view;
mod words;

#[cfg(test)]
mod tests;

pub use draw::{draw, gate_sign, gate_style, round};
pub use graph::{Graph, Link, Size};
pub use layout::{Cells, Density, Flow, Layout, Path, Point};
pub use model::{Canvas, Channel, Detail, Gate, Round, Step, StepState};
pub use strip::strip;
pub use view::{CanvasState, Direction, Drawing, Kept, Orientation, Pick};
pub use words::condition;
