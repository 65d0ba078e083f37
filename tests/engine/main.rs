//! The rules of gates, channels, cycles, evidence and decisions, played through the public engine.

mod support;
mod verify;

mod channels;
mod checks;
mod children;
mod conditions;
mod cycles;
mod decisions;
mod holds;
mod loops;
mod questions;
mod rest;
mod workflows;
mod writers;
