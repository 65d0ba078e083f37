//! From layers, tracks and lanes to cells.

use super::band::{Bands, Door, Leg, along};
use super::graph::{Graph, Ranks, Size};
use super::lane::{self, Lane, Stretch};
use super::layers::{Axis, Item, Layers};
use super::layout::{Cells, Layout, Path, Point, Sizes};

/// Cells from the first boxes to the first line that leads from band to band before them.
const MARGIN: i32 = 2;

/// Everything that is known once the places along the flow are.
struct Router<'a> {
    graph: &'a Graph,
    layers: &'a Layers,
    lines: &'a [i32],
    sizes: Sizes,
    bands: &'a Bands,
    /// Where each layer begins along the flow.
    starts: Vec<i32>,
    /// By lane area, which lies behind the band of its number.
    areas: Vec<Vec<Stretch>>,
    lanes: Vec<Vec<Lane>>,
    /// Where each band begins across the flow, and its smallest line.
    tops: Vec<(i32, i32)>,
    /// Where the lanes behind each band begin.
    lane_tops: Vec<i32>,
    /// Where labels beside the drawing begin, when it flows down.
    zone: i32,
}

/// A stretch by its area and its position in it.
type StretchAt = (usize, usize);

/// Finds the cells of everything.
pub(super) fn draw(
    graph: &Graph,
    ranks: &Ranks,
    layers: &Layers,
    lines: &[i32],
    sizes: Sizes,
    bands: &Bands,
) -> Layout {
    let wired;
    let bands = if bands.legs.is_empty() {
        wired = bands.clone().wire(graph, ranks, layers, lines);
        &wired
    } else {
        bands
    };
    let mut router = Router {
        graph,
        layers,
        lines,
        sizes,
        bands,
        starts: along(layers, bands, sizes),
        areas: vec![Vec::new(); bands.count()],
        lanes: Vec::new(),
        tops: Vec::new(),
        lane_tops: Vec::new(),
        zone: 0,
    };
    let stretches: Vec<Vec<StretchAt>> =
        (0..graph.links.len()).map(|link| router.stretches(link)).collect();
    router.stack();
    let nodes = (0..graph.nodes.len()).map(|node| router.node(node)).collect();
    let paths = (0..graph.links.len()).map(|link| router.path(link, &stretches[link])).collect();
    Layout { bands: bands.count(), ..normal(nodes, paths) }
}

impl Router<'_> {
    /// The stretches of a connection outside of the bands.
    fn stretches(&mut self, link: usize) -> Vec<StretchAt> {
        let Some([exit, entry]) = self.bands.doors[link] else {
            let turns: Vec<_> = self.bands.legs[link].iter().filter_map(Leg::turn).collect();
            return turns.into_iter().map(|turn| self.turn(turn)).collect();
        };
        let (from, to) = (self.graph.links[link].from, self.graph.links[link].to);
        let area = |node: usize, door: Door| {
            let band = self.bands.of[self.layers.column_of[node]];
            if door.side < 0 { band - 1 } else { band }
        };
        let (out, into) = (area(from, exit), area(to, entry));
        let leaves = (self.door_at(from, exit, true), -exit.side);
        let enters = (self.door_at(to, entry, false), -entry.side);
        let label = match self.sizes.axis {
            Axis::Across => sum(&self.graph.links[link].labels),
            Axis::Down => 0,
        };
        if out == into {
            return vec![self.add(out, Stretch { ends: [leaves, enters], label })];
        }
        let turns = self.areas.iter().flatten().filter(|it| it.ends.iter().any(|end| end.0 < 0));
        let margin = -MARGIN * (i32::try_from(turns.count()).unwrap_or(0) / 2 + 1);
        let side = if into < out { -1 } else { 1 };
        vec![
            self.add(out, Stretch { ends: [leaves, (margin, side)], label }),
            self.add(into, Stretch { ends: [(margin, -side), enters], label: 0 }),
        ]
    }

    fn turn(&mut self, [(out, leaves), (into, enters)]: [(usize, usize); 2]) -> StretchAt {
        let ends = [(self.track_at(out, leaves), -1), (self.track_at(into, enters), 1)];
        let column = self.bands.sides[into][1];
        let area = column.map_or(0, |column| self.bands.of[column].saturating_sub(1));
        self.add(area, Stretch { ends, label: 0 })
    }

    fn add(&mut self, area: usize, stretch: Stretch) -> StretchAt {
        self.areas[area].push(stretch);
        (area, self.areas[area].len() - 1)
    }

    /// Stacks bands and lanes across the flow.
    fn stack(&mut self) {
        let is_down = self.sizes.axis == Axis::Down;
        let outer = self.graph.links.iter().zip(&self.bands.doors).filter(|(_, it)| it.is_some());
        let widest = outer.map(|(link, _)| sum(&link.labels)).max().unwrap_or(0);
        let mut top = 0;
        for band in 0..self.bands.count() {
            let columns = self.bands.starts[band]..self.bands.starts[band + 1];
            let items = self.layers.columns[columns].iter().flatten();
            let spans = items.map(|&item| {
                let first = self.lines[item] - self.layers.items[item].port;
                (first, first + self.layers.items[item].wide)
            });
            let (low, high) = spans.fold((i32::MAX, i32::MIN), |(low, high), (first, end)| {
                (low.min(first), high.max(end))
            });
            self.tops.push((top, low));
            top += high - low;
            self.zone = top + 2;
            if is_down {
                top += if widest > 0 { widest + 3 } else { 2 };
            }
            self.lane_tops.push(top);
            let (lanes, rows) = lane::assign(&self.areas[band]);
            self.lanes.push(lanes);
            top += (rows * self.sizes.lane_step()).max(1);
            if rows > 0 {
                top += 1;
            }
        }
    }

    /// Where an item's line lies across the flow.
    fn line(&self, item: usize) -> i32 {
        let (top, low) = self.tops[self.bands.of[self.layers.column_of[item]]];
        self.lines[item] - low + top
    }

    fn item(&self, item: usize) -> &Item {
        &self.layers.items[item]
    }

    fn start(&self, item: usize) -> i32 {
        self.starts[self.layers.column_of[item]]
    }

    /// Where a line of a gap runs across the flow, along the flow.
    fn track_at(&self, gap: usize, wire: usize) -> i32 {
        let track = self.bands.gaps[gap].track(wire).unwrap_or(0);
        let track = i32::try_from(track).unwrap_or(0) * self.sizes.track_step();
        match self.bands.sides[gap] {
            [Some(column), _] => {
                let end = self.starts[column] + super::band::long(self.layers, column);
                end + self.sizes.lead(Some(self.layers.has_nodes[column])) + track
            }
            [None, column] => {
                let size = self.sizes.gap(&self.bands.gaps[gap], None, Some(true));
                column.map_or(0, |column| self.starts[column]) - size + track
            }
        }
    }

    /// Where a connection leaves or enters its box, along the flow.
    fn door_at(&self, node: usize, door: Door, is_exit: bool) -> i32 {
        if let Some((gap, wire)) = door.wire {
            return self.track_at(gap, wire);
        }
        let (start, long) = (self.start(node), self.item(node).long);
        let inset = match self.sizes.axis {
            Axis::Across => long / 3,
            Axis::Down => 1,
        };
        if is_exit { start + long - 1 - inset } else { start + inset }
    }

    /// The cells of a box.
    fn node(&self, node: usize) -> Cells {
        let item = self.item(node);
        self.cells(self.start(node), self.line(node) - item.port, item.long, item.wide)
    }

    fn cells(&self, along: i32, across: i32, long: i32, wide: i32) -> Cells {
        match self.sizes.axis {
            Axis::Across => Cells { x: along, y: across, width: long, height: wide },
            Axis::Down => Cells { x: across, y: along, width: wide, height: long },
        }
    }

    fn path(&self, link: usize, stretches: &[StretchAt]) -> Path {
        let is_outer = self.bands.doors[link].is_some();
        let (points, labels) = match self.bands.doors[link] {
            Some(doors) => self.around(link, doors, stretches),
            None => self.forward(link, stretches),
        };
        let turned = |(along, across): Point| match self.sizes.axis {
            Axis::Across => (along, across),
            Axis::Down => (across, along),
        };
        Path { points: corners(points.into_iter().map(turned)), labels, is_outer }
    }

    fn forward(&self, link: usize, stretches: &[StretchAt]) -> (Vec<Point>, Vec<Cells>) {
        let chain = &self.layers.chains[link];
        let mut turns = stretches.iter();
        let mut points =
            vec![(self.start(chain[0]) + self.item(chain[0]).long - 1, self.line(chain[0]))];
        for (pair, leg) in chain.windows(2).zip(&self.bands.legs[link]) {
            let (from, to) = (self.line(pair[0]), self.line(pair[1]));
            match *leg {
                Leg::Through(gap, wire) if self.bands.gaps[gap].track(wire).is_some() => {
                    let track = self.track_at(gap, wire);
                    points.extend([(track, from), (track, to)]);
                }
                Leg::Through(..) => {}
                Leg::Turn([(out, leaves), (into, enters)]) => {
                    let [out, into] = [self.track_at(out, leaves), self.track_at(into, enters)];
                    let lane = turns.next().map_or(from, |&at| self.lane(at));
                    points.extend([(out, from), (out, lane), (into, lane), (into, to)]);
                }
            }
        }
        let last = chain[chain.len() - 1];
        points.push((self.start(last) - 1, self.line(last)));
        (points, self.inner_labels(link, chain))
    }

    /// The labels on a line through the layers: behind its first box.
    fn inner_labels(&self, link: usize, chain: &[usize]) -> Vec<Cells> {
        let widths = &self.graph.links[link].labels;
        if widths.is_empty() {
            return Vec::new();
        }
        let (item, at_line) = (chain[1], self.line(chain[1]));
        let room = super::band::long(self.layers, self.layers.column_of[item]);
        let mut at = self.start(item);
        if self.sizes.axis == Axis::Across {
            at += (room - self.item(item).long) / 2;
        }
        let place = |&width: &i32| match self.sizes.axis {
            Axis::Across => {
                at += width + 1;
                Cells { x: at - width - 1, y: at_line, width, height: 1 }
            }
            Axis::Down => {
                at += 1;
                Cells { x: at_line - (width - 1) / 2, y: at - 1, width, height: 1 }
            }
        };
        widths.iter().map(place).collect()
    }

    fn around(
        &self,
        link: usize,
        [exit, entry]: [Door; 2],
        stretches: &[StretchAt],
    ) -> (Vec<Point>, Vec<Cells>) {
        let (from, to) = (self.graph.links[link].from, self.graph.links[link].to);
        let [leaves, enters] = [self.door_at(from, exit, true), self.door_at(to, entry, false)];
        let mut points = match exit.wire {
            Some(_) => {
                vec![
                    (self.start(from) + self.item(from).long - 1, self.line(from)),
                    (leaves, self.line(from)),
                ]
            }
            None => vec![(leaves, self.side(from, exit.side))],
        };
        let first = self.lane(stretches[0]);
        points.push((leaves, first));
        if let [(out, at), into] = *stretches {
            let margin = self.areas[out][at].ends[1].0;
            points.extend([(margin, first), (margin, self.lane(into)), (enters, self.lane(into))]);
        } else {
            points.push((enters, first));
        }
        match entry.wire {
            Some(_) => {
                points.extend([(enters, self.line(to)), (self.start(to) - 1, self.line(to))]);
            }
            None => points.push((enters, self.side(to, entry.side))),
        }
        (points, self.outer_labels(link, leaves, stretches[0]))
    }

    /// The side of a box, across the flow.
    fn side(&self, node: usize, side: i32) -> i32 {
        let first = self.line(node) - self.item(node).port;
        if side < 0 { first } else { first + self.item(node).wide - 1 }
    }

    fn outer_labels(&self, link: usize, leaves: i32, (area, at): StretchAt) -> Vec<Cells> {
        let lane = self.lane((area, at));
        let (mut x, y) = match self.sizes.axis {
            Axis::Across => (self.lanes[area][at].label_at, lane),
            Axis::Down => (self.zone, leaves),
        };
        let place = |&width: &i32| {
            x += width + 1;
            Cells { x: x - width - 1, y, width, height: 1 }
        };
        self.graph.links[link].labels.iter().map(place).collect()
    }

    fn lane(&self, (area, at): StretchAt) -> i32 {
        self.lane_tops[area] + self.lanes[area][at].row * self.sizes.lane_step()
    }
}

impl Leg {
    fn turn(&self) -> Option<[(usize, usize); 2]> {
        match *self {
            Self::Through(..) => None,
            Self::Turn(ends) => Some(ends),
        }
    }
}

/// Columns of labels one after the other.
fn sum(labels: &[i32]) -> i32 {
    labels.iter().map(|width| width + 1).sum::<i32>() - i32::from(!labels.is_empty())
}

/// The points at which a line changes its direction, and its ends.
fn corners(points: impl Iterator<Item = Point>) -> Vec<Point> {
    let mut kept: Vec<Point> = Vec::new();
    for point in points {
        if kept.last() == Some(&point) {
            continue;
        }
        if let [.., a, b] = kept.as_slice()
            && ((a.0 == b.0 && b.0 == point.0 && (b.1 > a.1) == (point.1 > b.1))
                || (a.1 == b.1 && b.1 == point.1 && (b.0 > a.0) == (point.0 > b.0)))
        {
            kept.pop();
        }
        kept.push(point);
    }
    kept
}

/// Moved so that the drawing begins at the first cell.
fn normal(mut nodes: Vec<Cells>, mut paths: Vec<Path>) -> Layout {
    let everything = || {
        let labels = paths.iter().flat_map(|path| &path.labels);
        let points = paths.iter().flat_map(|path| &path.points);
        let cells = points.map(|&(x, y)| Cells { x, y, width: 1, height: 1 });
        nodes.iter().chain(labels).copied().chain(cells)
    };
    let left = everything().map(|it| it.x).min().unwrap_or(0);
    let top = everything().map(|it| it.y).min().unwrap_or(0);
    let width = everything().map(|it| it.x + it.width).max().unwrap_or(0) - left;
    let height = everything().map(|it| it.y + it.height).max().unwrap_or(0) - top;
    for cells in nodes.iter_mut().chain(paths.iter_mut().flat_map(|path| &mut path.labels)) {
        cells.x -= left;
        cells.y -= top;
    }
    for point in paths.iter_mut().flat_map(|path| &mut path.points) {
        *point = (point.0 - left, point.1 - top);
    }
    Layout { width, height, bands: 1, nodes, paths }
}

/// The size of a box, for callers that have none yet.
impl From<(i32, i32)> for Size {
    fn from((width, height): (i32, i32)) -> Self {
        Self { width, height }
    }
}
