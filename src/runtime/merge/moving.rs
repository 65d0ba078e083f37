//! Moves the target to the result, and every folder that has it checked out with it: all or nothing.

use std::time::Duration;

use camino::Utf8Path;

use super::checkout::{Change, Checkout, advance, changes, check, of_branch};
use super::shelf::{Shelf, clear_branch_lock};
use super::{Obstacle, full};
use crate::base::limits::GIT_ORPHAN_WAIT_MS;
use crate::clock::Clock;
use crate::event::merge::{MergeBuilt, MergeRefusal};
use crate::runtime::process::{kill_marked, marked};
use crate::store::git::{self, git_raw, is_ancestor};

/// One move of a target.
#[derive(Debug)]
pub(super) struct Move<'a> {
    pub root: &'a Utf8Path,
    pub built: &'a MergeBuilt,
    /// Names the run in locks and processes.
    pub mark: &'a str,
    /// Where something is kept that somebody wrote in between.
    pub reference: &'a str,
    pub allows_dirty: bool,
}

impl<'a> Move<'a> {
    /// A move in a repository, with its mark and the place for what somebody wrote in between.
    pub fn of(
        built: &'a MergeBuilt,
        (root, mark, reference): (&'a Utf8Path, &'a str, &'a str),
        allows_dirty: bool,
    ) -> Self {
        Self { root, built, mark, reference, allows_dirty }
    }

    /// The folders that have the target checked out, when all of them can go with it. Changes nothing.
    ///
    /// # Errors
    /// One of them would lose something.
    pub fn look(&self) -> Result<Vec<Checkout>, Obstacle> {
        let found = of_branch(self.root, &self.built.target)?;
        let changes = changes(self.root, &self.built.old, &self.built.new)?;
        for checkout in &found {
            check(checkout, &self.built.old, &changes, self.allows_dirty)?;
        }
        Ok(found)
    }

    /// Moves everything, or leaves everything as it was.
    ///
    /// # Errors
    /// Something stood in the way; whatever had moved is back.
    pub fn carry_out(&self, checkouts: &[Checkout]) -> Result<(), Obstacle> {
        let changes = changes(self.root, &self.built.old, &self.built.new)?;
        let shelves: Vec<Shelf> =
            checkouts.iter().map(|checkout| Shelf::at(checkout, self.mark)).collect();
        let mut locked = 0;
        let moved = self.steps(checkouts, &shelves, &changes, &mut locked);
        // Before anything goes back, which makes room again.
        let moved = moved.map_err(|obstacle| {
            let places = checkouts.iter().map(|checkout| checkout.path.as_path());
            full::explained(obstacle, places.chain([self.root]))
        });
        for (checkout, shelf) in checkouts.iter().zip(&shelves).take(locked) {
            if moved.is_ok() {
                shelf.close();
            } else {
                shelf.undo(checkout, &changes, &self.built.new, self.reference)?;
            }
        }
        moved
    }

    fn steps(
        &self,
        checkouts: &[Checkout],
        shelves: &[Shelf],
        changes: &[Change],
        locked: &mut usize,
    ) -> Result<(), Obstacle> {
        let (old, new) = (&self.built.old, &self.built.new);
        for (checkout, shelf) in checkouts.iter().zip(shelves) {
            shelf.lock(checkout)?;
            *locked += 1;
            check(checkout, old, changes, self.allows_dirty)?;
            shelf.fill(checkout, changes).map_err(|error| {
                Obstacle::failed(format!("cannot keep `{}`: {error}", checkout.path))
            })?;
        }
        for (checkout, shelf) in checkouts.iter().zip(shelves) {
            advance(checkout, shelf, old, new)?;
        }
        let reference = format!("refs/heads/{}", self.built.target);
        let args = ["update-ref", "-m", "crew merge", &reference, new, old];
        let env = [("CREW_ATTEMPT", self.mark)];
        let moved = git_raw(self.root, &args, &env);
        moved.map(drop).map_err(|error| {
            let now = git::resolve(self.root, &reference).ok().flatten();
            let gone_on = now.is_some_and(|commit| commit != *old);
            let why = if gone_on { MergeRefusal::Moved } else { MergeRefusal::Failed };
            Obstacle { why, ..error.into() }
        })
    }
}

/// Brings a move to its end that somebody has begun who is gone: whether the target has the result.
///
/// # Errors
/// A folder cannot be brought back to what it was.
pub(super) fn resolve(wanted: &Move<'_>) -> Result<bool, Obstacle> {
    wait_for(wanted.mark);
    let built = wanted.built;
    clear_branch_lock(wanted.root, &built.target, &built.new);
    let reference = format!("refs/heads/{}", built.target);
    // Nothing is undone because git could not say.
    let is_merged = match git::resolve(wanted.root, &reference)? {
        Some(tip) => is_ancestor(wanted.root, &built.new, &tip)?,
        None => false,
    };
    let changes = changes(wanted.root, &built.old, &built.new)?;
    for path in built.checkouts.iter().filter(|path| path.join(".git").exists()) {
        let checkout = Checkout::of(path)?;
        let shelf = Shelf::at(&checkout, wanted.mark);
        if !shelf.exists() {
            continue;
        }
        if is_merged {
            // The folder went first, so it is where its branch is.
            shelf.close();
        } else {
            shelf.undo(&checkout, &changes, &built.new, wanted.reference)?;
        }
    }
    Ok(is_merged)
}

/// A killed supervisor leaves git processes that go on: their end is waited for, and then they are ended.
fn wait_for(mark: &str) {
    let clock = Clock::start();
    let end = clock.now().plus_ms(GIT_ORPHAN_WAIT_MS);
    let is_git = |pid: u32| {
        std::fs::read(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim_ascii() == b"git")
    };
    while marked(mark).iter().any(|process| is_git(process.pid)) && clock.now() < end {
        // Nobody tells about the end of a process that is not one's child.
        std::thread::park_timeout(Duration::from_millis(crate::base::limits::GIT_LOOK_MS));
    }
    kill_marked(mark, Duration::ZERO);
}
