//! What is selected on the canvas, which part of it is seen, and where the keys and the mouse lead.

use std::cell::RefCell;
use std::sync::Arc;

use super::graph::Graph;
use super::layout::{Cells, Density, Flow, Layout, Point};
use super::model::{Canvas, Detail, Step};
use crate::tui::look::Look;

/// Columns below which a drawing rather flows down.
const NARROW: i32 = 72;

/// Something on the canvas that can be selected.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pick {
    /// A step, by its name.
    Step(String),
    /// A gate on a channel, by their names.
    Gate {
        /// The channel.
        channel: String,
        /// The gate.
        gate: String,
    },
}

/// A direction on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To the left.
    Left,
    /// To the right.
    Right,
    /// Up.
    Up,
    /// Down.
    Down,
}

/// Which way the canvas is to flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Orientation {
    /// As it fits best.
    #[default]
    Fitting,
    /// Left to right.
    Across,
    /// Top to bottom.
    Down,
}

/// The state of a canvas on the screen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CanvasState {
    /// What is selected.
    pub selected: Option<Pick>,
    /// The first cell that is seen, when a person has moved the view.
    pub pan: Option<Point>,
    /// Which way it flows.
    pub orientation: Orientation,
}

/// A canvas laid out for a screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawing {
    /// Where everything is.
    pub layout: Layout,
    /// How much the boxes show.
    pub detail: Detail,
}

impl Drawing {
    /// Lays a canvas out so that it fits into so many columns and rows, with as much detail as possible.
    pub fn fitting(canvas: &Canvas, orientation: Orientation, width: u16, height: u16) -> Self {
        let (width, height) = (i32::from(width), i32::from(height));
        let flows: &[Flow] = match orientation {
            Orientation::Across => &[Flow::Across(width)],
            Orientation::Down => &[Flow::Down],
            Orientation::Fitting if width < NARROW => &[Flow::Down, Flow::Across(width)],
            Orientation::Fitting => &[Flow::Across(width), Flow::Down],
        };
        let tries = [
            (Detail::Full, Density::Roomy, true),
            (Detail::State, Density::Roomy, true),
            (Detail::State, Density::Tight, true),
            (Detail::State, Density::Tight, false),
            (Detail::Name, Density::Tight, false),
        ];
        let mut best: Option<(i32, Self)> = None;
        for (detail, density, is_even) in tries {
            let has_fitting = best.as_ref().is_some_and(|(beyond, _)| *beyond == 0);
            // Less detail is worth a drawing in one piece, but not less than the state.
            if has_fitting && (detail == Detail::Name || orientation == Orientation::Down) {
                break;
            }
            let graph = canvas.graph(detail, is_even);
            for &flow in flows.iter().filter(|flow| !has_fitting || **flow != Flow::Down) {
                let layout = Layout::of(&graph, flow, density);
                let beyond = (layout.width - width).max(0) + 2 * (layout.height - height).max(0);
                let is_whole = beyond == 0 && layout.bands == 1;
                let is_better = best.as_ref().is_none_or(|(least, _)| beyond < *least);
                if is_better || is_whole {
                    best = Some((beyond, Self { layout, detail }));
                }
                if is_whole {
                    return best.map_or(Self::none(), |(_, found)| found);
                }
                if beyond == 0 {
                    break;
                }
            }
        }
        best.map_or(Self::none(), |(_, found)| found)
    }

    fn none() -> Self {
        Self { layout: Layout::default(), detail: Detail::State }
    }

    /// The cells of something.
    pub fn cells(&self, canvas: &Canvas, pick: &Pick) -> Option<Cells> {
        match pick {
            Pick::Step(id) => {
                let ix = canvas.steps.iter().position(|step| step.id == *id)?;
                self.layout.nodes.get(ix).copied()
            }
            Pick::Gate { channel, gate } => {
                let ix = canvas.channels.iter().position(|it| it.id == *channel)?;
                let at = canvas.channels[ix].gates.iter().position(|it| it.id == *gate)?;
                self.layout.paths.get(ix)?.labels.get(at).copied()
            }
        }
    }

    /// Everything that can be selected, with its cells: steps in their order, then gates.
    pub fn picks(&self, canvas: &Canvas) -> Vec<(Pick, Cells)> {
        let steps = canvas.steps.iter().zip(&self.layout.nodes);
        let steps = steps.map(|(step, cells)| (Pick::Step(step.id.clone()), *cells));
        let channels = canvas.channels.iter().zip(&self.layout.paths);
        let gates = channels.flat_map(|(channel, path)| {
            channel.gates.iter().zip(&path.labels).map(|(gate, cells)| {
                let (channel, gate) = (channel.id.clone(), gate.id.clone());
                (Pick::Gate { channel, gate }, *cells)
            })
        });
        steps.chain(gates).collect()
    }

    /// What lies on a cell of the drawing.
    pub fn at(&self, canvas: &Canvas, point: Point) -> Option<Pick> {
        let mut picks = self.picks(canvas).into_iter();
        picks.find(|(_, cells)| cells.contains(point)).map(|(pick, _)| pick)
    }
}

/// The drawing of the last frame: it is laid out anew only for another plan or another screen.
#[derive(Debug, Clone, Default)]
pub struct Kept(RefCell<Option<(Basis, Arc<Drawing>)>>);

/// What a drawing depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Basis {
    steps: Vec<(String, String)>,
    graph: Graph,
    orientation: Orientation,
    size: (u16, u16),
}

impl Kept {
    /// The drawing that fits; see [`Drawing::fitting`].
    pub fn fitting(
        &self,
        canvas: &Canvas,
        orientation: Orientation,
        width: u16,
        height: u16,
    ) -> Arc<Drawing> {
        let name = |step: &Step| (step.id.clone(), step.role.clone());
        let basis = Basis {
            steps: canvas.steps.iter().map(name).collect(),
            graph: canvas.graph(Detail::Full, false),
            orientation,
            size: (width, height),
        };
        let mut kept = self.0.borrow_mut();
        if let Some((known, drawing)) = kept.as_ref()
            && *known == basis
        {
            return Arc::clone(drawing);
        }
        let drawing = Arc::new(Drawing::fitting(canvas, orientation, width, height));
        *kept = Some((basis, Arc::clone(&drawing)));
        drawing
    }
}

impl CanvasState {
    /// What is selected, as far as the canvas still has it: otherwise what needs a look most.
    pub fn selection(&self, canvas: &Canvas) -> Option<Pick> {
        let is_there = |pick: &&Pick| match pick {
            Pick::Step(id) => canvas.steps.iter().any(|step| step.id == *id),
            Pick::Gate { channel, gate } => canvas
                .channels
                .iter()
                .any(|it| it.id == *channel && it.gates.iter().any(|own| own.id == *gate)),
        };
        self.selected.as_ref().filter(is_there).cloned().or_else(|| canvas.most_urgent())
    }

    /// Selects the nearest thing in a direction; the view follows.
    pub fn move_(&mut self, canvas: &Canvas, drawing: &Drawing, direction: Direction) {
        self.pan = None;
        let Some(from) = self.selection(canvas) else { return };
        let Some(cells) = drawing.cells(canvas, &from) else { return };
        let picks = drawing.picks(canvas);
        let others = picks.into_iter().filter(|(pick, _)| *pick != from);
        let reached =
            others.filter_map(|(pick, other)| Some((distance(cells, other, direction)?, pick)));
        let next = reached.min_by(|a, b| a.0.cmp(&b.0)).map(|(_, pick)| pick);
        self.selected = Some(next.unwrap_or(from));
    }

    /// Selects what comes next in the order of the file, or before.
    pub fn step_on(&mut self, canvas: &Canvas, is_forward: bool) {
        self.pan = None;
        let steps = &canvas.steps;
        let at = match self.selection(canvas) {
            Some(Pick::Step(id)) => steps.iter().position(|step| step.id == id),
            Some(Pick::Gate { channel, .. }) => {
                canvas.channels.iter().find(|it| it.id == channel).map(|it| it.from)
            }
            None => None,
        };
        let next = match (at, is_forward) {
            (None, _) => 0,
            (Some(at), true) => (at + 1).min(steps.len().saturating_sub(1)),
            (Some(at), false) => at.saturating_sub(1),
        };
        self.selected = steps.get(next).map(|step| Pick::Step(step.id.clone()));
    }

    /// Moves the view by so many cells.
    pub fn pan(&mut self, canvas: &Canvas, drawing: &Drawing, by: Point, width: u16, height: u16) {
        let (x, y) = self.origin(canvas, drawing, width, height);
        let moved = CanvasState { pan: Some((x + by.0, y + by.1)), ..self.clone() };
        self.pan = Some(moved.origin(canvas, drawing, width, height));
    }

    /// Turns the canvas: as it fits, left to right, top to bottom.
    pub fn turn(&mut self) {
        self.pan = None;
        self.orientation = match self.orientation {
            Orientation::Fitting => Orientation::Across,
            Orientation::Across => Orientation::Down,
            Orientation::Down => Orientation::Fitting,
        };
    }

    /// Signs for the sides on which the drawing goes on beyond a screen of this size.
    pub fn beyond(
        &self,
        canvas: &Canvas,
        drawing: &Drawing,
        (width, height): (u16, u16),
        look: Look,
    ) -> String {
        let (x, y) = self.origin(canvas, drawing, width, height);
        let sides = [
            (x > 0, look.sign("←", "<")),
            (x + i32::from(width) < drawing.layout.width, look.sign("→", ">")),
            (y > 0, look.sign("↑", "^")),
            (y + i32::from(height) < drawing.layout.height, look.sign("↓", "v")),
        ];
        let signs: Vec<&str> = sides.iter().filter(|(is, _)| *is).map(|(_, sign)| *sign).collect();
        signs.join(" ")
    }

    /// The cell of the drawing at the first cell of a screen of this size.
    ///
    /// What fits lies in the middle; otherwise the view follows the selection, or lies where a person moved it.
    pub fn origin(&self, canvas: &Canvas, drawing: &Drawing, width: u16, height: u16) -> Point {
        let selected = self.selection(canvas).and_then(|pick| drawing.cells(canvas, &pick));
        let selected = selected.unwrap_or_default();
        let along = |size: i32, room: i32, at: i32, long: i32, pan: Option<i32>| {
            if size <= room {
                return -((room - size) / 2);
            }
            let wanted = pan.unwrap_or(at + long / 2 - room / 2);
            wanted.clamp(0, size - room)
        };
        let layout = &drawing.layout;
        let (width, height) = (i32::from(width), i32::from(height));
        let pan = self.pan.unzip();
        (
            along(layout.width, width, selected.x, selected.width, pan.0),
            along(layout.height, height, selected.y, selected.height, pan.1),
        )
    }
}

/// How far it is to something that lies wholly in a direction; what is straight ahead is nearer than what lies aside.
fn distance(from: Cells, to: Cells, direction: Direction) -> Option<(i32, i32)> {
    // Rows are twice as high as columns are wide.
    let along_x = (from.x, from.x + from.width, to.x, to.x + to.width);
    let along_y = (from.y * 2, (from.y + from.height) * 2, to.y * 2, (to.y + to.height) * 2);
    let (ahead, across) = match direction {
        Direction::Left => (along_x.0 - along_x.3, along_y),
        Direction::Right => (along_x.2 - along_x.1, along_y),
        Direction::Up => (along_y.0 - along_y.3, along_x),
        Direction::Down => (along_y.2 - along_y.1, along_x),
    };
    // What overlaps across the direction is not aside at all.
    let aside = (across.2 - across.1).max(across.0 - across.3).max(-1) + 1;
    let middles = (across.0 + across.1 - across.2 - across.3).abs();
    (ahead >= 0).then_some((ahead + 3 * aside, middles))
}
