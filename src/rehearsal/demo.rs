//! The example of `crew demo`: a tiny project with a bug, and agents that really fix it.

/// What the demonstration's run is asked to do.
pub const GOAL: &str = "Fix the greeting when no name is given, and test it";

/// Name under which `crew rehearse --script` finds the demonstration's script.
pub const SCRIPT_NAME: &str = "@demo";

pub(super) const SCRIPT: &str = include_str!("demo.toml");

const FILES: &[(&str, &str)] = &[
    ("README.md", include_str!("sample/README.md")),
    ("greet.sh", include_str!("sample/greet.sh")),
    ("test.sh", include_str!("sample/test.sh")),
];

/// The files of the sample project: path and content. `sh test.sh` fails in it until it is fixed.
pub fn files() -> &'static [(&'static str, &'static str)] {
    FILES
}
