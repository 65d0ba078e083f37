//! Running the `git` program: the only place that does.
//!
//! Every call is quiet, asks nothing, takes no optional locks, runs no hooks, and names its folder.

use std::io::{Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use camino::{Utf8Path, Utf8PathBuf};

use super::git_halves;
use crate::lock::FileLock;

/// Why a git command did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The program cannot be started.
    #[error("cannot start `git`")]
    Start(#[source] std::io::Error),
    /// It said no.
    #[error("`git {verb}` in `{dir}`: {said}")]
    Failed {
        /// The git verb.
        verb: String,
        /// Where it ran.
        dir: Utf8PathBuf,
        /// What it said.
        said: String,
    },
    /// Somebody killed it before it could say anything.
    #[error("`git {verb}` in `{dir}` was killed by signal {signal}")]
    Killed {
        /// The git verb.
        verb: String,
        /// Where it ran.
        dir: Utf8PathBuf,
        /// The signal.
        signal: i32,
    },
}

/// Who commits when the user has not told git a name.
const IDENTITY: [(&str, &str); 4] = [
    ("GIT_AUTHOR_NAME", "crew"),
    ("GIT_AUTHOR_EMAIL", "crew@localhost"),
    ("GIT_COMMITTER_NAME", "crew"),
    ("GIT_COMMITTER_EMAIL", "crew@localhost"),
];

/// Runs git in `dir` and returns its standard output without the last newline.
///
/// # Errors
/// Git is missing, or it says no.
pub fn git(dir: &Utf8Path, args: &[&str]) -> Result<String, GitError> {
    text(dir, args, &GitCall::default())
}

/// As [`git`], for a call that changes nothing: one that was killed is made once more.
///
/// # Errors
/// Git is missing, or it says no.
pub fn git_steady(dir: &Utf8Path, args: &[&str]) -> Result<String, GitError> {
    match git(dir, args) {
        Err(GitError::Killed { .. }) => git(dir, args),
        answer => answer,
    }
}

/// The object that a name stands for: a reference, or `commit^{tree}`, or `commit:path`; nothing where there is none.
///
/// # Errors
/// Git is missing, or it cannot say.
pub fn resolve(dir: &Utf8Path, name: &str) -> Result<Option<String>, GitError> {
    let args = ["rev-parse", "--verify", "-q", name];
    let found = answer(dir, &args)?;
    Ok(found.map(|out| String::from_utf8_lossy(&out).trim_end_matches('\n').to_owned()))
}

/// Whether a name stands for something; where git cannot say, it does not.
pub fn is_there(dir: &Utf8Path, name: &str) -> bool {
    resolve(dir, name).is_ok_and(|found| found.is_some())
}

/// The object that a file of a worktree would be: its content after filters, or where a link points to.
///
/// Nothing where no file is.
///
/// # Errors
/// Git is missing, or the file cannot be read.
pub fn blob_of(tree: &Utf8Path, file: &Path) -> Result<Option<String>, GitError> {
    let path = tree.as_std_path().join(file);
    let out = match path.symlink_metadata() {
        Ok(meta) if meta.is_symlink() => {
            let target = path.read_link().map_err(GitError::Start)?;
            let call = GitCall { input: target.as_os_str().as_bytes(), ..GitCall::default() };
            git_with(tree, &["hash-object", "--no-filters", "--stdin"], &call)?
        }
        Ok(meta) if !meta.is_dir() => {
            git_raw(tree, &["hash-object", "--", &file.to_string_lossy()], &[])?
        }
        Ok(_) | Err(_) => return Ok(None),
    };
    Ok(Some(String::from_utf8_lossy(&out).trim().to_owned()))
}

/// Whether everything that a commit has is in another one.
///
/// # Errors
/// Git is missing, or one of both is no commit.
pub fn is_ancestor(dir: &Utf8Path, commit: &str, of: &str) -> Result<bool, GitError> {
    answer(dir, &["merge-base", "--is-ancestor", commit, of]).map(|yes| yes.is_some())
}

/// The output of a question that git answers with its exit code: nothing for a no, which is not a failure.
fn answer(dir: &Utf8Path, args: &[&str]) -> Result<Option<Vec<u8>>, GitError> {
    let ask = || git_output(dir, args, &GitCall::default());
    let mut output = ask()?;
    if output.status.signal().is_some() {
        output = ask()?;
    }
    match output.status.code() {
        Some(0) => Ok(Some(output.stdout)),
        Some(1) => Ok(None),
        _ => Err(failed(dir, args, &output)),
    }
}

/// Runs git as an author even where the user has set no identity.
///
/// # Errors
/// Git is missing, or it says no.
pub fn git_as_author(dir: &Utf8Path, args: &[&str]) -> Result<String, GitError> {
    text(dir, args, &GitCall { is_author: true, ..GitCall::default() })
}

/// Names that git printed with `-z`, as text; bytes that are none are replaced.
///
/// # Errors
/// Git is missing, or it says no.
pub fn git_names(dir: &Utf8Path, args: &[&str]) -> Result<Vec<String>, GitError> {
    let out = git_with(dir, args, &GitCall::default())?;
    let names = out.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
}

/// What a call of git is given besides its words.
#[derive(Debug, Clone, Copy, Default)]
pub struct GitCall<'a> {
    /// Another index than the one of the worktree.
    pub index: Option<&'a Utf8Path>,
    /// The repository, and the folder that stands for its worktree.
    pub place: Option<(&'a Utf8Path, &'a Utf8Path)>,
    /// Other variables.
    pub env: &'a [(&'a str, &'a str)],
    /// Its standard input.
    pub input: &'a [u8],
    /// It makes a commit.
    pub is_author: bool,
}

/// Runs git with variables of its own; returns its output as it is.
///
/// # Errors
/// Git is missing, or it says no.
pub fn git_raw(dir: &Utf8Path, args: &[&str], env: &[(&str, &str)]) -> Result<Vec<u8>, GitError> {
    git_with(dir, args, &GitCall { env, ..GitCall::default() })
}

/// Runs git in `dir` and returns its standard output as it came.
///
/// # Errors
/// Git is missing, or it says no.
pub fn git_with(dir: &Utf8Path, args: &[&str], call: &GitCall<'_>) -> Result<Vec<u8>, GitError> {
    let output = git_output(dir, args, call)?;
    if output.status.success() { Ok(output.stdout) } else { Err(failed(dir, args, &output)) }
}

/// The beginning of what git prints, at most `most` bytes, and whether that is not all.
///
/// # Errors
/// Git is missing, or it says no.
pub fn git_head(dir: &Utf8Path, args: &[&str], most: usize) -> Result<(Vec<u8>, bool), GitError> {
    let mut command = command(dir);
    let mut child = command
        .args(plain(args))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(GitError::Start)?;
    let mut out = Vec::new();
    if let Some(pipe) = child.stdout.take() {
        // One byte more tells that there is more.
        pipe.take(most as u64 + 1).read_to_end(&mut out).map_err(GitError::Start)?;
    }
    let is_cut = out.len() > most;
    out.truncate(most);
    // With nobody to read the rest it ends by itself, and how does not matter then.
    let output = child.wait_with_output().map_err(GitError::Start)?;
    if is_cut || output.status.success() {
        return Ok((out, is_cut));
    }
    Err(failed(dir, args, &output))
}

fn failed(dir: &Utf8Path, args: &[&str], output: &Output) -> GitError {
    let said = String::from_utf8_lossy(&output.stderr);
    let (verb, dir) = (verb(args).to_owned(), dir.to_owned());
    if let Some(signal) = output.status.signal() {
        return GitError::Killed { verb, dir, signal };
    }
    GitError::Failed { verb, dir, said: crate::base::text::one_line(&said, 400) }
}

/// The verb of a call; options with a value of their own stand before it.
fn verb<'a>(args: &[&'a str]) -> &'a str {
    args.iter().find(|word| !word.starts_with('-') && !word.contains('=')).unwrap_or(&"")
}

/// Runs git in `dir` and returns what it printed and how it ended, for those whose no is an answer.
///
/// # Errors
/// Git is missing.
pub fn git_output(dir: &Utf8Path, args: &[&str], call: &GitCall<'_>) -> Result<Output, GitError> {
    let _alone = if ALONE.contains(&verb(args)) { worktrees_lock(dir)? } else { None };
    let output = output_once(dir, args, call)?;
    let is_half = !output.status.success()
        && String::from_utf8_lossy(&output.stderr).contains("/commondir")
        && common_dir(dir)?.is_some_and(|common| git_halves::clear(&common));
    if is_half { output_once(dir, args, call) } else { Ok(output) }
}

/// Verbs that read the files of all worktrees.
const ALONE: [&str; 2] = ["worktree", "branch"];

/// Keeps the crews of one repository from making a worktree while another looks at all of them.
///
/// `git worktree add` creates the file `commondir` and then writes it, without a lock; whoever reads the
/// worktrees in between dies of the empty file, some after half of their work.
fn worktrees_lock(dir: &Utf8Path) -> Result<Option<FileLock>, GitError> {
    // Where there is no repository git itself says so; where nothing can be written nothing is made either.
    let Some(common) = common_dir(dir)? else { return Ok(None) };
    let lock = FileLock::exclusive(&common.join("crew-worktrees.lock")).ok();
    // A git that dies of one has done half of its work by then.
    git_halves::clear(&common);
    Ok(lock)
}

/// The folder that all worktrees of a repository share; nothing where there is none.
fn common_dir(dir: &Utf8Path) -> Result<Option<Utf8PathBuf>, GitError> {
    let args = ["rev-parse", "--path-format=absolute", "--git-common-dir"];
    let ask = || output_once(dir, &args, &GitCall::default());
    let mut output = ask()?;
    if output.status.signal().is_some() {
        output = ask()?;
    }
    let common = String::from_utf8_lossy(&output.stdout);
    let common = Utf8PathBuf::from(common.trim_end_matches('\n'));
    // A git that was killed has said nothing, and that would be the folder that this process works in.
    Ok((output.status.success() && common.is_absolute()).then_some(common))
}

fn output_once(dir: &Utf8Path, args: &[&str], call: &GitCall<'_>) -> Result<Output, GitError> {
    let mut command = command(dir);
    command.args(plain(args));
    if let Some(index) = call.index {
        command.env("GIT_INDEX_FILE", index);
    }
    if let Some((git_dir, work_tree)) = call.place {
        command.env("GIT_DIR", git_dir).env("GIT_WORK_TREE", work_tree);
    }
    command.envs(call.env.iter().copied());
    if call.is_author {
        command.envs(identity(dir).iter().copied());
    }
    if !call.input.is_empty() {
        // A file, and no pipe: git may answer before it has read everything.
        let mut file = tempfile::tempfile().map_err(GitError::Start)?;
        file.write_all(call.input).and_then(|()| file.rewind()).map_err(GitError::Start)?;
        command.stdin(file);
    }
    command.output().map_err(GitError::Start)
}

/// The words of a call whose answer is text that only git makes: no program that a repository names for differences.
fn plain<'a>(args: &[&'a str]) -> Vec<&'a str> {
    let mut words = args.to_vec();
    let verb = verb(args);
    if ["diff", "log", "show"].contains(&verb)
        && let Some(at) = args.iter().position(|word| *word == verb)
    {
        words.insert(at + 1, "--no-ext-diff");
        words.insert(at + 1, "--no-textconv");
    }
    words
}

/// Settings of a repository that would have a program run where git only looks.
const SETTINGS: [&str; 10] = [
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "log.showSignature=false",
    "-c",
    "core.quotePath=off",
    "-c",
    "gc.auto=0",
];

/// Git in `dir`, with nothing to do yet.
pub(super) fn command(dir: &Utf8Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(dir)
        .args(SETTINGS)
        .stdin(Stdio::null())
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("LC_ALL", "C");
    // A crew that was started by a git hook must not work on the hook's repository.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"] {
        command.env_remove(name);
    }
    command
}

fn text(dir: &Utf8Path, args: &[&str], call: &GitCall<'_>) -> Result<String, GitError> {
    let out = git_with(dir, args, call)?;
    Ok(String::from_utf8_lossy(&out).trim_end_matches('\n').to_owned())
}

/// What names an author where the user has set no identity; nothing where one is set.
pub fn identity(dir: &Utf8Path) -> &'static [(&'static str, &'static str)] {
    if has_identity(dir) { &[] } else { &IDENTITY }
}

fn has_identity(dir: &Utf8Path) -> bool {
    git(dir, &["config", "user.email"]).is_ok() && git(dir, &["config", "user.name"]).is_ok()
}

/// Why two commits do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MergeConflict {
    /// Files in conflict.
    pub files: Vec<String>,
    /// What git says about each of them.
    pub text: String,
}

/// Merges two commits without a checkout: the tree, or why they do not fit together.
///
/// # Errors
/// Git is missing, or it cannot merge them at all.
pub fn git_merge_tree(
    dir: &Utf8Path,
    ours: &str,
    theirs: &str,
    call: &GitCall<'_>,
) -> Result<Result<String, MergeConflict>, GitError> {
    let args = ["merge-tree", "--write-tree", "--name-only", "-z", "--messages", ours, theirs];
    let output = git_output(dir, &args, call)?;
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut parts = out.split('\0');
    match output.status.code() {
        Some(0) => Ok(Ok(parts.next().unwrap_or_default().trim().to_owned())),
        Some(1) => {
            // The tree, the names, an empty part; then the messages, each behind its paths and its kind.
            let files: Vec<String> = parts
                .by_ref()
                .skip(1)
                .take_while(|name| !name.is_empty())
                .map(str::to_owned)
                .collect();
            let text: Vec<&str> =
                parts.filter(|part| part.ends_with('\n')).map(str::trim).collect();
            Ok(Err(MergeConflict { files, text: text.join("\n") }))
        }
        _ => Err(failed(dir, &args, &output)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn worktrees_made_at_once_do_not_trip_over_each_other() {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(dir.path()).unwrap();
        git(root, &["init", "-q"]).unwrap();
        git_as_author(root, &["commit", "-q", "--allow-empty", "-m", "first"]).unwrap();
        let all = Barrier::new(8);
        std::thread::scope(|scope| {
            for side in 0..8 {
                let (root, all) = (&root, &all);
                scope.spawn(move || {
                    all.wait();
                    for round in 0..12 {
                        let path = format!(".worktrees/{side}-{round}");
                        let branch = format!("b{side}-{round}");
                        git(root, &["worktree", "add", "-q", "-b", &branch, &path]).unwrap();
                    }
                });
            }
        });
    }

    #[test]
    fn a_look_runs_no_program_that_the_repository_names() {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(dir.path()).unwrap();
        git(root, &["init", "-q"]).unwrap();
        for (file, text) in [("a", "one"), (".gitattributes", "* diff=evil")] {
            std::fs::write(root.join(file), text).unwrap();
        }
        git(root, &["add", "-A"]).unwrap();
        git_as_author(root, &["commit", "-q", "-m", "first"]).unwrap();
        let evil = format!("sh -c 'touch {root}/ran; cat'");
        for name in [
            "core.fsmonitor",
            "core.pager",
            "diff.external",
            "diff.evil.command",
            "diff.evil.textconv",
            "gpg.program",
            "core.sshCommand",
            "credential.helper",
        ] {
            git(root, &["config", name, &evil]).unwrap();
        }
        git(root, &["config", "log.showSignature", "true"]).unwrap();
        std::fs::write(root.join("a"), "two").unwrap();
        for args in [
            &["status", "--porcelain"][..],
            &["diff"],
            &["diff", "--numstat", "HEAD"],
            &["log", "-p"],
            &["show", "HEAD"],
            &["ls-files", "-m"],
        ] {
            git(root, args).unwrap();
            git_head(root, args, 10_000).unwrap();
            assert!(!root.join("ran").exists(), "{args:?}");
        }
    }

    #[test]
    fn only_a_git_that_was_killed_is_asked_once_more() {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(dir.path()).unwrap();
        git(root, &["init", "-q"]).unwrap();
        let asked = |what: &str| {
            let alias = format!("alias.ask=!echo x >> asked; {what}");
            let answer = git_steady(root, &["-c", &alias, "ask"]);
            let times = std::fs::read_to_string(root.join("asked")).unwrap().lines().count();
            std::fs::remove_file(root.join("asked")).unwrap();
            (answer, times)
        };
        let (killed, times) = asked("kill -9 $PPID; sleep 5");
        assert!(matches!(killed, Err(GitError::Killed { signal: 9, .. })), "{killed:?}");
        assert_eq!(times, 2);
        let (failed, times) = asked("exit 3");
        assert!(matches!(failed, Err(GitError::Failed { .. })), "{failed:?}");
        assert_eq!(times, 1);
        let (killed_once, times) =
            asked("test -e again || { touch again; kill -9 $PPID; sleep 5; }; echo fine");
        assert_eq!((killed_once.unwrap().as_str(), times), ("fine", 2));
    }

    #[test]
    fn a_no_is_an_answer_and_no_failure() {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(dir.path()).unwrap();
        assert!(resolve(root, "HEAD").is_err(), "no repository");
        git(root, &["init", "-q", "-b", "main"]).unwrap();
        assert_eq!(resolve(root, "HEAD").unwrap(), None);
        for message in ["first", "second"] {
            git_as_author(root, &["commit", "-q", "--allow-empty", "-m", message]).unwrap();
        }
        let first = git(root, &["rev-parse", "HEAD~1"]).unwrap();
        assert_eq!(resolve(root, "main~1").unwrap(), Some(first.clone()));
        assert!(is_there(root, "refs/heads/main") && !is_there(root, "refs/heads/other"));
        assert_eq!(resolve(root, "HEAD:no-file").unwrap(), None);
        assert!(is_ancestor(root, &first, "main").unwrap());
        assert!(!is_ancestor(root, "main", &first).unwrap());
        assert!(is_ancestor(root, "gone", "main").is_err());
    }
}
