//! The screens in README.md are what the program shows.

use crate::demo::demo;
use crate::project::TestEnv;
use crate::screen::Screen;

/// The block below a mark in the README.
fn block(readme: &str, name: &str) -> String {
    let mark = format!("<!-- screen: {name} -->\n\n```text\n");
    let (_, rest) = readme.split_once(&mark).unwrap_or_else(|| panic!("no `{mark}` in README.md"));
    rest.split("```").next().unwrap_or_default().to_owned()
}

/// What of a screen is the same each time: its words, without those that may be cut.
fn essence(screen: &str) -> Vec<Vec<String>> {
    let lines = screen.lines().map(|line| {
        let cells = line.split(['│', '┌', '┐', '└', '┘']);
        let words = cells.flat_map(|cell| {
            let mut words: Vec<String> = cell
                .split_whitespace()
                .filter(|word| {
                    word.chars().all(|c| c.is_alphabetic() || c == '-') && word.len() > 3
                })
                .map(str::to_owned)
                .collect();
            words.pop();
            words
        });
        words.collect::<Vec<_>>()
    });
    lines.filter(|words| !words.is_empty()).collect()
}

#[track_caller]
fn check(screen: &Screen, name: &str) {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"));
    let shown = block(&readme.expect("README.md"), name);
    let wanted = essence(&shown);
    assert!(wanted.len() > 5, "the screen `{name}` in README.md is empty");
    screen.wait_for(&format!("the screen `{name}` is that of README.md"), |text| {
        essence(text) == wanted
    });
}

#[test]
fn the_screens_in_the_readme_are_what_the_program_shows() {
    let env = TestEnv::new();
    let (screen, _) = demo(&env, "0");
    screen.wait("approve plan-approval");
    screen.keys("g");
    check(&screen, "fleet");
    screen.keys("w");
    check(&screen, "inbox");
    screen.keys("3");
    check(&screen, "workflow");
    screen.keys("q");
    assert_eq!(screen.ends().0, Some(0));
}

/// The table of keys as docs/dashboard.md has it.
fn keys() -> String {
    use std::fmt::Write;

    use crew::tui::keymap::BINDINGS;

    let mut text = String::from("| keys | where | action | what it does |\n|---|---|---|---|\n");
    for row in BINDINGS {
        let keys: Vec<String> =
            row.keys.iter().map(|key| format!("`{}`", key.replace('|', "\\|"))).collect();
        let (place, name) = (row.scope.title(), row.action.name());
        writeln!(text, "| {} | {place} | `{name}` | {} |", keys.join(" "), row.help)
            .expect("grows");
    }
    text
}

#[test]
fn the_documents_list_every_key() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/dashboard.md"));
    let page = page.expect("docs/dashboard.md");
    let keys = keys();
    assert!(page.ends_with(&format!("<!-- keys -->\n\n{keys}")), "it has to end with:\n\n{keys}");
}
