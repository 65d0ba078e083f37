//! The verbs that change or configure things, by the real program in a home and a project of their own.

#[path = "support/env.rs"]
mod env;
mod support;

#[path = "commands/configure.rs"]
mod configure;
#[path = "commands/decide.rs"]
mod decide;
#[path = "commands/guard.rs"]
mod guard;
#[path = "commands/help.rs"]
mod help;
#[path = "commands/mend.rs"]
mod mend;
#[path = "commands/resources.rs"]
mod resources;
#[path = "commands/runs.rs"]
mod runs;
#[path = "commands/talk.rs"]
mod talk;
