//! Lines on cells: what meets in a cell becomes the sign that joins it.

use ratatui::style::Style;

use super::layout::Point;

/// Signs by the weights (none, light, heavy) of the arms up, right, down and left, in this order.
const SIGNS: &str =
    " ╴╸╷┐┑╻┒┓╶─╾┌┬┭┎┰┱╺╼━┍┮┯┏┲┳╵┘┙│┤┥╽┧┪└┴┵├┼┽┟╁╅┕┶┷┝┾┿┢╆╈╹┚┛╿┦┩┃┨┫┖┸┹┞╀╃┠╂╉┗┺┻┡╄╇┣╊╋";

/// The lines in a part of a drawing.
#[derive(Debug, Clone)]
pub(super) struct Grid {
    /// The cell of the drawing at the first cell of the grid.
    origin: Point,
    width: i32,
    height: i32,
    cells: Vec<Cell>,
}

/// What meets in a cell.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cell {
    arms: [u8; 4],
    weight: u8,
    /// How it is drawn: as the strongest line in it.
    pub style: Style,
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pen {
    /// 1 for light lines, 2 for heavy ones.
    pub arm: u8,
    /// The stronger line gives a cell its style.
    pub strength: u8,
    /// The style.
    pub style: Style,
}

impl Grid {
    /// An empty grid.
    pub fn new(origin: Point, width: u16, height: u16) -> Self {
        let cells = vec![Cell::default(); usize::from(width) * usize::from(height)];
        Self { origin, width: i32::from(width), height: i32::from(height), cells }
    }

    /// Draws a line along its corners.
    pub fn line(&mut self, points: &[Point], pen: Pen) {
        for pair in points.windows(2) {
            let (from, to) = (pair[0], pair[1]);
            if from.1 == to.1 {
                let (low, high) = (from.0.min(to.0), from.0.max(to.0));
                // What is not seen is not walked along.
                let first = low.max(self.origin.0 - 1);
                for x in first..high.min(self.origin.0 + self.width) {
                    self.arm((x, from.1), 1, pen);
                    self.arm((x + 1, from.1), 3, pen);
                }
            } else {
                let (low, high) = (from.1.min(to.1), from.1.max(to.1));
                let first = low.max(self.origin.1 - 1);
                for y in first..high.min(self.origin.1 + self.height) {
                    self.arm((from.0, y), 2, pen);
                    self.arm((from.0, y + 1), 0, pen);
                }
            }
        }
    }

    fn arm(&mut self, (x, y): Point, arm: usize, pen: Pen) {
        let (x, y) = (x - self.origin.0, y - self.origin.1);
        if !(0..self.width).contains(&x) || !(0..self.height).contains(&y) {
            return;
        }
        let Ok(ix) = usize::try_from(y * self.width + x) else { return };
        let cell = &mut self.cells[ix];
        cell.arms[arm] = cell.arms[arm].max(pen.arm);
        if pen.strength >= cell.weight {
            (cell.weight, cell.style) = (pen.strength, pen.style);
        }
    }

    /// The cells that are not empty, with their places in the grid.
    pub fn cells(&self) -> impl Iterator<Item = (u16, u16, Cell)> {
        let places = (0_u16..).take_while(|&y| i32::from(y) < self.height).flat_map(|y| {
            (0_u16..).take_while(|&x| i32::from(x) < self.width).map(move |x| (x, y))
        });
        let cells = self.cells.iter().zip(places);
        cells.filter(|(cell, _)| cell.arms != [0; 4]).map(|(cell, (x, y))| (x, y, *cell))
    }
}

impl Cell {
    /// Its sign.
    pub fn sign(self, is_ascii: bool) -> char {
        if is_ascii { self.ascii() } else { self.unicode() }
    }

    fn unicode(self) -> char {
        // Bends are round, as far as there are signs for it.
        match self.arms {
            [0, 1, 1, 0] => return '╭',
            [0, 0, 1, 1] => return '╮',
            [1, 1, 0, 0] => return '╰',
            [1, 0, 0, 1] => return '╯',
            // Half a line looks like a mistake.
            [0, 1, 0, 0] | [0, 0, 0, 1] => return '─',
            [1, 0, 0, 0] | [0, 0, 1, 0] => return '│',
            [0, 2, 0, 0] | [0, 0, 0, 2] => return '━',
            [2, 0, 0, 0] | [0, 0, 2, 0] => return '┃',
            _ => {}
        }
        let at = self.arms.iter().fold(0, |at, &arm| at * 3 + usize::from(arm.min(2)));
        SIGNS.chars().nth(at).unwrap_or(' ')
    }

    fn ascii(self) -> char {
        match self.arms {
            [0, right, 0, left] if right.max(left) > 1 => '=',
            [0, _, 0, _] => '-',
            [_, 0, _, 0] => '|',
            _ => '+',
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(lines: &[(&[Point], u8)], is_ascii: bool) -> Vec<String> {
        let mut grid = Grid::new((0, 0), 7, 3);
        for &(points, arm) in lines {
            grid.line(points, Pen { arm, strength: arm, style: Style::new() });
        }
        let mut rows = vec![vec![' '; 7]; 3];
        for (x, y, cell) in grid.cells() {
            rows[usize::from(y)][usize::from(x)] = cell.sign(is_ascii);
        }
        rows.into_iter().map(|row| row.into_iter().collect::<String>().trim_end().into()).collect()
    }

    #[test]
    fn lines_that_meet_are_joined_and_those_that_cross_cross() {
        let lines: [(&[Point], u8); 3] = [
            (&[(0, 0), (3, 0), (3, 2), (6, 2)], 1),
            (&[(3, 1), (6, 1)], 2),
            (&[(5, 0), (5, 2)], 1),
        ];
        assert_eq!(drawn(&lines, false), ["───╮ │", "   ┝━┿━", "   ╰─┴─"]);
        assert_eq!(drawn(&lines, true), ["---+ |", "   +=+=", "   +-+-"]);
    }

    #[test]
    fn what_lies_outside_is_not_drawn() {
        let lines: [(&[Point], u8); 1] = [(&[(-1_000_000, 1), (1_000_000, 1)], 1)];
        assert_eq!(drawn(&lines, false), ["", "───────", ""]);
    }
}
