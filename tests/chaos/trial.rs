//! One trial: a scene is begun, put under fire, brought to its end, and looked at.

use std::collections::BTreeMap;

use crate::census::{self, Process};
use crate::check::{self, Checkout};
use crate::damage;
use crate::fire;
use crate::oracle::Fold;
use crate::person;
use crate::place::{Call, Place, Told};
use crate::scene::{SCENES, Scene};

/// How often something happened.
pub type Counts = BTreeMap<String, u64>;

/// A scene that is being played.
pub struct Trial {
    pub random: fastrand::Rng,
    pub place: Place,
    pub scene: &'static Scene,
    /// Every command of a person, in order.
    pub calls: Vec<Call>,
    pub counts: Counts,
    /// A worktree was removed by hand: what was not committed there is gone.
    pub lost_trees: bool,
    words: u32,
}

/// Plays the trial of a seed; the error has everything that helps to understand it.
pub fn play(seed: u64) -> Told<Counts> {
    let mut random = fastrand::Rng::with_seed(seed);
    let scene = &SCENES[random.usize(0..SCENES.len())];
    let mut place = Place::new(seed, scene);
    match random.u32(0..10) {
        0 => place.use_small_disk(),
        1 | 2 => place.forgives_limits = true,
        _ => {}
    }
    let mut trial = Trial {
        random,
        place,
        scene,
        calls: Vec::new(),
        counts: Counts::new(),
        lost_trees: false,
        words: 0,
    };
    trial.count(&format!("scene: {}", scene.name));
    let told = trial.run();
    if let Err(why) = told {
        let what: Vec<String> = trial.counts.keys().cloned().collect();
        let calls: Vec<String> = trial
            .calls
            .iter()
            .map(|call| format!("{:?} {:?} {}", call.code, call.args, call.err.trim()))
            .collect();
        let dump = trial.place.dump();
        trial.place.leave();
        return Err(format!("{why}\nhappened: {what:?}\ncalls:\n{}\n{dump}", calls.join("\n")));
    }
    Ok(trial.counts)
}

impl Trial {
    fn run(&mut self) -> Told<()> {
        let before = Checkout::of(&self.place)?;
        for workflow in self.scene.runs {
            let call = self.call(&["run", "do it", "-d", "-w", workflow, "-a", "sh"])?;
            if call.code != Some(0) {
                return Err(format!("the run did not start: {call:?}"));
            }
        }
        fire::open(self)?;
        fire::relieve(self);
        if self.random.u32(0..8) == 0 {
            damage::log_in_the_middle(self)?;
        }
        person::bring_to_end(self)?;
        check::all(self, &before)
    }

    pub fn count(&mut self, what: &str) {
        *self.counts.entry(what.to_owned()).or_default() += 1;
    }

    /// Gives a command as a person does, and remembers it.
    pub fn call(&mut self, args: &[&str]) -> Told<Call> {
        let call = self.place.call(args)?;
        self.calls.push(call.clone());
        Ok(call)
    }

    /// A text that is used once.
    pub fn word(&mut self) -> String {
        self.words += 1;
        format!("word-{}-end", self.words)
    }

    /// Runs with at least one event.
    pub fn runs(&self) -> Vec<u32> {
        let folders = std::fs::read_dir(self.place.state.join("runs")).into_iter().flatten();
        let numbers =
            folders.flatten().filter_map(|folder| folder.file_name().to_str()?.parse().ok());
        let mut numbers: Vec<u32> =
            numbers.filter(|run| self.place.log(*run).contains(&b'\n')).collect();
        numbers.sort_unstable();
        numbers
    }

    pub fn fold(&self, run: u32) -> Told<Fold> {
        Fold::of(&self.place.log(run)).map_err(|why| format!("run {run}: {why}"))
    }

    pub fn processes(&self) -> Vec<Process> {
        census::processes(&self.place.root)
    }
}
