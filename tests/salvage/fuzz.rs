//! Random work in a worktree, then its removal and return: everything is as it was.

#![expect(clippy::unwrap_used, reason = "what a test stands on fails the test")]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;

use crew::store::salvage::{Fate, Target, drop_salvage, remove, restore};

use crate::place::Place;

/// Names that tools stumble over.
const NAMES: [&[u8]; 14] = [
    b"a",
    b"b.txt",
    b"dir/c",
    b"dir/deep/d e",
    b"new\nline",
    b"quo\"te",
    b"back\\slash",
    b"tab\there",
    "gr\u{f6}\u{df}e".as_bytes(),
    b"bad\xff\xfeutf8",
    b"-rf",
    b":(top)magic",
    b"*",
    b" lead and trail ",
];

#[test]
fn every_byte_comes_back_whatever_was_done() {
    let rounds = std::env::vars().find(|(name, _)| name == "CREW_FUZZ_ROUNDS");
    let rounds: u64 = rounds.and_then(|(_, text)| text.parse().ok()).unwrap_or(4);
    let first = std::env::vars().find(|(name, _)| name == "CREW_FUZZ_SEED");
    let first: u64 = first.and_then(|(_, text)| text.parse().ok()).unwrap_or(1);
    for seed in first..first + rounds {
        play(seed);
    }
}

fn play(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let place = Place::new();
    let mut done = Vec::new();
    for round in 0..3 {
        for _ in 0..random.usize(3..14) {
            done.push(act(&place, &mut random));
        }
        let before = place.seen();
        let fate = if random.bool() { Fate::Keep } else { Fate::Remove };
        let salvage = remove(&place.root, &place.source(round), fate)
            .unwrap_or_else(|error| panic!("seed {seed}: {error}\n{done:#?}"));
        assert!(!place.tree.exists(), "seed {seed}");
        if fate == Fate::Remove {
            assert_eq!(place.git(&["branch", "--list", "crew/work"]), "", "seed {seed}");
        }
        if round == 2 {
            // What nothing refers to is gone now.
            place.git(&["-c", "gc.reflogExpire=now", "gc", "-q", "--prune=now"]);
        }
        let restored = restore(&place.root, &salvage, Target::Place)
            .unwrap_or_else(|error| panic!("seed {seed}: {error}\n{done:#?}"));
        assert_eq!(place.seen(), before, "seed {seed}\n{done:#?}");
        assert!(restored.is_exact, "seed {seed}: {restored:?}\n{done:#?}");
        drop_salvage(&place.root, &salvage).unwrap();
    }
}

/// Does something to the worktree; returns what.
fn act(place: &Place, random: &mut fastrand::Rng) -> String {
    let name = NAMES[random.usize(..NAMES.len())];
    let path = place.tree.as_std_path().join(OsStr::from_bytes(name));
    let shown = String::from_utf8_lossy(name).into_owned();
    let own = |args: &[&str]| {
        let mut command = Command::new("git");
        command
            .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
            .args(["-c", "core.hooksPath=/dev/null"])
            .args(args)
            .env("HOME", &place.root)
            .current_dir(&place.tree);
        command
    };
    let on_path = |args: &[&str]| {
        let mut command = own(&["--literal-pathspecs"]);
        drop(command.args(args).arg("--").arg(OsStr::from_bytes(name)).output().unwrap());
    };
    let what = random.u32(..18);
    match what {
        0..=3 => write(&path, random),
        4 => {
            clear(&path);
            symlink(["a", "../outside", "dir", "nowhere\n"][random.usize(..4)], &path).ok();
        }
        5 => drop(fs::remove_file(&path)),
        6 if path.is_file() && !path.is_symlink() => {
            let mode = if random.bool() { 0o755 } else { 0o644 };
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        7 => on_path(&["add", "-f"]),
        8 => drop(own(&["add", "-A"]).output().unwrap()),
        9 | 10 => {
            drop(own(&["commit", "-q", "--allow-empty", "-m", "more"]).output().unwrap());
        }
        11 => on_path(&["rm", "-q", "-f", "--cached"]),
        12 => on_path(&["add", "-N"]),
        13 => rename(place, &path, random),
        14 => drop(own(&["reset", "-q", "--hard", "HEAD~1"]).output().unwrap()),
        15 => {
            fs::write(place.tree.join("x.log"), "ignored").unwrap();
            let flag = ["--assume-unchanged", "--no-assume-unchanged"][random.usize(..2)];
            drop(own(&["update-index", flag, "README.md"]).output().unwrap());
            if random.bool() {
                fs::write(place.tree.join("README.md"), format!("{}\n", random.u32(..))).unwrap();
            }
        }
        16 => conflict(place, random),
        _ => {
            let args: [&[&str]; 3] = [
                &["checkout", "-q", "--detach"],
                &["checkout", "-q", "crew/work"],
                &["stash", "-q"],
            ];
            drop(own(args[random.usize(..3)]).output().unwrap());
        }
    }
    format!("{what} {shown}")
}

/// A change of the same length at the same moment is the hardest to see.
fn write(path: &PathBuf, random: &mut fastrand::Rng) {
    clear(path);
    if let Some(parent) = path.parent()
        && fs::create_dir_all(parent).is_err()
    {
        return;
    }
    let text = match random.u32(..4) {
        0 => format!("{:08}\n", random.u32(..100_000)),
        1 => "one\r\ntwo\r\n".to_owned(),
        2 => "\0binary\0".repeat(random.usize(..9)),
        _ => String::new(),
    };
    drop(fs::write(path, text));
}

fn clear(path: &PathBuf) {
    if path.is_symlink() || path.is_file() {
        fs::remove_file(path).unwrap();
    } else if path.is_dir() {
        fs::remove_dir_all(path).unwrap();
    }
}

fn rename(place: &Place, path: &PathBuf, random: &mut fastrand::Rng) {
    let to = NAMES[random.usize(..NAMES.len())];
    let to = place.tree.as_std_path().join(OsStr::from_bytes(to));
    if path != &to && path.symlink_metadata().is_ok() {
        drop(fs::create_dir_all(to.parent().unwrap()));
        drop(fs::rename(path, &to));
    }
}

/// Leaves several versions of a file in the index, and an open merge.
fn conflict(place: &Place, random: &mut fastrand::Rng) {
    let base = place.own(&["rev-parse", "HEAD"]);
    let blob = |text: &str| {
        fs::write(place.tree.join("blob.log"), text).unwrap();
        place.own(&["hash-object", "-w", "blob.log"])
    };
    let lines: Vec<String> = (1..=3)
        .filter(|_| random.u32(..4) > 0)
        .map(|stage| format!("100644 {} {stage}\tfight\n", blob(&format!("v{stage}\n"))))
        .collect();
    let input = place.root.join(".git/stages");
    fs::write(&input, lines.concat()).unwrap();
    let status = Command::new("git")
        .args(["update-index", "--index-info"])
        .stdin(fs::File::open(&input).unwrap())
        .current_dir(&place.tree)
        .output();
    drop(status.unwrap());
    let git_dir = place.own(&["rev-parse", "--absolute-git-dir"]);
    fs::write(format!("{git_dir}/MERGE_HEAD"), format!("{base}\n")).unwrap();
    fs::write(format!("{git_dir}/MERGE_MSG"), "merge\n").unwrap();
}
