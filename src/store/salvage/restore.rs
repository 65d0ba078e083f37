//! Brings back what was put away: the worktree as it was, or a branch that holds everything.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::process::Stdio;

use camino::{Utf8Path, Utf8PathBuf};

use super::capture::{STATE_FILES, write_trees};
use super::found::{EXACT, look, path_of};
use super::git_dir::{git_dir_of, holder_of};
use super::record::{Salvage, SalvageError, Source};
use super::remove::remove_folder;
use super::write::{Bench, Entry, entries};
use crate::base::path::PathContext;
use crate::store::git::{GitError, command, git, resolve};

/// Where something is brought back to.
#[derive(Debug, Clone, Copy)]
pub enum Target<'a> {
    /// The folder and the branch that it came from.
    Place,
    /// Another folder.
    Folder(&'a Utf8Path),
    /// A branch, and no folder.
    Branch(&'a str),
}

/// What was brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The folder.
    pub worktree: Option<Utf8PathBuf>,
    /// The branch that is checked out there, or that was made.
    pub branch: Option<String>,
    /// What is not quite as it was.
    pub note: Option<String>,
    /// Everything is as it was, to the byte.
    pub is_exact: bool,
}

/// Brings back what was put away; the salvage stays.
///
/// # Errors
/// Something is in the way, or git says no; nothing new is left behind.
pub fn restore(
    root: &Utf8Path,
    salvage: &Salvage,
    target: Target<'_>,
) -> Result<Restored, SalvageError> {
    match target {
        Target::Branch(name) => as_branch(root, salvage, name),
        Target::Folder(folder) => as_folder(root, salvage, folder, false),
        Target::Place if salvage.head.is_none() && !salvage.has_files => {
            // There was no worktree: the branch alone.
            let Some((branch, tip)) = salvage.source.branch.as_ref().zip(salvage.tip.as_ref())
            else {
                return Err(SalvageError::InTheWay(
                    "it holds neither files nor a branch".to_owned(),
                ));
            };
            make_branch(root, branch, tip)?;
            Ok(Restored {
                worktree: None,
                branch: Some(branch.clone()),
                note: None,
                is_exact: true,
            })
        }
        Target::Place => as_folder(root, salvage, &salvage.source.worktree, true),
    }
}

/// A branch on which everything is, committed.
fn as_branch(root: &Utf8Path, salvage: &Salvage, name: &str) -> Result<Restored, SalvageError> {
    git(root, &["check-ref-format", "--branch", name])?;
    let bench = Bench::new(root, None)?;
    let tree = |commit: &str| bench.line(None, &["rev-parse", &format!("{commit}^{{tree}}")], b"");
    let head = salvage.head.as_ref().and_then(|head| head.commit.clone());
    let last = head.or_else(|| salvage.tip.clone());
    let files = tree(&salvage.commit)?;
    let commit = match &last {
        Some(last) if tree(last)? == files => last.clone(),
        last => {
            let message = format!("What was not committed ({})\n", salvage.id);
            let parents: Vec<&str> = last.as_deref().into_iter().collect();
            bench.commit(&files, &parents, &message)?
        }
    };
    make_branch(root, name, &commit)?;
    Ok(Restored { worktree: None, branch: Some(name.to_owned()), note: None, is_exact: false })
}

/// Makes a branch, or finds it as it should be; tells whether it was made.
fn make_branch(root: &Utf8Path, name: &str, commit: &str) -> Result<bool, SalvageError> {
    let reference = format!("refs/heads/{name}");
    match resolve(root, &reference)? {
        Some(found) if found == commit => Ok(false),
        Some(found) => {
            let at: String = found.chars().take(12).collect();
            Err(SalvageError::InTheWay(format!("there is a branch `{name}` already, at {at}")))
        }
        None => {
            git(root, &["update-ref", &reference, commit, &"0".repeat(commit.len())])?;
            Ok(true)
        }
    }
}

fn as_folder(
    root: &Utf8Path,
    salvage: &Salvage,
    folder: &Utf8Path,
    is_place: bool,
) -> Result<Restored, SalvageError> {
    if folder.symlink_metadata().is_ok() {
        return Err(SalvageError::InTheWay(format!("there is something at `{folder}` already")));
    }
    if git_dir_of(root, folder).is_some() {
        // The folder was deleted by hand; what git knew of it goes, as it does in `git worktree add -f`.
        remove_folder(root, folder)?;
    }
    let mut made_branches: Vec<(String, String)> = Vec::new();
    let done = build(root, salvage, folder, is_place, &mut made_branches);
    if done.is_err() {
        drop(remove_folder(root, folder));
        for (branch, commit) in made_branches {
            drop(git(root, &["update-ref", "-d", &format!("refs/heads/{branch}"), &commit]));
        }
    }
    done
}

fn build(
    root: &Utf8Path,
    salvage: &Salvage,
    folder: &Utf8Path,
    is_place: bool,
    made: &mut Vec<(String, String)>,
) -> Result<Restored, SalvageError> {
    let mut restored =
        Restored { worktree: Some(folder.to_owned()), branch: None, note: None, is_exact: false };
    if salvage.is_plain {
        fs::create_dir_all(folder).at("cannot create", folder)?;
        let bench = Bench::new(root, None)?;
        let out = bench.git(None, &["ls-tree", "-r", "-z", &salvage.commit], b"")?;
        write_files(root, folder, &entries(&out))?;
        restored.is_exact = true;
        return Ok(restored);
    }
    let head = salvage.head.clone().unwrap_or_else(|| super::record::Head {
        branch: salvage.source.branch.clone(),
        commit: salvage.tip.clone(),
    });
    let Some(commit) = head.commit else {
        return Err(SalvageError::InTheWay(
            "its branch had no commit: bring it back with `--branch`".to_owned(),
        ));
    };
    // The run's branch, which may have been somewhere else than the head.
    let own = salvage.source.branch.as_ref().zip(salvage.tip.as_ref());
    if let Some((branch, tip)) = own.filter(|_| is_place)
        && salvage.takes_branch
        && make_branch(root, branch, tip)?
    {
        made.push((branch.clone(), tip.clone()));
    }
    let attached = match &head.branch {
        None => None,
        Some(branch) => match attach(root, branch, &commit) {
            Ok(is_new) => {
                if is_new {
                    made.push((branch.clone(), commit.clone()));
                }
                Some(branch.clone())
            }
            Err(error) if is_place => return Err(error),
            Err(error) => {
                restored.note = Some(format!("no branch is checked out there: {error}"));
                None
            }
        },
    };
    let mut args = vec!["worktree", "add", "-q", "--no-checkout"];
    match &attached {
        Some(branch) => args.extend([folder.as_str(), branch]),
        None => args.extend(["--detach", folder.as_str(), &commit]),
    }
    git(root, &args)?;
    fill(root, salvage, folder)?;
    restored.branch = attached;
    restored.is_exact = restored.note.is_none() && is_exact(root, salvage, folder)?;
    if !restored.is_exact && restored.note.is_none() {
        restored.note = Some("it is not in every byte what was put away".to_owned());
    }
    Ok(restored)
}

/// Sees to it that a branch can be checked out at a commit.
fn attach(root: &Utf8Path, branch: &str, commit: &str) -> Result<bool, SalvageError> {
    if let Some(holder) = holder_of(root, branch) {
        let what = format!("branch `{branch}` is checked out in `{holder}`");
        return Err(SalvageError::InTheWay(what));
    }
    make_branch(root, branch, commit)
}

/// Index, files and all that is known of them.
fn fill(root: &Utf8Path, salvage: &Salvage, folder: &Utf8Path) -> Result<(), SalvageError> {
    let bench = Bench::new(folder, None)?;
    let parents = bench.line(None, &["rev-parse", &format!("{}^@", salvage.commit)], b"")?;
    let mut parents = parents.lines();
    let staged = parents.next().unwrap_or(&salvage.commit).to_owned();
    let more = parents.next().map(str::to_owned);
    bench.git(None, &["read-tree", &staged], b"")?;
    bench.git(None, &["checkout-index", "-a", "-f", "-q"], b"")?;
    let range = ["diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev"];
    let out = bench.git(None, &[&range[..], &[&staged, &salvage.commit]].concat(), b"")?;
    let changed = changes(&out);
    for entry in &changed {
        remove_file(folder, &entry.path)?;
    }
    if let Some(more) = &more {
        announce(&bench, more, folder)?;
    }
    let present: Vec<Entry> = changed.into_iter().filter(|entry| entry.mode != "000000").collect();
    write_files(root, folder, &present)?;
    if let Some(more) = more {
        fill_more(&bench, &more, folder, root)?;
    }
    // Its exit code only says that files differ, which they may.
    drop(bench.git(None, &["update-index", "-q", "--refresh"], b""));
    Ok(())
}

/// Announces files in the index that were announced, as what they were then.
fn announce(bench: &Bench, more: &str, folder: &Utf8Path) -> Result<(), SalvageError> {
    let name = format!("{more}:announced");
    let Ok(list) = bench.git(None, &["cat-file", "blob", &name], b"") else { return Ok(()) };
    let lines = list.split(|byte| *byte == 0);
    let lines: Vec<(&[u8], &[u8])> =
        lines.filter_map(|line| Some((line.get(..6)?, line.get(7..)?))).collect();
    for (kind, path) in &lines {
        let (file, named) = (folder.as_std_path().join(path_of(path)), folder.join(shown(path)));
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent).at("cannot create the folder of", &named)?;
        }
        if *kind == b"120000" {
            symlink("nowhere", &file).at("cannot link", &named)?;
        } else {
            let bits = if *kind == b"100755" { 0o777 } else { 0o666 };
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).mode(bits);
            options.open(&file).at("cannot write", &named)?;
        }
    }
    let paths: Vec<&[u8]> = lines.iter().map(|(_, path)| *path).collect();
    let add = ["--literal-pathspecs", "add", "-f", "-N"];
    let args = [&add[..], &["--pathspec-from-file=-", "--pathspec-file-nul"]].concat();
    bench.git(None, &args, &paths.join(&0))?;
    for path in paths {
        remove_file(folder, path)?;
    }
    Ok(())
}

/// Conflicts, flags, and an open merge.
fn fill_more(
    bench: &Bench,
    more: &str,
    folder: &Utf8Path,
    root: &Utf8Path,
) -> Result<(), SalvageError> {
    let all = entries(&bench.git(None, &["ls-tree", "-r", "-z", more], b"")?);
    let mut stages = Vec::new();
    for entry in &all {
        let Some(rest) = entry.path.strip_prefix(b"stage-") else { continue };
        let (Some(stage), Some(path)) = (rest.first(), rest.get(2..)) else { continue };
        let head = format!("{} {} {}\t", entry.mode, entry.blob, char::from(*stage));
        stages.extend_from_slice(head.as_bytes());
        stages.extend_from_slice(path);
        stages.push(0);
    }
    if !stages.is_empty() {
        bench.git(None, &["update-index", "-z", "--index-info"], &stages)?;
    }
    let text = |name: &str| {
        let found = all.iter().find(|entry| entry.path == name.as_bytes());
        found.map(|entry| bench.git(None, &["cat-file", "blob", &entry.blob], b"")).transpose()
    };
    if let Some(list) = text("flagged")? {
        for flag in ["--skip-worktree", "--assume-unchanged"] {
            let has_flag = |letter: &u8| match flag {
                "--skip-worktree" => letter.eq_ignore_ascii_case(&b'S'),
                _ => letter.is_ascii_lowercase(),
            };
            let lines = list.split(|byte| *byte == 0);
            let flagged = lines.filter(|line| line.first().is_some_and(has_flag));
            let paths: Vec<&[u8]> = flagged.map(|line| &line[1..]).collect();
            if !paths.is_empty() {
                bench.git(None, &["update-index", flag, "-z", "--stdin"], &paths.join(&0))?;
            }
        }
    }
    let git_dir = git_dir_of(root, folder);
    for name in STATE_FILES {
        if let (Some(text), Some(git_dir)) = (text(&format!("git/{name}"))?, &git_dir) {
            let path = git_dir.join(name);
            fs::write(&path, text).at("cannot write", &path)?;
        }
    }
    Ok(())
}

/// Whether what was restored would be put away as the very same trees.
fn is_exact(root: &Utf8Path, salvage: &Salvage, folder: &Utf8Path) -> Result<bool, SalvageError> {
    let source = Source { worktree: folder.to_owned(), ..salvage.source.clone() };
    let found = look(root, &source)?;
    let trees = write_trees(root, &found)?;
    let tree = |name: &str| git(root, &["rev-parse", &format!("{}{name}", salvage.commit)]);
    let list = |tree: &str| {
        let bench = Bench::new(root, None)?;
        Ok::<_, SalvageError>(entries(&bench.git(None, &["ls-tree", "-r", "-z", tree], b"")?))
    };
    let more = tree("^2^{tree}").ok().map(|tree| list(&tree)).transpose()?.unwrap_or_default();
    let found_more = trees.more.map(|tree| list(&tree)).transpose()?.unwrap_or_default();
    let head = |salvage: &Salvage| salvage.head.as_ref().and_then(|head| head.commit.clone());
    Ok(tree("^{tree}")? == trees.files
        && tree("^1^{tree}")? == trees.staged
        && more == found_more
        && head(salvage) == head(&found.salvage))
}

/// The new side of `git diff-tree --raw -z`; mode 000000 means that the file goes.
fn changes(out: &[u8]) -> Vec<Entry> {
    let mut parts = out.split(|byte| *byte == 0).filter(|part| !part.is_empty());
    let mut found = Vec::new();
    while let (Some(head), Some(path)) = (parts.next(), parts.next()) {
        let head = String::from_utf8_lossy(head).into_owned();
        let words: Vec<&str> = head.split(' ').collect();
        if let [_, mode, _, blob, _] = words[..] {
            let (mode, blob) = (mode.to_owned(), blob.to_owned());
            found.push(Entry { mode, blob, path: path.to_vec() });
        }
    }
    found
}

fn remove_file(folder: &Utf8Path, path: &[u8]) -> Result<(), SalvageError> {
    let file = folder.as_std_path().join(path_of(path));
    match fs::remove_file(&file) {
        Ok(()) => {}
        Err(_) if file.symlink_metadata().is_err() => return Ok(()),
        Err(error) => return Err(error).at("cannot remove", folder.join(shown(path)))?,
    }
    // A folder that is empty now may have to make room for a file of its name.
    let mut parent = file.parent();
    while let Some(dir) = parent.filter(|dir| *dir != folder.as_std_path()) {
        if fs::remove_dir(dir).is_err() {
            break;
        }
        parent = dir.parent();
    }
    Ok(())
}

/// Writes files with the bytes of their blobs, whatever filters git has for them.
fn write_files(root: &Utf8Path, folder: &Utf8Path, files: &[Entry]) -> Result<(), SalvageError> {
    if files.is_empty() {
        return Ok(());
    }
    let mut child = command(root)
        .args(EXACT)
        .args(["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(GitError::Start)?;
    let (Some(mut ask), Some(answer)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(GitError::Start(std::io::ErrorKind::BrokenPipe.into()).into());
    };
    let mut answer = BufReader::new(answer);
    let mut done = Ok(());
    for entry in files.iter().filter(|entry| entry.mode != "160000") {
        done = write_one(folder, entry, &mut ask, &mut answer);
        if done.is_err() {
            break;
        }
    }
    drop((ask, answer));
    child.wait().map_err(GitError::Start)?;
    done
}

fn write_one(
    folder: &Utf8Path,
    entry: &Entry,
    ask: &mut impl Write,
    answer: &mut impl BufRead,
) -> Result<(), SalvageError> {
    let named = folder.join(shown(&entry.path));
    let file = folder.as_std_path().join(path_of(&entry.path));
    writeln!(ask, "{}", entry.blob).map_err(GitError::Start)?;
    let mut head = String::new();
    answer.read_line(&mut head).map_err(GitError::Start)?;
    let Some(size) = head.trim_end().rsplit(' ').next().and_then(|size| size.parse::<u64>().ok())
    else {
        let said = format!("blob {} is missing", entry.blob);
        let (verb, dir) = ("cat-file".to_owned(), folder.to_owned());
        return Err(GitError::Failed { verb, dir, said }.into());
    };
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent).at("cannot create the folder of", &named)?;
    }
    let mut content = answer.by_ref().take(size);
    if entry.mode == "120000" {
        let mut target = Vec::new();
        content.read_to_end(&mut target).at("cannot read", &named)?;
        symlink(std::ffi::OsStr::from_bytes(&target), &file).at("cannot link", &named)?;
    } else {
        let mode = if entry.mode == "100755" { 0o777 } else { 0o666 };
        let mut to = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&file)
            .at("cannot write", &named)?;
        std::io::copy(&mut content, &mut to).at("cannot write", &named)?;
    }
    answer.read_exact(&mut [0]).at("cannot read", &named)?;
    Ok(())
}

fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}
