//! What surrounds every screen: where one is, meters, what needs a person, hints, and what was just said.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::keymap::{Action, Scope};
use super::super::look::Role;
use super::super::model::Screen;
use super::super::page::{Page, Target};
use super::super::scene::Scene;
use super::super::text::{columns, fit, inert_line, wrap};
use super::attention::Item;
use super::{attention, decision, meters};
use crate::event::body::HeartbeatLevel;
use crate::snapshot::Class;

/// Columns from which on the clock and the state of the feed are shown.
const CLOCK_COLUMNS: u16 = 60;

/// Draws the lines above the screen and returns what is left for it.
pub fn head(scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) -> Rect {
    let mut rest = area;
    let mut take = |page: &mut Page<'_>, draw: &dyn Fn(Rect, &mut Page<'_>)| {
        if rest.height > 6 {
            draw(Rect { height: 1, ..rest }, page);
            rest = Rect { y: rest.y + 1, height: rest.height - 1, ..rest };
        }
    };
    take(page, &|line, page| place(scene, line, page));
    if scene.selected_run().is_some() && area.height >= 18 {
        take(page, &|line, page| meters::view(scene, line, page));
    }
    let items = attention::items(scene);
    if !items.is_empty() {
        take(page, &|line, page| waiting(&items, scene, line, page));
    }
    rest
}

/// The window's title: what needs a person, what runs, what it cost.
pub fn title(scene: &Scene<'_>) -> String {
    let look = scene.look();
    let waiting = attention::items(scene).len();
    let live: usize = scene.world.views.values().map(|run| run.status.run.progress.live).sum();
    let cost: f64 =
        scene.world.views.values().filter_map(|run| run.status.run.usage.cost_usd).sum();
    let mut words = Vec::new();
    for (class, count) in [(Class::NeedsYou, waiting), (Class::Running, live)] {
        if count > 0 {
            words.push(format!("{}{count}", look.glyph(class)));
        }
    }
    if cost > 0.0 {
        words.push(format!("${cost:.2}"));
    }
    words.push(format!("crew {}", project(scene)));
    words.join(" ")
}

/// Name of the project, inert.
pub fn project(scene: &Scene<'_>) -> String {
    inert_line(&scene.world.project, scene.look())
}

/// Where one is: project, run, workflow; and the time.
fn place(scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    let arrow = format!(" {} ", look.sign("▸", ">"));
    let mut spans = vec![Span::styled(" crew", look.style(Role::Accent))];
    let mut step = |text: String, role: Role| {
        spans.push(Span::styled(arrow.clone(), look.style(Role::Faint)));
        spans.push(Span::styled(text, look.style(role)));
    };
    step(inert_line(&scene.world.project, look), Role::Text);
    step(scene.model.screen.title().to_owned(), Role::Strong);
    if let Some(run) = scene.selected_run() {
        let row = &run.status.run;
        let goal = inert_line(&row.goal, look);
        step(format!("#{} {}", row.number, fit(&goal, 40, look)), Role::Text);
        let cycles = if row.cycles > 0 || row.max_iterations > 0 {
            format!(" · cycle {}/{}", row.cycles, row.max_iterations)
        } else {
            String::new()
        };
        let facts = format!("  {} · epoch {}{cycles}", inert_line(&row.workflow, look), row.epoch);
        spans.push(Span::styled(look_text(&facts, scene), look.style(Role::Dim)));
    }
    page.spans(area, &Line::from(spans));
    let (class, word) = match &scene.model.replay {
        Some(_) => (Class::Parked, "replay"),
        None if scene.world.problem.is_some() => (Class::Failed, "cannot read"),
        None if !scene.world.is_read => (Class::Starting, "reading"),
        None => (Class::Running, "live"),
    };
    let clock = if area.width >= CLOCK_COLUMNS {
        format!("  {} ", scene.time(scene.now))
    } else {
        " ".to_owned()
    };
    let right = Line::from(vec![
        Span::styled(format!(" {} {word}", look.glyph(class)), look.class(class)),
        Span::styled(clock, look.style(Role::Dim)),
    ]);
    let width = u16::try_from(right.width()).unwrap_or(0).min(area.width);
    page.spans(Rect { x: area.right() - width, width, ..area }, &right);
}

/// How well a heartbeat is.
pub fn heartbeat(level: HeartbeatLevel) -> Class {
    match level {
        HeartbeatLevel::Healthy => Class::Running,
        HeartbeatLevel::Warn => Class::Parked,
        HeartbeatLevel::Stale => Class::Stalled,
        HeartbeatLevel::Dead => Class::Failed,
    }
}

/// A number with as few digits as tell it: `4.1k`.
pub fn short(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        1_000..1_000_000 => format!("{}.{}k", number / 1_000, number % 1_000 / 100),
        _ => format!("{}.{}M", number / 1_000_000, number % 1_000_000 / 100_000),
    }
}

/// What needs a person, in one line.
fn waiting(items: &[Item], scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    let style = look.class(Class::NeedsYou);
    let verb = if items.len() == 1 { "needs" } else { "need" };
    let mut text = format!(" {} {} {verb} you: ", look.glyph(Class::NeedsYou), items.len());
    let names: Vec<String> = items.iter().map(|item| item.title.clone()).collect();
    text.push_str(&names.join(&look_text(" · ", scene)));
    page.line(area, &inert_line(&text, look), style);
    let key = scene.model.key(Action::Inbox);
    let hint = format!(" [{key}] inbox ");
    let width = u16::try_from(columns(&hint)).unwrap_or(0).min(area.width);
    let place = Rect { x: area.right() - width, width, ..area };
    page.line(place, &hint, look.style(Role::Key));
    page.hit(area, Target::Action(Action::Inbox));
}

/// Draws the hints below the screen and returns what is left for it.
pub fn foot(scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) -> Rect {
    if area.height < 4 {
        return area;
    }
    let look = scene.look();
    let line = Rect { y: area.bottom() - 1, height: 1, ..area };
    // What lies over the screen tells its keys itself.
    if !scene.model.overlays.is_empty() {
        return Rect { height: area.height - 1, ..area };
    }
    let scopes = scene.model.scopes();
    let mut x = line.x + 1;
    for row in scene.model.keys.reachable(&scopes).filter(|row| !row.hint.is_empty()) {
        let Some(key) = scene.model.keys.key(row.action) else { continue };
        let word = match row.scope {
            // Every decision allows other verbs.
            Scope::Decision => decision::word_of(row.action, scene),
            _ => Some(row.hint),
        };
        let Some(word) = word else { continue };
        let key = match key.as_str() {
            "enter" => look.sign("⏎", "enter").to_owned(),
            _ => key,
        };
        let hint = Line::from(vec![
            Span::styled(key, look.style(Role::Key)),
            Span::styled(format!(" {word}"), look.style(Role::Dim)),
        ]);
        let width = u16::try_from(hint.width()).unwrap_or(0);
        if x + width > line.right() {
            break;
        }
        let place = Rect { x, width, ..line };
        page.spans(place, &hint);
        page.hit(place, Target::Action(row.action));
        x += width + 2;
    }
    Rect { height: area.height - 1, ..area }
}

/// The numbers of the screens, at the top right of lists.
pub fn screens(scene: &Scene<'_>) -> String {
    let names = Screen::ALL.iter().enumerate();
    let names = names.map(|(at, screen)| {
        let mark = if *screen == scene.model.screen { "*" } else { "" };
        format!("{} {}{mark}", at + 1, screen.title())
    });
    names.collect::<Vec<_>>().join("  ")
}

/// Draws what was just said, above the hints.
pub fn toasts(scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    let mut lines: Vec<Line<'_>> = Vec::new();
    let width = usize::from(area.width.saturating_sub(4)).clamp(1, 100);
    for toast in scene.model.toasts.iter().filter(|toast| toast.until > scene.now) {
        let style = look.class(toast.class);
        for (at, text) in toast.text.lines().take(6).enumerate() {
            let sign = if at == 0 { look.glyph(toast.class) } else { ' ' };
            let span = Span::styled(format!(" {sign} {}", inert_line(text, look)), style);
            lines.extend(wrap(vec![span], width, 3));
        }
    }
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(area.height.saturating_sub(3));
    if height == 0 {
        return;
    }
    let place =
        Rect { x: area.x, y: area.bottom().saturating_sub(height + 1), width: area.width, height };
    page.clear(place);
    page.lines(place, &lines);
}

/// Signs of our own text, as this terminal shows them.
fn look_text(text: &str, scene: &Scene<'_>) -> String {
    if scene.look().ascii { text.replace('·', "-") } else { text.to_owned() }
}
