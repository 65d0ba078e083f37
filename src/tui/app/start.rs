//! What the dashboard begins with: its threads, where the person is, and how everything looks.

use std::io;
use std::sync::mpsc::{Receiver, Sender};
use std::thread::{self, JoinHandle};

use super::super::feed::Feed;
use super::super::keymap::Keymap;
use super::super::loads::{Ask, Loader};
use super::super::look::{Look, Theme};
use super::super::memory;
use super::super::model::{Auto, Model};
use super::super::wake::Waker;
use super::super::world::TaskRef;
use super::{Arrived, Seed};
use crate::clock::Clock;
use crate::config::Environment;

pub(super) fn threads(
    feed: Feed,
    loader: Loader,
    told: Receiver<Ask>,
    arrivals: &Sender<Arrived>,
    waker: &Waker,
) -> [JoinHandle<()>; 2] {
    let (worlds, woken) = (arrivals.clone(), waker.clone());
    let feed = thread::spawn(move || {
        feed.run(|world| {
            let is_heard = worlds.send(Arrived::World(world)).is_ok();
            woken.wake();
            is_heard
        });
    });
    let (loads, woken) = (arrivals.clone(), waker.clone());
    let loader = thread::spawn(move || {
        loader.run(&told, |want, loaded| {
            let is_heard = loads.send(Arrived::Loaded(want, loaded)).is_ok();
            woken.wake();
            is_heard
        });
    });
    [feed, loader]
}

pub(super) fn model(seed: &Seed) -> io::Result<Model> {
    let ui = &seed.workspace.config.ui;
    let env = &seed.workspace.env;
    let look = Look {
        theme: Theme::fitting(&ui.theme, env),
        ascii: ui.ascii.unwrap_or(!env.is_utf8_locale()),
    };
    let (keys, problems) = Keymap::with(&ui.keys);
    let memory = memory::read(&seed.workspace.dir.dashboard_json());
    let mut model = Model::new(look, keys, crossterm::terminal::size()?, memory);
    let is_colorless = env.no_color();
    let look = Look { theme: Theme::fitting("auto", env), ascii: !env.is_utf8_locale() };
    model.auto = Auto { look, is_colorless };
    model.verbs = seed.verbs.as_slice().into();
    model.selected = seed.run.map(|run| TaskRef { run, task: None });
    let now = Clock::start().now();
    for problem in problems {
        model.complain(problem, now);
    }
    Ok(model)
}

pub(super) fn editor(env: &Environment) -> Option<Vec<String>> {
    let line = env.get("VISUAL").or_else(|| env.get("EDITOR"))?;
    let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    (!words.is_empty()).then_some(words)
}
