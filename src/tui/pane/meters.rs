//! The line of meters: money, tokens, slots, limits, memory and heartbeats; what has no room is left out.

use std::collections::BTreeMap;

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::look::Role;
use super::super::page::Page;
use super::super::scene::Scene;
use super::super::text::{columns, inert_line};
use super::super::world::RunView;
use super::chrome::{heartbeat, short};
use crate::base::Time;
use crate::snapshot::Class;

/// Cells of a bar.
const GAUGE_CELLS: usize = 8;
/// Heartbeats that are shown.
const BEATS: usize = 16;
/// Milliseconds from which on the day of a moment is told, too.
const FAR_MS: u64 = 20 * 3_600_000;

/// One meter: how soon it makes room for others, later for larger numbers, and how it looks.
type Meter = (u8, Vec<Span<'static>>);

/// Draws the meters that have room, in their order.
pub fn view(scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let mut meters: Vec<Meter> = Vec::new();
    if let Some(run) = scene.selected_run() {
        let (used, minutes) = money(run, scene);
        meters.push((9, used));
        meters.extend(minutes.map(|minutes| (4, minutes)));
    }
    meters.extend(tokens(scene).map(|tokens| (2, tokens)));
    meters.push((5, slots(scene)));
    meters.extend(limits(scene).map(|limits| (8, limits)));
    meters.extend(memory(scene).map(|memory| (3, memory)));
    meters.extend(beats(scene).map(|beats| (6, beats)));
    let wide = |meters: &[Meter]| -> usize {
        let of =
            |(_, spans): &Meter| spans.iter().map(|span| columns(&span.content)).sum::<usize>();
        meters.iter().map(of).sum::<usize>() + 1 + 2 * meters.len().saturating_sub(1)
    };
    while meters.len() > 1 && wide(&meters) > usize::from(area.width) {
        let least = meters.iter().map(|(weight, _)| *weight).min().unwrap_or(0);
        meters.retain(|(weight, _)| *weight != least);
    }
    let mut spans = vec![Span::raw(" ")];
    for (at, (_, meter)) in meters.into_iter().enumerate() {
        if at > 0 {
            spans.push(Span::raw("  "));
        }
        spans.extend(meter);
    }
    page.spans(area, &Line::from(spans));
}

fn label(word: &str, scene: &Scene<'_>) -> Span<'static> {
    Span::styled(format!("{word} "), scene.look().style(Role::Dim))
}

fn tokens(scene: &Scene<'_>) -> Option<Vec<Span<'static>>> {
    let tokens = &scene.world.tokens;
    let rate = tokens.last().copied().unwrap_or(0);
    tokens.iter().any(|tokens| *tokens > 0).then(|| {
        let bars = Span::styled(bars(tokens, scene), scene.look().style(Role::Accent));
        vec![label("tok", scene), Span::raw(format!("{}/min ", short(rate))), bars]
    })
}

fn slots(scene: &Scene<'_>) -> Vec<Span<'static>> {
    let live: usize = scene.world.views.values().map(|run| run.status.run.progress.live).sum();
    vec![label("slots", scene), Span::raw(format!("{live}/{}", scene.world.slots))]
}

/// Which programs have met a limit, and when it ends.
fn limits(scene: &Scene<'_>) -> Option<Vec<Span<'static>>> {
    let mut ends: BTreeMap<&str, Time> = BTreeMap::new();
    let views = scene.world.views.keys().filter_map(|run| scene.run(*run));
    for run in views {
        let moment = scene.moment(run);
        for (runtime, until) in run.limits.iter().filter(|(_, until)| **until > moment) {
            let end = ends.entry(runtime).or_insert(*until);
            *end = (*end).min(*until);
        }
    }
    let texts: Vec<String> = ends
        .into_iter()
        .map(|(runtime, until)| {
            let name = inert_line(runtime, scene.look());
            format!("{name} limit resets {}", moment(until, scene))
        })
        .collect();
    let style = scene.look().class(Class::Stalled);
    let text = texts.join(scene.look().sign(" · ", ", "));
    (!text.is_empty()).then(|| vec![Span::styled(text, style)])
}

/// A moment to come: the time of day, and the day when it is not soon.
fn moment(at: Time, scene: &Scene<'_>) -> String {
    let stamp = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
    let form = if at.since_ms(scene.now) < FAR_MS { "%H:%M" } else { "%b %-d %H:%M" };
    stamp.to_zoned(scene.zone.clone()).strftime(form).to_string()
}

/// Memory of all processes of live runs; of a past nothing is known.
fn memory(scene: &Scene<'_>) -> Option<Vec<Span<'static>>> {
    let bytes = scene.world.rss_bytes.filter(|_| scene.model.replay.is_none())?;
    Some(vec![label("rss", scene), Span::raw(bytes_words(bytes))])
}

/// Bytes in few digits: `60M`, `2.1G`.
pub fn bytes_words(bytes: u64) -> String {
    let mega = bytes >> 20;
    if mega < 1_000 {
        format!("{mega}M")
    } else {
        format!("{}.{}G", mega >> 10, ((mega & 1_023) * 10) >> 10)
    }
}

fn beats(scene: &Scene<'_>) -> Option<Vec<Span<'static>>> {
    let look = scene.look();
    let views = scene.world.views.keys().filter_map(|run| scene.run(*run));
    let levels: Vec<_> =
        views.flat_map(|run| &run.status.tasks).filter_map(|task| task.heartbeat).collect();
    if levels.is_empty() {
        return None;
    }
    let mut classes: Vec<Class> = levels.into_iter().map(heartbeat).collect();
    // Where not all have room, those are seen that are not well.
    let left = classes.len().saturating_sub(BEATS);
    if left > 0 {
        classes.sort_by_key(|class| *class == Class::Running);
        classes.truncate(BEATS);
    }
    let sign = |class: Class| Span::styled(look.glyph(class).to_string(), look.class(class));
    let mut spans = vec![label("heartbeats", scene)];
    spans.extend(classes.into_iter().map(sign));
    if left > 0 {
        spans.push(Span::styled(format!("+{left}"), look.style(Role::Dim)));
    }
    Some(spans)
}

/// What a run has cost, against its budget; second: its minutes, where they are limited.
fn money(run: &RunView, scene: &Scene<'_>) -> (Vec<Span<'static>>, Option<Vec<Span<'static>>>) {
    let budget = &run.status.run.budget;
    let used = match (budget.used.cost_usd, run.status.run.usage.unpriced) {
        (Some(usd), 0) => format!("$ {usd:.2}"),
        (Some(usd), _) => format!("$ {usd:.2}+"),
        (None, 0) => "$ -".to_owned(),
        (None, _) => "$ ?".to_owned(),
    };
    let mut spans = vec![Span::raw(used)];
    if let Some(limit) = budget.cost_usd {
        spans.push(Span::raw(format!("/{limit:.2} ")));
        spans.push(gauge(budget.used.cost_usd.unwrap_or(0.0) / limit.max(0.001), scene));
    }
    let minutes = budget.minutes.map(|minutes| {
        let passed = if run.status.run.progress.live > 0 { scene.passed_ms(run) } else { 0 };
        let active = (budget.used.active_ms + passed) / 60_000;
        vec![label("min", scene), Span::raw(format!("{active}/{minutes}"))]
    });
    (spans, minutes)
}

/// A bar of eight cells.
fn gauge(part: f64, scene: &Scene<'_>) -> Span<'static> {
    let look = scene.look();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "between 0 and the number of cells"
    )]
    let full = (part.clamp(0.0, 1.0) * GAUGE_CELLS as f64).round() as usize;
    let class = if part >= 0.8 { Class::NeedsYou } else { Class::Running };
    let (on, off) = (look.sign("█", "#"), look.sign("░", "."));
    Span::styled(
        format!("{}{}", on.repeat(full), off.repeat(GAUGE_CELLS - full)),
        look.class(class),
    )
}

fn bars(values: &[u64], scene: &Scene<'_>) -> String {
    let signs: &[char] =
        scene.look().sign(&['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'], &['_', '.', ':', '|']);
    let most = values.iter().copied().max().unwrap_or(0).max(1);
    let last = signs.len() as u64 - 1;
    let level = |value: u64| usize::try_from(value * last / most).unwrap_or(0);
    values.iter().map(|value| signs[level(*value).min(signs.len() - 1)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::sample;
    use crate::tui::testing::{ASCII, Stage, UNICODE, run_of};

    fn stage() -> Stage {
        let mut run = run_of(sample::records(sample::started()));
        run.limits.insert("claude".to_owned(), run.status.now.plus_ms(3_600_000));
        let mut stage = Stage::new(vec![run]);
        stage.world.rss_bytes = Some(2_150 << 20);
        stage.world.tokens = vec![0, 40, 4_100];
        stage
    }

    fn meters(stage: &mut Stage, width: u16) -> String {
        let look = if width == 160 { UNICODE } else { ASCII };
        let screen = stage.draw((width, 36), look);
        screen.lines().nth(1).unwrap_or_default().to_owned()
    }

    #[test]
    fn meters_that_have_no_room_are_left_out_the_least_one_first() {
        let mut stage = stage();
        let has = |line: &str, words: &[&str]| words.iter().all(|word| line.contains(word));
        let line = meters(&mut stage, 160);
        let all =
            ["$ ", "tok 4.1k/min", "slots 1/8", "claude limit resets ", "rss 2.0G", "heartbeats ●"];
        assert!(has(&line, &all), "{line}");
        let line = meters(&mut stage, 80);
        assert!(has(&line, &["$ ", "slots", "claude limit", "heartbeats *"]), "{line}");
        assert!(!line.contains("tok"), "{line}");
        let line = meters(&mut stage, 50);
        assert!(has(&line, &["$ ", "claude limit resets"]) && !line.contains("slots"), "{line}");
    }

    #[test]
    fn a_limit_that_is_over_is_not_told_and_a_far_one_with_its_day() {
        let mut stage = stage();
        stage.wait(3_600_000);
        assert!(!meters(&mut stage, 160).contains("limit"));
        let mut stage = Stage::new(vec![{
            let mut run = run_of(sample::records(sample::started()));
            run.limits.insert("codex".to_owned(), run.status.now.plus_ms(5 * 86_400_000));
            run
        }]);
        let line = meters(&mut stage, 160);
        let word = line.split("codex limit resets ").nth(1).unwrap_or_default();
        assert!(word.starts_with(|c: char| c.is_ascii_uppercase()), "{line}");
    }

    #[test]
    fn bytes_are_told_in_few_digits() {
        assert_eq!(bytes_words(62 << 20), "62M");
        assert_eq!(bytes_words(2_150 << 20), "2.0G");
        assert_eq!(bytes_words(999 << 20), "999M");
    }
}
