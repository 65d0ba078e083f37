//! The workflow canvas: steps as boxes, channels as lines, gates on their lines.
//!
//! [`layout`] finds the places and knows nothing of runs.

mod band;
mod gap;
mod graph;
mod lane;
mod layers;
mod layout;
mod place;
mod route;

pub use graph::{Graph, Link, Size};
pub use layout::{Cells, Density, Flow, Layout, Path, Point};
