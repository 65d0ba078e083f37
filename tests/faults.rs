//! Accidents with real processes: whatever is killed, full, torn, mute or deaf, a run stays whole.

#[path = "support/calls.rs"]
mod calls;
#[path = "support/curl.rs"]
mod curl;
#[path = "support/merge.rs"]
mod merged;
#[path = "support/mount.rs"]
mod mount;
#[path = "support/project.rs"]
mod project;
#[path = "support/pty.rs"]
mod pty;
#[path = "support/slots.rs"]
mod slots;
mod support;

#[path = "faults/accident.rs"]
mod accident;
#[path = "faults/bring_in.rs"]
mod bring_in;
#[path = "faults/calls.rs"]
mod call_by_call;
#[path = "faults/clock.rs"]
mod clock;
#[path = "faults/disk.rs"]
mod disk;
#[path = "faults/git.rs"]
mod git;
#[path = "faults/input.rs"]
mod input;
#[path = "faults/killed.rs"]
mod killed;
#[path = "faults/limits.rs"]
mod limits;
#[path = "faults/log.rs"]
mod log;
#[path = "faults/merge.rs"]
mod merge;
#[path = "faults/merge_places.rs"]
mod merge_places;
#[path = "faults/notices.rs"]
mod notices;
#[path = "faults/output.rs"]
mod output;
#[path = "faults/stop.rs"]
mod stop;
#[path = "faults/strangers.rs"]
mod strangers;
#[path = "faults/supervisor.rs"]
mod supervisor;
#[path = "faults/terminal.rs"]
mod terminal;
#[path = "faults/usage.rs"]
mod usage;
