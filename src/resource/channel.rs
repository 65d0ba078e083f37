//! Channels of a workflow: one-way connections between two steps, with the gates that guard them.

use crate::base::flow::{Fire, Join};

use super::diagnostic::Findings;
use super::fields::{Fields, check_declared};
use super::gate::named_maps;
use super::value::{Entry, Name, Node, Pos};

/// One channel as its file declares it.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelDecl {
    /// Name of the channel; `ch-<from>-<to>` when it has none.
    pub id: String,
    /// Where it stands.
    pub pos: Pos,
    /// The step that it leaves.
    pub from: Name,
    /// The step that it enters.
    pub to: Name,
    /// Gates that must all be open; empty means that it is always open.
    pub gates: Vec<Name>,
    /// When it fires: by default `settled` with gates and `message` without.
    pub fire: Fire,
    /// Whether its author says that it closes a cycle.
    pub cyclic: bool,
    /// How often it may close one; absent means the workflow's limit.
    pub max_cycles: Option<u32>,
    /// How many edges into its target must fire.
    pub join: Option<Join>,
}

/// Reads `channels`: a list of maps, or a map by name.
pub(super) fn read_all(node: Node, findings: &mut Findings) -> Vec<ChannelDecl> {
    let mut channels: Vec<ChannelDecl> = Vec::new();
    for (id, entries) in named_maps("channels", node, findings) {
        let Some(mut channel) = read(&id, entries, findings) else {
            continue;
        };
        if id.is_empty() {
            let mut number = 2;
            let base = channel.id.clone();
            while channels.iter().any(|other| other.id == channel.id) {
                channel.id = format!("{base}-{number}");
                number += 1;
            }
        }
        channels.push(channel);
    }
    channels
}

fn read(id: &Name, entries: Vec<Entry>, findings: &mut Findings) -> Option<ChannelDecl> {
    if !id.is_empty() && !check_declared(id, id.pos, findings) {
        return None;
    }
    let mut fields = Fields::new("a channel", entries, findings);
    let (from, to) = (fields.text("from"), fields.text("to"));
    let mut gates = fields.list("gate").unwrap_or_default();
    gates.extend(fields.list("gates").unwrap_or_default());
    let default_fire = if gates.is_empty() { Fire::Message } else { Fire::Settled };
    let fire = fields.word("fire", Fire::WORDS).unwrap_or(default_fire);
    let cyclic = fields.flag("cyclic").unwrap_or(false);
    let max_cycles = fields.number("maxCycles", 1);
    let join = fields.word("join", Join::WORDS);
    fields.foreign(&["description", "label"]);
    fields.finish();
    let (Some(from), Some(to)) = (from, to) else {
        findings.error(
            id.pos,
            "the channel does not say where it goes",
            "add `from: <step>` and `to: <step>`",
        );
        return None;
    };
    let name =
        if id.is_empty() { format!("ch-{}-{}", from.value, to.value) } else { id.value.clone() };
    Some(ChannelDecl { id: name, pos: id.pos, from, to, gates, fire, cyclic, max_cycles, join })
}
