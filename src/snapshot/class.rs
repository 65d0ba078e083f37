//! How much something needs a look: the order of every list, and the mark in front of it.

/// How much a run or a task needs a look, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A person must act.
    NeedsYou,
    /// Something went wrong.
    Failed,
    /// It should move and does not.
    Stalled,
    /// It moves.
    Running,
    /// It was started and has not said anything yet.
    Starting,
    /// It waits for a slot, for a moment, or until a person lets it go on.
    Parked,
    /// Ended well.
    Done,
    /// Nothing to look at.
    Idle,
}

impl Class {
    /// Every class, in the order of lists.
    pub const ALL: [Self; 8] = [
        Self::NeedsYou,
        Self::Failed,
        Self::Stalled,
        Self::Running,
        Self::Starting,
        Self::Parked,
        Self::Done,
        Self::Idle,
    ];

    /// The mark for it on a terminal that shows Unicode.
    pub fn glyph(self) -> char {
        match self {
            Self::NeedsYou => '▲',
            Self::Failed => '✗',
            Self::Stalled => '◑',
            Self::Running => '●',
            Self::Starting => '…',
            Self::Parked => '◌',
            Self::Done => '✓',
            Self::Idle => '·',
        }
    }

    /// The mark for it in plain ASCII.
    pub fn ascii(self) -> char {
        match self {
            Self::NeedsYou => '!',
            Self::Failed => 'x',
            Self::Stalled => '?',
            Self::Running => '*',
            Self::Starting => '~',
            Self::Parked => 'z',
            Self::Done => '+',
            Self::Idle => '.',
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_class_has_a_mark_of_its_own() {
        let marks: BTreeSet<char> = Class::ALL.iter().map(|class| class.glyph()).collect();
        let plain: BTreeSet<char> = Class::ALL.iter().map(|class| class.ascii()).collect();
        assert_eq!((marks.len(), plain.len()), (Class::ALL.len(), Class::ALL.len()));
        assert!(plain.iter().all(char::is_ascii));
        assert!(Class::ALL.is_sorted());
    }
}
