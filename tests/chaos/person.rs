//! What a person does when the accidents are over: looks, and gives every run what it asks for until it has ended.

use std::collections::BTreeMap;

use crew::runtime::Clock;
use serde_json::Value;

use crate::place::{Told, pause};
use crate::trial::Trial;

/// Milliseconds that it may take until all runs have ended.
const END_MS: u64 = 60_000;
/// Milliseconds after that until nothing lives any more.
const QUIET_MS: u64 = 20_000;
/// Resumes of one run: more means that it goes round in circles.
const RESUMES_MAX: u32 = 40;

/// Brings every run to its end.
pub fn bring_to_end(trial: &mut Trial) -> Told<()> {
    let clock = Clock::start();
    let end = clock.now().plus_ms(END_MS);
    let mut resumes: BTreeMap<u32, u32> = BTreeMap::new();
    let mut looks = 0_u32;
    loop {
        let mut is_over = true;
        for run in trial.runs() {
            is_over &= step(trial, run, &mut resumes)?;
        }
        if is_over {
            break;
        }
        looks += 1;
        if looks.is_multiple_of(10) {
            // Every command that opens the project brings back supervisors that are missing.
            trial.call(&["status"])?;
        }
        if clock.now() > end {
            return Err(format!("after {END_MS} ms some run has not come to its end"));
        }
        pause(30);
    }
    quiet(trial)?;
    // A supervisor that was killed last may have left something to finish, which any command sees to.
    trial.call(&["status"])?;
    quiet(trial)
}

/// Waits until nothing lives any more.
fn quiet(trial: &Trial) -> Told<()> {
    let clock = Clock::start();
    let end = clock.now().plus_ms(QUIET_MS);
    while !trial.processes().is_empty() {
        if clock.now() > end {
            return Err(format!("after {QUIET_MS} ms something still lives"));
        }
        pause(15);
    }
    Ok(())
}

/// Does the next thing for a run; whether it has ended.
fn step(trial: &mut Trial, run: u32, resumes: &mut BTreeMap<u32, u32>) -> Told<bool> {
    let fold = trial.fold(run)?;
    let name = run.to_string();
    match fold.status.as_str() {
        "done" | "failed" | "cancelled" | "archived" => return Ok(fold.live.is_empty()),
        "paused" | "blocked" => {
            explained(trial, run)?;
            let count = resumes.entry(run).or_default();
            *count += 1;
            if *count > RESUMES_MAX {
                return Err(format!("run {run} is {} again and again", fold.status));
            }
            let word = trial.word();
            trial.call(&["resume", &name, "--text", &word])?;
        }
        "draft" | "waiting" => decide(trial, &name)?,
        _ => {}
    }
    Ok(false)
}

/// What `crew why` says is about the status that the log has, and names a way out.
fn explained(trial: &mut Trial, run: u32) -> Told<()> {
    let told = trial.place.call(&["why", &run.to_string(), "--json"])?;
    let fold = trial.fold(run)?;
    let value = told.json()?;
    let says = value["headline"].as_str().is_some_and(|text| !text.is_empty());
    let status = value["status"].as_str().unwrap_or_default();
    // It may have moved between the two looks.
    let is_true = status == fold.status || fold.status != "blocked";
    let has_way = value["command"].is_string();
    if told.code == Some(0) && says && is_true && (has_way || fold.status != "blocked") {
        return Ok(());
    }
    Err(format!("run {run} is {} ({:?}), and why says {told:?}", fold.status, fold.reason))
}

/// Answers everything that a run asks.
fn decide(trial: &mut Trial, run: &str) -> Told<()> {
    let told = trial.place.call(&["status", run, "--json"])?;
    let value = told.json()?;
    let asked: Vec<Value> = value["decisions"].as_array().cloned().unwrap_or_default();
    for decision in asked {
        let id = decision["id"].as_str().unwrap_or_default();
        let args: &[&str] = match decision["kind"].as_str() {
            Some("question") => &["answer", run, id, "--text", "all-is-well", "--yes"],
            Some("merge") => &["merge", run, id, "--yes"],
            _ => &["approve", run, id, "--yes"],
        };
        trial.call(args)?;
    }
    Ok(())
}
