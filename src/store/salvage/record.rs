//! What is known of a salvage: what it holds, where it came from, and how the repository names it.

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::base::path::PathError;
use crate::base::{RunNumber, Time};
use crate::store::git::{GitCall, GitError, git, git_with, is_there};

/// Where all salvages are.
const REFS: &str = "refs/crew/salvage/";
/// Begins the line of a commit's message that holds the record.
const LINE: &str = "Crew-Salvage: ";
/// Characters in which an id is told to people who remove or restore.
const NEAR_MAX: usize = 5;

/// Something that was put away, or is about to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Salvage {
    /// Its name for people, `<run>/<time>`; the reference is `refs/crew/salvage/<id>`.
    #[serde(skip)]
    pub id: String,
    /// The commit that holds it.
    #[serde(skip)]
    pub commit: String,
    /// Where it came from.
    #[serde(flatten)]
    pub source: Source,
    /// What the worktree had checked out; absent when there was no worktree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<Head>,
    /// Newest commit of the run's branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tip: Option<String>,
    /// Commits of the branch that its start does not have.
    #[serde(default)]
    pub ahead: u32,
    /// Files that were staged.
    #[serde(default)]
    pub staged: u32,
    /// Files that differed from what was staged.
    #[serde(default)]
    pub unstaged: u32,
    /// Files that git did not know.
    #[serde(default)]
    pub untracked: u32,
    /// What was not put away: git ignores it.
    #[serde(default, skip_serializing_if = "Ignored::is_empty")]
    pub ignored: Ignored,
    /// There was a worktree that could be looked at.
    #[serde(default)]
    pub has_files: bool,
    /// The folder was no worktree of the repository: its files are all there is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_plain: bool,
    /// The worktree was about to be removed; otherwise only what it held was taken out of it.
    #[serde(default)]
    pub is_removal: bool,
    /// The run's branch was about to be removed as well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub takes_branch: bool,
}

/// Where something comes from that is put away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Slug of the run, or the name of the folder.
    pub name: String,
    /// The run, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunNumber>,
    /// When.
    pub at: Time,
    /// By which command.
    pub by: String,
    /// Folder of the worktree.
    pub worktree: Utf8PathBuf,
    /// The run's branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Newest commit of that branch that the log knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<String>,
    /// The commit that the work started from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
}

/// What a worktree has checked out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The branch; absent when the head is detached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The commit; absent when the branch does not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// Files that git ignores, as far as they are named.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ignored {
    /// Files, and folders that are ignored as a whole.
    pub count: u32,
    /// The first of them.
    pub names: Vec<String>,
}

impl Ignored {
    fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// Why something was not put away, removed or restored.
#[derive(Debug, thiserror::Error)]
pub enum SalvageError {
    /// Git says no.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The system refused.
    #[error(transparent)]
    Io(#[from] PathError),
    /// The worktree holds something that cannot be put away.
    #[error("`{worktree}` stays: {}", reasons.join("; "))]
    Holds {
        /// The folder.
        worktree: Utf8PathBuf,
        /// What it holds, and what to do about it.
        reasons: Vec<String>,
    },
    /// There is no such salvage.
    #[error("there is no salvage `{0}`")]
    Missing(String),
    /// Several fit.
    #[error("`{wanted}` may be {}", .found.join(", "))]
    Ambiguous {
        /// What was asked for.
        wanted: String,
        /// What fits.
        found: Vec<String>,
    },
    /// Something is where it would be restored.
    #[error("{0}")]
    InTheWay(String),
}

impl Salvage {
    /// A record of nothing yet.
    pub(super) fn of(source: Source) -> Self {
        Self {
            id: String::new(),
            commit: String::new(),
            source,
            head: None,
            tip: None,
            ahead: 0,
            staged: 0,
            unstaged: 0,
            untracked: 0,
            ignored: Ignored::default(),
            has_files: false,
            is_plain: false,
            is_removal: false,
            takes_branch: false,
        }
    }

    /// The whole name of its reference.
    pub fn reference(&self) -> String {
        format!("{REFS}{}", self.id)
    }

    /// What it holds, in a few words: `2 commits, 1 file staged, 3 untracked`.
    pub fn holds(&self) -> String {
        let mut parts = Vec::new();
        if self.ahead > 0 {
            parts.push(format!("{} commit{}", self.ahead, if self.ahead == 1 { "" } else { "s" }));
        }
        for (count, word) in
            [(self.staged, "staged"), (self.unstaged, "unstaged"), (self.untracked, "untracked")]
        {
            if count > 0 {
                parts.push(format!("{count} {word}"));
            }
        }
        if parts.is_empty() { "nothing of its own".to_owned() } else { parts.join(", ") }
    }

    /// The message of its commit.
    pub(super) fn message(&self) -> String {
        let record = serde_json::to_string(self).unwrap_or_default();
        let run = self.source.run.map(|run| format!(" of run #{run}")).unwrap_or_default();
        format!(
            "{}{run} as it was before `{}`\n\nHolds: {}\n\n{LINE}{record}\n",
            self.source.name,
            self.source.by,
            self.holds()
        )
    }

    /// Gives the commit its reference; one that has the same name and moment gets a number.
    pub(super) fn publish(&mut self, dir: &Utf8Path) -> Result<(), SalvageError> {
        let moment = self.source.at.to_string().replace(':', "-");
        let name = self.source.name.replace('/', ".");
        let mut number = 1;
        loop {
            let suffix = if number == 1 { String::new() } else { format!("-{number}") };
            self.id = format!("{name}/{moment}{suffix}");
            let zero = "0".repeat(self.commit.len());
            let made = git(dir, &["update-ref", &self.reference(), &self.commit, &zero]);
            match made {
                Ok(_) => return Ok(()),
                Err(_) if number < 1_000 && is_there(dir, &self.reference()) => number += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Everything that is put away in the repository, the newest first.
///
/// # Errors
/// Git says no.
pub fn list(dir: &Utf8Path) -> Result<Vec<Salvage>, SalvageError> {
    let format = "--format=%(refname)%00%(objectname)%00%(contents)%00";
    let out = git_with(dir, &["for-each-ref", format, REFS], &GitCall::default())?;
    let text = String::from_utf8_lossy(&out);
    let fields: Vec<&str> = text.split('\0').collect();
    let mut found: Vec<Salvage> = fields
        .chunks_exact(3)
        .filter_map(|chunk| read(chunk[0].trim_start_matches('\n'), chunk[1], chunk[2]))
        .collect();
    found.sort_by(|a, b| (b.source.at, &b.id).cmp(&(a.source.at, &a.id)));
    Ok(found)
}

fn read(reference: &str, commit: &str, message: &str) -> Option<Salvage> {
    let line = message.lines().rev().find_map(|line| line.strip_prefix(LINE))?;
    let mut salvage: Salvage = serde_json::from_str(line).ok()?;
    reference.strip_prefix(REFS)?.clone_into(&mut salvage.id);
    commit.clone_into(&mut salvage.commit);
    Some(salvage)
}

/// The salvage that a person means: its id, a part of it that fits no other one, a run, or `last`.
///
/// # Errors
/// None fits, or several do.
pub fn find(dir: &Utf8Path, wanted: &str) -> Result<Salvage, SalvageError> {
    let all = list(dir)?;
    if wanted == "last"
        && let Some(last) = all.first()
    {
        return Ok(last.clone());
    }
    if let Some(exact) = all.iter().find(|salvage| salvage.id == wanted) {
        return Ok(exact.clone());
    }
    let plain = wanted.trim_start_matches("refs/crew/salvage/").trim_start_matches('#');
    let number = plain.parse().ok().map(RunNumber);
    let fits = |salvage: &&Salvage| match number {
        Some(number) => salvage.source.run == Some(number),
        None => salvage.id.contains(plain),
    };
    let mut fitting: Vec<Salvage> = all.iter().filter(fits).cloned().collect();
    match (fitting.pop(), fitting.is_empty()) {
        (Some(only), true) if !plain.is_empty() => Ok(only),
        (Some(other), _) => {
            let mut found: Vec<String> =
                fitting.iter().map(|salvage| format!("`{}`", salvage.id)).collect();
            found.push(format!("`{}`", other.id));
            found.truncate(NEAR_MAX);
            Err(SalvageError::Ambiguous { wanted: wanted.to_owned(), found })
        }
        (None, _) => Err(SalvageError::Missing(wanted.to_owned())),
    }
}

/// Forgets a salvage: what only it holds is lost when git next tidies up.
///
/// # Errors
/// Git says no, or it changed meanwhile.
pub fn drop_salvage(dir: &Utf8Path, salvage: &Salvage) -> Result<(), SalvageError> {
    git(dir, &["update-ref", "-d", &salvage.reference(), &salvage.commit])?;
    Ok(())
}
