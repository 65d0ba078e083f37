//! The rules of gates, channels, cycles, evidence and decisions, played through the public engine.

mod support;

mod channels;
mod checks;
mod children;
mod conditions;
mod cycles;
mod decisions;
mod loops;
mod questions;
mod rest;
mod workflows;
mod writers;
