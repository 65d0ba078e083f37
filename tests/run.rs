//! Ordinary runs from the command line to their end, with real agents, supervisors and worktrees.

#[path = "support/curl.rs"]
mod curl;
#[path = "support/merge.rs"]
mod merged;
#[path = "support/project.rs"]
mod project;
#[path = "support/pty.rs"]
mod pty;
#[path = "support/slots.rs"]
mod slots;
mod support;
#[path = "support/terminal.rs"]
#[expect(dead_code, reason = "other test programs need the rest of it")]
mod terminal;

#[path = "run/agents.rs"]
mod agents;
#[path = "run/attach.rs"]
mod attach;
#[path = "run/budgets.rs"]
mod budgets;
#[path = "run/bundles.rs"]
mod bundles;
#[path = "run/chat.rs"]
mod chat;
#[path = "run/children.rs"]
mod children;
#[path = "run/decide.rs"]
mod decide;
#[path = "run/diff.rs"]
mod diff;
#[path = "run/failures.rs"]
mod failures;
#[path = "run/flow.rs"]
mod flow;
#[path = "run/forge.rs"]
mod forge;
#[path = "run/holds.rs"]
mod holds;
#[path = "run/leave.rs"]
mod leave;
#[path = "run/live.rs"]
mod live;
#[path = "run/loops.rs"]
mod loops;
#[path = "run/mail.rs"]
mod mail;
#[path = "run/mcp.rs"]
mod mcp;
#[path = "run/memory.rs"]
mod memory;
#[path = "run/merge.rs"]
mod merge;
#[path = "run/metrics.rs"]
mod metrics;
#[path = "run/own_trees.rs"]
mod own_trees;
#[path = "run/paths.rs"]
mod paths;
#[path = "run/places.rs"]
mod places;
#[path = "run/programs.rs"]
mod programs;
#[path = "run/protocol.rs"]
mod protocol;
#[path = "run/prune.rs"]
mod prune;
#[path = "run/queue.rs"]
mod queue;
#[path = "run/radar.rs"]
mod radar;
#[path = "run/risk.rs"]
mod risk;
#[path = "run/runtimes.rs"]
mod runtimes;
#[path = "run/schedules.rs"]
mod schedules;
#[path = "run/setup.rs"]
mod setup;
#[path = "run/tools.rs"]
mod tools;
#[path = "run/trees.rs"]
mod trees;
#[path = "run/usage.rs"]
mod usage;
#[path = "run/verify.rs"]
mod verify;
#[path = "run/version.rs"]
mod version;
