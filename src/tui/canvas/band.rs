//! Bands: a drawing that is too wide goes on below, as text does; and the lines between the layers of each band.

use super::gap::{End, FAR, Gap, Share, Wire};
use super::graph::{Graph, Ranks};
use super::layers::{Axis, Layers, What};
use super::layout::Sizes;

/// Cells that a line needs to go on in the next band.
const TURN: i32 = 6;
/// What a further band costs, as the square of a per cent of free room.
const BAND_COST: i64 = 2_500;
/// What a further line from one band to the next costs.
const TURN_COST: i64 = 5_000;

/// The layers in bands, the gaps between them, and the lines in the gaps.
#[derive(Debug, Clone)]
pub(super) struct Bands {
    /// First layer of each band, and the one behind the last band.
    pub starts: Vec<usize>,
    /// Band of each layer.
    pub of: Vec<usize>,
    /// The gaps.
    pub gaps: Vec<Gap>,
    /// The gap before each layer.
    pub before: Vec<usize>,
    /// The gap behind each layer.
    pub after: Vec<usize>,
    /// By gap: the layer before it and the one behind it.
    pub sides: Vec<[Option<usize>; 2]>,
    /// By connection: its line in each gap that it passes, in order.
    pub legs: Vec<Vec<Leg>>,
    /// By connection that leads around: where it leaves its first box and where it enters the second.
    pub doors: Vec<Option<[Door; 2]>>,
}

/// The line of a connection between two neighbouring layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leg {
    /// In one gap: the gap and the line's position in it.
    Through(usize, usize),
    /// To the next band: out of one gap and into another.
    Turn([(usize, usize); 2]),
}

/// Where a connection that leads around touches its box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Door {
    /// Whether towards the band before (−1) or behind (1).
    pub side: i32,
    /// The gap and the line's position in it; none when it touches the box from outside the band.
    pub wire: Option<(usize, usize)>,
}

impl Bands {
    /// All layers in one band, without lines.
    pub fn one(layers: &Layers) -> Self {
        Self::with_starts(layers, vec![0])
    }

    fn with_starts(layers: &Layers, mut starts: Vec<usize>) -> Self {
        let count = layers.columns.len();
        starts.push(count);
        let mut bands = Self {
            of: Vec::with_capacity(count),
            gaps: Vec::new(),
            before: Vec::with_capacity(count),
            after: Vec::with_capacity(count),
            sides: Vec::new(),
            legs: Vec::new(),
            doors: Vec::new(),
            starts,
        };
        for band in 0..bands.starts.len() - 1 {
            let columns = bands.starts[band]..bands.starts[band + 1];
            bands.sides.push([None, Some(columns.start)]);
            for column in columns.clone() {
                bands.of.push(band);
                bands.before.push(bands.sides.len() - 1);
                bands.after.push(bands.sides.len());
                bands.sides.push([Some(column), (column + 1 < columns.end).then_some(column + 1)]);
            }
        }
        bands.gaps = vec![Gap::default(); bands.sides.len()];
        bands
    }

    /// Number of bands.
    pub fn count(&self) -> usize {
        self.starts.len() - 1
    }

    /// Leads all lines through the gaps and gives them tracks.
    pub fn wire(mut self, graph: &Graph, ranks: &Ranks, layers: &Layers, lines: &[i32]) -> Self {
        for link in 0..graph.links.len() {
            let legs = layers.chains[link].windows(2).map(|pair| {
                let [left, right] = [pair[0], pair[1]];
                self.leg(layers, lines, left, right)
            });
            let legs = legs.collect();
            self.legs.push(legs);
        }
        self.doors = vec![None; graph.links.len()];
        for link in (0..graph.links.len()).filter(|&link| ranks.is_outer[link]) {
            self.doors[link] = Some(self.open(graph, layers, lines, link));
        }
        for gap in &mut self.gaps {
            gap.assign();
        }
        self
    }

    fn leg(&mut self, layers: &Layers, lines: &[i32], left: usize, right: usize) -> Leg {
        let (column, next) = (layers.column_of[left], layers.column_of[right]);
        let from = End::Left { item: left, at: lines[left] };
        let to = End::Right { item: right, at: lines[right] };
        if self.of[column] == self.of[next] {
            let gap = self.after[column];
            return Leg::Through(gap, self.gaps[gap].add(Wire { from, to, share: Share::Item }));
        }
        let (out, into) = (self.after[column], self.before[next]);
        // Lines from one item, or to one item, go on together.
        let is_turning = |near: &[usize]| near.len() > 1;
        let (at_exit, at_entry) = if is_turning(&layers.rights[left]) {
            (Share::Item, Share::Bundle(left))
        } else if is_turning(&layers.lefts[right]) {
            (Share::Bundle(right), Share::Item)
        } else {
            (Share::Item, Share::Item)
        };
        let leaves = Wire { from, to: End::Outside(FAR), share: at_exit };
        let enters = Wire { from: End::Outside(-FAR), to, share: at_entry };
        let leaves = self.gaps[out].add(leaves);
        let enters = self.gaps[into].add(enters);
        Leg::Turn([(out, leaves), (into, enters)])
    }

    /// Finds where a connection that leads around leaves and enters.
    fn open(&mut self, graph: &Graph, layers: &Layers, lines: &[i32], link: usize) -> [Door; 2] {
        let (from, to) = (graph.links[link].from, graph.links[link].to);
        let [leaves, enters] = [from, to].map(|node| self.of[layers.column_of[node]]);
        let sides = match leaves.cmp(&enters) {
            std::cmp::Ordering::Less => [1, -1],
            std::cmp::Ordering::Equal => [1, 1],
            std::cmp::Ordering::Greater => [-1, 1],
        };
        let is_down = layers.axis == Axis::Down;
        // A low box has one row at its side, and one line there must not look as if it were two.
        let is_low = is_down && layers.items[from].long < 4;
        let is_peer = !is_down && layers.column_of[from] == layers.column_of[to];
        let is_taken = is_low && has_entry(graph, layers, layers.column_of[from]);
        // Labels lie on this line beside the drawing, so that no two may share it.
        let is_used = is_down && self.leaves_already(graph, from);
        let exit = if is_edge(layers, from, sides[0]) && !is_peer && !is_taken && !is_used {
            None
        } else {
            let gap = self.after[layers.column_of[from]];
            let wire = Wire {
                from: End::Left { item: from, at: lines[from] },
                to: End::Outside(FAR * sides[0]),
                share: if is_down { Share::Nothing } else { Share::Item },
            };
            Some((gap, self.gaps[gap].add(wire)))
        };
        let entry = if is_edge(layers, to, sides[1]) {
            None
        } else {
            let gap = self.before[layers.column_of[to]];
            let wire = Wire {
                from: End::Outside(FAR * sides[1]),
                to: End::Right { item: to, at: lines[to] },
                share: if is_down { Share::Nothing } else { Share::Item },
            };
            Some((gap, self.gaps[gap].add(wire)))
        };
        [Door { side: sides[0], wire: exit }, Door { side: sides[1], wire: entry }]
    }

    /// Whether an earlier connection leaves the side of this box.
    fn leaves_already(&self, graph: &Graph, node: usize) -> bool {
        let known = graph.links.iter().zip(&self.doors);
        known
            .filter(|(link, _)| link.from == node)
            .any(|(_, doors)| doors.is_some_and(|[exit, _]| exit.wire.is_none()))
    }
}

/// Whether a connection enters a box of this layer from its side.
fn has_entry(graph: &Graph, layers: &Layers, column: usize) -> bool {
    graph.links.iter().zip(&layers.chains).any(|(link, chain)| {
        chain.is_empty() && layers.column_of[link.to] == column && is_edge(layers, link.to, 1)
    })
}

/// Whether nothing lies between a box and the side of its band.
fn is_edge(layers: &Layers, node: usize, side: i32) -> bool {
    let column = &layers.columns[layers.column_of[node]];
    let last = if side < 0 { column.first() } else { column.last() };
    last == Some(&node)
}

/// Breaks a drawing into bands that are about equally wide, where few lines go on from one to the next.
pub(super) fn split(
    graph: &Graph,
    ranks: &Ranks,
    layers: &Layers,
    lines: &[i32],
    sizes: Sizes,
    width: i32,
) -> Bands {
    let whole = Bands::one(layers).wire(graph, ranks, layers, lines);
    let starts = along(layers, &whole, sizes);
    let ends: Vec<i32> =
        (0..starts.len()).map(|column| starts[column] + long(layers, column)).collect();
    if ends.last().is_none_or(|&total| total <= width) {
        return whole;
    }
    let starts = breaks(layers, &starts, &ends, (width - TURN).max(1));
    Bands::with_starts(layers, starts).wire(graph, ranks, layers, lines)
}

/// First layers of bands that are at most so wide, if that is possible; a band begins with boxes.
///
/// As a good typesetter breaks a paragraph: of all ways the one that costs least.
fn breaks(layers: &Layers, starts: &[i32], ends: &[i32], room: i32) -> Vec<usize> {
    let units: Vec<usize> = (0..starts.len()).filter(|&column| layers.has_nodes[column]).collect();
    // By unit: the least that everything before it costs, and the unit with which the last band began.
    let mut best: Vec<(i64, usize)> = vec![(0, 0)];
    for end in 1..=units.len() {
        // The labels behind the boxes stay with them.
        let next = units.get(end).copied().unwrap_or(starts.len());
        let turns = turns(layers, next);
        let mut found = (i64::MAX, end - 1);
        for first in (0..end).rev() {
            let long = ends[next - 1] - starts[units[first]];
            if long > room && first + 1 < end {
                break;
            }
            let slack = i64::from((room - long).max(0)) * 100 / i64::from(room);
            let cost = best[first].0 + BAND_COST + turns * TURN_COST + slack * slack;
            if cost < found.0 {
                found = (cost, first);
            }
        }
        best.push(found);
    }
    let mut found = Vec::new();
    let mut end = units.len();
    while end > 0 {
        end = best[end].1;
        found.push(units[end]);
    }
    found.reverse();
    found
}

/// Lines that go on in the next band if one begins with this layer; those of one item count once.
fn turns(layers: &Layers, column: usize) -> i64 {
    let Some(items) = layers.columns.get(column) else { return 0 };
    let into: Vec<usize> =
        items.iter().copied().filter(|&it| !layers.lefts[it].is_empty()).collect();
    let mut from: Vec<usize> =
        into.iter().flat_map(|&item| layers.lefts[item].iter().copied()).collect();
    from.sort_unstable();
    from.dedup();
    let count = into.len().min(from.len());
    i64::try_from(count).unwrap_or(i64::MAX / TURN_COST).saturating_sub(1)
}

/// Where each layer begins along the flow, in its band.
pub(super) fn along(layers: &Layers, bands: &Bands, sizes: Sizes) -> Vec<i32> {
    let size = |gap: usize, left, right| sizes.gap(&bands.gaps[gap], left, right);
    let first = |band: usize| size(bands.before[bands.starts[band]], None, Some(true));
    let start = (0..bands.count()).map(first).max().unwrap_or(0);
    let mut at = Vec::with_capacity(layers.columns.len());
    for band in 0..bands.count() {
        let mut next = start;
        for column in bands.starts[band]..bands.starts[band + 1] {
            if column > bands.starts[band] {
                let [left, right] = [column - 1, column].map(|it| Some(layers.has_nodes[it]));
                next += size(bands.before[column], left, right);
            }
            at.push(next);
            next += long(layers, column);
        }
    }
    at
}

/// Cells of a layer along the flow.
pub(super) fn long(layers: &Layers, column: usize) -> i32 {
    let items = layers.columns[column].iter().map(|&item| &layers.items[item]);
    items.filter(|item| item.what != What::Pass).map(|item| item.long).max().unwrap_or(0)
}
