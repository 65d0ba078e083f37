//! The targets, as `cargo test` plays them.

#![expect(dead_code, reason = "each program is one of the targets")]

#[path = "../tests/fuzz/targets.rs"]
pub mod targets;
#[path = "../tests/fuzz/words.rs"]
mod words;
