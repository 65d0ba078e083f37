//! What holds for every drawing.

use proptest::prelude::*;

use super::super::graph::{Link, Size};
use super::*;

fn link(from: usize, to: usize, labels: &[i32], is_back: bool) -> Link {
    Link { from, to, labels: labels.to_vec(), is_back }
}

/// The cells of a line, without its first one.
fn cells(path: &Path) -> Vec<Point> {
    let mut cells = Vec::new();
    for pair in path.points.windows(2) {
        let ((x, y), to) = (pair[0], pair[1]);
        let (dx, dy) = ((to.0 - x).signum(), (to.1 - y).signum());
        assert!(dx == 0 || dy == 0, "a line with a slope: {path:?}");
        let steps = (to.0 - x).abs() + (to.1 - y).abs();
        cells.extend((1..=steps).map(|step| (x + dx * step, y + dy * step)));
    }
    cells
}

fn touches(cells: &Cells, (x, y): Point) -> bool {
    let around =
        Cells { x: cells.x - 1, y: cells.y - 1, width: cells.width + 2, height: cells.height + 2 };
    let is_inside = (cells.x + 1..cells.x + cells.width - 1).contains(&x)
        && (cells.y + 1..cells.y + cells.height - 1).contains(&y);
    around.contains((x, y)) && !is_inside
}

fn around(a: Cells, b: &Cells) -> Cells {
    let (x, y) = (a.x.min(b.x), a.y.min(b.y));
    let width = (a.x + a.width).max(b.x + b.width) - x;
    Cells { x, y, width, height: (a.y + a.height).max(b.y + b.height) - y }
}

/// Everything that must hold for a drawing of this graph.
fn check(graph: &Graph, flow: Flow, density: Density) -> Layout {
    let layout = Layout::of(graph, flow, density);
    let text = picture(&layout);
    let frame = Cells { x: 0, y: 0, width: layout.width, height: layout.height };
    let labels: Vec<(usize, Cells)> = layout
        .paths
        .iter()
        .enumerate()
        .flat_map(|(ix, path)| path.labels.iter().map(move |label| (ix, *label)))
        .collect();
    for (ix, a) in layout.nodes.iter().enumerate() {
        assert!(layout.nodes[ix + 1..].iter().all(|b| !a.meets(b)), "boxes overlap\n{text}");
        assert!(labels.iter().all(|(_, b)| !a.meets(b)), "a label lies on a box\n{text}");
    }
    for (ix, (_, a)) in labels.iter().enumerate() {
        assert!(labels[ix + 1..].iter().all(|(_, b)| !a.meets(b)), "labels overlap\n{text}");
    }
    for (ix, (link, path)) in graph.links.iter().zip(&layout.paths).enumerate() {
        let cells = cells(path);
        let (first, last) = (path.points[0], path.points[path.points.len() - 1]);
        assert!(touches(&layout.nodes[link.from], first), "{ix} begins nowhere\n{text}");
        assert!(touches(&layout.nodes[link.to], last), "{ix} ends nowhere\n{text}");
        let inner = &cells[..cells.len().saturating_sub(1)];
        for cell in inner {
            let on_box = layout.nodes.iter().find(|node| node.contains(*cell));
            assert!(on_box.is_none(), "{ix} runs through a box at {cell:?}\n{text}");
        }
        assert!(cells.iter().all(|cell| frame.contains(*cell)), "{ix} leaves the drawing\n{text}");
        assert_eq!(path.labels.len(), link.labels.len());
        if let Some((first, more)) = path.labels.split_first() {
            // Several labels lie side by side, or one above the other.
            let whole = more.iter().fold(*first, around);
            let is_on = cells.iter().any(|cell| whole.contains(*cell));
            assert!(is_on, "the labels of {ix} are not on its line\n{text}");
            assert!(frame.contains((whole.x, whole.y)), "{text}");
        }
    }
    layout
}

/// A drawing as plain text, for people who look for what is wrong.
fn picture(layout: &Layout) -> String {
    let width = usize::try_from(layout.width).unwrap();
    let mut rows = vec![vec![' '; width]; usize::try_from(layout.height).unwrap()];
    let mut put = |(x, y): Point, sign: char| {
        let (x, y) = (usize::try_from(x).unwrap(), usize::try_from(y).unwrap());
        if let Some(cell) = rows.get_mut(y).and_then(|row| row.get_mut(x)) {
            *cell = match (*cell, sign) {
                ('-', '|') | ('|', '-') => '+',
                _ => sign,
            };
        }
    };
    for (ix, node) in layout.nodes.iter().enumerate() {
        for y in node.y..node.y + node.height {
            for x in node.x..node.x + node.width {
                put((x, y), char::from_digit(u32::try_from(ix % 36).unwrap(), 36).unwrap());
            }
        }
    }
    for path in &layout.paths {
        let mut last = path.points[0];
        for cell in cells(path) {
            put(cell, if cell.0 == last.0 { '|' } else { '-' });
            last = cell;
        }
        put(last, '>');
    }
    for label in layout.paths.iter().flat_map(|path| &path.labels) {
        for x in label.x..label.x + label.width {
            put((x, label.y), '=');
        }
    }
    rows.into_iter().map(|row| row.into_iter().collect::<String>() + "\n").collect()
}

fn chain_of_six() -> Graph {
    Graph {
        nodes: vec![Size { width: 18, height: 4 }; 6],
        links: vec![
            link(0, 1, &[11], false),
            link(1, 2, &[17], false),
            link(2, 3, &[11], false),
            link(3, 4, &[18], false),
            link(3, 2, &[17], true),
            link(4, 2, &[11], true),
            link(4, 5, &[13], false),
        ],
        start: vec![0],
    }
}

fn any_graph() -> impl Strategy<Value = Graph> {
    (1_usize..14).prop_flat_map(|count| {
        let size = (8..26_i32, 3..6_i32).prop_map(|(width, height)| Size { width, height });
        let labels = prop::collection::vec(3..20_i32, 0..3);
        let edge = (0..count, 0..count, labels, any::<bool>());
        let links = prop::collection::vec(edge, 0..count * 2);
        (prop::collection::vec(size, count), links).prop_map(|(nodes, links)| Graph {
            nodes,
            links: links
                .into_iter()
                .map(|(from, to, labels, back)| Link {
                    from,
                    to,
                    labels,
                    is_back: back && to <= from,
                })
                .collect(),
            start: vec![0],
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn nothing_overlaps_and_every_line_connects_its_boxes(
        graph in any_graph(),
        width in 20..240_i32,
        is_down: bool,
        is_roomy: bool,
    ) {
        let flow = if is_down { Flow::Down } else { Flow::Across(width) };
        let density = if is_roomy { Density::Roomy } else { Density::Tight };
        let layout = check(&graph, flow, density);
        prop_assert_eq!(&layout, &Layout::of(&graph, flow, density), "the same every time");
    }
}

#[test]
fn thousands_of_steps_in_a_row_are_laid_out() {
    let nodes = vec![Size { width: 18, height: 4 }; 3_000];
    let mut links: Vec<Link> = (1..3_000).map(|to| link(to - 1, to, &[9], false)).collect();
    links.extend((2..3_000).map(|to| link(0, to, &[], false)));
    let graph = Graph { nodes, links, start: vec![0] };
    for flow in [Flow::Across(200), Flow::Down] {
        let layout = Layout::of(&graph, flow, Density::Tight);
        assert_eq!(layout.nodes.len(), 3_000);
    }
}

#[test]
fn a_chain_with_ways_back_in_bands_and_in_a_column() {
    for flow in [Flow::Across(160), Flow::Across(80), Flow::Across(10), Flow::Down] {
        let layout = check(&chain_of_six(), flow, Density::Roomy);
        assert!(layout.paths[4].is_outer && layout.paths[5].is_outer && !layout.paths[0].is_outer);
        if let Flow::Across(width) = flow {
            assert!(width == 10 || layout.width <= width, "{} in {width}", layout.width);
        }
    }
}
