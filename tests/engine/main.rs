//! The rules of gates, channels, cycles, evidence and decisions, played through the public engine.

mod support;
mod verify;

mod autonomy;
mod budgets;
mod channels;
mod checks;
mod children;
mod conditions;
mod contracts;
mod cycles;
mod decisions;
mod failures;
mod holds;
mod loops;
mod merge;
mod own_trees;
mod questions;
mod rest;
mod takeovers;
mod workflows;
mod writers;
