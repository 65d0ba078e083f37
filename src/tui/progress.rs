//! The progress that terminals show beside the window's name (`OSC 9;4`), while runs are live.

use super::pane::attention;
use super::scene::Scene;
use crate::config::Environment;
use crate::snapshot::Class;

/// Bytes that take the progress away.
pub(super) const CLEAR: &str = "\u{1b}]9;4;0;0\u{1b}\\";
/// The first VTE that shows progress.
const VTE_FROM: u32 = 8_000;

/// How far the live runs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progress {
    /// Whether they wait for a person.
    is_held: bool,
    percent: u8,
}

impl Progress {
    /// What is to be shown; nothing while nothing is live.
    pub(super) fn of(scene: &Scene<'_>) -> Option<Self> {
        let rows = scene.world.views.values().map(|run| &run.status.run);
        let open: Vec<_> = rows.filter(|run| run.status.needs_supervisor()).collect();
        let live = open.iter().any(|run| run.progress.live > 0);
        let items = attention::items(scene);
        let is_held = !live && items.iter().any(|item| item.class == Class::NeedsYou);
        if !live && !is_held {
            return None;
        }
        let (done, all) = open
            .iter()
            .fold((0, 0), |(done, all), run| (done + run.progress.done, all + run.progress.tasks));
        let percent = u8::try_from(done * 100 / all.max(1)).unwrap_or(100).min(100);
        Some(Self { is_held, percent })
    }

    /// The bytes that show it.
    pub(super) fn bytes(self) -> String {
        let state = if self.is_held { 4 } else { 1 };
        format!("\u{1b}]9;4;{state};{}\u{1b}\\", self.percent)
    }
}

/// Whether the terminal shows progress: to others the same bytes are a notification.
pub(super) fn is_shown(env: &Environment) -> bool {
    let program = env.get("TERM_PROGRAM").unwrap_or_default();
    // In a multiplexer the variables tell of a terminal that is not the one that reads.
    let is_inside = env.get("TMUX").is_some() || env.get("STY").is_some();
    let is_iterm = program == "iTerm.app"
        && env.get("TERM_FEATURES").is_some_and(|features| features.contains('P'));
    let vte = env.get("VTE_VERSION").and_then(|version| version.parse::<u32>().ok());
    !is_inside
        && (matches!(program, "WezTerm" | "ghostty")
            || is_iterm
            || env.get("WT_SESSION").is_some()
            || env.get("ConEmuANSI") == Some("ON")
            || vte.is_some_and(|version| version >= VTE_FROM))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::sample;
    use crate::tui::testing::{Stage, run_of};

    #[test]
    fn progress_is_told_while_something_lives_and_held_while_a_person_is_asked() {
        let made = sample::records(sample::started());
        let progress = Progress::of(&Stage::new(vec![run_of(made)]).scene()).unwrap();
        assert_eq!(progress, Progress { is_held: false, percent: 25 });
        assert_eq!(progress.bytes(), "\u{1b}]9;4;1;25\u{1b}\\");
        let waits = sample::started().into_iter().chain(sample::question());
        let stage = Stage::new(vec![run_of(sample::records(waits))]);
        assert!(Progress::of(&stage.scene()).unwrap().bytes().starts_with("\u{1b}]9;4;4;"));
        assert_eq!(Progress::of(&Stage::new(Vec::new()).scene()), None);
    }

    #[test]
    fn only_terminals_that_know_it_are_told() {
        let shows = |variables: &[(&str, &str)]| is_shown(&variables.iter().copied().collect());
        assert!(shows(&[("TERM_PROGRAM", "ghostty")]));
        assert!(shows(&[("WT_SESSION", "1")]));
        assert!(shows(&[("VTE_VERSION", "8001")]) && !shows(&[("VTE_VERSION", "7600")]));
        assert!(!shows(&[("TERM_PROGRAM", "WezTerm"), ("TMUX", "/tmp/x,1,0")]));
        assert!(!shows(&[("TERM_PROGRAM", "iTerm.app"), ("TERM_FEATURES", "T3")]));
        assert!(shows(&[("TERM_PROGRAM", "iTerm.app"), ("TERM_FEATURES", "T3P")]));
        assert!(!shows(&[("TERM", "xterm-kitty")]));
    }
}
