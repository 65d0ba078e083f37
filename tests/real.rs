//! The real agent programs, driven through the real binary against a scripted model server on loopback.
//!
//! They come from a package registry, so these tests are ignored by `cargo test`; `.ci/run` installs them and runs
//! `cargo test --test real -- --ignored`. `CREW_REAL_AGENTS` names the folder that holds them (`claude`, `codex`, `pi`
//! and `node`, and any of the agents of protocol.rs); `python3` plays the model.

#[path = "support/project.rs"]
#[expect(dead_code, reason = "other test programs need the rest of it")]
mod project;
#[path = "support/pty.rs"]
mod pty;
mod support;
#[path = "support/terminal.rs"]
#[expect(dead_code, reason = "other test programs need the rest of it")]
mod terminal;

#[path = "real/accidents.rs"]
mod accidents;
#[path = "real/attach.rs"]
mod attach;
#[path = "real/conformance.rs"]
mod conformance;
#[path = "real/failures.rs"]
mod failures;
#[path = "real/headless.rs"]
mod headless;
#[path = "real/live.rs"]
mod live;
#[path = "real/protocol.rs"]
mod protocol;
#[path = "real/stage.rs"]
mod stage;
#[path = "real/tools.rs"]
mod tools;
#[path = "real/workflows.rs"]
mod workflows;
