//! Taking a task over: the lock that tells that somebody has it, and the commands before and after.

use camino::Utf8PathBuf;

use super::command::{CommandError, Given, give};
use super::workspace::Workspace;
use crate::base::path::PathError;
use crate::base::{RunNumber, TaskId, Time, limits};
use crate::engine::{Command, State};
use crate::event::Body;
use crate::event::takeover::{HandBack, TaskHandedBack, TaskTaken};
use crate::launch::session::SessionEnd;
use crate::plan::graph::TaskIx;
use crate::store::FileLock;
use crate::store::RunDir;
use crate::store::files::create_private_dir;

/// Tries to take the lock while others look at it for a moment.
const TRIES: u32 = 20;

/// A task that this process has taken.
#[derive(Debug)]
pub struct Held {
    /// The run.
    pub run: RunNumber,
    /// The task.
    pub task: TaskId,
    /// Marks every process of the session.
    pub mark: String,
    /// Where what the terminal shows is kept.
    pub shown: Utf8PathBuf,
    /// Written when the session began.
    pub since: Utf8PathBuf,
    /// When it was taken.
    pub taken_at: Time,
    _lock: FileLock,
}

/// Takes the lock of a task; `None` when another process has it.
///
/// # Errors
/// The folder of the task cannot be made or locked.
pub fn lock(dir: &RunDir, task: &TaskId) -> Result<Option<FileLock>, PathError> {
    create_private_dir(dir.task(task))?;
    for _ in 0..TRIES {
        if let Some(lock) = FileLock::try_exclusive(&dir.attach_lock(task))? {
            return Ok(Some(lock));
        }
        // A look at it lasts a moment only.
        std::thread::park_timeout(std::time::Duration::from_millis(10));
    }
    Ok(None)
}

/// Records that a person has the task; `lock` is held as long as what is returned.
///
/// # Errors
/// As [`give`].
pub fn take(
    workspace: &Workspace,
    run: RunNumber,
    taken: TaskTaken,
    over: Option<String>,
    lock: FileLock,
    now: Time,
) -> Result<(Held, Given), CommandError> {
    let (task, mark) = (taken.task.clone(), taken.mark.clone());
    let given = give(workspace, run, Command::Take { taken, over }, None, now)?;
    let is_taken = |body: &Body| matches!(body, Body::TaskTaken(_));
    let seq = given.records.iter().find(|record| is_taken(&record.body));
    let seq = seq.map_or(0, |record| record.seq);
    let dir = workspace.dir.run(run);
    let since = dir.attach_lock(&task);
    let shown = dir.attached(&task, seq);
    let held = Held { run, shown, since, task, mark, taken_at: now, _lock: lock };
    Ok((held, given))
}

/// Gives the task back.
///
/// # Errors
/// As [`give`].
pub fn hand_back(
    workspace: &Workspace,
    held: &Held,
    how: HandBack,
    end: SessionEnd,
    mut files: Vec<String>,
    now: Time,
) -> Result<Given, CommandError> {
    let file_count = u32::try_from(files.len()).unwrap_or(u32::MAX);
    files.truncate(limits::CHANGED_SHOWN_MAX);
    let back = TaskHandedBack {
        task: held.task.clone(),
        how,
        code: end.code,
        signal: end.signal,
        files,
        file_count,
        duration_ms: now.since_ms(held.taken_at),
    };
    give(workspace, held.run, Command::HandBack { back, mark: held.mark.clone() }, None, now)
}

/// Whether the task waits for the person now: its attempt has ended and was looked at, and its tree is there.
pub fn is_free(state: &State, task: TaskIx) -> bool {
    let status = state.tasks[task].status.as_str();
    let lacks_tree = state.created.git.is_some() && state.worktree.is_none();
    status == "ready" && !lacks_tree
}

/// Whether the task has come to an end, or to a question, before the person could have it.
pub fn is_gone(state: &State, task: TaskIx) -> bool {
    !matches!(state.tasks[task].status.as_str(), "ready" | "running" | "checking")
}

/// What terminals showed in which people had the task, oldest first.
pub fn sessions(dir: &RunDir, task: &TaskId) -> Vec<Utf8PathBuf> {
    let entries = dir.task(task).read_dir_utf8().into_iter().flatten().flatten();
    let mut found: Vec<(u64, Utf8PathBuf)> = entries
        .filter_map(|entry| {
            let name = entry.file_name().strip_prefix("attached-")?.strip_suffix(".log")?;
            Some((name.parse().ok()?, entry.path().to_owned()))
        })
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(_, path)| path).collect()
}
