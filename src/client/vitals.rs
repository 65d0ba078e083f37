//! What is seen of a run's processes from outside: its supervisor, and the signs of life of its attempts.

use serde::Deserialize;

use super::rows::listed;
use crate::base::{TaskId, Time, limits};
use crate::engine::{Evidence, Explanation, State, Vitals, explain_run, explain_task};
use crate::ledger::Ledger;
use crate::ledger::attempt_vitals;
use crate::snapshot::{ChildRow, Live, StatusView, SupervisorRow, WorktreeRow};
use crate::store::git::resolve;
use crate::store::{FileLock, RunDir, files};

/// A run as views see it now.
pub fn view(ledger: &Ledger, now: Time) -> StatusView {
    let mut view = StatusView::of(ledger.state(), &look(ledger.dir(), ledger.state()), now);
    look_at_children(&mut view.children, ledger.dir(), now);
    let worktree = &mut view.run.worktree;
    look_at_worktree(worktree);
    if let Some(branch) = worktree.branch.as_ref().filter(|_| worktree.removed) {
        // Git is asked only about a run whose folder has gone, and of lists about none.
        let reference = format!("refs/heads/{branch}");
        let found = resolve(&ledger.state().created.root, &reference);
        worktree.branch_removed = matches!(found, Ok(None));
    }
    view
}

/// Whether the folder of a run's work is still there; where no folder above it is either, nobody can tell.
pub(super) fn look_at_worktree(worktree: &mut WorktreeRow) {
    let Some(path) = worktree.path.as_ref().filter(|path| path.symlink_metadata().is_err()) else {
        return;
    };
    let above = path.ancestors().skip(1).filter(|folder| folder.parent().is_some());
    worktree.removed = above.into_iter().any(camino::Utf8Path::exists);
}

/// Where the runs stand that a run started and that have not ended.
fn look_at_children(rows: &mut [ChildRow], parent: &RunDir, now: Time) {
    for child in rows.iter_mut().filter(|child| child.status.is_none()) {
        let Some(number) = child.number else { continue };
        let listed = listed(&parent.sibling(number), number, now);
        if let Ok(row) = listed.row {
            child.status = Some(row.status);
            child.reason = row.wait.or(row.reason);
            child.outcome = row.outcome;
            child.branch = row.worktree.branch;
        }
    }
}

/// Why a run, or one of its tasks, is in its state.
pub fn explain(ledger: &Ledger, task: Option<&TaskId>, now: Time) -> Explanation {
    let state = ledger.state();
    let live = look(ledger.dir(), state);
    let mut why = match task.and_then(|task| state.task_ix(task)) {
        Some(task) => explain_task(state, &live.vitals, now, task),
        None => explain_run(state, &live.vitals, now),
    };
    if task.is_none() && !state.children.is_empty() {
        let mut rows = ChildRow::all(state);
        rows.retain(|child| child.status.is_none());
        look_at_children(&mut rows, ledger.dir(), now);
        why.evidence.extend(rows.iter().map(|child| Evidence {
            source: "rule",
            text: format!("run {} is {}", child.name(), child.status_words()),
            age_ms: None,
        }));
    }
    if let Some(link) = &state.created.flags.imported {
        let text = format!("it was imported from {}, and is only looked at", link.from);
        why.evidence.insert(0, Evidence { source: "rule", text, age_ms: None });
    } else if state.status.kind().holds_slot() && !live.supervisor.live {
        // The engine cannot know: whoever asks it during a turn is the supervisor.
        let text =
            "no supervisor drives the run, so nothing starts and no end is noticed".to_owned();
        why.evidence.insert(0, Evidence { source: "rule", text, age_ms: None });
    }
    why
}

/// What is seen of a run's processes now.
pub fn look(dir: &RunDir, state: &State) -> Live {
    // How many attempts the machine may take is the supervisor's business: nothing is claimed here.
    let mut vitals = Vitals { machine_slots: u32::MAX, ..Vitals::default() };
    for (task, live) in state.live() {
        let attempt = dir.attempt(&state.task_id(task), live.number);
        vitals.attempts.insert(task, attempt_vitals(&attempt));
    }
    Live { supervisor: supervisor(dir), vitals }
}

/// The supervisor of a run: it lives as long as it holds its lock.
///
/// A lock that cannot be looked at proves nothing, so nobody is said to live.
pub fn supervisor(dir: &RunDir) -> SupervisorRow {
    #[derive(Deserialize)]
    struct File {
        pid: u32,
    }
    if !FileLock::is_held(&dir.supervisor_lock()).unwrap_or(false) {
        return SupervisorRow::default();
    }
    let file = files::read_capped(dir.supervisor_json(), limits::STATE_FILE_BYTES_MAX);
    let text = file.unwrap_or_default();
    let pid = serde_json::from_slice::<File>(&text).ok().map(|file| file.pid);
    SupervisorRow { live: true, pid }
}

#[cfg(test)]
mod tests {
    use camino::Utf8PathBuf;

    use super::*;
    use crate::engine::AttemptVitals;

    fn run() -> (tempfile::TempDir, RunDir) {
        let guard = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::try_from(guard.path().to_path_buf()).unwrap();
        (guard, RunDir::at(path))
    }

    #[test]
    fn a_supervisor_lives_as_long_as_it_holds_its_lock() {
        let (_guard, dir) = run();
        assert_eq!(supervisor(&dir), SupervisorRow::default());
        assert!(!dir.supervisor_lock().exists());
        let lock = FileLock::exclusive(&dir.supervisor_lock()).unwrap();
        assert_eq!(supervisor(&dir), SupervisorRow { live: true, pid: None });
        std::fs::write(dir.supervisor_json(), r#"{"pid":77,"host":"forge"}"#).unwrap();
        assert_eq!(supervisor(&dir), SupervisorRow { live: true, pid: Some(77) });
        drop(lock);
        assert_eq!(supervisor(&dir), SupervisorRow::default());
    }

    #[test]
    fn an_attempt_gives_signs_of_life_by_its_files() {
        let (_guard, dir) = run();
        let attempt = dir.attempt(&"coding".parse().unwrap(), 1);
        std::fs::create_dir_all(attempt.path()).unwrap();
        assert_eq!(attempt_vitals(&attempt), AttemptVitals::default());
        std::fs::write(attempt.stdout(), "").unwrap();
        std::fs::write(attempt.heartbeat(), "").unwrap();
        let seen = attempt_vitals(&attempt);
        assert!(seen.beat_at.is_some() && seen.output_at.is_none());
        std::fs::write(attempt.stderr(), "x").unwrap();
        assert!(attempt_vitals(&attempt).output_at.is_some());
    }
}
