//! Accidents: what is done to a project while its runs are at work.

use std::fs::{self, OpenOptions};
use std::io::Write;

use camino::Utf8PathBuf;
use crew::runtime::Clock;
use rustix::process::Signal;

use crate::census::Kind;
use crate::damage;
use crate::place::{Told, pause};
use crate::trial::Trial;

/// Every kind of accident, as it is counted.
pub const NAMES: [&str; 18] = [
    "killed: supervisor",
    "killed: shim",
    "killed: agent",
    "killed: shim and agent",
    "killed: supervisor and shim",
    "killed: everything at once",
    "killed: a command in the middle",
    "killed: `crew run` in the middle",
    "stopped and continued",
    "two and more supervisors raced",
    "a write of the supervisor torn by a limit",
    "writing forbidden for a while",
    "a torn tail left in the log",
    "a projection spoilt",
    "project.json spoilt",
    "a worktree removed",
    "a worktree that git was made to forget",
    "a byte of the log flipped",
];

/// Lets some accidents happen, one after the other.
pub fn open(trial: &mut Trial) -> Told<()> {
    for _ in 0..trial.random.u32(1..=5) {
        wait_for_moment(trial);
        let name = match trial.random.u32(0..100) {
            0..12 => kill(trial, "killed: supervisor", &[Kind::Supervisor]),
            12..20 => kill(trial, "killed: shim", &[Kind::Shim]),
            20..28 => kill(trial, "killed: agent", &[Kind::Agent]),
            28..32 => kill(trial, "killed: shim and agent", &[Kind::Shim, Kind::Agent]),
            32..38 => kill(trial, "killed: supervisor and shim", &[Kind::Supervisor, Kind::Shim]),
            38..43 => Some(everything(trial)),
            43..50 => stop_and_continue(trial),
            50..61 => command(trial)?,
            61..68 => command_cut_short(trial),
            68..71 => run_cut_short(trial),
            71..75 => Some(race(trial)),
            75..80 => torn_by_limit(trial),
            80..85 => forbid_writing(trial),
            85..88 => torn_tail(trial),
            88..92 => damage::projection(trial),
            92..95 => damage::project_json(trial),
            95..98 => remove_worktree(trial),
            _ => forget_worktree(trial),
        };
        if let Some(name) = name {
            trial.count(name);
        }
    }
    Ok(())
}

/// Whatever was held up may go on again.
pub fn relieve(trial: &mut Trial) {
    for process in trial.processes() {
        process.signal(Signal::CONT);
        process.limit_files(None);
    }
}

/// Some moment: after some time, or right after something was written to a log.
fn wait_for_moment(trial: &mut Trial) {
    if trial.random.bool() {
        return pause(trial.random.u64(0..150));
    }
    let run = a_run(trial);
    let path = trial.place.run(run).join("events.jsonl");
    let size = || fs::metadata(&path).map_or(0, |file| file.len());
    let from = size() + trial.random.u64(0..2_500);
    let clock = Clock::start();
    let end = clock.now().plus_ms(400);
    while size() <= from && clock.now() < end {
        pause(1);
    }
    pause(trial.random.u64(0..6));
}

fn a_run(trial: &mut Trial) -> u32 {
    let runs = trial.runs();
    trial.random.choice(runs).unwrap_or(1)
}

/// Kills one process of each of these kinds, as soon as there are such; nothing happened when none came.
fn kill(trial: &mut Trial, name: &'static str, kinds: &[Kind]) -> Option<&'static str> {
    let clock = Clock::start();
    let end = clock.now().plus_ms(500);
    let mut found = trial.processes();
    while !kinds.iter().all(|kind| found.iter().any(|process| process.kind == *kind))
        && found.iter().any(|process| process.kind == Kind::Supervisor)
        && clock.now() < end
    {
        pause(6);
        found = trial.processes();
    }
    let mut hit = None;
    for kind in kinds {
        let of_kind: Vec<_> = found.iter().filter(|process| process.kind == *kind).collect();
        if trial.random.choice(of_kind)?.signal(Signal::KILL) {
            hit = Some(name);
        }
    }
    hit
}

fn everything(trial: &mut Trial) -> &'static str {
    crate::census::kill_all(&trial.place.root);
    "killed: everything at once"
}

fn stop_and_continue(trial: &mut Trial) -> Option<&'static str> {
    let found = trial.processes();
    let process = trial.random.choice(found)?;
    process.signal(Signal::STOP);
    pause(trial.random.u64(1..120));
    process.signal(Signal::CONT).then_some("stopped and continued")
}

/// What a person might say at any moment.
fn words(trial: &mut Trial) -> Vec<String> {
    let run = a_run(trial).to_string();
    let word = trial.word();
    let words: &[&str] = match trial.random.u32(0..16) {
        0 | 1 => &["pause", &run, "--no-wait"],
        2 => &["pause", &run, "--timeout", "5s"],
        3 | 4 => &["resume", &run, "--text", &word],
        5..9 => &["send", &run, &word],
        9 => &["stop", &run],
        10 => &["approve", &run, "--yes"],
        11 => &["status", &run],
        12 => &["why", &run],
        13 => &["ls"],
        14 => &["events", &run],
        _ => &["inbox", &run],
    };
    words.iter().map(|&word| word.to_owned()).collect()
}

fn command(trial: &mut Trial) -> Told<Option<&'static str>> {
    let words = words(trial);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    trial.call(&words)?;
    Ok(Some("commands given"))
}

fn command_cut_short(trial: &mut Trial) -> Option<&'static str> {
    let words = words(trial);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let call = trial.place.call_cut_short(&words, trial.random.u64(0..30));
    let was_killed = call.code.is_none();
    trial.calls.push(call);
    was_killed.then_some("killed: a command in the middle")
}

fn run_cut_short(trial: &mut Trial) -> Option<&'static str> {
    let workflow = trial.scene.runs[0];
    let args = ["run", "do it", "-d", "-w", workflow, "-a", "sh"];
    let call = trial.place.call_cut_short(&args, trial.random.u64(0..60));
    let was_killed = call.code.is_none();
    trial.calls.push(call);
    was_killed.then_some("killed: `crew run` in the middle")
}

/// Several supervisors want the same run; half of the time after the one that had it was killed.
fn race(trial: &mut Trial) -> &'static str {
    let run = a_run(trial);
    if trial.random.bool() {
        kill(trial, "", &[Kind::Supervisor]);
    }
    let count = trial.random.u32(2..5);
    trial.place.race(run, count);
    "two and more supervisors raced"
}

/// The supervisor may write some bytes more to its log and dies in the middle of a line.
fn torn_by_limit(trial: &mut Trial) -> Option<&'static str> {
    if trial.place.forgives_limits {
        // It would not die of it, and could write nothing more for ever.
        return forbid_writing(trial);
    }
    let run = a_run(trial);
    let size = trial.place.log(run).len() as u64 + trial.random.u64(0..600);
    let found = trial.processes();
    let supervisors: Vec<_> =
        found.iter().filter(|process| process.kind == Kind::Supervisor).collect();
    let supervisor = trial.random.choice(supervisors)?;
    supervisor.limit_files(Some(size)).then_some("a write of the supervisor torn by a limit")
}

/// The disk is full for a while, or a limit makes every further write an error.
fn forbid_writing(trial: &mut Trial) -> Option<&'static str> {
    let ms = trial.random.u64(10..250);
    if let Some(disk) = &trial.place.disk {
        let filler = disk.fill();
        pause(ms);
        return fs::remove_file(filler).ok().map(|()| "writing forbidden for a while");
    }
    if !trial.place.forgives_limits {
        return None;
    }
    let run = a_run(trial);
    let size = trial.place.log(run).len() as u64 + trial.random.u64(0..300);
    for process in trial.processes() {
        process.limit_files(Some(size));
    }
    pause(ms);
    for process in trial.processes() {
        process.limit_files(None);
    }
    Some("writing forbidden for a while")
}

/// What a writer leaves that died while it wrote: it held the lock, and so does this.
fn torn_tail(trial: &mut Trial) -> Option<&'static str> {
    let run = a_run(trial);
    let dir = trial.place.run(run);
    let lock = OpenOptions::new().write(true).open(dir.join("run.lock")).ok()?;
    lock.lock().ok()?;
    let log = trial.place.log(run);
    let last = log.split_inclusive(|byte| *byte == b'\n').next_back()?;
    let bytes = match trial.random.u32(0..3) {
        0 => vec![0; trial.random.usize(1..500)],
        1 => last[..trial.random.usize(1..last.len())].to_vec(),
        _ => (0..trial.random.usize(1..80)).map(|_| trial.random.u8(11..)).collect(),
    };
    let mut file = OpenOptions::new().append(true).open(dir.join("events.jsonl")).ok()?;
    file.write_all(&bytes).ok()?;
    Some("a torn tail left in the log")
}

/// A worktree of the project, while there is one.
fn a_worktree(trial: &mut Trial) -> Option<Utf8PathBuf> {
    let folders = trial.place.project().join(".crew/worktrees").read_dir_utf8().ok()?;
    let folders = folders.flatten().map(camino::Utf8DirEntry::into_path);
    let folders: Vec<_> = folders.filter(|path| path.join(".git").exists()).collect();
    trial.random.choice(folders)
}

fn remove_worktree(trial: &mut Trial) -> Option<&'static str> {
    let tree = a_worktree(trial)?;
    trial.lost_trees = true;
    // Whoever writes there meanwhile may keep the folder from going as a whole.
    drop(fs::remove_dir_all(tree));
    Some("a worktree removed")
}

fn forget_worktree(trial: &mut Trial) -> Option<&'static str> {
    let tree = a_worktree(trial)?;
    trial.lost_trees = true;
    let admin = trial.place.project().join(".git/worktrees").join(tree.file_name()?);
    // Whoever writes there meanwhile may keep a part of it.
    drop(fs::remove_dir_all(admin));
    Some("a worktree that git was made to forget")
}
