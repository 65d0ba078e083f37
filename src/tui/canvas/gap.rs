//! The gap between two layers: each line that changes its place across the flow does so on a track.

use std::collections::BTreeMap;

/// Beyond everything, on the side of the drawing to which a line leaves it.
pub(super) const FAR: i32 = i32::MAX / 4;

/// Where one end of a line in a gap is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// At an item of the layer before; its line.
    Left {
        /// The item.
        item: usize,
        /// Where its line is.
        at: i32,
    },
    /// At an item of the layer behind.
    Right {
        /// The item.
        item: usize,
        /// Where its line is.
        at: i32,
    },
    /// Outside of the band: [`FAR`] or its negative.
    Outside(i32),
}

impl End {
    fn at(self) -> i32 {
        match self {
            Self::Left { at, .. } | Self::Right { at, .. } | Self::Outside(at) => at,
        }
    }
}

/// A line in a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wire {
    /// Where it comes from.
    pub from: End,
    /// Where it goes to.
    pub to: End,
    /// With which others it shares a track.
    pub share: Share,
}

/// With which other lines of its gap a line shares a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    /// With those that begin or end at the same item.
    Item,
    /// With those of the same bundle.
    Bundle(usize),
    /// With none.
    Nothing,
}

/// A gap, with its lines.
#[derive(Debug, Clone, Default)]
pub(super) struct Gap {
    wires: Vec<Wire>,
    tracks: Vec<Option<usize>>,
    count: usize,
}

/// Lines that share a track: they begin or end at the same item.
struct Group {
    wires: Vec<usize>,
    low: i32,
    high: i32,
    lefts: Vec<i32>,
    rights: Vec<i32>,
}

/// Groups up to which the order of tracks is improved.
const ORDERED_MAX: usize = 24;
/// What it costs when two lines run over each other, in crossings.
const OVERLAP: usize = 10;

impl Gap {
    /// Adds a line and tells its position.
    pub fn add(&mut self, wire: Wire) -> usize {
        self.wires.push(wire);
        self.wires.len() - 1
    }

    /// Number of tracks.
    pub fn tracks(&self) -> usize {
        self.count
    }

    /// The track of a line; none when it goes straight on.
    pub fn track(&self, wire: usize) -> Option<usize> {
        self.tracks[wire]
    }

    /// Gives every line that bends a track, so that few lines cross and none runs over another.
    pub fn assign(&mut self) {
        let mut groups = self.groups();
        groups.sort_by_key(|group| (group.low.max(-FAR) + group.high.min(FAR), group.wires[0]));
        if groups.len() <= ORDERED_MAX {
            improve(&mut groups);
        }
        let mut tracks: Vec<usize> = Vec::with_capacity(groups.len());
        self.tracks = vec![None; self.wires.len()];
        for (ix, group) in groups.iter().enumerate() {
            let meets = |other: &Group| group.low <= other.high && other.low <= group.high;
            let before = groups[..ix].iter().zip(&tracks).filter(|(other, _)| meets(other));
            let track = before.map(|(_, track)| track + 1).max().unwrap_or(0);
            tracks.push(track);
            self.count = self.count.max(track + 1);
            for &wire in &group.wires {
                self.tracks[wire] = Some(track);
            }
        }
    }

    /// The groups that need a track.
    fn groups(&self) -> Vec<Group> {
        let mut key: Vec<Option<(u8, usize)>> = vec![None; self.wires.len()];
        for (ix, wire) in self.wires.iter().enumerate() {
            if let Share::Bundle(bundle) = wire.share {
                key[ix] = Some((2, bundle));
            }
        }
        for side in [0, 1] {
            let mut at_item: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
            for (ix, wire) in self.wires.iter().enumerate() {
                if key[ix].is_none()
                    && wire.share == Share::Item
                    && let Some(item) = wire.item(side == 1)
                {
                    at_item.entry(item).or_default().push(ix);
                }
            }
            for (item, wires) in at_item.into_iter().filter(|(_, wires)| wires.len() > 1) {
                for ix in wires {
                    key[ix] = Some((side, item));
                }
            }
        }
        let mut groups: Vec<(Option<(u8, usize)>, Group)> = Vec::new();
        for (ix, wire) in self.wires.iter().enumerate() {
            let known = groups.iter_mut().find(|(of, _)| of.is_some() && *of == key[ix]);
            match known {
                Some((_, group)) => group.add(ix, wire),
                None => groups.push((key[ix], Group::of(ix, wire))),
            }
        }
        groups.into_iter().map(|(_, group)| group).filter(|group| group.low < group.high).collect()
    }
}

impl Wire {
    /// The item on one of its sides.
    fn item(&self, is_right: bool) -> Option<usize> {
        [self.from, self.to].into_iter().find_map(|end| match end {
            End::Left { item, .. } if !is_right => Some(item),
            End::Right { item, .. } if is_right => Some(item),
            End::Left { .. } | End::Right { .. } | End::Outside(_) => None,
        })
    }
}

impl Group {
    fn of(ix: usize, wire: &Wire) -> Self {
        let mut group = Self {
            wires: Vec::new(),
            low: i32::MAX,
            high: i32::MIN,
            lefts: Vec::new(),
            rights: Vec::new(),
        };
        group.add(ix, wire);
        group
    }

    fn add(&mut self, ix: usize, wire: &Wire) {
        self.wires.push(ix);
        for end in [wire.from, wire.to] {
            self.low = self.low.min(end.at());
            self.high = self.high.max(end.at());
            match end {
                End::Left { at, .. } => self.lefts.push(at),
                End::Right { at, .. } => self.rights.push(at),
                End::Outside(_) => {}
            }
        }
    }

    /// What it costs to have this group on a track before the other one.
    fn cost_before(&self, other: &Self) -> usize {
        let crossed = |lines: &[i32], span: &Self| {
            lines.iter().filter(|&&at| span.low < at && at < span.high).count()
        };
        let over = |lines: &[i32], others: &[i32]| {
            lines.iter().filter(|at| others.contains(at)).count() * OVERLAP
        };
        crossed(&self.rights, other)
            + crossed(&other.lefts, self)
            + over(&self.rights, &other.lefts)
    }
}

/// Exchanges neighbours as long as that saves something.
fn improve(groups: &mut [Group]) {
    for _ in 0..groups.len() {
        let mut is_better = false;
        for ix in 1..groups.len() {
            let (a, b) = (&groups[ix - 1], &groups[ix]);
            if b.cost_before(a) < a.cost_before(b) {
                groups.swap(ix - 1, ix);
                is_better = true;
            }
        }
        if !is_better {
            break;
        }
    }
}
