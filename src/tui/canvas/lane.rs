//! The lanes around the drawing: lines that lead back, and those from one band of layers to the next.

use std::collections::BTreeSet;

use super::gap::FAR;

/// Stretches up to which another order is tried.
const ORDERED_MAX: usize = 12;
/// What it costs when a line runs through a label, in crossings.
const LABEL_COST: usize = 10;

/// A stretch of a line along the flow, outside of the bands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Its ends: where along the flow, and to which side it leaves the lanes (negative: to the band before).
    pub ends: [(i32, i32); 2],
    /// Cells of the labels on it; 0 without any.
    pub label: i32,
}

/// What came of a stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Lane {
    /// Its lane, counted from the band before.
    pub row: i32,
    /// Where its labels begin.
    pub label_at: i32,
}

impl Stretch {
    fn low(&self) -> i32 {
        self.ends[0].0.min(self.ends[1].0)
    }

    fn high(&self) -> i32 {
        self.ends[0].0.max(self.ends[1].0)
    }

    /// Whether its labels fit between its corners.
    fn is_long(&self) -> bool {
        self.high() - self.low() >= self.label + 3
    }

    /// The cells that it needs on its lane.
    fn span(&self) -> (i32, i32) {
        if self.label == 0 || self.is_long() {
            return (self.low(), self.high());
        }
        let start = self.middle();
        (self.low().min(start), self.high().max(start + self.label - 1))
    }

    fn middle(&self) -> i32 {
        i32::midpoint(self.low(), self.high()) - (self.label - 1) / 2
    }

    /// Where it crosses another lane across the flow.
    fn crossings(&self, row: i32, lane: i32) -> impl Iterator<Item = i32> {
        let ends = self.ends.into_iter();
        let crosses = move |side: i32| if side < 0 { lane < row } else { lane > row };
        ends.filter(move |&(_, side)| crosses(side)).map(|(at, _)| at)
    }
}

/// Gives every stretch a lane, short ones next to the band before unless another order has fewer crossings, and
/// puts the labels where no line crosses them.
pub(super) fn assign(stretches: &[Stretch]) -> (Vec<Lane>, i32) {
    let mut order: Vec<usize> = (0..stretches.len()).collect();
    order.sort_by_key(|&ix| (stretches[ix].high() - stretches[ix].low(), ix));
    let (mut lanes, mut rows) = place(stretches, &order);
    if order.len() <= ORDERED_MAX {
        let mut least = cost(stretches, &lanes);
        let mut is_better = least > 0;
        while is_better {
            is_better = false;
            for (a, b) in (0..order.len()).flat_map(|a| (0..a).map(move |b| (a, b))) {
                order.swap(a, b);
                let (other, count) = place(stretches, &order);
                let now = cost(stretches, &other) + usize::try_from(count - rows).unwrap_or(0) * 2;
                if now < least {
                    (lanes, rows, least, is_better) = (other, count, now, true);
                } else {
                    order.swap(a, b);
                }
            }
        }
    }
    for ix in 0..stretches.len() {
        if stretches[ix].label > 0 {
            lanes[ix].label_at = label_at(stretches, &lanes, ix);
        }
    }
    (lanes, rows)
}

/// Puts the stretches into lanes, one after the other.
fn place(stretches: &[Stretch], order: &[usize]) -> (Vec<Lane>, i32) {
    let mut lanes = vec![Lane::default(); stretches.len()];
    let mut rows: Vec<Vec<usize>> = Vec::new();
    for &ix in order {
        let (low, high) = stretches[ix].span();
        let is_same = |other: usize| stretches[other] == stretches[ix] && stretches[ix].label == 0;
        let is_free = |row: &Vec<usize>| {
            row.iter().all(|&other| {
                let (from, to) = stretches[other].span();
                high + 1 < from || to + 1 < low || is_same(other)
            })
        };
        let row = rows.iter().position(is_free).unwrap_or_else(|| {
            rows.push(Vec::new());
            rows.len() - 1
        });
        rows[row].push(ix);
        lanes[ix].row = i32::try_from(row).unwrap_or(i32::MAX);
    }
    (lanes, i32::try_from(rows.len()).unwrap_or(i32::MAX))
}

/// How much lines cross: each place counts once, and labels count most.
fn cost(stretches: &[Stretch], lanes: &[Lane]) -> usize {
    let mut places = BTreeSet::new();
    let mut labels = 0;
    for (ix, own) in stretches.iter().enumerate() {
        let row = lanes[ix].row;
        let label = (!own.is_long() && own.label > 0).then(|| own.middle());
        for (other, stretch) in stretches.iter().enumerate().filter(|&(other, _)| other != ix) {
            for at in stretch.crossings(lanes[other].row, row) {
                if own.low() < at && at < own.high() {
                    places.insert((row, at));
                }
                labels += usize::from(label.is_some_and(|it| it <= at && at < it + own.label));
            }
        }
    }
    places.len() + labels * LABEL_COST
}

/// The place for labels that is nearest to the middle and that no other line crosses.
fn label_at(stretches: &[Stretch], lanes: &[Lane], ix: usize) -> i32 {
    let own = &stretches[ix];
    let start = own.middle();
    if !own.is_long() {
        return start;
    }
    let crossed: Vec<i32> = (0..stretches.len())
        .filter(|&other| other != ix)
        .flat_map(|other| stretches[other].crossings(lanes[other].row, lanes[ix].row))
        .collect();
    let fits = |at: i32| {
        at > own.low() + 1
            && at + own.label < own.high()
            && crossed.iter().all(|&line| line < at - 1 || line > at + own.label)
    };
    let reach = (own.high() - own.low()).min(FAR);
    (0..=reach).flat_map(|off| [start - off, start + off]).find(|&at| fits(at)).unwrap_or(start)
}
