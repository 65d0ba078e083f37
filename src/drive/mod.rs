//! The driver of an agent program that takes input while it works: `crew drive`.
//!
//! It stands between the shim and the program, with pipes on both sides, so that a supervisor may come and
//! go. What the program prints is passed on as it came; what a supervisor has to tell arrives as lines of
//! `live.jsonl` in the attempt's folder, and every one that the program took is noted. Each protocol is one
//! pure machine: a line or an order goes in, lines for the program and notes come out. The one entry point
//! is [`main`].

mod acp;
mod args;
mod claude;
mod codex;
mod consent;
mod inbox;
mod machine;
mod output;
mod pi;
mod program;
mod turn;

#[cfg(test)]
mod tests;

pub use program::main;
