//! Ordinary runs from the command line to their end, with real agents, supervisors and worktrees.

#[path = "support/merge.rs"]
mod merged;
#[path = "support/project.rs"]
mod project;
mod support;

#[path = "run/agents.rs"]
mod agents;
#[path = "run/chat.rs"]
mod chat;
#[path = "run/children.rs"]
mod children;
#[path = "run/decide.rs"]
mod decide;
#[path = "run/diff.rs"]
mod diff;
#[path = "run/flow.rs"]
mod flow;
#[path = "run/forge.rs"]
mod forge;
#[path = "run/holds.rs"]
mod holds;
#[path = "run/mail.rs"]
mod mail;
#[path = "run/mcp.rs"]
mod mcp;
#[path = "run/memory.rs"]
mod memory;
#[path = "run/merge.rs"]
mod merge;
#[path = "run/paths.rs"]
mod paths;
#[path = "run/places.rs"]
mod places;
#[path = "run/queue.rs"]
mod queue;
#[path = "run/tools.rs"]
mod tools;
#[path = "run/trees.rs"]
mod trees;
#[path = "run/version.rs"]
mod version;
