//! What a run has changed, against the commit that its work started from; also after it has ended.

use serde::Serialize;

use crate::base::TaskId;
use crate::engine::State;
use crate::event::Body;
use crate::event::merge::MergeResult;
use crate::ledger::Ledger;
use crate::store::LogReader;
use crate::store::git::{GitError, git, git_raw, resolve};

/// Two commits between which work was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Range {
    /// The commit before.
    pub from: String,
    /// The commit afterwards.
    pub to: String,
}

/// Where the work of a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// The commit that it started from.
    pub base: String,
    /// The newest commit of the work.
    pub head: String,
    /// Where that was found, when the branch is gone.
    pub note: Option<String>,
}

/// How much one file was changed; binary files have no lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileChange {
    /// Its path.
    pub path: String,
    /// Lines that were added.
    pub added: Option<u64>,
    /// Lines that were removed.
    pub removed: Option<u64>,
}

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
pub enum DiffError {
    /// The run works without a branch of its own.
    #[error("run #{0} has no branch of its own: it works in the project folder itself")]
    InPlace(u32),
    /// Nothing of the run was started yet.
    #[error("run #{0} has no branch yet")]
    NotYet(u32),
    /// Branch and commits are gone.
    #[error("the branch of run #{0} and its commits are gone")]
    Gone(u32),
    /// Git says no.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] crate::store::LogError),
}

/// Finds the work of a run: its branch, else what the log or a reference knows of it.
///
/// # Errors
/// There is none, or none any more.
pub fn work(state: &State) -> Result<Work, DiffError> {
    let number = state.created.number.0;
    if state.created.git.is_none() {
        return Err(DiffError::InPlace(number));
    }
    let (Some(made), Some((base, _))) = (&state.worktree, state.start_of_work()) else {
        return Err(DiffError::NotYet(number));
    };
    let root = &state.created.root;
    let commit = |name: &str| resolve(root, &format!("{name}^{{commit}}")).ok().flatten();
    let found = |head: String, note: Option<String>| Ok(Work { base: base.to_owned(), head, note });
    let branch = &made.branch;
    if let Some(head) = commit(&format!("refs/heads/{branch}")) {
        return found(head, None);
    }
    let result = state.merge.as_ref().and_then(|merge| merge.result.as_ref());
    if let Some(MergeResult::Merged { target, commit: merged }) = result
        && let Some(head) = commit(&format!("{merged}^2"))
    {
        let note = format!("branch `{branch}` is gone; this is what `{target}` got from it");
        return found(head, Some(note));
    }
    if let Some(head) = commit(&made.commit) {
        return found(
            head,
            Some(format!("branch `{branch}` is gone; its last commit is still there")),
        );
    }
    let folder = format!("refs/crew/salvage/{}/", state.created.slug);
    let args = ["for-each-ref", "--sort=-creatordate", "--format=%(refname)", &folder];
    let kept = git(root, &args).unwrap_or_default();
    if let Some(name) = kept.lines().next()
        && let Some(head) = commit(name)
    {
        let note = format!("branch `{branch}` is gone; this is what `{name}` keeps of it");
        return found(head, Some(note));
    }
    Err(DiffError::Gone(number))
}

/// What the attempts of a task have committed, in order.
///
/// # Errors
/// The log cannot be read.
pub fn of_task(ledger: &Ledger, task: &TaskId) -> Result<Vec<Range>, DiffError> {
    let state = ledger.state();
    let mut last = state.start_of_work().map(|(commit, _)| commit.to_owned()).unwrap_or_default();
    let mut found = Vec::new();
    let mut reader = LogReader::open(ledger.dir().events());
    reader.catch_up(|record| {
        if let Body::CheckFinished(check) = &record.body
            && let Some(commit) = &check.commit
            && *commit != last
        {
            if check.task == *task {
                found.push(Range { from: last.clone(), to: commit.clone() });
            }
            last.clone_from(commit);
        }
    })?;
    Ok(found)
}

/// The files that differ between two commits.
///
/// # Errors
/// Git says no.
pub fn files(state: &State, range: &Range) -> Result<Vec<FileChange>, GitError> {
    let args =
        ["diff", "--numstat", "-z", "--no-renames", "--no-ext-diff", &range.from, &range.to, "--"];
    let raw = git_raw(&state.created.root, &args, &[])?;
    let text = String::from_utf8_lossy(&raw).into_owned();
    let rows = text.split('\0').filter(|row| !row.is_empty());
    Ok(rows
        .map(|row| {
            let mut words = row.splitn(3, '\t');
            let mut number = || words.next().and_then(|word| word.parse().ok());
            let (added, removed) = (number(), number());
            FileChange { path: words.next().unwrap_or_default().to_owned(), added, removed }
        })
        .collect())
}

/// The files in a few lines: the first ones with their numbers of lines, and how many more there are.
pub fn summary(files: &[FileChange], shown: usize) -> String {
    let told = |count: Option<u64>| count.map_or_else(|| "binary".to_owned(), |n| n.to_string());
    let mut lines: Vec<String> = files
        .iter()
        .take(shown)
        .map(|file| match (file.added, file.removed) {
            (None, _) => format!("{} (binary)", file.path),
            (added, removed) => format!("{} +{} -{}", file.path, told(added), told(removed)),
        })
        .collect();
    let more = files.len().saturating_sub(shown);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    let sum = |of: fn(&FileChange) -> Option<u64>| files.iter().filter_map(of).sum::<u64>();
    let (added, removed) = (sum(|file| file.added), sum(|file| file.removed));
    lines.push(format!("{}, +{added} -{removed}", crate::base::text::count(files.len(), "file")));
    lines.join("\n")
}
