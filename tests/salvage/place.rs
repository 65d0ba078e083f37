//! A repository with a worktree of its own, and a look at everything that it holds.

#![expect(clippy::unwrap_used, reason = "what a test stands on fails the test")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use crew::base::{RunNumber, Time};
use crew::store::salvage::Source;

/// A repository and one worktree of it.
pub struct Place {
    _keep: tempfile::TempDir,
    pub root: Utf8PathBuf,
    pub tree: Utf8PathBuf,
}

/// Everything about a worktree that must come back.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    pub files: BTreeMap<Vec<u8>, (char, Vec<u8>)>,
    pub index: String,
    pub flags: String,
    pub status: String,
    pub head: String,
    pub branch: String,
}

impl Place {
    /// The worktree is called like a run, on a branch of its own.
    pub fn new() -> Self {
        Self::named("project")
    }

    pub fn named(name: &str) -> Self {
        let keep = tempfile::tempdir().unwrap();
        let top = Utf8PathBuf::from_path_buf(keep.path().canonicalize().unwrap()).unwrap();
        let (root, tree) = (top.join(name), top.join("trees/work"));
        fs::create_dir_all(&root).unwrap();
        let place = Self { _keep: keep, root, tree };
        place.git(&["init", "-q", "-b", "main"]);
        fs::write(place.root.join("README.md"), "# sample\n").unwrap();
        fs::write(place.root.join(".gitignore"), "*.log\nbuild/\n").unwrap();
        place.git(&["add", "-A"]);
        place.git(&["commit", "-q", "-m", "start"]);
        place.git(&["worktree", "add", "-q", "-b", "crew/work", place.tree.as_str()]);
        place
    }

    pub fn git(&self, args: &[&str]) -> String {
        run(&self.root, args)
    }

    /// Git in the worktree.
    pub fn own(&self, args: &[&str]) -> String {
        run(&self.tree, args)
    }

    pub fn source(&self, at: i64) -> Source {
        Source {
            name: "work".to_owned(),
            run: Some(RunNumber(1)),
            at: Time(at),
            by: "crew archive".to_owned(),
            worktree: self.tree.clone(),
            branch: Some("crew/work".to_owned()),
            known: None,
            start: Some(self.git(&["rev-parse", "main"])),
        }
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.tree.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.tree.join(name)).unwrap()
    }

    pub fn seen(&self) -> Seen {
        look(&self.tree)
    }
}

pub fn look(tree: &Utf8Path) -> Seen {
    let mut files = BTreeMap::new();
    walk(tree.as_std_path(), tree.as_std_path(), &mut files);
    let run = |args: &[&str]| run(tree, args);
    for ignored in run(&["ls-files", "-oi", "--exclude-standard", "-z"]).split('\0') {
        files.remove(ignored.as_bytes());
    }
    Seen {
        files,
        index: run(&["ls-files", "-s", "-z"]),
        flags: run(&["ls-files", "-v", "-z"]),
        status: run(&["status", "--porcelain=v2", "-z", "-uall", "--no-renames"]),
        head: run(&["log", "-1", "--format=%H%d", "--decorate-refs=refs/heads/*"]),
        branch: run(&["for-each-ref", "--format=%(objectname)", "refs/heads/crew/work"]),
    }
}

fn walk(top: &Path, dir: &Path, files: &mut BTreeMap<Vec<u8>, (char, Vec<u8>)>) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        let name = path.strip_prefix(top).unwrap().as_os_str().as_bytes().to_vec();
        let meta = path.symlink_metadata().unwrap();
        if name == b".git" {
            continue;
        }
        if meta.is_symlink() {
            let target = fs::read_link(&path).unwrap().into_os_string().into_vec();
            files.insert(name, ('l', target));
        } else if meta.is_dir() {
            walk(top, &path, files);
        } else {
            let is_program = meta.permissions().mode() & 0o100 != 0;
            files.insert(name, (if is_program { 'x' } else { 'f' }, fs::read(&path).unwrap()));
        }
    }
}

pub fn run(dir: &Utf8Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.org",
            "-c",
            "merge.conflictStyle=merge",
        ])
        .args(["-c", "protocol.file.allow=always", "-c", "advice.addEmbeddedRepo=false"])
        .args(args)
        .current_dir(dir)
        .env("HOME", dir)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?} in {dir}: {output:?}");
    String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned()
}
