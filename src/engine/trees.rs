//! Work in trees of their own: when it is merged into the run's branch, and what follows from a conflict.
//!
//! A task that writes with `isolation: snapshot` is done when its branch was merged. A conflict adds a step that
//! resolves it in the tree of that task; until it has, the task stays open, and everything that depends on it waits.

use super::judge::{Case, needs_check};
use super::state::{CheckingAttempt, OwnTree, State, StepState, TaskState, TaskStatus};
use crate::base::flow::{Access, StepKind};
use crate::base::{StepId, TaskId, Time};
use crate::event::body::{Settled, TaskSettled};
use crate::event::tree::{TreeConflicted, TreeMerged, TreePrepared};
use crate::event::{BlockedReason, Body};
use crate::plan::graph::TaskIx;

/// The branch of a task does not fit to the branch of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The task.
    pub task: TaskId,
    /// Number of the attempt.
    pub attempt: u32,
    /// Newest commit of the task's branch.
    pub commit: String,
    /// Newest commit of the run's branch.
    pub onto: String,
    /// Files in conflict; the first ones.
    pub files: Vec<String>,
    /// What git says about it.
    pub text: String,
}

impl State {
    /// Whether the task works in a tree of its own.
    pub fn has_own_tree(&self, task: TaskIx) -> bool {
        self.worktree.is_some() && !self.index.is_shared(self.step_of(task))
    }

    /// Whether the task works on a branch of its own, which is merged when its work is accepted.
    pub fn has_own_branch(&self, task: TaskIx) -> bool {
        self.has_own_tree(task) && self.step_of(task).access == Access::Write
    }

    /// The task whose tree a task works in: its own, or that of the one whose conflict it resolves.
    pub fn tree_owner(&self, task: TaskIx) -> TaskIx {
        self.steps[self.step_ix_of(task)].resolves.unwrap_or(task)
    }

    /// The own tree of a task, once it was made.
    pub fn own_tree(&self, task: TaskIx) -> Option<&OwnTree> {
        self.tasks[self.tree_owner(task)].own.as_ref().filter(|_| self.has_own_tree(task))
    }

    /// The trees of tasks that write, as far as they were made.
    pub fn own_branches(&self) -> impl Iterator<Item = &OwnTree> {
        let trees = self.tasks.iter().filter_map(|entry| entry.own.as_ref());
        trees.filter(|tree| tree.branch.is_some())
    }

    /// The step that must resolve a conflict before this task is done.
    pub fn conflict_of(&self, task: TaskIx) -> Option<&StepId> {
        self.tasks[task].status.as_checking()?.conflict.as_ref()
    }

    /// Whether a task is there to resolve a conflict.
    pub fn is_resolving(&self, task: TaskIx) -> bool {
        self.steps[self.step_ix_of(task)].resolves.is_some()
    }

    pub(super) fn tree_prepared(&mut self, made: &TreePrepared) {
        let Some(task) = self.task_ix(&made.task) else { return };
        let entry = &mut self.tasks[task];
        entry.own = Some(OwnTree {
            path: made.path.clone(),
            branch: made.branch.clone(),
            base: made.commit.clone(),
            commit: made.commit.clone(),
            conflicts: Vec::new(),
        });
        entry.seq = self.seq;
    }

    /// A check found this commit in the tree that the task works in.
    pub(super) fn own_commit(&mut self, task: TaskIx, commit: Option<&String>) {
        let owner = self.tree_owner(task);
        if let (Some(tree), Some(commit)) = (&mut self.tasks[owner].own, commit) {
            tree.commit.clone_from(commit);
        }
    }

    pub(super) fn tree_merged(&mut self, merged: &TreeMerged) {
        let Some(task) = self.task_ix(&merged.task) else { return };
        self.moved_to(merged.commit.as_ref(), merged.tree.as_ref());
        let owner = self.tree_owner(task);
        if let Some(tree) = self.tasks[owner].own.as_mut().filter(|_| merged.error.is_none()) {
            tree.conflicts.clear();
        }
        self.change_checking(task, merged.attempt, |checking| {
            checking.merged = Some(merged.clone());
            checking.conflict = None;
        });
        // What it voted on is its own work, which is in the run's tree only now.
        if merged.error.is_none() {
            self.saw_own_work(&merged.task, merged.attempt);
        }
    }

    /// Adds the step behind all others, so that no position changes, and lets it begin.
    pub(super) fn tree_conflicted(&mut self, at: Time, found: &TreeConflicted) {
        let Some(task) = self.task_ix(&found.task) else { return };
        let owner = self.tree_owner(task);
        let plan = self.plan().with_step(found.added.clone());
        let step = self.steps.len();
        self.steps.push(StepState { resolves: Some(owner), ..StepState::default() });
        let runtime = self.tasks[task].runtime.clone();
        self.tasks.resize(plan.task_count(), TaskState { runtime, ..TaskState::default() });
        self.expanded = Some(std::sync::Arc::new(plan));
        self.reindex();
        self.activate(at, step, "");
        if let Some(tree) = &mut self.tasks[owner].own {
            tree.conflicts.clone_from(&found.files);
        }
        self.change_checking(task, found.attempt, |checking| {
            checking.conflict = Some(found.added.id.clone());
        });
    }

    fn change_checking(
        &mut self,
        task: TaskIx,
        attempt: u32,
        change: impl FnOnce(&mut CheckingAttempt),
    ) {
        let TaskStatus::Checking(checking) = &self.tasks[task].status else { return };
        if checking.end.attempt != attempt {
            return;
        }
        let mut checking = checking.clone();
        change(&mut checking);
        self.set_task(task, TaskStatus::Checking(checking));
    }

    fn awaits_merge(&self, id: &TaskId, attempt: u32) -> Option<TaskIx> {
        let task = self.task_ix(id)?;
        let checking = self.tasks[task].status.as_checking()?;
        let is_open = checking.merged.is_none() && checking.conflict.is_none();
        (checking.end.attempt == attempt && is_open).then_some(task)
    }
}

/// Whether the branch of a task must be merged before its attempt can be judged.
pub(super) fn needs_merge(state: &State, task: TaskIx, checking: &CheckingAttempt) -> bool {
    state.has_own_branch(task)
        && !state.status.is_terminal()
        && checking.merged.is_none()
        && checking.conflict.is_none()
        && checking.check.as_ref().is_some_and(|check| check.commit.is_some())
        && Case::early(state, task, checking).is_accepted()
}

fn to_merge(state: &State) -> impl Iterator<Item = (TaskIx, &CheckingAttempt)> {
    let checking = state.index.checking.iter();
    let checking =
        checking.filter_map(|&task| Some((task, state.tasks[task].status.as_checking()?)));
    checking.filter(|(task, checking)| {
        !needs_check(state, *task, checking) && needs_merge(state, *task, checking)
    })
}

/// Whether the work of a task waits to be merged: nobody starts in the run's own tree before that.
pub(super) fn waits_for_merge(state: &State) -> bool {
    to_merge(state).next().is_some()
}

/// The one merge that is to be done now: nobody works in the run's own tree, and nobody looks at it.
pub(super) fn next_merge(state: &State) -> Option<(TaskIx, u32)> {
    let index = &state.index;
    let in_hands = state.is_tree_in_hands(true) || state.is_tree_in_hands(false);
    if in_hands || !index.tree_writers.is_empty() || !index.tree_readers.is_empty() {
        return None;
    }
    let is_looked_at = index.checking.iter().any(|&task| {
        let checking = state.tasks[task].status.as_checking();
        index.is_shared(state.step_of(task))
            && checking.is_some_and(|checking| needs_check(state, task, checking))
    });
    let mut waiting = to_merge(state).filter(|_| !is_looked_at);
    waiting.next().map(|(task, checking)| (task, checking.end.attempt))
}

/// Whether somebody else works in the tree of the task.
pub(super) fn is_taken(state: &State, task: TaskIx) -> bool {
    let index = &state.index;
    if !state.has_own_branch(task) {
        return false;
    }
    let owner = state.tree_owner(task);
    let mut others = index.live.iter().chain(&index.checking);
    others.any(|&other| {
        other != task && state.tree_owner(other) == owner && state.has_own_branch(other)
    })
}

pub(super) fn merged(state: &State, merged: &TreeMerged) -> Vec<Body> {
    let task = state.awaits_merge(&merged.task, merged.attempt);
    task.map(|_| merged.clone().into()).into_iter().collect()
}

/// A conflict becomes a step of the same role; where no agent plays the role, a person has to look.
pub(super) fn conflicted(state: &State, found: &Conflict) -> Vec<Body> {
    let Some(task) = state.awaits_merge(&found.task, found.attempt) else { return Vec::new() };
    let step = state.step_of(task);
    if step.kind == StepKind::Command {
        let error = by_hand(state, task, found);
        let merged = TreeMerged {
            task: found.task.clone(),
            attempt: found.attempt,
            commit: None,
            tree: None,
            files: 0,
            by: None,
            error: Some(error),
        };
        return vec![merged.into()];
    }
    let Some(id) = free_name(state, &found.task) else { return Vec::new() };
    let added = TreeConflicted {
        task: found.task.clone(),
        attempt: found.attempt,
        commit: found.commit.clone(),
        onto: found.onto.clone(),
        files: found.files.clone(),
        added: step.resolving(id, prompt(state, task, found)),
    };
    vec![added.into()]
}

/// What a person does about a conflict that nobody else can resolve.
fn by_hand(state: &State, task: TaskIx, found: &Conflict) -> String {
    let what = format!("it is in conflict with the work of others in {}", found.files.join(", "));
    let (Some(tree), Some(run)) = (state.own_tree(task), &state.worktree) else { return what };
    format!(
        "{what}; after `git -C {} merge {}`, with the conflict resolved and committed there, `crew resume {}` \
         runs the command again on both",
        tree.path, run.branch, state.created.number
    )
}

/// A name for the step that resolves a conflict of this task.
fn free_name(state: &State, task: &TaskId) -> Option<StepId> {
    let base = task.file_name();
    let base = base.split("-conflict").next().unwrap_or(&base);
    let names = (1..).map(|number| match number {
        1 => format!("{base}-conflict"),
        number => format!("{base}-conflict-{number}"),
    });
    // A name that is too long already leaves no room for more.
    let short = (1..).map(|number| format!("conflict-{number}"));
    let is_free = |id: &StepId| state.step_ix(id).is_none();
    let limit = state.steps.len() + 1;
    let ids = names.take(limit).chain(short.take(limit)).filter_map(|name| name.parse().ok());
    ids.into_iter().find(is_free)
}

fn prompt(state: &State, task: TaskIx, found: &Conflict) -> String {
    let own = state.own_tree(task).and_then(|tree| tree.branch.as_deref()).unwrap_or_default();
    let run = state.worktree.as_ref().map_or("", |worktree| worktree.branch.as_str());
    let files: Vec<String> = found.files.iter().map(|file| format!("- `{file}`")).collect();
    let said = state.tasks[task].summary.as_str();
    let said = if said.is_empty() { String::new() } else { format!("\n\nIts agent said: {said}") };
    format!(
        "The work of task `{id}` (branch `{own}`, commit {commit}) and the work that others have brought \
         into the run (branch `{run}`, commit {onto}) are in conflict in:\n\n{files}\n\nGit says:\n\n{text}{said}\n\n\
         Your working folder is the tree of `{id}`, and the merge of `{run}` is begun there. In a file with a \
         conflict, the part behind `<<<<<<< HEAD` is the work of `{id}`, and the part before \
         `>>>>>>> {run}` is the work of the others. Edit these files so that both intentions hold, and \
         take the marker lines out. A file that one side has deleted has no such lines: keep it or delete it. \
         Look at other files where the two sides do not fit together. You need not commit: what you leave \
         there is committed as the merge.",
        id = found.task,
        commit = short(&found.commit),
        onto = short(&found.onto),
        files = files.join("\n"),
        text = found.text.trim(),
    )
}

fn short(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}

/// Tasks whose conflict is resolved, or which nobody waits for any more.
pub(super) fn resolved(state: &State) -> Vec<Body> {
    let worktree = state.worktree.as_ref();
    let waiting = state.index.conflicted.iter();
    let events = waiting.filter_map(|&task| {
        let checking = state.tasks[task].status.as_checking()?;
        let id = state.task_id(task);
        if state.status.is_terminal() {
            let why = "the run was stopped".to_owned();
            let status = Settled::Skipped;
            return Some(TaskSettled { task: id, status, result: None, why, blocks: None }.into());
        }
        let by = checking.conflict.clone()?;
        let is_done = state.step_ix(&by).is_some_and(|step| state.is_step_done(step));
        is_done.then(|| {
            TreeMerged {
                task: id,
                attempt: checking.end.attempt,
                commit: worktree.map(|worktree| worktree.commit.clone()),
                tree: worktree.and_then(|worktree| worktree.tree.clone()),
                files: 0,
                by: Some(by),
                error: None,
            }
            .into()
        })
    });
    events.collect()
}

/// Steps that would resolve a conflict of work that is done again.
pub(super) fn unneeded(state: &State) -> Vec<TaskIx> {
    let resolving = (0..state.steps.len()).filter(|&step| state.steps[step].resolves.is_some());
    let tasks = resolving.flat_map(|step| state.tasks_of(step));
    let is_open = |task: &TaskIx| {
        let status = &state.tasks[*task].status;
        !status.is_settled() && status.as_live().is_none() && status.as_checking().is_none()
    };
    let is_awaited = |task: &TaskIx| {
        let own = &state.step_of(*task).id;
        state.index.conflicted.iter().any(|&other| state.conflict_of(other) == Some(own))
    };
    tasks.filter(is_open).filter(|task| !is_awaited(task)).collect()
}

/// A conflict that nobody resolved blocks the run, whatever the reason: a person can go on from there.
pub(super) fn kept_open(state: &State, task: TaskIx, body: Body) -> Body {
    let Body::TaskSettled(mut settled) = body else { return body };
    if state.is_resolving(task) && settled.status == Settled::Failed && !is_denied(state, task) {
        settled.blocks.get_or_insert(BlockedReason::WorktreeError);
        if let Some(tree) = state.own_tree(task) {
            settled.why = format!(
                "{}; `crew resume {}` tries again, also after you have edited the files in `{}`",
                settled.why, state.created.number, tree.path
            );
        }
    }
    settled.into()
}

fn is_denied(state: &State, task: TaskIx) -> bool {
    let check = state.tasks[task].status.as_checking().and_then(|found| found.check.as_ref());
    check.is_some_and(|check| !check.denied.is_empty())
}

impl Case<'_> {
    /// Conflicts that are still in the files: one more try, then a person has to look.
    pub(super) fn unresolved(&self) -> Option<Body> {
        let check = self.checking.check.as_ref().filter(|check| !check.conflicts.is_empty())?;
        let what = format!("it left conflicts unresolved in {}", check.conflicts.join(", "));
        Some(self.nudge(
            &what,
            "Edit these files so that both sides' intentions hold, and take the lines with `<<<<<<<`, \
             `=======` and `>>>>>>>` out.",
        ))
    }
}
