//! One frame: what surrounds the screen, the screen, and what lies over it.

use ratatui::layout::Rect;

use super::model::Screen;
use super::page::Page;
use super::pane::chrome;
use super::replay;
use super::scene::Scene;
use super::screen::{fleet, inbox, runs, task, workflow};

/// Columns and lines below which nothing but a word is shown.
const LEAST: (u16, u16) = (20, 6);

/// Draws one frame.
pub fn view(scene: &Scene<'_>, page: &mut Page<'_>) {
    let whole = page.area();
    if whole.width < LEAST.0 || whole.height < LEAST.1 {
        let style = scene.look().style(super::look::Role::Text);
        return page.line(whole, "crew: too small", style);
    }
    let area = chrome::head(scene, whole, page);
    let area = chrome::foot(scene, area, page);
    let area = replay::view(scene, area, page);
    match scene.model.screen {
        Screen::Fleet => fleet::view(scene, area, page),
        Screen::Inbox => inbox::view(scene, area, page),
        Screen::Workflow => workflow::view(scene, area, page),
        Screen::Task => task::view(scene, area, page),
        Screen::Runs => runs::view(scene, area, page),
    }
    // The bar of a replay stays to be seen.
    let bar = u16::from(scene.model.replay.is_some());
    chrome::toasts(scene, Rect { height: whole.height - bar, ..whole }, page);
    for overlay in &scene.model.overlays {
        overlay.view(scene, whole, page);
    }
}
