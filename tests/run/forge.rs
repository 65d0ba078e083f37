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

fn ready() -> (TestEnv, u32) {
    let env = TestEnv::new();
    env.program("bin/gh", GH);
    env.git(&["init", "-q", "--bare", "../remote.git"]);
    env.git(&["remote", "add", "origin", "../remote.git"]);
    let run = env.merge_ready("echo made > made.txt", FRONT, "");
    (env, run)
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
