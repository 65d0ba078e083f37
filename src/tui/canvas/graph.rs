//! What is laid out: boxes and the connections between them, and how far each box is from the start.

/// Boxes and connections, by position.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Graph {
    /// The boxes.
    pub nodes: Vec<Size>,
    /// The connections.
    pub links: Vec<Link>,
    /// Boxes that come first.
    pub start: Vec<usize>,
}

/// Columns and rows of a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    /// Columns.
    pub width: i32,
    /// Rows.
    pub height: i32,
}

/// A connection between two boxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The box that it leaves.
    pub from: usize,
    /// The box that it enters.
    pub to: usize,
    /// Columns of the labels that lie on its line.
    pub labels: Vec<i32>,
    /// Whether it is meant to lead back.
    pub is_back: bool,
}

/// Layers that a line may cross inside the drawing; a longer one is led around it.
const SPAN_MAX: usize = 24;

/// How far each box is from the start, and which connections are led around the drawing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ranks {
    /// Layer of each box.
    pub of: Vec<usize>,
    /// By connection: whether it leads back, or too far ahead.
    pub is_outer: Vec<bool>,
}

impl Ranks {
    /// Longest ways from the start over the connections that lead forward.
    pub fn of(graph: &Graph) -> Self {
        let count = graph.nodes.len();
        let back = closing(graph);
        let forward: Vec<usize> = (0..graph.links.len()).filter(|&link| !back[link]).collect();
        let mut missing = vec![0_usize; count];
        for &link in &forward {
            missing[graph.links[link].to] += 1;
        }
        let leaving = leaving(graph, &forward);
        let mut rank = vec![0; count];
        let mut open: Vec<usize> = (0..count).filter(|&node| missing[node] == 0).collect();
        while let Some(node) = open.pop() {
            for &link in &leaving[node] {
                let to = graph.links[link].to;
                rank[to] = rank[to].max(rank[node] + 1);
                missing[to] -= 1;
                if missing[to] == 0 {
                    open.push(to);
                }
            }
        }
        let is_outer = graph.links.iter().map(|link| {
            let (from, to) = (rank[link.from], rank[link.to]);
            to <= from || to - from > SPAN_MAX
        });
        Self { is_outer: is_outer.collect(), of: rank }
    }
}

/// Connections by the box that they leave.
fn leaving(graph: &Graph, links: &[usize]) -> Vec<Vec<usize>> {
    let mut leaving = vec![Vec::new(); graph.nodes.len()];
    for &link in links {
        leaving[graph.links[link].from].push(link);
    }
    leaving
}

/// By connection: whether it is meant to lead back, or closes a cycle of the others.
fn closing(graph: &Graph) -> Vec<bool> {
    let mut back: Vec<bool> =
        graph.links.iter().map(|link| link.is_back || link.from == link.to).collect();
    let forward: Vec<usize> = (0..back.len()).filter(|&link| !back[link]).collect();
    let leaving = leaving(graph, &forward);
    let mut colour = vec![0_u8; graph.nodes.len()];
    for start in graph.start.iter().copied().chain(0..graph.nodes.len()) {
        if colour[start] != 0 {
            continue;
        }
        colour[start] = 1;
        // Depth first with a stack of its own: a plan may have thousands of steps in a row.
        let mut stack = vec![(start, 0)];
        while let Some((node, next)) = stack.last_mut() {
            let Some(&link) = leaving[*node].get(*next) else {
                colour[*node] = 2;
                stack.pop();
                continue;
            };
            *next += 1;
            let to = graph.links[link].to;
            match colour[to] {
                0 => {
                    colour[to] = 1;
                    stack.push((to, 0));
                }
                1 => back[link] = true,
                _ => {}
            }
        }
    }
    back
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(count: usize, links: &[(usize, usize, bool)]) -> Graph {
        let link = |&(from, to, is_back)| Link { from, to, labels: Vec::new(), is_back };
        Graph {
            nodes: vec![Size { width: 10, height: 3 }; count],
            links: links.iter().map(link).collect(),
            start: vec![0],
        }
    }

    #[test]
    fn a_box_lies_behind_everything_that_leads_to_it() {
        let ranks =
            Ranks::of(&graph(4, &[(0, 1, false), (1, 2, false), (0, 2, false), (2, 3, false)]));
        assert_eq!(ranks.of, [0, 1, 2, 3]);
        assert_eq!(ranks.is_outer, [false; 4]);
    }

    #[test]
    fn what_closes_a_cycle_leads_around_declared_or_not() {
        let ranks =
            Ranks::of(&graph(3, &[(0, 1, false), (1, 2, false), (2, 1, true), (2, 0, false)]));
        assert_eq!(ranks.of, [0, 1, 2]);
        assert_eq!(ranks.is_outer, [false, false, true, true]);
        let own = Ranks::of(&graph(1, &[(0, 0, false)]));
        assert_eq!((own.of, own.is_outer), (vec![0], vec![true]));
    }

    #[test]
    fn a_line_past_very_many_steps_leads_around() {
        let mut links: Vec<_> = (0..49).map(|node| (node, node + 1, false)).collect();
        links.push((0, 49, false));
        let ranks = Ranks::of(&graph(50, &links));
        assert_eq!((ranks.of[49], ranks.is_outer[48], ranks.is_outer[49]), (49, false, true));
    }
}
