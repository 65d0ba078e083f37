//! What two texts have in common.
//!
//! By the one algorithm of the library that is needed: with the choice between all of them, which its texts
//! offer, they would be a thirtieth of the program.

use similar::algorithms::{Capture, Replace, myers};
pub use similar::{DiffOp, DiffTag};

/// How `old` became `new`, in order.
pub fn steps(old: &[&str], new: &[&str]) -> Vec<DiffOp> {
    let mut hook = Replace::new(Capture::new());
    match myers::diff(&mut hook, old, 0..old.len(), new, 0..new.len()) {
        Ok(()) => hook.into_inner().into_ops(),
        Err(never) => match never {},
    }
}

/// The steps in groups, each with at most `around` things that stayed the same around it.
pub fn groups(steps: Vec<DiffOp>, around: usize) -> Vec<Vec<DiffOp>> {
    similar::group_diff_ops(steps, around)
}

/// A text in words and what stands between them; together they are the text.
pub fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut begin = 0;
    let mut was_space = None;
    for (at, c) in text.char_indices() {
        let is_space = c.is_whitespace();
        if was_space.is_some_and(|was| was != is_space) {
            words.push(&text[begin..at]);
            begin = at;
        }
        was_space = Some(is_space);
    }
    if begin < text.len() {
        words.push(&text[begin..]);
    }
    words
}

/// The part of both that is the same, from 0 to 1.
pub fn likeness(steps: &[DiffOp], old: usize, new: usize) -> f32 {
    let same: usize = steps
        .iter()
        .filter(|step| step.tag() == DiffTag::Equal)
        .map(|step| step.new_range().len())
        .sum();
    let part = |count: usize| f32::from(u16::try_from(count).unwrap_or(u16::MAX));
    if old + new == 0 { 1.0 } else { 2.0 * part(same) / part(old + new) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_text_again() {
        for text in ["", " ", "a", " a  b\tc ", "fn f(x: é) -> u8"] {
            assert_eq!(words(text).concat(), text);
        }
        assert_eq!(words("a  b"), ["a", "  ", "b"]);
    }

    #[test]
    fn what_stayed_is_found() {
        let (old, new) = (words("one two three"), words("one 2 three"));
        let steps = steps(&old, &new);
        let tags: Vec<DiffTag> = steps.iter().map(|step| step.tag()).collect();
        assert_eq!(tags, [DiffTag::Equal, DiffTag::Replace, DiffTag::Equal]);
        assert!((likeness(&steps, old.len(), new.len()) - 0.8).abs() < 0.001);
    }
}
