//! Submodules of a new worktree: taken from what the project's own checkout has, never from a network.

use camino::Utf8Path;

use crate::store::git::{git, git_names};

/// Fills the submodules of a worktree whose content the repository has; says which ones stay empty.
pub(super) fn fill(root: &Utf8Path, worktree: &Utf8Path) -> Option<String> {
    if !worktree.join(".gitmodules").is_file() {
        return None;
    }
    let common = git(root, &["rev-parse", "--git-common-dir"]).ok().map(|path| root.join(path))?;
    let empty = fill_below(worktree, &common.join("modules"), "");
    if empty.is_empty() {
        return None;
    }
    Some(format!(
        "submodules stay empty in the worktree: {} (their content is not in the project's checkout; \
         `git submodule update --init` there helps, or a command in `worktree.setup`)",
        empty.join(", ")
    ))
}

fn fill_below(worktree: &Utf8Path, modules: &Utf8Path, prefix: &str) -> Vec<String> {
    let list = ["config", "-z", "-f", ".gitmodules", "--get-regexp", r"^submodule\..*\.path$"];
    let mut empty = Vec::new();
    for entry in git_names(worktree, &list).unwrap_or_default() {
        let Some((key, path)) = entry.split_once('\n') else { continue };
        let name = key.strip_prefix("submodule.").and_then(|key| key.strip_suffix(".path"));
        let Some(name) = name else { continue };
        let shown = format!("{prefix}{path}");
        let source = modules.join(name);
        if worktree.join(path).join(".git").exists() {
            // An earlier try, or git itself, has made it.
        } else if !source.join("HEAD").exists() || update(worktree, name, path, &source).is_err() {
            empty.push(shown);
            continue;
        }
        let below = worktree.join(path);
        if below.join(".gitmodules").is_file() {
            empty.extend(fill_below(&below, &source.join("modules"), &format!("{shown}/")));
        }
    }
    empty
}

/// Clones it from the copy that the project's checkout has, and leaves its address as it is there.
fn update(
    worktree: &Utf8Path,
    name: &str,
    path: &str,
    source: &Utf8Path,
) -> Result<(), crate::store::git::GitError> {
    let url = format!("submodule.{name}.url={source}");
    let active = format!("submodule.{name}.active=true");
    let config = ["-c", &url, "-c", &active, "-c", "protocol.file.allow=always"];
    let verb = ["submodule", "--quiet", "update", "--init", "--checkout", "--", path];
    git(worktree, &[&config[..], &verb].concat())?;
    if let Ok(origin) = git(source, &["config", "remote.origin.url"]) {
        git(&worktree.join(path), &["remote", "set-url", "origin", &origin])?;
    }
    Ok(())
}
