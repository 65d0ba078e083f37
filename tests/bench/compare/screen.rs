//! The dashboard: first frame, frames, keys, idleness, memory; at a terminal that only reads.

use std::io::{Read, Write};
use std::num::NonZero;
use std::process::Child;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crew::base::{RunNumber, Time};
use crew::engine::State;
use crew::event::body::RunTransitioned;
use crew::event::{Actor, AttemptStarted, Body, Chain, Record, Rule, Status};
use crew::snapshot::{Live, StatusView};
use crew::store::{Project, ProjectLock};
use crew::tui::keymap::Keymap;
use crew::tui::model::{Memory, Model};
use crew::tui::page::Page;
use crew::tui::scene::Scene;
use crew::tui::view::view;
use crew::tui::want::Loads;
use crew::tui::world::{RunItem, RunView, TaskRef, World};
use crew::tui::{Look, Theme};
use pty_process::Size;
use pty_process::blocking::Pty;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Rect};
use ratatui::widgets::{Block, Row as Line, Table, Widget};

use super::Given;
use super::measure::{Spread, memory_kib, ms, on_processor_ns, stopwatch, until};
use super::report::Row;
use super::stage::{Stage, must};

const STARTS: usize = 15;
const FRAMES: usize = 400;
const KEYS: usize = 200;
const MILLION: u64 = 1_000_000;
/// One of so many events is a message.
const MESSAGES: u64 = 500;
const A_MINUTE: Duration = Duration::from_secs(60);
/// What only the help overlay says.
const HELP: &str = " Keys ";

pub fn rows(given: &Given) -> Vec<Row> {
    let mut rows = vec![frame(120, 40), frame(200, 60)];
    rows.extend(first_frames(given));
    rows.extend(million(given));
    rows.extend(fifty(given));
    rows
}

/// A frame of fifty agents against a plain table of fifty rows in the same area: built, and told from the last one.
fn frame(width: u16, height: u16) -> Row {
    let area = Rect::new(0, 0, width, height);
    let world = world_of_fifty();
    let look = Look { theme: Theme::Dark, ascii: false };
    let mut model = Model::new(look, Keymap::default(), (width, height), Memory::default());
    model.selected = Some(TaskRef { run: RunNumber(1), task: None });
    let (loads, zone) = (Loads::default(), jiff::tz::TimeZone::UTC);
    let mut shown = [Buffer::empty(area), Buffer::empty(area)];
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for number in 0..FRAMES {
        let now = world.now.plus_ms(1_000 * number as u64);
        let clock = stopwatch();
        let mut frame = Buffer::empty(area);
        let scene = Scene { model: &model, world: &world, loads: &loads, zone: &zone, now };
        view(&scene, &mut Page::new(&mut frame, look));
        std::hint::black_box(shown[0].diff(&frame).len());
        ours.push(ms(clock) * 1_000.0);
        shown[0] = frame;
        let clock = stopwatch();
        let mut frame = Buffer::empty(area);
        table(number).render(area, &mut frame);
        std::hint::black_box(shown[1].diff(&frame).len());
        theirs.push(ms(clock) * 1_000.0);
        shown[1] = frame;
    }
    let work = format!("dashboard: a frame of 50 agents, {width}×{height}");
    Row::ratio(&work, "a plain ratatui table", "µs", Spread::of(ours), Spread::of(theirs), 2.0)
}

fn table(number: usize) -> Table<'static> {
    let rows = (0..50).map(move |at| {
        Line::new([
            format!("#42 review/{at}"),
            "claude".to_owned(),
            "Bash".to_owned(),
            format!("cargo test -p part-{at}"),
            format!("{}:{:02}", number / 60, number % 60),
            "0.97".to_owned(),
        ])
    });
    let widths = [
        Constraint::Length(16),
        Constraint::Length(8),
        Constraint::Length(10),
        Constraint::Fill(1),
        Constraint::Length(6),
        Constraint::Length(6),
    ];
    Table::new(rows, widths).block(Block::bordered().title("Agents"))
}

/// The first events of a run of fifty tasks.
fn begun(uid: &str) -> Vec<Body> {
    let created = crew::event::RunCreated { uid: uid.to_owned(), ..super::plan::created(50) };
    let moved = |rule, to| Body::from(RunTransitioned { rule, to, text: String::new() });
    vec![
        Body::from(created),
        moved(Rule::T01, Status::Queued { resumed: false, not_before: None }),
        moved(Rule::T08, Status::Running),
    ]
}

/// A run of fifty tasks that are at work.
fn world_of_fifty() -> World {
    let mut bodies = begun("0123");
    bodies.extend((1..=50).map(|slot| {
        Body::from(AttemptStarted {
            task: format!("review/{slot}").parse().expect("a task"),
            attempt: 1,
            runtime: "claude".into(),
            model: Some("opus".into()),
            model_why: String::new(),
            mark: "4f1c9a7e21b84d02a9b3c1d5e6f70812".into(),
            deadline_ms: None,
            session: None,
        })
    }));
    let at = Time(1_777_000_000_000);
    let actor = || Actor::Supervisor;
    let records: Vec<Record> = (1..)
        .zip(bodies)
        .map(|(seq, body)| Record { seq, at, actor: actor(), epoch: 1, batch: 1, body })
        .collect();
    let mut state = State::begin(&records[0]).expect("a run");
    for record in &records[1..] {
        state.apply_record(record);
    }
    assert_eq!(state.live_count(), 50, "all of them are at work");
    let why = crew::engine::explain_run(&state, &crew::engine::Vitals::default(), at);
    let status = StatusView::of(&state, &Live::default(), at);
    let run = RunView::of(status, &state, Vec::new(), why);
    let item = RunItem { number: RunNumber(1), row: Ok(run.status.run.clone()), damage: None };
    World {
        now: at,
        project: "shop".into(),
        root: "/shop".into(),
        runs: vec![item],
        views: [(RunNumber(1), Arc::new(run))].into(),
        slots: 64,
        is_read: true,
        ..World::default()
    }
}

/// From the start of the program until its first frame with runs is written.
fn first_frames(given: &Given) -> Vec<Row> {
    let stage = Stage::new(given);
    stage.workflow("few", "exec /bin/true", 4);
    stage.run("few");
    super::measure::reap();
    let one = starts(&stage, "#1");
    stage.copy_runs(2_000);
    must(&mut stage.crew(&["ls"]));
    let many = starts(&stage, "#2000");
    vec![
        Row::limit("dashboard: first frame, 1 run", "ms", one, 50.0),
        Row::limit("dashboard: first frame, 2,000 runs", "ms", many, 150.0),
    ]
}

fn starts(stage: &Stage, sign: &str) -> Spread {
    Spread::of(
        (0..STARTS)
            .map(|_| {
                let clock = stopwatch();
                let screen = Terminal::open(stage);
                screen.wait(sign);
                let taken = ms(clock);
                screen.close();
                taken
            })
            .collect::<Vec<_>>(),
    )
}

/// A run with a million events: first frame and memory.
fn million(given: &Given) -> Vec<Row> {
    let stage = Stage::new(given);
    must(&mut stage.crew(&["ls"]));
    let mut project = Project::ensure(stage.dir()).expect("project");
    let lock = ProjectLock::take(&stage.dir()).expect("lock");
    let number = project.allocate(&lock).expect("number");
    drop(lock);
    let at = Time(1_777_000_000_000);
    let (mut bytes, mut chain) = (Vec::new(), Chain::default());
    // Few of them are messages: a run keeps those in mind, as people look at them at any time.
    let more = (4..=MILLION).map(|seq| match seq % MESSAGES {
        4 => super::support::body(seq),
        _ if seq % 5 == 4 => super::support::body(seq + 1),
        _ => super::support::body(seq),
    });
    // One that this user did not make would only be looked at.
    let uid = crew::store::seal::mint_in(&stage.top.join(".local/state/crew")).expect("a key");
    for (seq, body) in (1..).zip(begun(&uid).into_iter().chain(more)) {
        let actor = Actor::Supervisor;
        let record = Record { seq, at: at.plus_ms(seq), actor, epoch: 1, batch: seq, body };
        chain = record.write(chain, &mut bytes);
    }
    std::fs::write(stage.dir().run(number).events(), &bytes).expect("log");
    drop(bytes);
    // The first look makes a checkpoint, as the supervisor of a run does from time to time.
    must(&mut stage.crew(&["ls", "--no-recover"]));
    let first = starts(&stage, "#1 review");
    let screen = Terminal::open(&stage);
    screen.wait("#1 review");
    let memory = memory_kib(screen.child.id(), "status", "VmRSS:") / 1_024.0;
    screen.close();
    vec![
        Row::limit("dashboard: first frame, 1,000,000 events", "ms", first, 100.0),
        Row::limit("dashboard: memory, 1,000,000 events", "MiB", Spread::of([memory]), 150.0),
    ]
}

/// Fifty agents that print: keys, memory; and an idle dashboard after they have ended.
fn fifty(given: &Given) -> Vec<Row> {
    let mut stage = Stage::new(given);
    stage.agents = 50;
    stage.workflow("fifty", "while :; do echo a line of output; sleep 1; done", 50);
    must(&mut stage.crew(&["run", "-d", "-w", "fifty", "--in-place", "-q", "bench"]));
    let screen = Terminal::open(&stage);
    screen.wait("50/64");
    let mut taken = Vec::new();
    for _ in 0..KEYS / 2 {
        for (key, is_help) in [("?", true), ("\u{1b}", false)] {
            let clock = stopwatch();
            screen.key(key);
            screen.wait_for("the help", |text| text.contains(HELP) == is_help);
            taken.push(ms(clock));
        }
    }
    taken.sort_by(f64::total_cmp);
    let slowest = taken[taken.len() * 99 / 100];
    let memory = memory_kib(screen.child.id(), "status", "VmRSS:") / 1_024.0;
    must(&mut stage.crew(&["stop", "1", "--yes", "-q"]));
    screen.wait_for("all is at rest", |text| text.contains("slots 0/64") && !text.contains("rss"));
    until("all agents are gone", || {
        let before = screen.count();
        screen.settle();
        (screen.count() == before).then_some(())
    });
    let written = screen.count();
    let idle = idle_percent(screen.child.id());
    let written = (screen.count() - written) as f64;
    screen.close();
    vec![
        Row::limit(
            "dashboard: key to changed frame, 50 agents print, p99",
            "ms",
            Spread::of([slowest]),
            16.0,
        ),
        Row::limit("dashboard: memory, 50 agents", "MiB", Spread::of([memory]), 150.0),
        Row::limit("idle dashboard", "% of a core", idle, 0.5),
        Row::limit("idle dashboard: bytes in 15 seconds", "bytes", Spread::of([written]), 0.0),
    ]
}

fn idle_percent(pid: u32) -> Spread {
    let shares = (0..3).map(|_| {
        let (before, clock) = (on_processor_ns(pid), stopwatch());
        // This is about time passing.
        while clock.elapsed() < Duration::from_secs(5) {
            std::thread::park_timeout(Duration::from_secs(1));
        }
        (on_processor_ns(pid) - before) / 1e6 / ms(clock) * 100.0
    });
    Spread::of(shares.collect::<Vec<_>>())
}

/// A terminal of 120×40 with the dashboard in it.
struct Terminal {
    pty: Arc<Pty>,
    child: Child,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

struct Seen {
    screen: vt100::Parser,
    /// Bytes so far.
    count: usize,
}

impl Terminal {
    fn open(stage: &Stage) -> Self {
        let (pty, pts) = pty_process::blocking::open().expect("a terminal");
        pty.resize(Size::new(40, 120)).expect("resized");
        let plain = stage.crew(&["--no-recover"]);
        let variables = plain.get_envs().filter_map(|(name, value)| Some((name, value?)));
        let child = pty_process::blocking::Command::new(plain.get_program())
            .args(plain.get_args())
            .env_clear()
            .envs(variables)
            .env("TERM", "xterm-256color")
            .current_dir(&stage.project)
            .spawn(pts)
            .expect("started");
        let pty = Arc::new(pty);
        let (rows, columns) = (NonZero::new(40).expect("40"), NonZero::new(120).expect("120"));
        let seen = Seen { screen: vt100::Parser::new(rows, columns, 0), count: 0 };
        let seen = Arc::new((Mutex::new(seen), Condvar::new()));
        let (from, all) = (Arc::clone(&pty), Arc::clone(&seen));
        std::thread::spawn(move || {
            let mut bytes = [0; 16 << 10];
            while let Ok(count) = (&*from).read(&mut bytes) {
                let mut seen = all.0.lock().expect("whole");
                seen.count += count;
                seen.screen.process(&bytes[..count]);
                all.1.notify_all();
            }
        });
        Self { pty, child, seen }
    }

    fn wait(&self, sign: &str) {
        self.wait_for(sign, |text| text.contains(sign));
    }

    /// Waits until the screen's text is so; fails after a minute with what it was.
    fn wait_for(&self, what: &str, is_so: impl Fn(&str) -> bool) {
        let (seen, more) = &*self.seen;
        let mut seen = seen.lock().expect("whole");
        let clock = stopwatch();
        while !is_so(&seen.screen.screen().contents()) {
            let text = seen.screen.screen().contents();
            assert!(clock.elapsed() < A_MINUTE, "waited in vain: {what}; the screen:\n{text}");
            seen = more.wait_timeout(seen, A_MINUTE).expect("whole").0;
        }
    }

    fn count(&self) -> usize {
        self.seen.0.lock().expect("whole").count
    }

    /// Lets two seconds pass, in which clocks would be drawn.
    fn settle(&self) {
        let clock = stopwatch();
        while clock.elapsed() < Duration::from_secs(2) {
            std::thread::park_timeout(Duration::from_secs(1));
        }
    }

    fn key(&self, key: &str) {
        (&*self.pty).write_all(key.as_bytes()).expect("typed");
    }

    fn close(mut self) {
        self.key("q");
        self.child.wait().expect("ended");
    }
}
