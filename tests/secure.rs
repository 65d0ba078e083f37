//! What others may have put into a project, a file or an answer: nothing of it is executed, leaks or leads elsewhere.

#[path = "support/env.rs"]
#[expect(dead_code, reason = "other test programs need the rest of it")]
mod env;
#[path = "support/project.rs"]
#[expect(dead_code, reason = "other test programs need the rest of it")]
mod project;
#[path = "support/pty.rs"]
mod pty;
mod support;
#[path = "support/terminal.rs"]
#[expect(dead_code, reason = "other test programs need the rest of it")]
mod terminal;
#[path = "fuzz/words.rs"]
mod words;

#[path = "secure/bounded.rs"]
mod bounded;
#[path = "secure/escapes.rs"]
mod escapes;
#[path = "secure/foreign.rs"]
mod foreign;
#[path = "secure/hostile.rs"]
mod hostile;
#[path = "secure/leaks.rs"]
mod leaks;
#[path = "secure/modes.rs"]
mod modes;
#[path = "secure/names.rs"]
mod names;
