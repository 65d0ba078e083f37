//! What is found of what an attempt touched: shell scripts that play it, in real repositories.

use std::fs;
use std::process::Command;

use camino::Utf8PathBuf;

use super::*;
use crate::plan::policy::PathPolicy;

/// A checkout with a worktree as a run has it.
struct Repo {
    _keep: tempfile::TempDir,
    top: Utf8PathBuf,
}

impl Repo {
    fn new() -> Self {
        let keep = tempfile::tempdir().unwrap();
        let top = Utf8PathBuf::from_path_buf(keep.path().canonicalize().unwrap()).unwrap();
        let repo = Self { _keep: keep, top };
        fs::create_dir(repo.top.join("main")).unwrap();
        repo.sh(
            "main",
            "git init -q -b main; git config user.name t; git config user.email t@example.org
             mkdir src; echo a > src/a; echo c > config.yaml; echo o > outside-later
             printf 'ignored/\\n*.log\\n' > .gitignore
             git add -A; git commit -q -m start
             git worktree add -q -b crew/x ../tree
             mkdir ../tree/ignored; echo s > ../tree/ignored/.env; echo m > .env; echo out > ../out",
        );
        repo
    }

    fn sh(&self, folder: &str, script: &str) {
        let done = Command::new("sh")
            .args(["-ec", script])
            .current_dir(self.top.join(folder))
            .env("HOME", &self.top)
            .output()
            .unwrap();
        assert!(done.status.success(), "{script}: {done:?}");
    }

    fn place(&self, in_place: bool) -> Place {
        let root = self.top.join("main");
        if in_place {
            return Place { tree: root.clone(), root, base: None, branch: None, target: None };
        }
        let base = crate::store::git::git(&root, &["rev-parse", "main"]).unwrap();
        Place {
            tree: self.top.join("tree"),
            root,
            base: Some(base),
            branch: Some("crew/x".to_owned()),
            target: Some("main".to_owned()),
        }
    }

    /// Plays an attempt and looks at what it touched.
    fn hits(&self, policy: &PathPolicy, in_place: bool, script: &str) -> Vec<String> {
        let rules = PathRules::new(policy).unwrap();
        let place = self.place(in_place);
        let before = Listing::take(&rules, &place).unwrap();
        let started = self.top.join("started");
        fs::write(&started, "").unwrap();
        // The file times of the kernel are coarse.
        let mark = fs::metadata(&started).unwrap().modified().unwrap();
        let probe = self.top.join("probe");
        while {
            fs::write(&probe, "").unwrap();
            fs::metadata(&probe).unwrap().modified().unwrap() <= mark
        } {
            std::thread::yield_now();
        }
        self.sh(if in_place { "main" } else { "tree" }, script);
        let found = check(&rules, &place, &before, &started).unwrap();
        found.into_iter().map(|hit| hit.path).collect()
    }
}

fn preset() -> PathPolicy {
    let deny =
        [".env", "**/.env", "**/.env.*", "!**/.env*.example", "config.yaml", ".git/**", ".crew/**"];
    PathPolicy { deny: deny.map(str::to_owned).to_vec(), ..PathPolicy::default() }
}

#[track_caller]
fn table(in_place: bool, cases: &[(&str, &[&str])]) {
    for (script, expected) in cases {
        let repo = Repo::new();
        let top = repo.top.to_string();
        let found: Vec<String> = repo
            .hits(&preset(), in_place, script)
            .into_iter()
            .map(|path| path.replace(&top, "TOP"))
            .collect();
        assert_eq!(found, *expected, "{script}");
    }
}

#[test]
fn harmless_work_touches_nothing_that_is_denied() {
    table(
        false,
        &[
            (
                "echo b > src/a; git rm -q --cached outside-later; mkdir new; echo x > new/.env.example",
                &[],
            ),
            ("git commit -q --allow-empty -m nothing; git push -q . HEAD:refs/heads/other", &[]),
            ("ln -s src/a link; ln -s nowhere dangling; ln -s ../out out", &[]),
            ("git config branch.crew/x.remote origin", &[]),
            ("cat ignored/.env config.yaml > /dev/null; touch config.yaml ignored/.env", &[]),
            ("git stash -q -u || true; echo x > a.log", &[]),
            ("mkdir -p .crew/agent-memory/coder; echo x > .crew/agent-memory/coder/MEMORY.md", &[]),
        ],
    );
}

#[test]
fn uncommitted_files_are_seen_one_by_one_by_their_true_names() {
    table(
        false,
        &[
            ("echo x > .env", &[".env"]),
            ("mkdir -p a/b; echo x > a/b/.env", &["a/b/.env"]),
            ("echo x > .ENV", &[".ENV"]),
            ("echo x > .env; git add -f .env; rm .env", &[".env"]),
            ("echo x >> config.yaml", &["config.yaml"]),
            ("rm config.yaml", &["config.yaml"]),
            ("chmod +x config.yaml", &["config.yaml"]),
            ("mkdir 'q\"uo'; echo x > 'q\"uo/.env'", &["q\"uo/.env"]),
            (
                "d=\"$(printf 'new\\nline')\"; mkdir \"$d\"; echo x > \"$d/.env\"",
                &["new\nline/.env"],
            ),
            ("mkdir größe; echo x > größe/.env", &["größe/.env"]),
            (
                "d=\"$(printf 'by\\377te')\"; mkdir \"$d\"; echo x > \"$d/.env\"",
                &["by\u{fffd}te/.env"],
            ),
            ("mkdir .crew; echo x > .crew/config.toml", &[".crew/config.toml"]),
            ("git init -q inner; echo x > inner/.env", &["inner/.env"]),
            (
                "git update-index --assume-unchanged config.yaml; echo x > config.yaml",
                &["config.yaml"],
            ),
        ],
    );
}

#[test]
fn ignored_files_are_compared_with_what_was_there_before() {
    table(
        false,
        &[
            ("echo x > ignored/.env", &["ignored/.env"]),
            ("rm ignored/.env", &["ignored/.env"]),
            ("echo x > ignored/.env.local", &["ignored/.env.local"]),
            ("echo x > ignored/other", &[]),
            ("echo .env > .gitignore; echo x > .env", &[".env"]),
            ("ln ignored/.env hard; echo more >> hard", &["ignored/.env"]),
        ],
    );
}

#[test]
fn every_commit_counts_also_when_it_was_undone() {
    let undone = "echo x > .env; git add -f .env; git commit -q -m bad";
    table(
        false,
        &[
            (&format!("{undone}; git rm -q .env; git commit -q -m undo"), &[".env"]),
            (&format!("{undone}; git reset -q --hard HEAD~1"), &[".env"]),
            (&format!("{undone}; git checkout -q --detach HEAD~1"), &[".env"]),
            (
                "git checkout -q -b side; echo x > .env; git add -f .env; git commit -q -m bad
                 git rm -q .env; git commit -q -m undo; git checkout -q crew/x; echo 1 > b
                 git add b; git commit -q -m b; git merge -q --no-ff -m merged side",
                &[".env"],
            ),
            (
                "git checkout -q -b side; echo 1 > c; git add c; git commit -q -m c
                 git checkout -q crew/x; echo 1 > b; git add b; git commit -q -m b
                 git merge -q --no-commit --no-ff side; echo x > .env; git add -f .env
                 git commit -q -m evil; git rm -q .env; git commit -q -m undo",
                &[".env"],
            ),
            ("git mv config.yaml settings.yaml; git commit -q -m renamed", &["config.yaml"]),
            (
                "mkdir d; echo x > d/x; git add d; git commit -q -m d; git mv d/x d/.env.local",
                &["d/.env.local"],
            ),
        ],
    );
}

#[test]
fn what_others_brought_into_the_target_is_not_charged() {
    let repo = Repo::new();
    repo.sh("main", "echo theirs > config.yaml; git commit -q -a -m theirs");
    assert!(repo.hits(&preset(), false, "git merge -q -m merged main").is_empty());
    // But to take it back again is.
    let repo = Repo::new();
    repo.sh("main", "echo theirs > config.yaml; git commit -q -a -m theirs");
    let ours = "echo 1 > b; git add b; git commit -q -m b; git merge -q -s ours -m merged main";
    assert_eq!(repo.hits(&preset(), false, ours), ["config.yaml"]);
}

#[test]
fn links_are_followed() {
    table(
        false,
        &[
            ("ln -s config.yaml link", &["link -> config.yaml"]),
            ("ln -s ignored/.env link; echo x > link", &["ignored/.env", "link -> ignored/.env"]),
            ("ln -s ../main/.env link", &["link -> TOP/main/.env"]),
            (
                "ln -s ../main/.git/hooks link; git add link; git commit -q -m link",
                &["link -> TOP/main/.git/hooks"],
            ),
            ("ln -s ../out link; echo x > link", &["link -> TOP/out"]),
            ("mkdir ../far; ln -s ../far link; echo x > link/file", &["link -> TOP/far"]),
            ("ln -s ../new link; echo x > link", &["link -> TOP/new"]),
        ],
    );
}

#[test]
fn configuration_and_hooks_of_git_are_not_exempt() {
    table(
        false,
        &[
            ("git config core.pager 'sh x'", &[".git/config"]),
            ("echo x > ../main/.git/hooks/pre-commit", &[".git/hooks/pre-commit"]),
            (
                "git config extensions.worktreeConfig true; git config --worktree a.b c",
                &[".git/config", ".git/config.worktree"],
            ),
            (
                "rm .git; mkdir .git2; printf 'gitdir: %s/main/.git/worktrees/tree\\n\\n' \"$(cd ..; pwd)\" > .git",
                &[".git/gitdir"],
            ),
            (
                "top=$(cd ..; pwd); cp -r ../main/.git/worktrees/tree ../fake\n\
                 echo $top/main/.git > ../fake/commondir; echo \"gitdir: $top/fake\" > .git",
                &[".git/commondir", ".git/gitdir"],
            ),
            // As crew makes one again that somebody removed by half.
            (
                "top=$(cd ..; pwd); mv ../main/.git/worktrees/tree ../main/.git/worktrees/tree1\n\
                 echo \"gitdir: $top/main/.git/worktrees/tree1\" > .git",
                &[],
            ),
        ],
    );
}

#[test]
fn in_place_only_what_the_attempt_did_counts() {
    table(
        true,
        &[
            ("echo b > src/a", &[]),
            ("echo x > .env", &[".env"]),
            ("git config core.pager 'sh x'", &[".git/config"]),
            (
                "echo x > .env.local; git add -f .env.local; git commit -q -m a; git rm -q .env.local; git commit -q -m b",
                &[".env.local"],
            ),
        ],
    );
    let repo = Repo::new();
    repo.sh("main", "echo mine > config.yaml; echo mine > .env.local");
    assert!(repo.hits(&preset(), true, "echo x > src/a").is_empty());
    // Without git.
    let repo = Repo::new();
    repo.sh("main", "rm -rf .git");
    assert_eq!(repo.hits(&preset(), true, "mkdir d; echo x > d/.env; echo x > b"), ["d/.env"]);
    let allow = PathPolicy { allow: vec!["src/**".into()], ..preset() };
    let repo = Repo::new();
    repo.sh("main", "rm -rf .git");
    let found = repo.hits(&allow, true, "echo x > src/new; echo x > b; echo y > outside-later");
    assert_eq!(found, ["b", "outside-later"]);
}

#[test]
fn an_allow_list_holds_for_all_but_ignored_files() {
    let allow = PathPolicy { allow: vec!["src/**".into()], ..preset() };
    let repo = Repo::new();
    let script = "echo x > src/b; echo x > lib; echo x > a.log; git add lib; git commit -q -m lib";
    assert_eq!(repo.hits(&allow, false, script), ["lib"]);
    let repo = Repo::new();
    assert_eq!(
        repo.hits(&allow, false, "mv src/a src/c; git mv outside-later src/d"),
        ["outside-later"]
    );
}

#[test]
fn a_worktree_that_git_has_forgotten_is_not_listed() {
    let repo = Repo::new();
    let rules = PathRules::new(&PathPolicy::default()).unwrap();
    assert!(Listing::begin(&rules, &repo.place(false)).is_ok());
    repo.sh("main", "rm -rf .git/worktrees/tree");
    let error = Listing::begin(&rules, &repo.place(false)).unwrap_err();
    assert!(error.to_string().contains("no repository"), "{error}");
    assert!(Listing::begin(&rules, &repo.place(true)).is_ok());
}
