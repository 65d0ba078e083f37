//! A question before something that cannot be taken back.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::keymap::{Action, Scope};
use super::super::look::Role;
use super::super::model::Model;
use super::super::page::{Page, Target};
use super::super::scene::Scene;
use super::super::text::wrap;
use super::super::update::Data;
use super::{Flow, Layer, centered};
use crate::base::Time;

/// Milliseconds for which an answer does not count: it was meant for what was there before.
const GUARD_MS: u64 = 300;
/// Columns of the question.
const WIDTH: u16 = 64;

/// A question before something that cannot be taken back.
#[derive(Debug, Clone)]
pub struct State {
    /// What is asked.
    pub question: String,
    /// What a yes does: command lines, and what is told when they worked.
    pub calls: Vec<(Vec<String>, String)>,
    /// When it appeared.
    pub since: Time,
}

impl Layer for State {
    fn scopes(&self) -> Vec<Scope> {
        vec![Scope::Confirm]
    }

    fn update(&mut self, model: &mut Model, data: &Data<'_>, action: Action) -> Flow {
        match action {
            Action::Yes if data.now.since_ms(self.since) >= GUARD_MS => {
                let calls = std::mem::take(&mut self.calls);
                Flow::Close(calls.into_iter().map(|(args, told)| model.call(args, &told)).collect())
            }
            Action::No => Flow::CLOSE,
            _ => Flow::STAY,
        }
    }

    fn view(&self, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
        view(self, scene, area, page);
    }
}

fn view(state: &State, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    let width = WIDTH.min(area.width.saturating_sub(2));
    let inner_width = usize::from(width.saturating_sub(4)).max(1);
    let mut lines = wrap(vec![Span::raw(state.question.clone())], inner_width, 0);
    for (args, _) in &state.calls {
        let line = format!("crew {}", args.join(" "));
        lines.extend(wrap(vec![Span::styled(line, look.style(Role::Code))], inner_width, 2));
    }
    lines.push(Line::default());
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(3);
    let area = centered(area, width, height);
    page.clear(area);
    let inner = page.panel(area, Line::from(" Sure? "), true);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    page.lines(inner, &lines);
    let y = inner.bottom().saturating_sub(1);
    let mut x = inner.x;
    for action in [Action::Yes, Action::No] {
        let key = scene.model.key(action);
        let hint = Line::from(vec![
            Span::styled(key, look.style(Role::Key)),
            Span::raw(format!(" {}", action.binding().hint)),
        ]);
        let width = u16::try_from(hint.width()).unwrap_or(0);
        let place = Rect { x, y, width, height: 1 }.intersection(inner);
        page.spans(place, &hint);
        page.hit(place, Target::Action(action));
        x = x.saturating_add(width + 4);
    }
}
