//! The verbs that show a run, with the real binary over runs on disk that the real engine made.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod place;
#[path = "../../src/snapshot/sample/script.rs"]
mod script;

mod damage;
mod json;
mod many;
mod text;
mod waiting;
