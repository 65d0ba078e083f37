//! Files that are spoilt: projections, which must not matter, and the log, which must be found out and left alone.

use std::os::unix::fs::FileExt;
use std::{fs, io};

use camino::Utf8PathBuf;

use crate::census::Kind;
use crate::place::{Told, pause};
use crate::trial::Trial;
use rustix::process::Signal;

/// Spoils one file that can be made again from the log.
pub fn projection(trial: &mut Trial) -> Option<&'static str> {
    let runs = trial.runs();
    let run = trial.random.choice(runs)?;
    let dir = trial.place.run(run);
    let names = ["snapshot.json", "workflow.json", "supervisor.json", "notices.json", "radar.json"];
    let mut files: Vec<Utf8PathBuf> = names.map(|name| dir.join(name)).to_vec();
    if let Ok(mailbox) = dir.join("mailbox").read_dir_utf8() {
        files.extend(mailbox.flatten().map(camino::Utf8DirEntry::into_path));
    }
    files.retain(|file| file.exists());
    let file = trial.random.choice(files)?;
    spoil(trial, &file, true).map(|()| "a projection spoilt")
}

/// Spoils the list of the project's runs, which can be made again from their folders.
pub fn project_json(trial: &mut Trial) -> Option<&'static str> {
    let file = trial.place.state.join("project.json");
    // A changed digit in it would be another number, and nobody could tell.
    spoil(trial, &file, false).map(|()| "project.json spoilt")
}

fn spoil(trial: &mut Trial, file: &Utf8PathBuf, may_flip: bool) -> Option<()> {
    let mut bytes = fs::read(file).ok()?;
    match trial.random.u32(0..if may_flip { 5 } else { 4 }) {
        0 => return fs::remove_file(file).ok(),
        1 => bytes.clear(),
        2 => bytes.truncate(bytes.len() / 2),
        3 => bytes = b"{\"garbage\":\x00\xff".to_vec(),
        _ => {
            let at = trial.random.usize(0..bytes.len().max(1));
            *bytes.get_mut(at)? ^= 1 << trial.random.u32(0..8);
        }
    }
    fs::write(file, bytes).ok()
}

/// Flips a bit of the log before its last batch: that is reported with its place, nothing is written any more, a
/// stop still ends what lives, and when the bit is back the run goes on.
pub fn log_in_the_middle(trial: &mut Trial) -> Told<()> {
    let runs = trial.runs();
    let run = trial.random.choice(&runs).copied();
    // What else lives when the damaged run was stopped would be that of another one.
    let Some(run) = run.filter(|_| runs.len() == 1) else { return Ok(()) };
    // Whoever drives it knows the log as it was: this is about those who come after.
    for _ in 0..3 {
        for process in trial.processes() {
            if process.kind == Kind::Supervisor || process.kind == Kind::Call {
                process.signal(Signal::KILL);
            }
        }
        pause(5);
    }
    let path = trial.place.run(run).join("events.jsonl");
    let end = trial.fold(run)?.last_batch_at;
    if end == 0 || trial.processes().iter().any(|process| process.kind == Kind::Supervisor) {
        return Ok(());
    }
    let at = trial.random.usize(0..end);
    let bit = 1 << trial.random.u32(0..8);
    // In its place: agents that live may be writing behind it.
    flip(&path, at, bit).map_err(|error| error.to_string())?;
    trial.count("a byte of the log flipped");
    let name = run.to_string();
    let word = trial.word();
    let said = trial.place.call(&["verify", &name])?;
    let damaged = trial.place.log(run);
    let line = damaged[..at].split(|byte| *byte == b'\n').count();
    let names_it = (line.saturating_sub(1)..=line + 1).any(|line| {
        said.out.contains(&format!("line {line}")) || said.err.contains(&format!("line {line}"))
    });
    if said.code != Some(8) || !names_it {
        return Err(format!("byte {at} (line {line}) was flipped, and verify says {said:?}"));
    }
    let commands: [&[&str]; 4] =
        [&["send", &name, &word], &["pause", &name], &["resume", &name], &["stop", &name]];
    for args in commands {
        let said = trial.place.call(args)?;
        if said.code != Some(8) || !said.err.contains("events.jsonl") {
            return Err(format!("byte {at} (line {line}) was flipped, and {said:?}"));
        }
    }
    let mut looks = 0;
    while trial.processes().iter().any(|process| process.kind != Kind::Call) {
        looks += 1;
        if looks > 1_000 {
            return Err(format!("line {line} was damaged, and a stop has not ended what lives"));
        }
        pause(15);
    }
    // Whatever else a person does does not mind, and touches nothing.
    trial.place.call(&["ls"])?;
    if trial.place.log(run) != damaged {
        return Err(format!("byte {at} (line {line}) was flipped, and something was written"));
    }
    flip(&path, at, bit).map_err(|error| error.to_string())
}

/// Changes bits of one byte of a file.
fn flip(path: &Utf8PathBuf, at: usize, bits: u8) -> io::Result<()> {
    let file = fs::OpenOptions::new().read(true).write(true).open(path)?;
    let (at, mut byte) = (at as u64, [0]);
    file.read_exact_at(&mut byte, at)?;
    file.write_all_at(&[byte[0] ^ bits], at)
}
