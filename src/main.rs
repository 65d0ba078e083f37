//! The `crew` program.

fn main() {}
