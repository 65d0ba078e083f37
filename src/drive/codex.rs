//! A protocol that crew does not speak yet.

use serde_json::Value;

use super::machine::{Do, Machine, Phase, Setting};
use crate::agent::live::{Note, Order};

/// The conversation.
#[derive(Debug)]
pub(super) struct Codex {
    setting: Setting,
}

impl Codex {
    pub(super) fn new(setting: Setting) -> Self {
        Self { setting }
    }
}

impl Machine for Codex {
    fn start(&mut self, _: &str) -> Vec<Do> {
        let Setting { cwd, session, model, mcp, .. } = &self.setting;
        let why = format!("not spoken yet: {cwd} {session:?} {model:?} {mcp}");
        vec![Do::Say(Note::Failed { why })]
    }

    fn line(&mut self, _: &Value) -> Vec<Do> {
        Vec::new()
    }

    fn message(&mut self, _: &Order) -> Vec<Do> {
        Vec::new()
    }

    fn answer(&mut self, _: &str, _: &str) -> Vec<Do> {
        Vec::new()
    }

    fn interrupt(&mut self) -> Vec<Do> {
        Vec::new()
    }

    fn phase(&self) -> Phase {
        Phase::Over(false)
    }
}
