//! What may be found in a worktree that is to go, case by case.

use std::fs;

use camino::Utf8Path;
use crew::store::salvage::{
    Fate, SalvageError, Source, Target, find, keep, list, look, remove, restore,
};

use crate::place::{Place, look as seen_in, run};

fn refused(place: &Place) -> String {
    let error = remove(&place.root, &place.source(1), Fate::Remove).expect_err("it must stay");
    assert!(place.tree.is_dir() && list(&place.root).expect("listed").is_empty());
    error.to_string()
}

#[test]
fn staged_unstaged_and_untracked_come_back_apart() {
    let place = Place::new();
    place.write("README.md", "staged\n");
    place.own(&["add", "README.md"]);
    place.write("README.md", "unstaged\n");
    place.write("new file.txt", "untracked\n");
    place.write("x.log", "ignored\n");
    let before = place.seen();
    let salvage = remove(&place.root, &place.source(1), Fate::Remove).expect("removed");
    assert_eq!(salvage.holds(), "1 staged, 1 unstaged, 1 untracked");
    assert_eq!((salvage.ignored.count, salvage.ignored.names[0].as_str()), (1, "x.log"));
    assert_eq!(place.git(&["branch", "--list", "crew/*"]), "");
    let shown = |name: &str| place.git(&["show", &format!("{}{name}", salvage.reference())]);
    assert_eq!(shown("^:README.md"), "staged");
    assert_eq!(shown(":README.md"), "unstaged");
    let found = find(&place.root, "last").expect("there");
    assert_eq!(found, salvage);
    assert_eq!(find(&place.root, "#1").expect("by its run"), salvage);
    restore(&place.root, &found, Target::Place).expect("restored");
    assert_eq!(place.seen(), before);
}

#[test]
fn putting_away_changes_nothing_in_the_worktree() {
    let place = Place::new();
    place.write("a", "1");
    place.own(&["add", "a"]);
    place.write("b", "2");
    let index = place.own(&["rev-parse", "--git-path", "index"]);
    let before = (place.seen(), fs::read(&index).expect("read"));
    let salvage = keep(&place.root, &place.source(1)).expect("kept");
    assert_eq!((place.seen(), fs::read(&index).expect("read")), before);
    assert!(!salvage.is_removal);
}

#[test]
fn bytes_stay_as_they_are_whatever_filters_git_has() {
    let place = Place::new();
    place.write(".gitattributes", "*.txt text=auto eol=lf\n*.up filter=up\n");
    place.own(&["config", "filter.up.clean", "tr a-z A-Z"]);
    place.own(&["config", "filter.up.smudge", "tr A-Z a-z"]);
    place.write("committed.up", "words\n");
    place.own(&["add", "-A"]);
    place.own(&["commit", "-q", "-m", "filters"]);
    place.write("dos.txt", "one\r\ntwo\r\n");
    place.write("new.up", "Mixed\n");
    let before = place.seen();
    let salvage = remove(&place.root, &place.source(1), Fate::Remove).expect("removed");
    restore(&place.root, &salvage, Target::Place).expect("restored");
    assert_eq!(place.seen(), before);
    assert_eq!(
        (place.read("committed.up"), place.read("new.up")),
        ("words\n".into(), "Mixed\n".into())
    );
}

#[test]
fn a_repository_inside_the_worktree_keeps_it() {
    let place = Place::new();
    place.write("inner/file", "x");
    run(&place.tree.join("inner"), &["init", "-q"]);
    let said = refused(&place);
    assert!(said.contains("`inner/` is a repository of its own: move it away"), "{said}");
}

#[test]
fn a_locked_worktree_stays_and_says_who_locked_it() {
    let place = Place::new();
    place.git(&["worktree", "lock", "--reason", "on a stick", place.tree.as_str()]);
    let said = refused(&place);
    assert!(said.contains("it is locked (on a stick): `git worktree unlock"), "{said}");
}

#[test]
fn a_submodule_with_work_of_its_own_keeps_the_worktree() {
    let place = Place::new();
    let other = Place::named("other");
    place.own(&["submodule", "--quiet", "add", other.root.as_str(), "sub"]);
    place.own(&["commit", "-q", "-m", "sub"]);
    place.write("sub/new.txt", "x");
    assert!(refused(&place).contains("submodule `sub` is not as it is recorded"));
    fs::remove_file(place.tree.join("sub/new.txt")).expect("removed");
    run(&place.tree.join("sub"), &["commit", "-q", "--allow-empty", "-m", "only here"]);
    assert!(refused(&place).contains("commits that are nowhere else"));
    run(&place.tree.join("sub"), &["reset", "-q", "--hard", "HEAD~1"]);
    run(&place.tree.join("sub"), &["checkout", "-q", "main"]);
    remove(&place.root, &place.source(1), Fate::Keep).expect("nothing is only there");
    assert!(!place.tree.exists());
}

#[test]
fn a_folder_deleted_by_hand_still_gives_what_was_staged() {
    let place = Place::new();
    place.write("staged.txt", "precious\n");
    place.own(&["add", "-A"]);
    let index = place.own(&["ls-files", "-s"]);
    fs::remove_dir_all(&place.tree).expect("deleted");
    let salvage = remove(&place.root, &place.source(1), Fate::Remove).expect("removed");
    assert!(!place.git(&["worktree", "list"]).contains("trees/work"));
    restore(&place.root, &salvage, Target::Place).expect("restored");
    assert_eq!(
        (place.own(&["ls-files", "-s"]), place.read("staged.txt")),
        (index, "precious\n".into())
    );
}

#[test]
fn a_branch_deleted_by_hand_comes_back_at_the_commit_that_is_known() {
    let place = Place::new();
    place.own(&["commit", "-q", "--allow-empty", "-m", "work"]);
    let tip = place.own(&["rev-parse", "HEAD"]);
    place.write("more.txt", "more\n");
    place.git(&["update-ref", "-d", "refs/heads/crew/work"]);
    let source = Source { known: Some(tip.clone()), ..place.source(1) };
    let salvage = remove(&place.root, &source, Fate::Remove).expect("removed");
    assert_eq!((salvage.ahead, salvage.untracked), (1, 1));
    restore(&place.root, &salvage, Target::Place).expect("restored");
    assert_eq!(place.git(&["rev-parse", "crew/work"]), tip);
    assert_eq!(place.read("more.txt"), "more\n");
}

#[test]
fn a_folder_that_git_does_not_know_is_put_away_as_files() {
    let place = Place::new();
    let stray = place.tree.with_file_name("stray");
    fs::create_dir_all(stray.join("a\nb")).expect("made");
    fs::write(stray.join("a\nb/c"), "1").expect("written");
    fs::write(stray.join("skip.log"), "2").expect("written");
    fs::write(stray.join(".gitignore"), "*.log\n").expect("written");
    // As a worktree that was moved aside: its link leads to what belongs to another.
    fs::copy(place.tree.join(".git"), stray.join(".git")).expect("copied");
    let source =
        Source { name: "stray".into(), worktree: stray.clone(), branch: None, ..place.source(1) };
    let salvage = remove(&place.root, &source, Fate::Keep).expect("removed");
    assert!(!stray.exists() && place.tree.is_dir());
    assert_eq!((salvage.untracked, salvage.ignored.count), (2, 1));
    restore(&place.root, &salvage, Target::Place).expect("restored");
    assert_eq!(fs::read_to_string(stray.join("a\nb/c")).expect("read"), "1");
    assert!(!stray.join("skip.log").exists());
}

#[test]
fn a_clone_among_the_worktrees_stays() {
    let place = Place::new();
    let other = Place::named("other");
    let source = Source { worktree: other.root.clone(), branch: None, ..place.source(1) };
    let error = remove(&place.root, &source, Fate::Keep).expect_err("it must stay");
    assert!(error.to_string().contains("belongs to another repository"), "{error}");
    let source = Source { worktree: other.tree.clone(), branch: None, ..place.source(1) };
    let error = remove(&place.root, &source, Fate::Keep).expect_err("it must stay");
    assert!(error.to_string().contains("belongs to another repository"), "{error}");
}

#[test]
fn what_is_in_the_way_is_named_and_nothing_is_overwritten() {
    let place = Place::new();
    place.write("a", "1");
    let salvage = remove(&place.root, &place.source(1), Fate::Remove).expect("removed");
    fs::create_dir_all(&place.tree).expect("made");
    let error = restore(&place.root, &salvage, Target::Place).expect_err("the folder");
    assert!(matches!(&error, SalvageError::InTheWay(what) if what.contains("something at")));
    fs::remove_dir(&place.tree).expect("removed");
    place.git(&["branch", "crew/work", "main"]);
    place.git(&["commit", "-q", "--allow-empty", "-m", "on"]);
    place.git(&["branch", "-f", "crew/work", "main"]);
    let error = restore(&place.root, &salvage, Target::Place).expect_err("the branch");
    assert!(error.to_string().contains("there is a branch `crew/work` already"), "{error}");
    assert!(!place.tree.exists());
    let elsewhere = place.tree.with_file_name("else where");
    let restored = restore(&place.root, &salvage, Target::Folder(&elsewhere)).expect("restored");
    assert!(restored.note.expect("said").contains("no branch is checked out there"));
    assert_eq!(fs::read_to_string(elsewhere.join("a")).expect("read"), "1");
}

#[test]
fn a_branch_can_hold_everything() {
    let place = Place::new();
    place.own(&["commit", "-q", "--allow-empty", "-m", "work"]);
    place.write("a", "1");
    let salvage = keep(&place.root, &place.source(1)).expect("kept");
    restore(&place.root, &salvage, Target::Branch("rescued")).expect("restored");
    assert_eq!(place.git(&["show", "rescued:a"]), "1");
    let subjects = place.git(&["log", "--format=%s", "main..rescued"]);
    assert_eq!(subjects.lines().nth(1), Some("work"), "{subjects}");
    assert!(subjects.starts_with("What was not committed"), "{subjects}");
}

#[test]
fn a_removal_that_was_killed_goes_on_and_does_not_put_away_the_half() {
    let place = Place::new();
    place.write("a", "1");
    place.write("b", "2");
    let before = place.seen();
    let source = place.source(1);
    let salvage = keep(&place.root, &source).expect("kept");
    // What `remove` leaves that dies in the middle of deleting.
    let why = format!("crew removes it, salvage {}", salvage.id);
    place.git(&["worktree", "lock", "--reason", &why, place.tree.as_str()]);
    fs::remove_file(place.tree.join("a")).expect("removed");
    let again = remove(&place.root, &place.source(2), Fate::Keep).expect("removed");
    assert_eq!((again, list(&place.root).expect("listed").len()), (salvage.clone(), 1));
    restore(&place.root, &salvage, Target::Place).expect("restored");
    assert_eq!(place.seen(), before);
}

#[test]
fn two_of_the_same_moment_have_different_names() {
    let place = Place::new();
    let first = keep(&place.root, &place.source(1)).expect("kept");
    let second = keep(&place.root, &place.source(1)).expect("kept");
    assert_eq!(first.id, "work/1970-01-01T00-00-00.001Z");
    assert_eq!(second.id, format!("{}-2", first.id));
    let error = find(&place.root, "work").expect_err("both fit");
    assert!(matches!(error, SalvageError::Ambiguous { found, .. } if found.len() == 2));
    assert_eq!(find(&place.root, &second.id).expect("found"), second);
}

#[test]
fn a_project_folder_may_be_called_anything() {
    for name in ["with space", "new\nline", "quo\"te'", "größe", "-rf"] {
        let place = Place::named(name);
        place.write("a", "1");
        place.write("b\nc", "2");
        place.own(&["add", "a"]);
        let before = place.seen();
        let salvage = remove(&place.root, &place.source(1), Fate::Remove).expect("removed");
        let bare = Utf8Path::new(&place.root).to_owned();
        restore(&bare, &salvage, Target::Place).expect("restored");
        assert_eq!(seen_in(&place.tree), before, "{name}");
    }
}

#[test]
fn looking_says_what_a_worktree_holds_and_changes_nothing() {
    let place = Place::new();
    place.own(&["commit", "-q", "--allow-empty", "-m", "work"]);
    place.write("a", "1");
    let found = look(&place.root, &place.source(1)).expect("looked");
    assert_eq!(found.salvage.holds(), "1 commit, 1 untracked");
    assert!(found.obstacles.is_empty() && list(&place.root).expect("listed").is_empty());
}
