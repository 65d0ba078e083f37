//! A project whose run waits for its merge, and what must be as it was when a merge does not succeed.

#![expect(clippy::unwrap_used, reason = "what a test stands on fails the test")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use camino::Utf8PathBuf;

use crate::project::TestEnv;
use crate::support::wait_until;

/// One writer and nobody else.
pub const ONE: &str = "## build\nrole: writer\n\n{goal}";

/// Everything that a merge may change: references, index, and every file with its mode.
#[derive(Debug, PartialEq, Eq)]
pub struct Frozen {
    refs: String,
    head: String,
    index: Vec<u8>,
    files: BTreeMap<String, (u32, Vec<u8>)>,
    worktrees: String,
}

impl Frozen {
    pub fn of(env: &TestEnv) -> Self {
        let git_dir = env.project().join(".git");
        let mut files = BTreeMap::new();
        walk(env.project().as_std_path(), env.project().as_std_path(), &mut files);
        let left: Vec<String> = fs::read_dir(&git_dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .filter(|name| name.starts_with("crew-merge") || name == "index.lock")
            .collect();
        assert!(left.is_empty(), "left in .git: {left:?}");
        Self {
            refs: env.git(&["for-each-ref"]),
            head: fs::read_to_string(git_dir.join("HEAD")).unwrap(),
            index: fs::read(git_dir.join("index")).unwrap(),
            files,
            worktrees: env.git(&["worktree", "list", "--porcelain"]),
        }
    }

    /// Fails unless everything is as it was.
    #[track_caller]
    pub fn holds(&self, env: &TestEnv) {
        self.holds_but(env, "no such reference");
    }

    /// The same, but for references whose names begin so.
    #[track_caller]
    pub fn holds_but(&self, env: &TestEnv, prefix: &str) {
        let mut now = Self::of(env);
        let kept = now.refs.lines().filter(|line| !line.contains(prefix));
        now.refs = kept.collect::<Vec<_>>().join("\n");
        assert_eq!(now.refs, self.refs, "references");
        assert_eq!(now.head, self.head, "HEAD");
        assert_eq!(now.worktrees, self.worktrees, "worktrees");
        assert_eq!(now.files, self.files, "files");
        assert!(now.index == self.index, "the index is another");
    }
}

fn walk(top: &Path, folder: &Path, files: &mut BTreeMap<String, (u32, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let name = path.strip_prefix(top).unwrap().to_string_lossy().into_owned();
        if name == ".git" || name == ".crew" {
            continue;
        }
        let about = path.symlink_metadata().unwrap();
        if about.is_dir() {
            walk(top, &path, files);
        } else if about.is_symlink() {
            let target = fs::read_link(&path).unwrap();
            files.insert(name, (0, target.to_string_lossy().into_owned().into_bytes()));
        } else {
            files.insert(name, (about.mode(), fs::read(&path).unwrap()));
        }
    }
}

impl TestEnv {
    /// A run that waits for its merge; its writer runs `script` in the worktree.
    pub fn merge_ready(&self, script: &str, front: &str, config: &str) -> u32 {
        let path = self.program("agent.sh", &format!("cat >/dev/null\n{script}\necho done"));
        self.whole_config(&format!(
            "[limits]\ngrace = \"400ms\"\n[runtimes.sh]\ncommand = [\"{path}\"]\n{config}\n"
        ));
        self.workflow("one", front, ONE);
        let run = self.start_workflow("one");
        self.wait_status(run, "waiting");
        run
    }

    /// A hook of the repository.
    pub fn hook(&self, name: &str, script: &str) -> Utf8PathBuf {
        let path = self.project().join(".git/hooks").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#!/bin/sh\nNOTES={}\n{script}\n", self.notes())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// Writes a file of the checkout and commits it.
    pub fn commit(&self, name: &str, text: &str) {
        fs::write(self.project().join(name), text).unwrap();
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", &format!("change {name}")]);
    }

    /// The checkout is exactly one merge commit of the run ahead, and clean.
    #[track_caller]
    pub fn assert_merged(&self, run: u32, before: &str) {
        wait_until("the run is done", || self.status_text(run) == "done");
        assert_eq!(self.git(&["rev-parse", "HEAD^1"]), before, "one merge commit ahead");
        assert_eq!(self.git(&["rev-list", "--merges", "--count", &format!("{before}..HEAD")]), "1");
        let message = self.git(&["log", "-1", "--format=%B"]);
        assert!(message.contains(&format!("Crew-Run: project#{run}")), "{message}");
        assert_eq!(self.git(&["status", "--porcelain", "--ignored=no"]), "");
        assert!(!self.project().join(".git/index.lock").exists());
        assert!(!self.project().join(".git/crew-merge").exists());
        assert!(!self.git(&["worktree", "list"]).contains("@@merge"));
    }
}
