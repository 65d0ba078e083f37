//! What every protocol is to the driver: a pure machine.

use serde_json::Value;

use crate::agent::live::{Note, Order};
use crate::base::flow::Permission;

/// What a machine wants done, in this order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Do {
    /// Write this line to the program.
    Send(Value),
    /// Write this note to the output.
    Say(Note),
}

/// Where a turn stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The program works, or has something to take in.
    Working,
    /// Its turn is over, whether it ended well; what came meanwhile it may still take up by itself.
    Resting(bool),
    /// It has nothing more to do: whether its turn ended well.
    Over(bool),
}

/// What a machine knows of the attempt.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    /// How requests for permission are answered.
    pub(super) consent: Permission,
    /// Its command line or its environment holds it to that already.
    pub(super) is_held: bool,
    /// Makes names of messages this attempt's own.
    pub(super) mark: String,
    /// Where the program works.
    pub(super) cwd: String,
    /// Session to go on with.
    pub(super) session: Option<String>,
    /// Model to ask for.
    pub(super) model: Option<String>,
    /// MCP servers, as the configuration file of the attempt names them.
    pub(super) mcp: Value,
}

/// One protocol.
pub(super) trait Machine {
    /// The turn begins with this prompt.
    fn start(&mut self, prompt: &str) -> Vec<Do>;

    /// The program printed a JSON object.
    fn line(&mut self, line: &Value) -> Vec<Do>;

    /// A message comes while the program works, or when it has just stopped.
    fn message(&mut self, order: &Order) -> Vec<Do>;

    /// A request of the program is answered; an unknown one is answered already.
    fn answer(&mut self, request: &str, answer: &str) -> Vec<Do>;

    /// The program shall leave what it does.
    fn interrupt(&mut self) -> Vec<Do>;

    /// Where the turn stands.
    fn phase(&self) -> Phase;
}
