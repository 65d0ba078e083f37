//! Where everything of a graph lies on the cells of a terminal: boxes, labels on lines, and lines with right angles.
//!
//! Layers from the start (longest way), ordered so that few lines cross; lines that lead back run around the
//! drawing. Pure and deterministic: the same graph always lies the same way, whatever happens in the run.

use super::band::{self, Bands};
use super::gap::Gap;
use super::graph::{Graph, Ranks};
use super::layers::{Axis, Layers, What};
use super::place::{self, Space};
use super::route;

/// Which way a drawing flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Left to right, continued on the next line when it gets wider than this.
    Across(i32),
    /// Top to bottom.
    Down,
}

/// How much room there is between things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Density {
    /// Lines have air.
    Roomy,
    /// As little as possible.
    Tight,
}

/// Cells of a drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cells {
    /// First column.
    pub x: i32,
    /// First row.
    pub y: i32,
    /// Columns.
    pub width: i32,
    /// Rows.
    pub height: i32,
}

impl Cells {
    /// Whether a cell is one of them.
    pub fn contains(&self, (x, y): Point) -> bool {
        (self.x..self.x + self.width).contains(&x) && (self.y..self.y + self.height).contains(&y)
    }

    /// Whether two have a cell in common.
    pub fn meets(&self, other: &Self) -> bool {
        self.x < other.x + other.width
            && other.x < self.x + self.width
            && self.y < other.y + other.height
            && other.y < self.y + self.height
    }
}

/// A cell: column and row.
pub type Point = (i32, i32);

/// A connection as it is drawn.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Path {
    /// Its corners: from the frame of its first box to the cell of its arrow.
    pub points: Vec<Point>,
    /// Its labels.
    pub labels: Vec<Cells>,
    /// Whether it leads around the drawing.
    pub is_outer: bool,
}

/// A graph on cells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    /// Columns that it takes.
    pub width: i32,
    /// Rows that it takes.
    pub height: i32,
    /// Pieces into which it is broken, one below the other.
    pub bands: usize,
    /// By box.
    pub nodes: Vec<Cells>,
    /// By connection.
    pub paths: Vec<Path>,
}

impl Layout {
    /// Lays a graph out.
    pub fn of(graph: &Graph, flow: Flow, density: Density) -> Self {
        if graph.nodes.is_empty() {
            return Self::default();
        }
        let axis = match flow {
            Flow::Across(_) => Axis::Across,
            Flow::Down => Axis::Down,
        };
        let ranks = Ranks::of(graph);
        let mut layers = Layers::of(graph, &ranks, axis);
        stretch_nodes(&mut layers);
        let lines = place::lines(&layers, space(axis, density));
        let sizes = Sizes { axis, density };
        let bands = match flow {
            Flow::Down => Bands::one(&layers),
            Flow::Across(width) => band::split(graph, &ranks, &layers, &lines, sizes, width),
        };
        route::draw(graph, &ranks, &layers, &lines, sizes, &bands)
    }
}

/// Free cells along the flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Which way it flows.
    pub axis: Axis,
    density: Density,
}

impl Sizes {
    /// Cells of a gap between two layers; each side tells whether boxes or labels stand there, or nothing.
    pub fn gap(self, gap: &Gap, left: Option<bool>, right: Option<bool>) -> i32 {
        let count = i32::try_from(gap.tracks()).unwrap_or(i32::MAX);
        let arrow = i32::from(right == Some(true));
        if count > 0 {
            return self.lead(left) + count * self.track_step() + arrow;
        }
        match (left, right, self.axis) {
            (None, _, _) | (_, None, _) => 0,
            (Some(true), Some(true), Axis::Across) => 4,
            (Some(_), Some(_), Axis::Across) | (Some(true), Some(true), Axis::Down) => 2,
            (Some(_), Some(true), Axis::Down) => 1,
            (Some(_), Some(false), Axis::Down) => i32::from(self.density == Density::Roomy),
        }
    }

    /// Cells before the first track of a gap.
    pub fn lead(self, left: Option<bool>) -> i32 {
        match (left, self.axis) {
            (None, _) => 0,
            (Some(_), Axis::Across) => 1,
            (Some(_), Axis::Down) => i32::from(self.density == Density::Roomy),
        }
    }

    /// Cells from track to track: a terminal's cells are half as wide as high.
    pub fn track_step(self) -> i32 {
        match self.axis {
            Axis::Across => 2,
            Axis::Down => 1,
        }
    }

    /// Cells from lane to lane, across the flow.
    pub fn lane_step(self) -> i32 {
        match self.axis {
            Axis::Across => 1,
            Axis::Down => 2,
        }
    }
}

fn space(axis: Axis, density: Density) -> Space {
    match (axis, density) {
        (Axis::Across, Density::Roomy) => Space { nodes: 1, others: 1 },
        (Axis::Across, Density::Tight) => Space { nodes: 0, others: 0 },
        (Axis::Down, _) => Space { nodes: 3, others: 2 },
    }
}

/// The boxes of a layer are equally long.
fn stretch_nodes(layers: &mut Layers) {
    for (column, items) in layers.columns.iter().enumerate() {
        if !layers.has_nodes[column] {
            continue;
        }
        let long = items.iter().map(|&item| layers.items[item].long).max().unwrap_or(0);
        for &item in items {
            if matches!(layers.items[item].what, What::Node(_)) {
                layers.items[item].long = long;
            }
        }
    }
}

#[cfg(test)]
mod tests;
