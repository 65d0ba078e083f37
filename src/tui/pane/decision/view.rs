//! The panel of a decision: what is asked, why, what was changed and checked; and below it what can be done.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::super::keymap::Action;
use super::super::super::look::Role;
use super::super::super::markdown;
use super::super::super::page::{Page, Panel, Target};
use super::super::super::scene::Scene;
use super::super::super::text::{fit, inert, inert_line, wrap};
use super::super::super::world::RunView;
use super::super::attention::{Item, Matter};
use super::super::{diff, why};
use super::act::{CHOICES, is_chosen};
use super::{command, has_patch, is_settled, row};
use crate::base::time::human_ms;
use crate::client::briefing::Briefing;
use crate::client::patch::Patch;
use crate::event::decision::{Action as Verdict, DecisionKind};
use crate::event::merge::MergeResult;
use crate::snapshot::{Class, DecisionRow};

/// Lines from which on each thing that can be done has a line of its own with its command.
const ROOMY: u16 = 14;

/// Draws the panel.
pub fn view(item: &Item, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    let matter = item.matter();
    let is_focused = scene.model.panel == Panel::Inspector;
    page.hit(area, Target::Panel(Panel::Inspector));
    let title = Line::from(vec![
        Span::styled(format!(" {} ", look.glyph(item.class)), look.class(item.class)),
        Span::styled(format!("{} ", inert_line(&item.title, look)), look.style(Role::Strong)),
    ]);
    let inner = page.panel(area, title, is_focused);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let width = usize::from(inner.width);
    let buttons = buttons(&matter, scene, is_focused, inner.height >= ROOMY, width);
    let height = u16::try_from(buttons.len()).unwrap_or(0).min(inner.height);
    let body = Rect { height: inner.height - height, ..inner };
    let foot = Rect { y: body.bottom(), height, ..inner };
    content(&matter, scene, body, page);
    for ((line, action), place) in buttons.iter().zip(foot.rows()) {
        page.spans(place, line);
        if let (Some(action), true) = (action, is_focused) {
            page.hit(place, Target::Action(*action));
        }
    }
}

/// Draws what belongs to the decision, from the line on to which it is scrolled.
fn content(matter: &Matter, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    let Some(run) = scene.run(matter.run) else {
        let text = scene.world.item(matter.run).and_then(|item| item.row.as_ref().err().cloned());
        let text = text.unwrap_or_else(|| "reading …".to_owned());
        return page.line(area, &inert_line(&text, look), look.style(Role::Dim));
    };
    let lines = head(matter, run, scene, usize::from(area.width));
    let patch = if has_patch(scene, matter) { scene.loads.patch(matter.run, None) } else { None };
    let patch = patch.and_then(Result::ok);
    let rows = patch.map(|patch| diff::Rows::of(patch));
    let count = rows.as_ref().map_or(0, diff::Rows::count);
    let room = usize::from(area.height);
    let top = &scene.model.inbox.decision.top;
    top.set(top.get().min((lines.len() + count).saturating_sub(room)));
    for (at, place) in (top.get()..).zip(area.rows()) {
        if let Some(line) = lines.get(at) {
            page.spans(place, line);
        } else if let (Some(rows), Some(patch)) = (&rows, patch)
            && at - lines.len() < count
        {
            let spot = rows.spot(at - lines.len());
            page.spans(place, &diff::line(patch, spot, place.width, 0, look));
        }
    }
    let below = (lines.len() + count).saturating_sub(top.get() + room);
    if below > 0 && area.height > 2 {
        let text = format!(" {below} more {} ", look.sign("▾", "v"));
        let wide = u16::try_from(text.chars().count()).unwrap_or(0).min(area.width);
        let place = Rect { x: area.right() - wide, y: area.bottom() - 1, width: wide, height: 1 };
        page.line(place, &text, look.style(Role::Dim));
    }
}

/// Everything above the changed lines.
fn head(matter: &Matter, run: &RunView, scene: &Scene<'_>, width: usize) -> Vec<Line<'static>> {
    let look = scene.look();
    let mut lines = Vec::new();
    if let Some((_, said)) =
        scene.model.inbox.decision.refused.as_ref().filter(|(of, _)| of == matter)
    {
        for line in said.lines() {
            let span = Span::styled(inert_line(line, look), look.class(Class::Failed));
            lines.extend(wrap(vec![span], width, 2));
        }
        lines.push(Line::default());
    }
    let Some(row) = row(scene, matter) else {
        facts(None, run, scene, width, &mut lines);
        lines.push(Line::default());
        lines.extend(why::lines(&run.why, scene, width));
        return lines;
    };
    asked(row, scene, width, &mut lines);
    facts(Some(row), run, scene, width, &mut lines);
    match scene.loads.briefing(matter.run, &row.id) {
        Some(Ok(briefing)) => briefed(briefing, scene, width, &mut lines),
        Some(Err(error)) => lines.extend(said(error, Role::Dim, scene, width)),
        None if row.kind == DecisionKind::Question => {}
        None => lines.extend([
            Line::default(),
            Line::styled(inert_line("reading what belongs to it …", look), look.style(Role::Faint)),
        ]),
    }
    if !has_patch(scene, matter) {
        return lines;
    }
    match scene.loads.patch(matter.run, None) {
        None => section("changes, being read", scene, &mut lines),
        Some(Err(error)) => {
            section("changes", scene, &mut lines);
            lines.extend(said(error, Role::Dim, scene, width));
        }
        Some(Ok(patch)) => changes(patch, scene, width, &mut lines),
    }
    lines
}

/// What is asked, and the answers to choose from.
fn asked(row: &DecisionRow, scene: &Scene<'_>, width: usize, lines: &mut Vec<Line<'static>>) {
    let look = scene.look();
    if row.kind == DecisionKind::Question {
        lines.extend(markdown::render(&row.text, width, look));
    } else {
        lines.extend(said(&row.text, Role::Text, scene, width));
    }
    if !row.choices.is_empty() {
        lines.push(Line::default());
    }
    for (at, choice) in row.choices.iter().enumerate() {
        let key = CHOICES.get(at).map(|action| scene.model.key(*action)).unwrap_or_default();
        let spans = vec![
            Span::styled(format!("{key:>2}  "), look.style(Role::Key)),
            Span::raw(inert_line(choice, look)),
        ];
        lines.extend(wrap(spans, width, 4));
    }
    lines.push(Line::default());
}

/// Who asks, about what, since when.
fn facts(
    row: Option<&DecisionRow>,
    run: &RunView,
    scene: &Scene<'_>,
    width: usize,
    lines: &mut Vec<Line<'static>>,
) {
    let look = scene.look();
    let status = &run.status.run;
    let mut fact = |name: &str, value: &str| {
        let spans = vec![
            Span::styled(format!("{name:<9}"), look.style(Role::Dim)),
            Span::raw(inert_line(value, look)),
        ];
        lines.extend(wrap(spans, width, 9));
    };
    fact("run", &format!("#{} {}", status.number, status.goal));
    if let Some(task) = row.and_then(|row| row.task.as_ref()) {
        let known = run.status.tasks.iter().find(|known| known.id.to_string() == *task);
        let runtime = known.and_then(|task| task.runtime.as_deref());
        fact("from", &runtime.map_or_else(|| task.clone(), |name| format!("{task} ({name})")));
    }
    if let Some(reason) = row.and_then(|row| row.reason.as_ref()).filter(|text| !text.is_empty()) {
        fact("closed", reason);
    }
    if row.is_some_and(|row| row.kind == DecisionKind::Risk) {
        let flow = format!("{} (team {})", status.workflow, status.team);
        fact("workflow", &flow);
        fact("steps", &crate::snapshot::outline(&run.plan).join("; "));
    }
    match &status.merge {
        Some(MergeResult::PrOpened { url }) => fact("pull req.", url),
        Some(MergeResult::Refused { why, detail, .. }) => {
            fact("refused", &format!("{why}: {detail}"));
        }
        Some(MergeResult::Merged { .. } | MergeResult::Nothing { .. }) | None => {}
    }
    for found in &run.status.conflicts {
        let files: Vec<&str> = found.files.iter().take(5).map(String::as_str).collect();
        fact("conflict", &format!("with run #{} in {}", found.run, files.join(", ")));
    }
    let since = row.map_or(status.updated_at, |row| row.since);
    let mut when = format!("{} ago", human_ms(scene.now.since_ms(since)));
    if let Some(end) = row.and_then(|row| row.expires_at) {
        let left = end.since_ms(scene.now);
        if left == 0 {
            when.push_str(", expired: looking at it asks anew");
        } else {
            when = format!("{when}, expires in {}", human_ms(left));
        }
    }
    fact("since", &when);
}

/// What was checked, what the gate shows, what is proposed.
fn briefed(briefing: &Briefing, scene: &Scene<'_>, width: usize, lines: &mut Vec<Line<'static>>) {
    let look = scene.look();
    if !briefing.checks.is_empty() {
        section("checked on this tree", scene, lines);
    }
    for check in &briefing.checks {
        let class = if check.is_green { Class::Done } else { Class::Failed };
        let spans = vec![
            Span::styled(format!("{} ", look.glyph(class)), look.class(class)),
            Span::raw(inert_line(&check.name, look)),
            Span::styled(format!("  {}", check.words), look.class(class)),
        ];
        lines.extend(wrap(spans, width, 2));
        for line in inert(&check.tail, look).lines() {
            let line = format!("  {}", fit(line, width.saturating_sub(2), look));
            lines.push(Line::styled(line, look.style(Role::Dim)));
        }
    }
    for shown in briefing.proposal.iter().chain(&briefing.shows) {
        section(&shown.name, scene, lines);
        lines.extend(markdown::render(&shown.text, width, look));
    }
}

/// The files with their numbers of lines; the lines themselves come after them.
fn changes(patch: &Patch, scene: &Scene<'_>, width: usize, lines: &mut Vec<Line<'static>>) {
    let look = scene.look();
    if patch.files.is_empty() {
        return section("changes: none", scene, lines);
    }
    let key = scene.model.key(Action::ShowDiff);
    section(&format!("changes: {} ({key} full size)", diff::sum(patch)), scene, lines);
    if let Some(note) = &patch.note {
        lines.extend(said(note, Role::Dim, scene, width));
    }
    lines.extend(patch.files.iter().map(|file| diff::file_line(file, width, look)));
    lines.push(Line::default());
}

/// The heading of a part.
fn section(title: &str, scene: &Scene<'_>, lines: &mut Vec<Line<'static>>) {
    let look = scene.look();
    lines.push(Line::default());
    lines.push(Line::styled(inert_line(title, look), look.style(Role::Accent)));
}

fn said(text: &str, role: Role, scene: &Scene<'_>, width: usize) -> Vec<Line<'static>> {
    let look = scene.look();
    let lines = inert(text, look);
    let wrapped = lines
        .lines()
        .flat_map(|line| wrap(vec![Span::styled(line.to_owned(), look.style(role))], width, 2));
    wrapped.collect()
}

/// What can be done: key, word, and the command that will be run.
fn buttons(
    matter: &Matter,
    scene: &Scene<'_>,
    is_focused: bool,
    is_roomy: bool,
    width: usize,
) -> Vec<(Line<'static>, Option<Action>)> {
    let look = scene.look();
    let model = scene.model;
    let mut found = vec![(Line::default(), None)];
    if is_settled(model, matter) {
        found.push((Line::styled("it is being decided", look.style(Role::Dim)), None));
        return found;
    }
    let hint = |action: Action, word: &str| {
        let key = match model.key(action).as_str() {
            "enter" => look.sign("⏎", "enter").to_owned(),
            key => key.to_owned(),
        };
        vec![
            Span::styled(format!("{key:<2}"), look.style(Role::Key)),
            Span::styled(format!("{word} "), look.style(Role::Text)),
        ]
    };
    let all = offers(matter, scene);
    if !is_focused {
        let mut spans = hint(Action::NextAttention, "decide");
        let words: Vec<&str> = all.iter().map(|(_, word, _)| *word).collect();
        spans.push(Span::styled(
            inert_line(&format!("  {}", words.join(" · ")), look),
            look.style(Role::Dim),
        ));
        found.push((Line::from(spans), Some(Action::NextAttention)));
        return found;
    }
    if is_roomy {
        for (action, word, line) in all {
            let mut spans = hint(action, &format!("{word:<16}"));
            let line = fit(&inert_line(&line, look), width.saturating_sub(19), look);
            spans.push(Span::styled(line, look.style(Role::Code)));
            found.push((Line::from(spans), Some(action)));
        }
    } else {
        let spans: Vec<Span<'static>> =
            all.iter().flat_map(|(action, word, _)| hint(*action, &format!("{word} "))).collect();
        found.push((Line::from(spans), None));
    }
    found
}

/// What can be done, in its order: the key's action, its word, and the command that will be run.
fn offers(matter: &Matter, scene: &Scene<'_>) -> Vec<(Action, &'static str, String)> {
    let Some(row) = row(scene, matter) else { return without_decision(matter, scene) };
    let offer = |verdict: &Verdict| {
        let (action, word, needs_text) = match key_of(*verdict) {
            // One key each says which.
            (Action::Answer, ..) if is_chosen(row) => (Action::Choice1, "first answer", true),
            key => key,
        };
        let args = command(scene.model, matter, *verdict, needs_text.then_some("…"));
        (action, word, format!("crew {}", args.join(" ")))
    };
    row.actions.iter().map(offer).collect()
}

/// What a key of a decision does to the one under the cursor; nothing when it does nothing.
pub fn word_of(action: Action, scene: &Scene<'_>) -> Option<&'static str> {
    let matter = scene.model.inbox.cursor.as_ref()?;
    offers(matter, scene).into_iter().find(|offer| offer.0 == action).map(|offer| offer.1)
}

/// The key of a verb, its word, and whether it needs a text.
fn key_of(verdict: Verdict) -> (Action, &'static str, bool) {
    match verdict {
        Verdict::Approve => (Action::Approve, "approve", false),
        Verdict::Merge => (Action::Approve, "merge", false),
        Verdict::Reject => (Action::Deny, "reject", true),
        Verdict::Discard => (Action::Deny, "discard", false),
        Verdict::Suggest => (Action::Suggest, "suggest", true),
        Verdict::Answer => (Action::Answer, "answer", true),
        Verdict::RequestChanges => (Action::RequestChanges, "request changes", true),
    }
}

/// What can be done about a run that asks nothing.
fn without_decision(matter: &Matter, scene: &Scene<'_>) -> Vec<(Action, &'static str, String)> {
    let row = scene.world.row(matter.run);
    let is_over = row.is_some_and(|row| row.status.is_terminal());
    let run = matter.run;
    let first = if is_over {
        (Action::Deny, "put aside", String::new())
    } else {
        (Action::Approve, "go on", format!("crew resume {run} --yes"))
    };
    vec![
        first,
        (Action::Retry, "try again", format!("crew retry {run}")),
        (Action::Why, "why", format!("crew why {run}")),
    ]
}
