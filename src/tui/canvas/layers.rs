//! Layers of boxes, of labels between them, and of places where lines pass; ordered so that few lines cross.

use super::graph::{Graph, Ranks};

/// Which way the drawing flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Axis {
    /// Left to right: layers are columns.
    Across,
    /// Top to bottom: layers are rows.
    Down,
}

/// What takes room in a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// A box.
    Node(usize),
    /// The labels of a connection.
    Labels,
    /// A line on its way.
    Pass,
}

/// Something in a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Item {
    /// What it is.
    pub what: What,
    /// Cells along the flow.
    pub long: i32,
    /// Cells across the flow.
    pub wide: i32,
    /// Where its line enters and leaves, from its first cell across.
    pub port: i32,
}

/// The layers of a drawing, and the way of each line through them.
#[derive(Debug, Clone)]
pub(super) struct Layers {
    /// Which way the drawing flows.
    pub axis: Axis,
    /// Everything that takes room.
    pub items: Vec<Item>,
    /// The items of each layer, in their order.
    pub columns: Vec<Vec<usize>>,
    /// Layer of each item.
    pub column_of: Vec<usize>,
    /// By layer: whether boxes stand in it, not labels.
    pub has_nodes: Vec<bool>,
    /// By connection: its items from box to box; empty when it leads around.
    pub chains: Vec<Vec<usize>>,
    /// Items on the layer before that are connected, by item.
    pub lefts: Vec<Vec<usize>>,
    /// Items on the layer behind that are connected, by item.
    pub rights: Vec<Vec<usize>>,
}

/// Sweeps that order the layers.
const SWEEPS: usize = 8;
/// Connections between layers up to which crossings are counted: with more it would take too long.
const COUNTED_MAX: usize = 600;

impl Layers {
    /// The layers of a graph, ordered.
    pub fn of(graph: &Graph, ranks: &Ranks, axis: Axis) -> Self {
        let count = ranks.of.iter().max().map_or(0, |last| last + 1);
        let mut has_labels = vec![false; count];
        for (link, is_outer) in graph.links.iter().zip(&ranks.is_outer) {
            has_labels[ranks.of[link.from]] |= !is_outer && !link.labels.is_empty();
        }
        let mut layers = Self {
            axis,
            items: Vec::new(),
            columns: Vec::new(),
            column_of: Vec::new(),
            has_nodes: Vec::new(),
            chains: vec![Vec::new(); graph.links.len()],
            lefts: Vec::new(),
            rights: Vec::new(),
        };
        let mut column_of_rank = Vec::with_capacity(count);
        for has_labels in has_labels {
            column_of_rank.push(layers.columns.len());
            layers.add_column(true);
            if has_labels {
                layers.add_column(false);
            }
        }
        for (node, size) in graph.nodes.iter().enumerate() {
            let (long, wide, port) = match axis {
                Axis::Across => (size.width, size.height, 1),
                Axis::Down => (size.height, size.width, (size.width - 1) / 2),
            };
            let item = Item { what: What::Node(node), long, wide, port };
            layers.add(item, column_of_rank[ranks.of[node]]);
        }
        for link in (0..graph.links.len()).filter(|&link| !ranks.is_outer[link]) {
            layers.thread(graph, link, axis);
        }
        layers.order();
        layers
    }

    fn add_column(&mut self, has_nodes: bool) {
        self.columns.push(Vec::new());
        self.has_nodes.push(has_nodes);
    }

    fn add(&mut self, item: Item, column: usize) -> usize {
        let ix = self.items.len();
        self.items.push(item);
        self.columns[column].push(ix);
        self.column_of.push(column);
        self.lefts.push(Vec::new());
        self.rights.push(Vec::new());
        ix
    }

    /// Leads a connection through all layers between its boxes; its labels lie behind the first one.
    fn thread(&mut self, graph: &Graph, link: usize, axis: Axis) {
        let (from, to) = (graph.links[link].from, graph.links[link].to);
        let labels = &graph.links[link].labels;
        let (first, last) = (self.column_of[from], self.column_of[to]);
        let mut chain = vec![from];
        for column in first + 1..last {
            let item = if column == first + 1 && !labels.is_empty() {
                labels_item(labels, axis)
            } else {
                Item { what: What::Pass, long: 0, wide: 1, port: 0 }
            };
            chain.push(self.add(item, column));
        }
        chain.push(to);
        for pair in chain.windows(2) {
            self.rights[pair[0]].push(pair[1]);
            self.lefts[pair[1]].push(pair[0]);
        }
        self.chains[link] = chain;
    }

    /// Orders every layer by where its neighbours are, and keeps the order with the fewest crossings.
    fn order(&mut self) {
        let links: usize = self.rights.iter().map(Vec::len).sum();
        if links > COUNTED_MAX {
            self.sweep(true);
            return;
        }
        let mut best = (self.crossings(), self.columns.clone());
        for sweep in 0..SWEEPS {
            if best.0 == 0 {
                break;
            }
            self.sweep(sweep % 2 == 0);
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.columns.clone());
            }
        }
        self.columns = best.1;
    }

    fn sweep(&mut self, is_forward: bool) {
        let mut at = self.positions();
        let count = self.columns.len();
        for step in 0..count {
            let column = if is_forward { step } else { count - 1 - step };
            let near = if is_forward { &self.lefts } else { &self.rights };
            let mut keyed: Vec<(f64, usize)> = self.columns[column]
                .iter()
                .map(|&item| (mean(&near[item], &at).unwrap_or(at[item]), item))
                .collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            self.columns[column] = keyed.into_iter().map(|(_, item)| item).collect();
            for (position, &item) in self.columns[column].iter().enumerate() {
                at[item] = as_float(position);
            }
        }
    }

    fn positions(&self) -> Vec<f64> {
        let mut at = vec![0.0; self.items.len()];
        for column in &self.columns {
            for (position, &item) in column.iter().enumerate() {
                at[item] = as_float(position);
            }
        }
        at
    }

    fn crossings(&self) -> usize {
        let at = self.positions();
        let mut crossings = 0;
        for column in &self.columns {
            let lines: Vec<(f64, f64)> = column
                .iter()
                .flat_map(|&left| self.rights[left].iter().map(move |&right| (left, right)))
                .map(|(left, right)| (at[left], at[right]))
                .collect();
            for (ix, a) in lines.iter().enumerate() {
                let cross = |b: &&(f64, f64)| (a.0 - b.0) * (a.1 - b.1) < 0.0;
                crossings += lines[ix + 1..].iter().filter(cross).count();
            }
        }
        crossings
    }
}

/// The room that labels take: in a row of their own each where the drawing flows down.
fn labels_item(labels: &[i32], axis: Axis) -> Item {
    let count = i32::try_from(labels.len()).unwrap_or(i32::MAX);
    let sum: i32 = labels.iter().sum();
    let widest = labels.iter().copied().max().unwrap_or(0);
    match axis {
        Axis::Across => Item { what: What::Labels, long: sum + count - 1, wide: 1, port: 0 },
        Axis::Down => {
            Item { what: What::Labels, long: count, wide: widest, port: (widest - 1) / 2 }
        }
    }
}

fn mean(items: &[usize], at: &[f64]) -> Option<f64> {
    let sum: f64 = items.iter().map(|&item| at[item]).sum();
    (!items.is_empty()).then(|| sum / as_float(items.len()))
}

/// Exact: there are far fewer items than a float can count.
fn as_float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
