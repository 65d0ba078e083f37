//! The loop of the dashboard: wait, take in what happened, draw what changed.

mod start;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use crossterm::clipboard::CopyToClipboard;
use crossterm::event::{Event, KeyEvent};
use ratatui::layout::Rect;
use rustix::process::{Signal, getpid, kill_process};

use super::background::{self, Heard, Listener};
use super::calls::{Runner, browse};
use super::feed::{Feed, Told};
use super::loads::{Ask, Loader, Looked};
use super::model::{Memory, Model, VerbName};
use super::msg::{Called, Effect, Foreground, Msg};
use super::page::{Page, Target};
use super::progress::{self, Progress};
use super::scene::Scene;
use super::terminal::Terminal;
use super::update::{Data, update};
use super::view::view;
use super::wake::Wake;
use super::want::{Loaded, Loads, Want};
use super::world::{TaskRef, World};
use super::{memory, pane};
use crate::base::{RunNumber, Time};
use crate::client::Workspace;
use crate::clock::Clock;
use crate::notice::terminal::Terminal as Bell;
use start::{editor, model, threads};

/// Milliseconds that a first frame waits for the runs.
const FIRST_FRAME_MS: u64 = 40;
/// Milliseconds after which what was written is on disk.
const SAVE_MS: u64 = 300;

/// What the dashboard starts from.
pub struct Seed {
    /// The project.
    pub workspace: Workspace,
    /// The run that is selected first.
    pub run: Option<RunNumber>,
    /// Whether supervisors that runs have lost are started again.
    pub recovers: bool,
    /// What the command line can do.
    pub verbs: Vec<VerbName>,
}

/// How it ended, for whoever opened it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed {
    /// Runs that go on.
    pub live: usize,
}

/// What arrives from the threads.
enum Arrived {
    World(Arc<World>),
    Loaded(Want, Result<Loaded, String>),
    Called(Called),
}

/// Opens the dashboard and stays until the person closes it.
///
/// # Errors
/// The terminal is gone, or cannot do what is needed.
pub fn run(seed: &Seed) -> io::Result<Closed> {
    let clock = Clock::start();
    let wake = Wake::new()?;
    let (arrivals, arrived) = mpsc::channel();
    let (tell_feed, told_feed) = mpsc::channel();
    let (tell_loads, told_loads) = mpsc::channel();
    let runner = Runner {
        crew: crate::launch::program()
            .ok_or_else(|| io::Error::other("cannot tell the path of the crew program"))?,
        root: seed.workspace.found.root.clone(),
    };
    let mut feed = Feed::new(&seed.workspace, clock, told_feed, tell_feed.clone());
    if seed.recovers {
        feed.keep(seed.workspace.clone());
    }
    let loader = Loader::new(&seed.workspace, runner.clone(), tell_loads.clone());
    let threads = threads(feed, loader, told_loads, &arrivals, &wake.waker());
    let model = model(seed)?;
    let saved = model.memory.clone();
    let wanted = &seed.workspace.config.ui.theme;
    let asks = background::is_asked(wanted, model.look.theme, &seed.workspace.env);
    let mut app = App {
        path: seed.workspace.dir.dashboard_json(),
        editor: editor(&seed.workspace.env),
        bell: Bell::of(&seed.workspace.config.notify, &seed.workspace.env),
        shows_progress: progress::is_shown(&seed.workspace.env),
        model,
        saved,
        save_at: None,
        world: Arc::default(),
        loads: Loads::default(),
        looked: BTreeSet::new(),
        is_close: false,
        listener: asks.then(|| Listener::new(clock.now())),
        wanted: Looked::default(),
        hits: Vec::new(),
        zone: jiff::tz::TimeZone::system(),
        clock,
        terminal: Terminal::take()?,
        wake,
        runner,
        arrivals,
        arrived,
        tell_feed,
        tell_loads,
        is_dirty: true,
    };
    let closed = app.stay();
    app.save();
    let App { terminal, tell_feed, tell_loads, .. } = app;
    drop(terminal);
    drop(tell_feed.send(Told::Quit));
    drop(tell_loads.send(Ask::Quit));
    // A load that takes long is not waited for: it changes nothing.
    let [feed, _] = threads;
    drop(feed.join());
    closed
}

struct App {
    path: camino::Utf8PathBuf,
    editor: Option<Vec<String>>,
    bell: Option<Bell>,
    shows_progress: bool,
    model: Model,
    saved: Memory,
    save_at: Option<Time>,
    world: Arc<World>,
    loads: Loads,
    looked: BTreeSet<TaskRef>,
    is_close: bool,
    listener: Option<Listener>,
    wanted: Looked,
    hits: Vec<(Rect, Target)>,
    zone: jiff::tz::TimeZone,
    clock: Clock,
    terminal: Terminal,
    wake: Wake,
    runner: Runner,
    arrivals: Sender<Arrived>,
    arrived: Receiver<Arrived>,
    tell_feed: Sender<Told>,
    tell_loads: Sender<Ask>,
    is_dirty: bool,
}

impl App {
    fn stay(&mut self) -> io::Result<Closed> {
        self.first_frame()?;
        self.draw()?;
        if self.listener.is_some() {
            Terminal::tell(background::QUERY)?;
        }
        loop {
            if self.is_dirty {
                self.draw()?;
            }
            self.tell_threads();
            self.wake.wait(self.patience())?;
            if self.wake.ends() {
                return Ok(self.closed());
            }
            if self.wake.take_continued() {
                self.terminal.enter()?;
                self.is_dirty = true;
            }
            if self.take_in()? {
                return Ok(self.closed());
            }
            self.save_in_time();
        }
    }

    /// Waits a moment for the runs, so that the first frame shows them.
    fn first_frame(&mut self) -> io::Result<()> {
        match self.arrived.recv_timeout(Duration::from_millis(FIRST_FRAME_MS)) {
            Ok(arrived) => self.arrive(arrived).map(|_| ()),
            Err(_) => Ok(()),
        }
    }

    /// Milliseconds until something changes by the clock alone.
    fn patience(&self) -> Option<u64> {
        let now = self.clock.now();
        let tick = self.model.next_tick(&self.world, now);
        let next = tick.into_iter().chain(self.save_at).min();
        next.map(|next| next.since_ms(now).max(1))
    }

    /// Takes in everything that has happened; whether the dashboard is to be closed.
    fn take_in(&mut self) -> io::Result<bool> {
        if self.take_arrivals()? {
            return Ok(true);
        }
        while Wake::has_event()? {
            let msg = match crossterm::event::read()? {
                Event::Key(key) => match self.pressed(key)? {
                    Some(false) => continue,
                    Some(true) => return Ok(true),
                    None => Msg::Key(key),
                },
                Event::Mouse(event) => Msg::Mouse(event),
                Event::Paste(text) => Msg::Paste(text),
                Event::Resize(width, height) => Msg::Resized(width, height),
                Event::FocusGained => Msg::Focused(true),
                Event::FocusLost => Msg::Focused(false),
            };
            // A key that is held must not keep out what the threads have to say.
            if self.happened(msg)? || self.take_arrivals()? {
                return Ok(true);
            }
            // A key may have changed what the mouse would find.
            if self.is_dirty && Wake::has_event()? {
                self.draw()?;
                self.tell_threads();
            }
        }
        let now = self.clock.now();
        if self.model.next_tick(&self.world, now).is_some() || !self.model.toasts.is_empty() {
            return self.happened(Msg::Tick);
        }
        Ok(false)
    }

    /// Gives a key to who listens for the terminal's answer; whether the dashboard is to be closed,
    /// or nothing when the key is to be taken as it is.
    fn pressed(&mut self, key: KeyEvent) -> io::Result<Option<bool>> {
        let now = self.clock.now();
        let Some(listener) = self.listener.as_mut().filter(|listener| listener.listens(now)) else {
            self.listener = None;
            return Ok(None);
        };
        match listener.hear(key) {
            Heard::Pressed(keys) if keys == [key] => return Ok(None),
            Heard::Pressed(keys) => {
                for key in keys {
                    if self.happened(Msg::Key(key))? {
                        return Ok(Some(true));
                    }
                }
            }
            Heard::Part => {}
            Heard::Answer(theme) => {
                self.listener = None;
                self.is_dirty |= self.model.is_on(theme);
            }
        }
        Ok(Some(false))
    }

    fn take_arrivals(&mut self) -> io::Result<bool> {
        while let Ok(arrived) = self.arrived.try_recv() {
            if self.arrive(arrived)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn arrive(&mut self, arrived: Arrived) -> io::Result<bool> {
        match arrived {
            Arrived::World(world) => {
                self.world = world;
                self.happened(Msg::World)
            }
            Arrived::Loaded(want, loaded) => {
                self.loads.0.insert(want.subject(), loaded);
                self.happened(Msg::Loaded(want))
            }
            Arrived::Called(called) => self.happened(Msg::Called(called)),
        }
    }

    /// Gives something that happened to the model, and does what it wants.
    fn happened(&mut self, msg: Msg) -> io::Result<bool> {
        self.is_dirty = true;
        let data = Data {
            world: &self.world,
            loads: &self.loads,
            hits: &self.hits,
            zone: &self.zone,
            now: self.clock.now(),
        };
        for effect in update(&mut self.model, &data, msg) {
            if self.carry_out(effect)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn carry_out(&mut self, effect: Effect) -> io::Result<bool> {
        match effect {
            Effect::Call(call) => {
                let (arrivals, waker) = (self.arrivals.clone(), self.wake.waker());
                self.runner.start(call, move |called| {
                    // Nobody waits for it any more when the dashboard is closed.
                    drop(arrivals.send(Arrived::Called(called)));
                    waker.wake();
                });
            }
            Effect::Foreground(program) => self.give_terminal_to(&program)?,
            Effect::Copy(text) => {
                let copy = CopyToClipboard::to_clipboard_from(text);
                Terminal::tell(&command_text(&copy))?;
            }
            Effect::Notify(title, text) => {
                if let Some(bell) = self.bell {
                    Terminal::tell(&bell.telling(&title, &text))?;
                }
            }
            Effect::Browse(address) => self.browse(&address)?,
            Effect::Suspend => {
                self.save();
                Terminal::leave();
                kill_process(getpid(), Signal::TSTP)?;
                self.terminal.enter()?;
            }
            Effect::Redraw => self.terminal.forget(),
            Effect::Quit => return Ok(true),
        }
        Ok(false)
    }

    /// Opens an address in the person's browser; where there is none it goes into the clipboard.
    fn browse(&mut self, address: &str) -> io::Result<()> {
        let now = self.clock.now();
        if browse(address) {
            self.model.say(format!("opened {address}"), now);
            return Ok(());
        }
        self.model.say(format!("copied {address}: there is no browser here"), now);
        let copy = CopyToClipboard::to_clipboard_from(address);
        Terminal::tell(&command_text(&copy))
    }

    /// Gives the terminal to a program until it ends.
    fn give_terminal_to(&mut self, program: &Foreground) -> io::Result<()> {
        let mut command = match program {
            Foreground::Crew(args) | Foreground::Read(args) => self.runner.command(args),
            Foreground::Editor(path) => {
                let Some((name, args)) = self.editor.as_ref().and_then(|words| words.split_first())
                else {
                    let now = self.clock.now();
                    self.model.complain("neither VISUAL nor EDITOR is set", now);
                    return Ok(());
                };
                let mut command = Command::new(name);
                command.args(args).arg(path).current_dir(&self.runner.root);
                command
            }
        };
        self.save();
        Terminal::leave();
        let ended = command.status();
        if let (Foreground::Read(_), Ok(_)) = (program, &ended) {
            Terminal::wait_for_enter()?;
        }
        self.terminal.enter()?;
        self.is_dirty = true;
        let now = self.clock.now();
        match ended {
            Ok(status) if status.success() => {}
            // It was read.
            Ok(_) if matches!(program, Foreground::Read(_)) => {}
            Ok(status) => self.model.complain(format!("the program ended with {status}"), now),
            Err(error) => self.model.complain(format!("cannot start it: {error}"), now),
        }
        drop(self.tell_feed.send(Told::Changed));
        // Files may have been changed.
        drop(self.tell_loads.send(Ask::Changed));
        Ok(())
    }

    fn draw(&mut self) -> io::Result<()> {
        self.is_dirty = false;
        let mut frame = Terminal::frame()?;
        self.model.size = (frame.area.width, frame.area.height);
        let scene = self.scene();
        let mut page = Page::new(&mut frame, self.model.look);
        view(&scene, &mut page);
        let (hits, cursor) = (std::mem::take(&mut page.hits), page.cursor);
        let title = pane::chrome::title(&scene);
        let progress = self.shows_progress.then(|| Progress::of(&scene)).flatten();
        self.hits = hits;
        self.terminal.show(frame, cursor)?;
        self.terminal.title(&title)?;
        self.terminal.progress(progress)
    }

    fn scene(&self) -> Scene<'_> {
        Scene {
            model: &self.model,
            world: &self.world,
            loads: &self.loads,
            zone: &self.zone,
            now: self.clock.now(),
        }
    }

    /// Tells the threads what is looked at, when that changed.
    fn tell_threads(&mut self) {
        let looked = self.model.looked();
        if looked != self.looked {
            self.looked.clone_from(&looked);
            drop(self.tell_feed.send(Told::Looked(looked)));
        }
        let is_close = self.model.looks_closely();
        if is_close != self.is_close {
            self.is_close = is_close;
            drop(self.tell_feed.send(Told::Closely(is_close)));
        }
        let scene = self.scene();
        let wants = self.model.wants(&scene);
        let versions: BTreeMap<RunNumber, u64> = wants
            .iter()
            .filter_map(Want::run)
            .filter_map(|run| Some((run, self.world.views.get(&run)?.status.version)))
            .collect();
        if (&wants, &versions) != (&self.wanted.0, &self.wanted.1) {
            let subjects: BTreeSet<Want> = wants.iter().map(Want::subject).collect();
            self.loads.0.retain(|want, _| subjects.contains(want));
            self.wanted = (wants, versions);
            drop(self.tell_loads.send(Ask::Looked(self.wanted.clone())));
        }
    }

    fn save_in_time(&mut self) {
        let now = self.clock.now();
        if self.model.memory == self.saved {
            self.save_at = None;
        } else if self.save_at.is_some_and(|at| at <= now) {
            self.save();
        } else if self.save_at.is_none() {
            self.save_at = Some(now.plus_ms(SAVE_MS));
        }
    }

    /// Writes what outlives the dashboard.
    fn save(&mut self) {
        self.save_at = None;
        // Before the first run there is nothing to remember, and no folder to put it into.
        let has_state = self.path.parent().is_some_and(camino::Utf8Path::exists);
        if self.model.memory == self.saved || !has_state {
            return;
        }
        match memory::write(&self.path, &self.model.memory) {
            Ok(()) => self.saved = self.model.memory.clone(),
            Err(error) => {
                let now = self.clock.now();
                self.model.complain(crate::base::text::error_chain(&error), now);
            }
        }
    }

    fn closed(&self) -> Closed {
        let runs = self.world.views.values();
        Closed { live: runs.filter(|run| !run.status.run.status.is_terminal()).count() }
    }
}

fn command_text(command: &impl crossterm::Command) -> String {
    let mut text = String::new();
    match command.write_ansi(&mut text) {
        Ok(()) => text,
        // Writing into a text does not fail.
        Err(_) => String::new(),
    }
}
