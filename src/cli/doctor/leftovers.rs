//! What was left behind or went wrong with files: locks of dead programs, files that others can read, worktrees of nobody.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use camino::{Utf8Path, Utf8PathBuf};

use super::fix::Fix;
use super::{Finding, Level};
use crate::base::text::count;
use crate::base::{Time, limits};
use crate::cli::removal;
use crate::client::Workspace;
use crate::prune::{Owner, survey};
use crate::store::git_dirs::git_dirs;
use crate::store::{Project, ProjectDir, Watch, files};

/// Locks of git that no living git keeps for so long, in milliseconds.
const GIT_LOCK_MS: u64 = 10 * 60 * 1_000;
/// Files being written that nobody writes any more, in milliseconds.
const UNFINISHED_MS: u64 = 60 * 60 * 1_000;
/// Descriptors below which many agents beside each other have too few.
const DESCRIPTORS_MIN: u64 = 256;

/// Everything of this kind.
pub(super) fn look(dir: &ProjectDir, workspace: Option<&Workspace>, now: Time) -> Vec<Finding> {
    let mut all = Vec::new();
    if dir.state().exists() {
        all.extend(owner(dir.state()));
        all.extend(modes(dir));
        all.extend(folders(dir));
        all.extend(unfinished(dir, now));
        all.extend(version(dir));
    }
    all.extend(git_locks(dir, now));
    if let Some(workspace) = workspace {
        all.extend(orphans(workspace, now));
    }
    all.extend(machine(dir));
    all
}

fn owner(state: &Utf8Path) -> Option<Finding> {
    let owner = state.metadata().ok()?.uid();
    (owner != rustix::process::geteuid().as_raw()).then(|| {
        let text = format!("`{state}` belongs to another user (number {owner})");
        Finding::new("state", Level::Error, text).hinted(
            "let its owner use crew here, or move your own state with `[state] dir` in your configuration",
        )
    })
}

/// What of the state others may read or change.
fn modes(dir: &ProjectDir) -> Option<Finding> {
    let mut open: Vec<Utf8PathBuf> = Vec::new();
    let mut folders = vec![dir.state().to_owned()];
    while let Some(folder) = folders.pop() {
        open.extend(is_open(&folder).then(|| folder.clone()));
        for entry in folder.read_dir_utf8().into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.into_path()),
                Ok(kind) if kind.is_file() && is_open(entry.path()) => open.push(entry.into_path()),
                Ok(_) | Err(_) => {}
            }
        }
    }
    let first = open.first()?;
    let others =
        if open.len() > 1 { format!(" and {} more", open.len() - 1) } else { String::new() };
    let text = format!("other users may read or change `{first}`{others}");
    Some(Finding::new("modes", Level::Warning, text).fixed_by(Fix::Private(open)))
}

fn is_open(path: &Utf8Path) -> bool {
    path.symlink_metadata().is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0)
}

/// The marks by which git leaves crew's folders alone.
fn folders(dir: &ProjectDir) -> Option<Finding> {
    let lacks_barrier = || {
        git_dirs(dir.root()).is_ok_and(|git| git.is_some()) && !files::is_barrier(dir.worktrees())
    };
    let is_whole = files::is_ignored_dir(dir.state())
        && (!dir.worktrees().exists()
            || (files::is_ignored_dir(dir.worktrees()) && !lacks_barrier()));
    (!is_whole).then(|| {
        let text = "git may see crew's own files, or walk out of a worktree: `.gitignore` or `.git` is missing there";
        Finding::new("state", Level::Warning, text).fixed_by(Fix::Folders)
    })
}

/// Files that a killed program was writing.
fn unfinished(dir: &ProjectDir, now: Time) -> Option<Finding> {
    let folders = std::iter::once(dir.state().to_owned());
    let runs = dir.runs().read_dir_utf8().into_iter().flatten().flatten();
    let folders = folders.chain(runs.map(camino::Utf8DirEntry::into_path));
    let entries = folders.flat_map(|folder| folder.read_dir_utf8().into_iter().flatten().flatten());
    let found: Vec<Utf8PathBuf> = entries
        .filter(|entry| entry.file_name().starts_with(".new-"))
        .map(camino::Utf8DirEntry::into_path)
        .filter(|path| age_ms(path, now) > UNFINISHED_MS)
        .collect();
    let first = found.first()?;
    let text = format!("{} that nobody finished, such as `{first}`", count(found.len(), "file"));
    Some(Finding::new("state", Level::Warning, text).fixed_by(Fix::Remove(found)))
}

/// State that another version of crew made.
fn version(dir: &ProjectDir) -> Option<Finding> {
    let error = Project::open(dir.clone()).err()?;
    Some(Finding::new("state", Level::Error, error.to_string()))
}

/// Locks that a killed git has left, in the repository and in crew's worktrees.
fn git_locks(dir: &ProjectDir, now: Time) -> Vec<Finding> {
    let Ok(Some(git)) = git_dirs(dir.root()) else { return Vec::new() };
    let old = |path: &Utf8PathBuf| age_ms(path, now) > GIT_LOCK_MS;
    let names = ["index.lock", "HEAD.lock", "config.lock", "packed-refs.lock", "shallow.lock"];
    let own = names.iter().map(|name| git.common_dir.join(name)).filter(&old);
    let mut all: Vec<Finding> = own
        .map(|path| {
            let text = format!("`{path}` is left by a git that was killed");
            Finding::new("locks", Level::Warning, text)
                .hinted(format!("when no git works in this repository, remove it: `rm {path}`"))
        })
        .collect();
    let worktrees = git.common_dir.join("worktrees");
    let of_crew = worktrees.read_dir_utf8().into_iter().flatten().flatten().filter(|entry| {
        let link = std::fs::read_to_string(entry.path().join("gitdir")).unwrap_or_default();
        Utf8Path::new(link.trim()).starts_with(dir.worktrees())
    });
    let left: Vec<Utf8PathBuf> = of_crew
        .flat_map(|entry| ["index.lock", "HEAD.lock"].map(|name| entry.path().join(name)))
        .filter(&old)
        .collect();
    if let Some(first) = left.first() {
        let text = format!(
            "{} of killed gits in crew's worktrees, such as `{first}`",
            count(left.len(), "lock")
        );
        all.push(Finding::new("locks", Level::Warning, text).fixed_by(Fix::Remove(left)));
    }
    all
}

/// Milliseconds since a file was changed; 0 where it is not.
fn age_ms(path: &Utf8Path, now: Time) -> u64 {
    let changed = path.symlink_metadata().map_or(now.0, |meta| {
        meta.mtime().saturating_mul(1_000).saturating_add(meta.mtime_nsec() / 1_000_000)
    });
    now.since_ms(Time(changed))
}

/// Worktrees that no run knows.
fn orphans(workspace: &Workspace, now: Time) -> Option<Finding> {
    let wish = removal::wish(workspace, now, "crew doctor");
    let (found, _) = survey(&workspace.dir, &wish).ok()?;
    let orphans: Vec<_> = found.iter().filter(|one| one.owner == Owner::Nobody).collect();
    let first = orphans.first()?;
    let text = format!(
        "{} of no run, such as `{}`",
        count(orphans.len(), "worktree"),
        first.source.worktree
    );
    Some(Finding::new("worktrees", Level::Warning, text).hinted(
        "`crew prune` shows what is in them; with `--yes` it puts that away and removes them",
    ))
}

/// Limits of the machine that crew would meet.
fn machine(dir: &ProjectDir) -> Vec<Finding> {
    let mut all = Vec::new();
    let there = dir.root();
    if let Err(error) = Watch::files([there], || {}) {
        let text = format!("changes of files cannot be watched: {error}");
        all.push(Finding::new("watch", Level::Warning, text).hinted(
            "crew looks again and again instead; `sysctl fs.inotify.max_user_instances=1024 \
             fs.inotify.max_user_watches=524288` raises the limits",
        ));
    }
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    if let Some(limit) = limit.filter(|limit| *limit < DESCRIPTORS_MIN) {
        let text = format!("a process may open only {limit} files");
        all.push(
            Finding::new("limits", Level::Warning, text).hinted(format!(
                "`ulimit -n {}` before crew is started",
                limits::DESCRIPTORS_WANTED
            )),
        );
    }
    all
}
