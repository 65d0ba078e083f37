//! Where the items of a layer lie across the flow: in their order, as near to their neighbours as there is room.

use super::layers::{Layers, What};

/// Cells that are left free between items across the flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Space {
    /// Between two boxes.
    pub nodes: i32,
    /// Between anything else.
    pub others: i32,
}

/// Passes over all layers, each forth and back.
const PASSES: usize = 4;
/// How much more a line on its way insists on going straight.
const STRAIGHT: i64 = 4;

/// Where the line of each item lies.
pub(super) fn lines(layers: &Layers, space: Space) -> Vec<i32> {
    let mut at = vec![0; layers.items.len()];
    for column in &layers.columns {
        settle(layers, column, space, &mut at, |_| None);
    }
    let count = layers.columns.len();
    for _ in 0..PASSES {
        for column in (0..count).rev() {
            let near = &layers.rights;
            towards(layers, column, space, &mut at, near);
        }
        for column in 0..count {
            let near = &layers.lefts;
            towards(layers, column, space, &mut at, near);
        }
    }
    at
}

fn towards(layers: &Layers, column: usize, space: Space, at: &mut [i32], near: &[Vec<usize>]) {
    let wishes: Vec<Option<i32>> =
        layers.columns[column].iter().map(|&item| middle(&near[item], at)).collect();
    settle(layers, &layers.columns[column], space, at, |position| wishes[position]);
}

/// The middle of where some items are.
fn middle(items: &[usize], at: &[i32]) -> Option<i32> {
    let mut places: Vec<i32> = items.iter().map(|&item| at[item]).collect();
    places.sort_unstable();
    let half = places.len() / 2;
    match places.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(places[half]),
        _ => Some(i32::midpoint(places[half - 1], places[half])),
    }
}

/// Puts the items of one layer as near as possible to what they wish, in their order and with room between them.
///
/// Neighbours that are in each other's way form a block, which lies at the mean of their wishes.
fn settle(
    layers: &Layers,
    column: &[usize],
    space: Space,
    at: &mut [i32],
    wish: impl Fn(usize) -> Option<i32>,
) {
    struct Block {
        sum: i64,
        weight: i64,
        items: usize,
    }
    let mut shifts = Vec::with_capacity(column.len());
    let mut shift = 0;
    for (position, &item) in column.iter().enumerate() {
        if let Some(&before) = position.checked_sub(1).and_then(|before| column.get(before)) {
            shift += between(layers, before, item, space);
        }
        shifts.push(shift);
    }
    let mut blocks: Vec<Block> = Vec::new();
    for (position, &item) in column.iter().enumerate() {
        let weight = if layers.items[item].what == What::Pass { STRAIGHT } else { 1 };
        let target = i64::from(wish(position).unwrap_or(at[item]) - shifts[position]);
        let mut block = Block { sum: target * weight, weight, items: 1 };
        while let Some(last) = blocks.last() {
            if last.sum * block.weight <= block.sum * last.weight {
                break;
            }
            block.sum += last.sum;
            block.weight += last.weight;
            block.items += last.items;
            blocks.pop();
        }
        blocks.push(block);
    }
    let mut position = 0;
    for block in blocks {
        let start = (block.sum + block.weight / 2).div_euclid(block.weight);
        let start = i32::try_from(start).unwrap_or(0);
        for _ in 0..block.items {
            at[column[position]] = start + shifts[position];
            position += 1;
        }
    }
}

/// Cells from the line of one item to the line of the next one.
fn between(layers: &Layers, before: usize, item: usize, space: Space) -> i32 {
    let (a, b) = (&layers.items[before], &layers.items[item]);
    let are_nodes = matches!((a.what, b.what), (What::Node(_), What::Node(_)));
    let free = if are_nodes { space.nodes } else { space.others };
    a.wide - a.port + free + b.port
}
