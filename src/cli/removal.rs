//! How removals and what they put away are told: for people and as JSON.

use serde::Serialize;

use super::report::CliError;
use super::{Exit, Result};
use crate::base::RunNumber;
use crate::base::time::human_ms;
use crate::client::Workspace;
use crate::prune::{Candidate, Done, Owner, PruneError, Reason, Wish};
use crate::store::salvage::{Fate, Salvage, SalvageError};

/// A salvage, as JSON.
#[derive(Debug, Serialize)]
pub struct SalvageJson<'a> {
    id: &'a str,
    reference: String,
    commit: &'a str,
    #[serde(flatten)]
    salvage: &'a Salvage,
    holds: String,
}

impl<'a> From<&'a Salvage> for SalvageJson<'a> {
    fn from(salvage: &'a Salvage) -> Self {
        Self {
            id: &salvage.id,
            reference: salvage.reference(),
            commit: &salvage.commit,
            salvage,
            holds: salvage.holds(),
        }
    }
}

/// A worktree that may go, as JSON.
#[derive(Debug, Serialize)]
pub struct CandidateJson<'a> {
    run: Option<RunNumber>,
    worktree: &'a str,
    branch: Option<&'a str>,
    takes_branch: bool,
    why: String,
    holds: String,
    ignored: &'a [String],
    done: &'static str,
    stays_because: Option<String>,
    salvage: Option<&'a str>,
}

impl<'a> CandidateJson<'a> {
    /// A candidate and what became of it.
    pub fn of(candidate: &'a Candidate, done: &'a Done) -> Self {
        let (word, stays_because, salvage) = match done {
            Done::Looked => ("nothing", None, None),
            Done::Removed(removed) => ("removed", None, Some(removed.salvage.id.as_str())),
            Done::Stays(why) => ("stays", Some(why.clone()), None),
        };
        let ignored =
            candidate.found.as_ref().map_or(&[][..], |found| &found.salvage.ignored.names);
        Self {
            run: candidate.source.run,
            worktree: candidate.source.worktree.as_str(),
            branch: candidate.source.branch.as_deref(),
            takes_branch: candidate.fate == Fate::Remove,
            why: why(candidate),
            holds: holds(candidate),
            ignored,
            done: word,
            stays_because,
            salvage,
        }
    }
}

/// Whose worktree it is, in one word.
pub fn owner(candidate: &Candidate) -> String {
    match candidate.owner {
        Owner::Run(number) | Owner::Reader(number) => format!("#{number}"),
        Owner::Nobody => "none".to_owned(),
    }
}

/// Why it may go.
pub fn why(candidate: &Candidate) -> String {
    match &candidate.reason {
        Reason::Merged(target) => format!("merged into {target}"),
        Reason::Old(age_ms) => format!("ended {} ago", human_ms(*age_ms)),
        Reason::Archived => "archived".to_owned(),
        Reason::Ended => "of a task, left over".to_owned(),
        Reason::Orphan => "no run knows it".to_owned(),
    }
}

/// What it holds that is nowhere else, and what would not be put away.
pub fn holds(candidate: &Candidate) -> String {
    let Ok(found) = &candidate.found else { return String::new() };
    let salvage = &found.salvage;
    let stays =
        if candidate.fate == Fate::Keep && salvage.ahead > 0 { " (the branch stays)" } else { "" };
    let text = format!("{}{stays}", salvage.holds());
    if salvage.ignored.count > 0 {
        let more = salvage.ignored.count as usize > salvage.ignored.names.len();
        let names = salvage.ignored.names.join(", ");
        return format!("{text}; ignored, lost: {names}{}", if more { ", …" } else { "" });
    }
    text
}

/// What a person's command wishes to see gone.
pub fn wish(workspace: &Workspace, now: crate::base::Time, by: &str) -> Wish {
    Wish {
        now,
        by: by.to_owned(),
        keep_ms: workspace.config.worktree.ttl_ms,
        older_than_ms: None,
        with_orphans: true,
    }
}

/// Refuses where there is no repository: nothing was put away then.
pub fn require_git(workspace: &Workspace) -> Result<()> {
    if workspace.found.git.is_some() {
        return Ok(());
    }
    Err(CliError::new(Exit::NotFound, "not_found", "the project is no git repository")
        .hinted("what worktrees held is put away inside their repository"))
}

impl From<SalvageError> for CliError {
    fn from(error: SalvageError) -> Self {
        match &error {
            SalvageError::Missing(_) => Self::from_chain(Exit::NotFound, "not_found", &error)
                .hinted("`crew salvage list` lists them all"),
            SalvageError::Ambiguous { .. } => Self::from_chain(Exit::NotFound, "ambiguous", &error)
                .hinted("use the whole id"),
            SalvageError::InTheWay(_) => Self::from_chain(Exit::Refused, "in_the_way", &error)
                .hinted("`--to DIR` restores elsewhere, `--branch NAME` makes a branch that holds everything"),
            SalvageError::Holds { .. } => Self::from_chain(Exit::Refused, "holds", &error),
            SalvageError::Git(_) => Self::from_chain(Exit::Io, "git", &error),
            SalvageError::Io(_) => Self::from_chain(Exit::Io, "io", &error),
        }
    }
}

impl From<PruneError> for CliError {
    fn from(error: PruneError) -> Self {
        match error {
            PruneError::Salvage(error) => error.into(),
            PruneError::Open(error) => error.into(),
            PruneError::Commit(error) => error.into(),
            PruneError::Io(error) => error.into(),
            PruneError::Moved(_) => {
                Self::from_chain(Exit::Refused, "state", &error).hinted("try again when it rests")
            }
        }
    }
}
