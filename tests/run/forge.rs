//! Mode `pr`: the branch is pushed without force, and there is one pull request, whatever dies.

use std::fs;

use crate::project::TestEnv;
use crate::support::wait_until;

const FRONT: &str = "policy:\n  completion: { mode: pr }\n";

/// A `gh` that records its calls, and remembers the request in a note.
const GH: &str = r#"
echo "$*" >> $NOTES/gh
if [ -e $NOTES/logged-out ]; then echo 'To get started, please run: gh auth login' >&2; exit 4; fi
case "$1 $2" in
  'pr list') if [ -e $NOTES/pr ]; then echo "[{\"url\":\"$(head -1 $NOTES/pr)\"}]"; else echo '[]'; fi;;
  'pr create')
    if [ -e $NOTES/kill-create ]; then rm $NOTES/kill-create; kill -9 $PPID; exit 137; fi
    echo https://example.org/ada/shop/pull/7 >> $NOTES/pr
    if [ -e $NOTES/kill-created ]; then rm $NOTES/kill-created; kill -9 $PPID; exit 137; fi
    echo 'Creating pull request for crew/do-it into main'; echo https://example.org/ada/shop/pull/7;;
esac"#;

/// A `glab` of the same kind.
const GLAB: &str = r#"
echo "$*" >> $NOTES/glab
case "$1 $2" in
  'mr list') if [ -e $NOTES/pr ]; then echo "[{\"web_url\":\"$(head -1 $NOTES/pr)\"}]"; else echo '[]'; fi;;
  'mr create') echo https://example.org/ada/shop/pull/7 >> $NOTES/pr; echo; echo '!7 do it'
    echo ' https://example.org/ada/shop/pull/7';;
esac"#;

/// An `ssh` that reaches the repository of this machine, whatever host it is told.
const SSH: &str = r#"
echo "$1" >> $NOTES/ssh
shift; exec sh -c "$*""#;

fn ready() -> (TestEnv, u32) {
    ready_with("")
}

fn ready_with(config: &str) -> (TestEnv, u32) {
    let env = TestEnv::new();
    env.program("bin/gh", GH);
    env.git(&["init", "-q", "--bare", "../remote.git"]);
    env.git(&["remote", "add", "origin", "../remote.git"]);
    let run = env.merge_ready("echo made > made.txt", FRONT, config);
    (env, run)
}

/// The run's own worktree.
fn worktree(env: &TestEnv, run: u32) -> camino::Utf8PathBuf {
    env.state(run).worktree.expect("a worktree").path
}

/// Commits a file to the run's branch by hand; its commit.
fn commit_by_hand(env: &TestEnv, run: u32, name: &str) -> String {
    let path = worktree(env, run);
    fs::write(path.join(name), "by hand\n").expect("written");
    env.git(&["-C", path.as_str(), "add", "-A", "-f"]);
    env.git(&["-C", path.as_str(), "commit", "-q", "-m", "by hand"]);
    env.git(&["rev-parse", "crew/do-it"])
}

fn remote(env: &TestEnv) -> String {
    env.git(&["ls-remote", "origin"])
}

fn opened(env: &TestEnv, run: u32) {
    assert_eq!(env.status_text(run), "done");
    let status = env.ok(&["status", "1", "--json"]);
    assert!(status.contains("\"outcome\":\"pr_opened\""), "{status}");
    assert_eq!(env.note("pr"), ["https://example.org/ada/shop/pull/7"], "one request");
    assert!(remote(env).contains(&env.git(&["rev-parse", "crew/do-it"])));
    assert_eq!(env.git(&["log", "--format=%s", "main"]), "start");
    assert!(env.ok(&["show", "1"]).contains("https://example.org/ada/shop/pull/7"));
}

#[test]
fn the_branch_is_pushed_and_one_request_is_opened() {
    let (env, run) = ready();
    let output = env.output(&["merge", "1", "--yes"]);
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("run #1 is a pull request: https://example.org/ada/shop/pull/7"),
        "{said}"
    );
    opened(&env, run);
    let calls = env.note("gh").join("\n");
    assert!(
        calls.contains("pr create --head crew/do-it --base main --title do it --body"),
        "{calls}"
    );
}

#[test]
fn a_crash_between_push_and_request_or_after_it_leaves_one_request() {
    for at in ["kill-create", "kill-created"] {
        let (env, run) = ready();
        fs::write(env.notes().join(at), "").expect("written");
        let mut merge = env.crew(&["merge", "1", "--yes", "-q"]).spawn().expect("started");
        wait_until("it is killed", || {
            !env.notes().join(at).exists() && env.supervisor(run).is_none()
        });
        env.ok(&["ls"]);
        let code = merge.wait().expect("ended").code();
        if at == "kill-create" {
            assert_eq!((code, env.status_text(run).as_str()), (Some(7), "waiting"));
            env.ok(&["merge", "1", "--yes"]);
        } else {
            assert_eq!(code, Some(0));
        }
        opened(&env, run);
    }
}

#[test]
fn what_refuses_says_so_in_its_own_words_and_the_run_waits() {
    let (env, run) = ready();
    fs::write(env.notes().join("logged-out"), "").expect("written");
    let said = env.fails(7, &["merge", "1", "--yes"]);
    assert!(said.contains("(push)") && said.contains("gh auth login"), "{said}");
    assert_eq!(remote(&env), "", "nothing is pushed by somebody who is not logged in");
    fs::remove_file(env.notes().join("logged-out")).expect("removed");
    // Somebody else has pushed there: crew never forces.
    let other = env.git(&["commit-tree", "HEAD^{tree}", "-m", "other"]);
    env.git(&["push", "-q", "origin", &format!("{other}:refs/heads/crew/do-it")]);
    let said = env.fails(7, &["merge", "1", "--yes"]);
    assert!(said.contains("(push)") && said.contains("rejected"), "{said}");
    assert!(remote(&env).contains(&other));
    env.git(&["push", "-q", "origin", ":refs/heads/crew/do-it"]);
    env.ok(&["merge", "1", "--yes"]);
    opened(&env, run);
}

#[test]
fn without_a_program_or_a_remote_nothing_is_pushed() {
    let (env, run) = ready();
    env.git(&["remote", "set-url", "origin", "https://gitlab.example.org/ada/shop.git"]);
    let said = env.fails(7, &["merge", "1", "--yes"]);
    assert!(
        said.contains("there is no `glab`") && said.contains("`git push origin crew/do-it`"),
        "{said}"
    );
    assert!(env.note("gh").is_empty(), "the program of another forge is not asked");
    env.git(&["remote", "remove", "origin"]);
    let said = env.fails(7, &["merge", "1", "--yes"]);
    assert!(said.contains("no remote to push to"), "{said}");
    assert_eq!(env.status_text(run), "waiting");
}

#[test]
fn the_host_of_the_remote_chooses_glab_and_one_request_is_opened() {
    let (env, run) = ready();
    env.program("bin/glab", GLAB);
    let ssh = env.program("bin/ssh", SSH);
    let address = format!("ssh://git@gitlab.example.org{}", env.root.join("remote.git"));
    env.git(&["remote", "set-url", "origin", &address]);
    env.git(&["config", "core.sshCommand", ssh.as_str()]);
    env.git(&["config", "ssh.variant", "simple"]);
    env.ok(&["merge", "1", "--yes"]);
    opened(&env, run);
    let calls = env.note("glab").join("\n");
    let listed = "mr list --source-branch crew/do-it --output json";
    let created =
        "mr create --source-branch crew/do-it --target-branch main --title do it --description";
    assert!(calls.starts_with(listed) && calls.contains(created), "{calls}");
    assert!(calls.contains("Crew-Run: project#1") && calls.ends_with("--yes"), "{calls}");
    assert!(env.note("gh").is_empty(), "the program of another forge is not asked");
    assert!(env.note("ssh").contains(&"git@gitlab.example.org".to_owned()));
}

#[test]
fn glab_finds_the_request_that_is_open_and_opens_no_other() {
    let (env, run) = ready();
    fs::remove_file(env.root.join("bin/gh")).expect("removed");
    env.program("bin/glab", GLAB);
    fs::write(env.notes().join("pr"), "https://example.org/ada/shop/pull/7\n").expect("written");
    env.ok(&["merge", "1", "--yes"]);
    opened(&env, run);
    assert!(!env.note("glab").join("\n").contains("mr create"));
}

#[test]
fn what_is_pushed_is_exactly_what_was_validated() {
    let check = "test ! -e red.txt || { echo red.txt is there; exit 4; }";
    let config =
        format!("[validation.commands]\ntest = \"{check}\"\n[validation]\ndefault = \"test\"");
    let (env, run) = ready_with(&config);
    // What a person committed since then is judged before it is pushed: red, and denied.
    commit_by_hand(&env, run, "red.txt");
    let said = env.fails(7, &["merge", "1", "--yes"]);
    assert!(said.contains("(red)") && said.contains("red.txt is there"), "{said}");
    assert!(said.contains("on the tree that would be pushed"), "{said}");
    env.git(&["-C", worktree(&env, run).as_str(), "reset", "-q", "--hard", "HEAD~1"]);
    commit_by_hand(&env, run, ".env");
    let said = env.fails(7, &["merge", "1", "--yes"]);
    assert!(said.contains("(paths)") && said.contains("`.env`"), "{said}");
    assert_eq!(remote(&env), "", "nothing is pushed");
    assert!(!env.git(&["worktree", "list"]).contains("@@merge"));
    env.git(&["-C", worktree(&env, run).as_str(), "reset", "-q", "--hard", "HEAD~1"]);
    let green = commit_by_hand(&env, run, "green.txt");
    // The branch goes on between the validation and the push: that is not pushed.
    let move_on = format!(
        "{GH}\ncd {}; git -c user.name=t -c user.email=t@t commit -q --allow-empty -m later",
        worktree(&env, run)
    );
    env.program("bin/gh", &move_on);
    env.ok(&["merge", "1", "--yes"]);
    assert_eq!(remote(&env), format!("{green}\trefs/heads/crew/do-it"));
    let tree = env.git(&["rev-parse", &format!("{green}^{{tree}}")]);
    let judged = env.state(run).evidence["check"].get(&tree).cloned();
    assert_eq!(judged.expect("judged").code, Some(0));
}

#[test]
fn an_open_request_without_the_newest_work_is_no_end() {
    let (env, run) = ready();
    fs::write(env.notes().join("pr"), "https://example.org/ada/shop/pull/7\n").expect("written");
    // Whoever asks for the request dies, before anything is pushed.
    let dies = "if [ -e $NOTES/kill-list ]; then rm $NOTES/kill-list; kill -9 $PPID; exit 137; fi";
    env.program("bin/gh", &format!("{dies}\n{GH}"));
    fs::write(env.notes().join("kill-list"), "").expect("written");
    let mut merge = env.crew(&["merge", "1", "--yes", "-q"]).spawn().expect("started");
    wait_until("it is killed", || {
        !env.notes().join("kill-list").exists() && env.supervisor(run).is_none()
    });
    env.ok(&["ls"]);
    assert_eq!(merge.wait().expect("ended").code(), Some(7));
    assert_eq!(env.status_text(run), "waiting");
    assert_eq!(remote(&env), "");
    env.ok(&["merge", "1", "--yes"]);
    opened(&env, run);
}

#[test]
fn a_hook_that_hangs_before_a_push_meets_its_timeout_and_nothing_is_pushed() {
    let (env, run) = ready();
    let path = env.root.join("config/config.toml");
    let config = fs::read_to_string(&path).expect("read");
    fs::write(&path, format!("{config}[completion]\ntimeout = \"900ms\"\n")).expect("written");
    let hook = env.hook("pre-push", "echo $$ > $NOTES/hook; sleep 600 & sleep 600");
    let said = env.fails(7, &["merge", "1", "--yes"]);
    assert!(
        said.contains("(push)") && said.contains("did not come to an end within 900ms"),
        "{said}"
    );
    let pid = env.note("hook")[0].clone();
    wait_until("the hook is gone", || !std::path::Path::new("/proc").join(&pid).exists());
    assert_eq!(remote(&env), "");
    fs::remove_file(hook).expect("removed");
    fs::write(&path, config).expect("written");
    env.ok(&["merge", "1", "--yes"]);
    opened(&env, run);
}

#[test]
fn a_branch_that_was_deleted_by_hand_is_pushed_all_the_same() {
    let (env, run) = ready();
    let made = env.state(run).worktree.expect("a worktree");
    env.git(&["worktree", "remove", "--force", made.path.as_str()]);
    env.git(&["branch", "-D", "crew/do-it"]);
    env.ok(&["merge", "1", "--yes"]);
    assert_eq!(remote(&env), format!("{}\trefs/heads/crew/do-it", made.commit));
    assert_eq!(env.note("pr").len(), 1);
}
