//! Finds the project that a folder belongs to, and its git folders, without starting git.

use std::path::{Path, PathBuf};

use camino::{Utf8Path, Utf8PathBuf};

use super::git_dirs::{GitDirs, Repository, canonical, git_dirs, main_top_level, utf8};
use super::layout::CREW_DIR;
use crate::base::path::PathError;
use crate::base::slug;

/// The project of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The project's root, absolute and without symbolic links.
    pub root: Utf8PathBuf,
    /// The repository that the root lies in, when there is one.
    pub git: Option<GitDirs>,
    /// The search began inside a linked worktree; `root` is then in the main one where there is one.
    pub from_linked_worktree: bool,
}

impl Found {
    /// The slug a new project gets: from the name of its folder.
    pub fn slug(&self) -> String {
        self.root.file_name().and_then(slug::slug).unwrap_or_else(|| "project".to_owned())
    }
}

/// Why no project was found.
#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    /// A path cannot be written as text.
    #[error("the path `{}` is not valid UTF-8; rename the folder, crew writes its paths into text files", .0.display())]
    NotUtf8(PathBuf),
    /// The folder to begin with is a file.
    #[error("`{0}` is not a folder")]
    NotFolder(Utf8PathBuf),
    /// A `.git` file leads nowhere.
    #[error(
        "`{file}` does not lead to a git repository ({reason}); repair it with `git worktree repair` or remove the file"
    )]
    BrokenGit {
        /// The `.git` file.
        file: Utf8PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The system refused.
    #[error(transparent)]
    Io(#[from] PathError),
}

/// Finds the project of `cwd`, or of the folder named by `--project`, which is relative to `cwd`.
///
/// The project is the nearest ancestor with `.crew/`, else the git top level, else the folder itself. Inside a linked
/// worktree it is the project of the main worktree. A submodule is a project of its own.
///
/// # Errors
/// The folder does not exist, is not UTF-8, or lies in a broken checkout.
pub fn discover(cwd: &Path, flag: Option<&Utf8Path>) -> Result<Found, DiscoverError> {
    let start = flag.map_or_else(|| cwd.to_owned(), |flag| cwd.join(flag));
    let start = canonical(&utf8(start)?)?;
    if !start.is_dir() {
        return Err(DiscoverError::NotFolder(start));
    }
    let Some(main) = main_worktree_side(&start)? else {
        return search(&start, false);
    };
    search(&main, true)
}

/// The folder of the main worktree that stands for `start`, when `start` lies in a linked one.
fn main_worktree_side(start: &Utf8Path) -> Result<Option<Utf8PathBuf>, DiscoverError> {
    let Some(git) = git_dirs(start)?.filter(|git| git.is_linked_worktree) else {
        return Ok(None);
    };
    let Some(main) = main_top_level(&git)? else {
        return Ok(None);
    };
    let below = start.strip_prefix(&git.top_level).unwrap_or("".as_ref());
    // The other branch may lack the folder; its nearest existing parent is then the place.
    let side = main.join(below);
    let existing = side.ancestors().find(|folder| folder.is_dir());
    Ok(Some(existing.unwrap_or(&main).to_owned()))
}

fn search(start: &Utf8Path, from_main: bool) -> Result<Found, DiscoverError> {
    let mut top_level = None;
    let mut root = None;
    for folder in start.ancestors() {
        let repository = Repository::at(folder)?;
        if folder.join(CREW_DIR).is_dir() {
            root = Some(folder.to_owned());
            break;
        }
        if let Some(repository) = repository {
            top_level = top_level.or(Some(folder.to_owned()));
            if repository.is_submodule {
                break;
            }
        }
    }
    let root = root.or(top_level).unwrap_or_else(|| start.to_owned());
    let git = git_dirs(&root)?;
    let in_linked = git.as_ref().is_some_and(|git| git.is_linked_worktree);
    Ok(Found { root, git, from_linked_worktree: from_main || in_linked })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;

    struct Place {
        _dir: tempfile::TempDir,
        path: Utf8PathBuf,
    }

    impl Place {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let path = utf8(dir.path().canonicalize().unwrap()).unwrap();
            Self { _dir: dir, path }
        }

        fn folder(&self, name: &str) -> Utf8PathBuf {
            let path = self.path.join(name);
            fs::create_dir_all(&path).unwrap();
            path
        }

        fn git(&self, folder: &str, arguments: &[&str]) {
            let output = Command::new("git")
                .current_dir(self.folder(folder))
                .env_remove("GIT_DIR")
                .env_remove("GIT_WORK_TREE")
                .env_remove("GIT_INDEX_FILE")
                .env("HOME", &self.path)
                .env("GIT_CONFIG_NOSYSTEM", "1")
                .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
                .args(["-c", "protocol.file.allow=always"])
                .args(arguments)
                .output()
                .unwrap();
            assert!(output.status.success(), "{arguments:?}: {output:?}");
        }

        fn repository(&self, name: &str) -> Utf8PathBuf {
            self.git(name, &["init", "-q", "-b", "main"]);
            self.git(name, &["commit", "-q", "--allow-empty", "-m", "first"]);
            self.path.join(name)
        }

        fn found(&self, name: &str) -> Found {
            discover(self.path.join(name).as_std_path(), None).unwrap()
        }
    }

    #[test]
    fn the_nearest_crew_folder_wins_over_the_git_top_level() {
        let place = Place::new();
        let top = place.repository("shop");
        let deep = place.folder("shop/a/b");
        assert_eq!(place.found("shop/a/b").root, top);
        place.folder("shop/a/.crew");
        let found = place.found("shop/a/b");
        assert_eq!(found.root, top.join("a"));
        assert_eq!(
            found.git,
            Some(GitDirs {
                top_level: top.clone(),
                common_dir: top.join(".git"),
                is_linked_worktree: false,
                is_bare: false,
            })
        );
        place.folder("shop/.crew");
        assert_eq!(discover(deep.as_std_path(), None).unwrap().root, top.join("a"));
    }

    #[test]
    fn a_folder_without_anything_is_its_own_project() {
        let place = Place::new();
        let plain = place.folder("Größe & Maß/my notes");
        let found = place.found("Größe & Maß/my notes");
        assert_eq!((&found.root, &found.git), (&plain, &None));
        assert_eq!(found.slug(), "my-notes");
        assert_eq!(place.found("Größe & Maß").slug(), "gr-e-ma");
    }

    #[test]
    fn a_linked_worktree_belongs_to_the_project_of_the_main_one() {
        let place = Place::new();
        let main = place.repository("my shop ü");
        place.folder("my shop ü/.crew");
        fs::write(main.join(".crew/config.toml"), "").unwrap();
        place.folder("my shop ü/sub/.crew");
        fs::write(main.join("sub/.crew/config.toml"), "").unwrap();
        place.git("my shop ü", &["add", "."]);
        place.git("my shop ü", &["commit", "-q", "-m", "crew"]);
        for path in [".crew/worktrees/fix it", "../elsewhere"] {
            place.git("my shop ü", &["worktree", "add", "-q", "--detach", path]);
        }
        for (from, root) in [
            ("my shop ü/.crew/worktrees/fix it", main.clone()),
            ("elsewhere", main.clone()),
            ("elsewhere/sub", main.join("sub")),
        ] {
            let found = place.found(from);
            assert_eq!(found.root, root, "{from}");
            let git = found.git.unwrap();
            assert_eq!((&git.top_level, git.is_linked_worktree), (&main, false));
            assert!(found.from_linked_worktree, "{from}");
        }
        place.folder("elsewhere/only here");
        assert_eq!(place.found("elsewhere/only here").root, main);
    }

    #[test]
    fn a_submodule_is_its_own_project_also_in_a_linked_worktree() {
        let place = Place::new();
        place.repository("library");
        let main = place.repository("shop");
        place.git("shop", &["submodule", "--quiet", "add", "../library", "lib"]);
        place.git("shop", &["commit", "-q", "-m", "library"]);
        place.folder("shop/.crew");
        let found = place.found("shop/lib");
        assert_eq!(found.root, main.join("lib"));
        let git = found.git.unwrap();
        assert_eq!(git.common_dir, main.join(".git/modules/lib"));
        assert!(!git.is_linked_worktree && !git.is_bare && !found.from_linked_worktree);
        assert_eq!(place.found("shop").root, main);

        place.git("shop/lib", &["worktree", "add", "-q", "--detach", "../../lib side"]);
        assert_eq!(place.found("lib side").root, main.join("lib"));
    }

    #[test]
    fn worktrees_of_a_bare_repository_stand_for_themselves() {
        let place = Place::new();
        place.repository("source");
        place.git("", &["clone", "-q", "--bare", "source", "hub/.bare"]);
        fs::write(place.folder("hub").join(".git"), "gitdir: ./.bare\n").unwrap();
        place.git("hub", &["worktree", "add", "-q", "main"]);
        let hub = place.path.join("hub");

        let inside = place.found("hub/.bare/refs");
        assert_eq!(inside.root, hub.join(".bare"));
        assert!(inside.git.unwrap().is_bare);
        assert!(place.found("hub").git.unwrap().is_bare);

        let worktree = place.found("hub/main");
        assert_eq!(worktree.root, hub.join("main"));
        let git = worktree.git.unwrap();
        assert!(git.is_linked_worktree && !git.is_bare && worktree.from_linked_worktree);
        place.folder("hub/.crew");
        assert_eq!(place.found("hub/main").root, hub);
    }

    #[test]
    fn inside_the_git_folder_the_project_is_around_it() {
        let place = Place::new();
        let top = place.repository("shop");
        assert_eq!(place.found("shop/.git/hooks").root, top);
        place.folder("plain/.git");
        assert_eq!(place.found("plain").git, None);
    }

    #[test]
    fn the_project_flag_begins_the_search_elsewhere() {
        let place = Place::new();
        let top = place.repository("shop");
        place.folder("shop/src");
        let cwd = place.path.as_std_path();
        let found = discover(cwd, Some("shop/src".into())).unwrap();
        assert_eq!(found.root, top);
        std::os::unix::fs::symlink(&top, place.path.join("link")).unwrap();
        assert_eq!(discover(cwd, Some("link".into())).unwrap().root, top);
    }

    #[test]
    fn what_cannot_be_a_project_is_said_plainly() {
        use std::os::unix::ffi::OsStrExt;
        let place = Place::new();
        let message = |path: &Path| discover(path, None).unwrap_err().to_string();
        let base = &place.path;

        let odd = base.as_std_path().join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
        fs::create_dir(&odd).unwrap();
        assert!(message(&odd).contains("is not valid UTF-8; rename the folder"));

        fs::write(base.join("file"), "").unwrap();
        assert_eq!(
            message(base.join("file").as_std_path()),
            format!("`{base}/file` is not a folder")
        );
        assert_eq!(
            message(base.join("gone").as_std_path()),
            format!("cannot open the folder `{base}/gone`")
        );

        let broken = place.folder("broken");
        fs::write(broken.join(".git"), "gitdir: ../nowhere\n").unwrap();
        assert_eq!(
            message(broken.as_std_path()),
            format!(
                "`{broken}/.git` does not lead to a git repository (`{broken}/../nowhere` is missing); \
                 repair it with `git worktree repair` or remove the file"
            )
        );
    }
}
