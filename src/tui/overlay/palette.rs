//! The palette: everything that can be done and every place to go, found by a few letters.

use ratatui::layout::{Constraint, Layout, Rect};

use super::super::keymap::{Action, Scope};
use super::super::look::Role;
use super::super::model::Model;
use super::super::page::Page;
use super::super::scene::Scene;
use super::super::update::Data;
use super::field::Field;
use super::find::{Pick, actions, carry_out, places, screens, verbs};
use super::{Flow, Layer, frame, hints};

/// Columns of the palette.
const WIDTH: u16 = 96;
/// Lines of the palette.
const HEIGHT: u16 = 24;
/// Rows of a page.
const PAGE: isize = 10;

/// The palette.
#[derive(Debug, Clone)]
pub struct State {
    field: Field,
    pick: Pick,
}

impl State {
    /// Everything that is possible now.
    pub fn new(model: &Model, data: &Data<'_>) -> Self {
        let mut items = actions(model, &model.scopes());
        items.extend(screens());
        items.extend(places(data));
        items.extend(verbs(model));
        Self { field: Field::line(""), pick: Pick::new(items) }
    }

    fn choose(&self, model: &mut Model, data: &Data<'_>) -> Flow {
        match self.pick.chosen() {
            Some(item) => Flow::Close(carry_out(model, data, item.does.clone())),
            None => Flow::STAY,
        }
    }
}

impl Layer for State {
    fn scopes(&self) -> Vec<Scope> {
        vec![Scope::Choose, Scope::Edit]
    }

    fn field(&mut self) -> Option<&mut Field> {
        Some(&mut self.field)
    }

    fn wrote(&mut self, _model: &mut Model, _data: &Data<'_>) {
        self.pick.seek(&self.field.text());
    }

    fn update(&mut self, model: &mut Model, data: &Data<'_>, action: Action) -> Flow {
        match action {
            Action::Choose => return self.choose(model, data),
            Action::Cancel => return Flow::CLOSE,
            Action::ChooseUp | Action::Up => self.pick.step(-1),
            Action::ChooseDown | Action::Down => self.pick.step(1),
            Action::ChoosePageUp => self.pick.step(-PAGE),
            Action::ChoosePageDown => self.pick.step(PAGE),
            Action::Complete => {
                if let Some(item) = self.pick.chosen() {
                    let label = item.label.clone();
                    self.field.set(&label);
                    self.pick.seek(&label);
                }
            }
            _ => {}
        }
        Flow::STAY
    }

    fn clicked(&mut self, model: &mut Model, data: &Data<'_>, row: usize) -> Flow {
        self.pick.put(row);
        self.choose(model, data)
    }

    fn view(&self, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
        let look = scene.look();
        let width = WIDTH.min(area.width.saturating_sub(2));
        let height = HEIGHT.min(area.height.saturating_sub(2));
        let inner = frame(area, width, height, " Find ", scene, page);
        let [line, rule, list, _] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(1),
            Constraint::Fill(1),
            Constraint::Length(1),
        ])
        .areas(inner);
        self.field.view("an action, a run, a task, a command …", true, look, line, page);
        page.line(
            rule,
            &look.sign("─", "-").repeat(usize::from(rule.width)),
            look.style(Role::Border),
        );
        if self.pick.count() == 0 {
            page.line(list, "nothing is called so", look.style(Role::Dim));
        }
        self.pick.view(true, scene, list, page);
        hints(
            inner,
            &[(Action::Choose, "do it"), (Action::Complete, "fill in"), (Action::Cancel, "close")],
            scene,
            page,
        );
    }
}
