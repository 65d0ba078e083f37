//! Removes worktrees that may go, each while nobody can move its run.

use camino::Utf8Path;

use super::survey::{Candidate, Owner, Wish, is_over, may_go, of_run, survey};
use crate::base::path::PathError;
use crate::engine::{Input, Vitals};
use crate::event::Actor;
use crate::event::body::RunNoted;
use crate::ledger::{CommitError, Ledger, Locked, OpenError};
use crate::store::salvage::{Salvage, SalvageError, remove, sweep};
use crate::store::{FileLock, ProjectDir, ProjectError};

/// Why a worktree was not removed.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// It could not be put away, or git says no.
    #[error(transparent)]
    Salvage(#[from] SalvageError),
    /// The run cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Not written.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The system refused.
    #[error(transparent)]
    Io(#[from] PathError),
    /// The run moved meanwhile.
    #[error("run #{0} is at work again, or somebody drives it still")]
    Moved(crate::base::RunNumber),
}

/// A worktree that is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// What it held, put away.
    pub salvage: Salvage,
}

/// What became of a worktree that may go.
#[derive(Debug)]
pub enum Done {
    /// Nothing yet: it was only looked at.
    Looked,
    /// It is gone.
    Removed(Box<Removed>),
    /// It stays.
    Stays(String),
}

/// What was found, and what was done.
#[derive(Debug)]
pub struct Report {
    /// Every worktree that may go, and what became of it.
    pub items: Vec<(Candidate, Done)>,
    /// What could not be looked at.
    pub problems: Vec<String>,
}

impl Report {
    /// Worktrees that are gone now.
    pub fn removed(&self) -> impl Iterator<Item = &Salvage> {
        self.items.iter().filter_map(|(_, done)| match done {
            Done::Removed(removed) => Some(&removed.salvage),
            Done::Looked | Done::Stays(_) => None,
        })
    }
}

/// Finds the worktrees that may go and, when `removes`, removes them; whatever stays says why.
///
/// # Errors
/// The project's files cannot be read; nothing was removed.
pub fn prune(
    dir: &ProjectDir,
    wish: &Wish,
    actor: &Actor,
    removes: bool,
) -> Result<Report, ProjectError> {
    let (candidates, problems) = survey(dir, wish)?;
    if removes {
        sweep(dir.worktrees());
    }
    let items = candidates
        .into_iter()
        .map(|candidate| {
            let obstacles = candidate.obstacles();
            let done = if !obstacles.is_empty() {
                Done::Stays(obstacles.join("; "))
            } else if !removes {
                Done::Looked
            } else {
                match carry_out(dir, wish, actor, &candidate) {
                    Ok(salvage) => Done::Removed(Box::new(Removed { salvage })),
                    Err(error) => Done::Stays(crate::base::text::error_chain(&error)),
                }
            };
            (candidate, done)
        })
        .collect();
    Ok(Report { items, problems })
}

fn carry_out(
    dir: &ProjectDir,
    wish: &Wish,
    actor: &Actor,
    candidate: &Candidate,
) -> Result<Salvage, PruneError> {
    let (Owner::Run(number) | Owner::Reader(number)) = candidate.owner else {
        return Ok(remove(dir.root(), &candidate.source, candidate.fate)?);
    };
    let mut ledger = Ledger::open(dir.run(number))?;
    let mut locked = ledger.lock()?;
    let may_go = match candidate.owner {
        Owner::Run(_) => may_go(dir.root(), locked.state(), wish).is_some(),
        Owner::Reader(_) | Owner::Nobody => is_over(locked.state()),
    };
    let driver = FileLock::try_exclusive(&locked.dir().supervisor_lock())?;
    let (true, Some(_driver)) = (may_go, driver) else { return Err(PruneError::Moved(number)) };
    // While both locks are held nobody can make the run move, and nobody works in its worktree.
    let salvage = remove(dir.root(), &candidate.source, candidate.fate)?;
    note(&mut locked, wish, actor, &salvage)?;
    Ok(salvage)
}

/// Removes the worktree of a run that was just archived; nothing when there is none.
///
/// # Errors
/// It stays.
pub fn archive_one(
    dir: &ProjectDir,
    wish: &Wish,
    actor: &Actor,
    ledger: &mut Ledger,
) -> Result<Option<Salvage>, PruneError> {
    let root: &Utf8Path = dir.root();
    let mut locked = ledger.lock()?;
    let number = locked.state().created.number;
    let Some(candidate) = of_run(root, locked.state(), wish) else { return Ok(None) };
    let driver = FileLock::try_exclusive(&locked.dir().supervisor_lock())?;
    let Some(_driver) = driver.filter(|_| is_over(locked.state())) else {
        return Err(PruneError::Moved(number));
    };
    let salvage = remove(root, &candidate.source, candidate.fate)?;
    note(&mut locked, wish, actor, &salvage)?;
    Ok(Some(salvage))
}

/// The run's own story says where its worktree went.
fn note(
    locked: &mut Locked<'_>,
    wish: &Wish,
    actor: &Actor,
    salvage: &Salvage,
) -> Result<(), CommitError> {
    let branch = if salvage.takes_branch { " and its branch" } else { "" };
    let text = format!(
        "`{}` removed the worktree{branch}; what it held is salvage `{}`",
        wish.by, salvage.id
    );
    let input = Input::Fact(RunNoted { text }.into());
    locked.commit(wish.now, &Vitals::default(), actor, &[input])?;
    Ok(())
}
