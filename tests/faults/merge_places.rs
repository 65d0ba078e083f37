//! Merges whose target is checked out in two places, and merges on a disk that is full: all or nothing.

use std::collections::BTreeMap;
use std::fs;

use camino::{Utf8Path, Utf8PathBuf};

use crate::merged::Frozen;
use crate::mount::Mount;
use crate::project::TestEnv;
use crate::support::wait_until;

const WRITE: &str =
    "head -c 40000 /dev/urandom > made.txt; echo more >> README.md; git rm -q gone.txt";

/// A `git` that fills the disk with the file of the note `fill` before it does what the note says.
const GIT: &str = r#"
for git in /usr/local/bin/git /usr/bin/git; do [ ! -x $git ] || break; done
if [ -e $NOTES/fill ]; then
  read filler what < $NOTES/fill
  case "$*" in *$what*)
    rm $NOTES/fill
    cat /dev/zero > $filler 2>/dev/null
    echo full >> $NOTES/filled;;
  esac
fi
exec $git "$@""#;

/// A second folder that has `main` checked out.
fn second(env: &TestEnv, at: &Utf8Path) {
    env.git(&["worktree", "add", "-q", "-f", at.as_str(), "main"]);
}

fn git_in(env: &TestEnv, at: &Utf8Path, args: &[&str]) -> String {
    env.git(&[&["-C", at.as_str()], args].concat())
}

/// Every file of a folder, and the index that belongs to it.
fn content(env: &TestEnv, at: &Utf8Path) -> BTreeMap<Utf8PathBuf, Vec<u8>> {
    let index = git_in(env, at, &["rev-parse", "--path-format=absolute", "--git-path", "index"]);
    let files = at.read_dir_utf8().expect("listed").flatten().map(|entry| entry.path().to_owned());
    let all = files.chain([Utf8PathBuf::from(index)]);
    all.map(|path| (path.clone(), fs::read(&path).expect("read"))).collect()
}

fn ready(env: &TestEnv) -> u32 {
    env.commit("gone.txt", "gone\n");
    env.merge_ready(WRITE, "", "")
}

#[test]
fn every_folder_that_has_the_target_checked_out_goes_with_it() {
    let env = TestEnv::new();
    let run = ready(&env);
    let other = env.root.join("second");
    second(&env, &other);
    let head = env.git(&["rev-parse", "HEAD"]);
    env.ok(&["merge", "1", "--yes"]);
    env.assert_merged(run, &head);
    assert_eq!(git_in(&env, &other, &["status", "--porcelain"]), "");
    assert_eq!(git_in(&env, &other, &["rev-parse", "HEAD"]), env.git(&["rev-parse", "main"]));
    let made = |at: &Utf8Path| fs::read(at.join("made.txt")).expect("made");
    assert_eq!(made(&other), made(&env.project()));
    assert!(!other.join("gone.txt").exists());
}

#[test]
fn when_one_of_two_checkouts_cannot_go_with_the_target_none_does() {
    let env = TestEnv::new();
    let run = ready(&env);
    let other = env.root.join("second");
    second(&env, &other);
    fs::write(other.join("README.md"), "mine\n").expect("written");
    let (before, there) = (Frozen::of(&env), content(&env, &other));
    let said = env.fails(7, &["merge", "1", "--yes"]);
    assert!(said.contains("(dirty)") && said.contains("`README.md`"), "{said}");
    assert!(said.contains(&format!("`{other}`, which has the target checked out")), "{said}");
    before.holds(&env);
    assert_eq!(content(&env, &other), there);
    git_in(&env, &other, &["checkout", "-q", "README.md"]);
    let head = env.git(&["rev-parse", "HEAD"]);
    env.ok(&["merge", "1", "--yes"]);
    env.assert_merged(run, &head);
    assert_eq!(git_in(&env, &other, &["status", "--porcelain"]), "");
}

#[test]
fn a_checkout_on_a_full_disk_brings_all_others_back() {
    let env = TestEnv::new();
    let run = ready(&env);
    let disk = env.root.join("disk");
    let Some(mount) = Mount::small(&disk, "1m") else { return };
    let other = disk.join("second");
    second(&env, &other);
    let filler = mount.fill();
    let (before, there) = (Frozen::of(&env), content(&env, &other));
    let said = env.fails(7, &["merge", "1", "--yes"]);
    assert!(said.contains(&format!("(failed): the disk of `{other}` is full")), "{said}");
    before.holds(&env);
    assert_eq!(content(&env, &other), there);
    assert_eq!(git_in(&env, &other, &["status", "--porcelain"]), "");
    fs::remove_file(filler).expect("removed");
    let head = env.git(&["rev-parse", "HEAD"]);
    env.ok(&["merge", "1", "--yes"]);
    env.assert_merged(run, &head);
    assert_eq!(git_in(&env, &other, &["status", "--porcelain"]), "");
}

/// A project on a small disk of its own; the state of its runs is there too, or elsewhere.
fn on_small_disk(state_elsewhere: bool) -> Option<(TestEnv, Mount, u32)> {
    let env = TestEnv::without_git();
    let mount = Mount::small(&env.project(), "24m")?;
    let state = env.root.join("state");
    let env = if state_elsewhere { env.with_state(&state) } else { env };
    env.git(&["init", "-q", "-b", "main"]);
    env.commit("README.md", "# sample\n");
    env.program("bin/git", GIT);
    let run = ready(&env);
    Some((env, mount, run))
}

#[test]
fn a_disk_that_is_full_or_fills_up_while_merging_leaves_everything_as_it_was() {
    let points = [
        "worktree add",
        "merge --no-ff",
        "status --porcelain",
        "update-index -q --refresh",
        "read-tree -m -u",
        "update-ref -m",
    ];
    for point in points {
        let Some((env, _mount, run)) = on_small_disk(true) else { return };
        let (before, head) = (Frozen::of(&env), env.git(&["rev-parse", "HEAD"]));
        let filler = env.project().join(".git/filler");
        fs::write(env.notes().join("fill"), format!("{filler} {point}\n")).expect("written");
        let output = env.output(&["merge", "1", "--yes"]);
        assert_eq!(env.note("filled").len(), 1, "{point}: {output:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            // A small file may still find room at the very end.
            assert_eq!(point, "update-ref -m");
        } else {
            assert_eq!(output.status.code(), Some(7), "{point}: {said}");
            assert!(said.contains("(failed): the disk"), "{point}: {said}");
            assert!(said.contains("is full"), "{point}: {said}");
            before.holds(&env);
            fs::remove_file(filler).expect("removed");
            env.ok(&["merge", "1", "--yes"]);
        }
        env.assert_merged(run, &head);
    }
}

#[test]
fn a_merge_whose_log_finds_no_room_has_happened_or_not() {
    let Some((env, mount, run)) = on_small_disk(false) else { return };
    let (before, head) = (Frozen::of(&env), env.git(&["rev-parse", "HEAD"]));
    let filler = mount.fill();
    let mut merge = env.crew(&["merge", "1", "--yes", "-q"]).spawn().expect("started");
    // Refused because nothing can be written, or begun and waiting for room.
    wait_until("it is tried", || {
        merge.try_wait().expect("asked").is_some() || env.status_text(run) == "merging"
    });
    fs::remove_file(filler).expect("removed");
    merge.wait().expect("ended");
    if env.status_text(run) != "done" {
        wait_until("the run waits", || env.status_text(run) == "waiting");
        before.holds(&env);
        env.ok(&["merge", "1", "--yes"]);
    }
    env.assert_merged(run, &head);
}
