//! `crew` runs teams of coding agents through Markdown workflows, and records everything in append-only files.
//!
//! # How it hangs together
//!
//! Data flows one way:
//!
//! ```text
//!  Markdown ──► resource ──► plan ──► engine ──► store (events.jsonl) ──► snapshot ──► cli
//!                                       ▲                  │
//!               client: command ────────┘                  └──► runtime: effects (shims, git)
//! ```
//!
//! Wishes flow back as commands, through one door ([`ledger`]): take `run.lock`, catch up with the log,
//! ask the engine, append with one write and one sync, apply. Whoever holds the lock may append; only the
//! supervisor of the run ([`runtime`]) acts on what was appended. Readers never lock.
//!
//! 1. `events.jsonl` is the truth of a run, and its first line holds the whole plan. Everything else is a fold of it.
//! 2. The order is always append (synced), apply, act. What follows from a fact is derived from the state again
//!    after a crash, never stored and never lost.
//! 3. The engine is pure: no clock, no input or output, no randomness. It is the same live, in recovery, in replay
//!    and in the simulator of the tests.
//! 4. Output of agents never goes through the log or the supervisor: a shim connects it to a file.
//!
//! # Layers
//!
//! A module imports only from the modules that its row names, all of them on a lower layer. "None" in the fourth
//! column means: no files, processes, environment, threads or async runtime. `tests/tidy.rs` reads this table and
//! compares it with the source.
//!
//! | layer | module | may import | input and output | what it is for |
//! |---|---|---|---|---|
//! | 0 | [`base`] | – | none | names, time, text, paths in errors, limits |
//! | 1 | [`clock`] | base | clock | the only reader of the clock |
//! | 1 | [`lock`] | base | files | the only place that locks files |
//! | 1 | [`resource`] | base | files | teams, workflows, agents and skills, with findings at their lines |
//! | 2 | [`config`] | base, lock, resource | files, environment | configuration with the origin of every value; trust |
//! | 2 | [`schedule`] | base, resource | files | when runs are to be started, as files say it |
//! | 2 | [`plan`] | base, resource | none | the compiled workflow, frozen when a run starts |
//! | 3 | [`event`] | base, plan | none | what may happen in a run, and how a line of the log is written and read |
//! | 4 | [`engine`] | base, plan, event | none | what a run is, what may happen to it, and what follows |
//! | 4 | [`agent`] | base | none | command lines for agent programs, and the meaning of their output |
//! | 4 | [`store`] | base, lock, event | files, git | where files are, how they are locked, written and read |
//! | 5 | [`snapshot`] | base, plan, event, engine | none | what views see; serialised, the JSON contract |
//! | 5 | [`rehearsal`] | base, agent | files, processes | the agent that plays a role without a model |
//! | 5 | [`drive`] | base, clock, agent, store | files, processes | speaks with a program that takes input while it works |
//! | 6 | [`ledger`] | base, event, engine, store, snapshot | files | the one door through which a run changes |
//! | 6 | [`notice`] | base, config, snapshot | processes | how people are told: commands, a webhook, the desktop, the terminal |
//! | 7 | [`launch`] | base, config, event, engine, agent, store, ledger | processes | the queue, and starting supervisors |
//! | 7 | [`prune`] | base, event, engine, store, ledger | files, git | which worktrees may go, and their removal |
//! | 8 | [`runtime`] | base, clock, config, plan, event, engine, agent, store, snapshot, ledger, notice, launch, prune | processes, git | the supervisor of a run and the shim of an attempt |
//! | 8 | [`client`] | base, config, resource, schedule, plan, event, engine, agent, store, snapshot, ledger, launch, prune | files, supervisors | what every front end does: open a project, find a run, give a command |
//! | 9 | [`cli`] | base, clock, config, resource, schedule, plan, event, engine, agent, store, snapshot, rehearsal, ledger, notice, launch, prune, client | terminal | the command line, one file for each verb |
//! | 9 | [`tui`] | base, clock, config, resource, plan, event, engine, agent, store, snapshot, ledger, notice, launch, client | terminal | the dashboard |
//! | 10 | [`app`] | base, clock, config, resource, client, runtime, rehearsal, cli, tui | terminal | where everything meets: the only module that sees the runtime and a front end |

// Some files of samples serve the unit tests and the tests of the binary alike.
#[cfg(test)]
extern crate self as crew;

pub mod agent;
pub mod app;
pub mod base;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod drive;
pub mod engine;
pub mod event;
pub mod launch;
pub mod ledger;
pub mod lock;
pub mod notice;
pub mod plan;
pub mod prune;
pub mod rehearsal;
pub mod resource;
pub mod runtime;
pub mod schedule;
pub mod snapshot;
pub mod store;
pub mod tui;
