//! What must hold when everything is over, whatever happened before.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

use crate::oracle::Fold;
use crate::place::{Place, Told};
use crate::trial::Trial;

/// What of a person's checkout nobody may touch: where it stands, its index, its files, the branches.
#[derive(Debug, PartialEq)]
pub struct Checkout {
    head: Vec<u8>,
    index: Vec<u8>,
    branches: String,
    status: String,
    files: BTreeMap<Utf8PathBuf, Vec<u8>>,
}

impl Checkout {
    pub fn of(place: &Place) -> Told<Self> {
        let mut files = BTreeMap::new();
        read_below(&place.project(), &mut files);
        let git = place.project().join(".git");
        let refs = place.git(&["for-each-ref", "--format=%(refname) %(objectname)"])?;
        let own =
            |line: &&str| !line.starts_with("refs/heads/crew/") && !line.starts_with("refs/crew/");
        let branches: Vec<&str> = refs.lines().filter(own).collect();
        Ok(Self {
            head: fs::read(git.join("HEAD")).unwrap_or_default(),
            index: fs::read(git.join("index")).unwrap_or_default(),
            branches: branches.join("\n"),
            status: place.git(&["status", "--porcelain"])?,
            files,
        })
    }
}

/// Every file of a folder, without those of git and crew.
fn read_below(folder: &Utf8Path, files: &mut BTreeMap<Utf8PathBuf, Vec<u8>>) {
    for entry in folder.read_dir_utf8().into_iter().flatten().flatten() {
        let path = entry.into_path();
        if matches!(path.file_name(), Some(".git" | ".crew")) {
            continue;
        }
        if path.is_dir() {
            read_below(&path, files);
        } else {
            let bytes = fs::read(&path).unwrap_or_default();
            files.insert(path, bytes);
        }
    }
}

/// Everything.
pub fn all(trial: &mut Trial, before: &Checkout) -> Told<()> {
    let mut folds = BTreeMap::new();
    for run in trial.runs() {
        if trial.place.log(run).last() != Some(&b'\n') {
            // A tail that was torn after the end stays until somebody writes.
            trial.call(&["send", &run.to_string(), "a last word"])?;
        }
        let fold = trial.fold(run)?;
        trial.count(&format!("end: {} {}", fold.status, fold.reason.as_deref().unwrap_or("")));
        let told = whole(trial, run, &fold)
            .and_then(|()| document(trial, run, &fold))
            .and_then(|()| prompts(trial, run, &fold))
            .and_then(|()| work(trial, &fold));
        told.map_err(|why| format!("run {run}: {why}"))?;
        trial
            .counts
            .entry("events".to_owned())
            .and_modify(|sum| *sum += fold.seq)
            .or_insert(fold.seq);
        folds.insert(run, fold);
    }
    attempts(trial, &folds)?;
    commands(trial, &folds)?;
    mails(trial, &folds)?;
    checkout(trial, before, &folds)
}

/// The log is whole, in a status that is one, and nothing of it hangs.
fn whole(trial: &mut Trial, run: u32, fold: &Fold) -> Told<()> {
    if !fold.is_terminal() || !fold.live.is_empty() {
        return Err(format!("is {} with live attempts {:?}", fold.status, fold.live));
    }
    if fold.reason.as_deref() == Some("path_policy") {
        return Err("no agent touched what it may not".to_owned());
    }
    let log = trial.place.log(run);
    if log.last() != Some(&b'\n') {
        return Err("a torn tail is left".to_owned());
    }
    let lost = fold.unaccounted();
    if !lost.is_empty() {
        return Err(format!("nobody says what became of the messages {lost:?}"));
    }
    let kept = trial.place.run(run).read_dir_utf8().into_iter().flatten().flatten();
    let kept = kept.filter(|file| file.file_name().starts_with("events.torn-")).count() as u64;
    if kept != fold.truncated {
        return Err(format!("{} torn tails are on record, and {kept} were kept", fold.truncated));
    }
    // `verify` compares the snapshot, mailboxes and artifacts with the log; they may have been spoilt.
    let name = run.to_string();
    if trial.counts.contains_key("a projection spoilt") {
        drop(fs::remove_file(trial.place.run(run).join("snapshot.json")));
        trial.place.call(&["mailbox", "verify", &name, "--fix"])?;
    }
    let verified = trial.place.call(&["verify", &name])?;
    if verified.code != Some(0) {
        return Err(format!("not whole: {verified:?}"));
    }
    // A run that is done has little to explain.
    if fold.status == "done" && trial.random.u32(0..4) > 0 {
        return Ok(());
    }
    let explained = trial.place.call(&["why", &name, "--json"])?;
    let says = explained.json()?;
    let is_explained = says["status"] == fold.status.as_str()
        && says["headline"].as_str().is_some_and(|text| !text.is_empty());
    if is_explained { Ok(()) } else { Err(format!("not explained: {explained:?}")) }
}

/// What the program shows is what the whole log says, with and without what it remembers beside the log.
fn document(trial: &mut Trial, run: u32, fold: &Fold) -> Told<()> {
    let name = run.to_string();
    let shown = trial.place.call(&["status", &name, "--json"])?.json()?;
    drop(fs::remove_file(trial.place.run(run).join("snapshot.json")));
    let folded = trial.place.call(&["status", &name, "--json"])?.json()?;
    if shown != folded {
        return Err(format!("the snapshot says\n{shown}\nand the log\n{folded}"));
    }
    let row = &shown["run"];
    let same = [
        (&row["status"], Value::from(fold.status.as_str())),
        (&row["reason"], Value::from(fold.reason.clone())),
        (&row["ref"], Value::from(fold.reference.as_str())),
        (&row["epoch"], Value::from(fold.epoch)),
        (&row["supervisor"]["live"], Value::from(false)),
        (&row["is_ending"], Value::Null),
        (&shown["version"], Value::from(fold.seq)),
    ];
    for (shown, folded) in same {
        if *shown != folded {
            return Err(format!("shown is {shown}, and the log says {folded}"));
        }
    }
    for task in shown["tasks"].as_array().into_iter().flatten() {
        let known =
            fold.attempts.get(task["id"].as_str().unwrap_or_default()).copied().unwrap_or(0);
        if task["attempt"].as_u64().unwrap_or(0) != known {
            return Err(format!("{task} is shown, and the log has {known} attempts"));
        }
    }
    Ok(())
}

/// A message that was given to an attempt is in its prompt.
fn prompts(trial: &Trial, run: u32, fold: &Fold) -> Told<()> {
    for (id, mail) in &fold.mails {
        for (task, attempt) in mail.given.iter().filter(|given| !mail.acked.contains(given)) {
            let folder = task.replace('/', ".");
            let path = trial.place.run(run).join(format!("tasks/{folder}/{attempt}/prompt.md"));
            let prompt = fs::read_to_string(&path).unwrap_or_default();
            if !prompt.contains(&mail.text) {
                return Err(format!(
                    "{id} was given to {task} ({attempt}) and is not in its prompt"
                ));
            }
        }
    }
    Ok(())
}

/// The work of a run that is done is there, on its branch or where it was merged.
fn work(trial: &Trial, fold: &Fold) -> Told<()> {
    if fold.status != "done" || trial.lost_trees {
        return Ok(());
    }
    let place = if fold.merged > 0 { "main".to_owned() } else { format!("crew/{}", fold.slug) };
    for (file, content) in trial.scene.files {
        let found = trial.place.git(&["show", &format!("{place}:{file}")])?;
        if found != *content {
            return Err(format!("{file} on {place} is {found:?}"));
        }
    }
    Ok(())
}

/// No attempt ran twice or without being on record, and never two of a task at a time.
fn attempts(trial: &Trial, folds: &BTreeMap<u32, Fold>) -> Told<()> {
    let two = trial.place.note("two");
    if !two.is_empty() {
        return Err(format!("agents that found another one of their task: {two:?}"));
    }
    let mut ran = BTreeSet::new();
    for line in trial.place.note("ran") {
        let words: Vec<&str> = line.split(' ').collect();
        let [run, task, attempt, _] = words[..] else { return Err(format!("a torn note: {line}")) };
        let (run, attempt) = (run.parse::<u32>().unwrap_or(0), attempt.parse::<u64>().unwrap_or(0));
        if !ran.insert((run, task.to_owned(), attempt)) {
            return Err(format!("attempt {attempt} of {task} ran twice"));
        }
        let fold = folds.get(&run).ok_or_else(|| format!("an agent of run {run} without log"))?;
        if fold.attempts.get(task).is_none_or(|count| *count < attempt) {
            return Err(format!("attempt {attempt} of {task} ran and is not on record"));
        }
    }
    for (run, fold) in folds {
        for (task, attempt, reason) in &fold.ends {
            if reason == "revoked" && ran.contains(&(*run, task.clone(), *attempt)) {
                return Err(format!("run {run}: attempt {attempt} of {task} was revoked and ran"));
            }
        }
    }
    Ok(())
}

/// What a person was told is on record, once; what was refused is not.
fn commands(trial: &Trial, folds: &BTreeMap<u32, Fold>) -> Told<()> {
    for call in &trial.calls {
        let Some(word) = call.args.iter().find(|arg| arg.starts_with("word-")) else { continue };
        let Some(fold) = call.args.get(1).and_then(|run| folds.get(&run.parse().ok()?)) else {
            continue;
        };
        let sent = fold.mails.values().filter(|mail| mail.text == *word).count();
        let fits = match (call.verb(), call.code) {
            ("send", Some(0)) => sent == 1,
            // What is on record and could not be carried out says just that.
            ("send", Some(_)) => sent == usize::from(call.err.contains("is on record")),
            _ => sent <= 1,
        };
        if !fits {
            return Err(format!("{sent} messages are on record of {call:?}"));
        }
    }
    for call in trial.calls.iter().filter(|call| call.verb() == "stop" && call.code == Some(0)) {
        let fold = call.args.get(1).and_then(|run| folds.get(&run.parse().ok()?));
        if fold.is_some_and(|fold| fold.status != "cancelled") {
            return Err(format!("stopped, and it did not end so: {call:?}"));
        }
    }
    Ok(())
}

/// What an agent was told is on record, once.
fn mails(trial: &Trial, folds: &BTreeMap<u32, Fold>) -> Told<()> {
    for line in trial.place.note("mailed") {
        let Some((run, text)) = line.split_once(' ') else {
            return Err(format!("a torn note: {line}"));
        };
        let fold = run.parse().ok().and_then(|run| folds.get(&run));
        let sent =
            fold.map_or(0, |fold| fold.mails.values().filter(|mail| mail.text == text).count());
        if sent != 1 {
            return Err(format!("run {run}: {sent} messages {text} are on record"));
        }
    }
    for line in trial.place.note("accepted") {
        let words: Vec<&str> = line.split(' ').collect();
        let [run, task, attempt, verb, gate] = words[..] else { continue };
        let Some(fold) = run.parse().ok().and_then(|run| folds.get(&run)) else { continue };
        let is_it = |vote: &&(String, u64, String)| {
            vote.0 == task && vote.1.to_string() == attempt && vote.2 == gate
        };
        let written = fold.votes.iter().filter(is_it).count();
        if verb == "write-gate" && written != 1 {
            return Err(format!("{written} writes are on record of {line}"));
        }
    }
    Ok(())
}

/// The person's checkout is as it was, or has exactly what was merged.
fn checkout(trial: &Trial, before: &Checkout, folds: &BTreeMap<u32, Fold>) -> Told<()> {
    let now = Checkout::of(&trial.place)?;
    let merged = folds.values().filter(|fold| fold.merged > 0).count();
    if merged == 0 {
        if now == *before {
            return Ok(());
        }
        return Err(format!("the checkout was\n{before:?}\nand is\n{now:?}"));
    }
    let own = |files: &BTreeMap<Utf8PathBuf, Vec<u8>>| {
        let names = trial.scene.files.iter().map(|(name, _)| trial.place.project().join(name));
        let names: BTreeSet<_> = names.collect();
        files
            .iter()
            .filter(|(path, _)| !names.contains(*path))
            .map(|(path, bytes)| (path.clone(), bytes.clone()))
            .collect::<BTreeMap<_, _>>()
    };
    if now.head != before.head
        || now.status != before.status
        || own(&now.files) != own(&before.files)
    {
        return Err(format!("the checkout was\n{before:?}\nand after the merge is\n{now:?}"));
    }
    let commits = trial.place.git(&["rev-list", "--first-parent", "--count", "main"])?;
    if commits != (1 + merged).to_string() {
        return Err(format!("{merged} runs are merged, and main has {commits} commits"));
    }
    Ok(())
}
