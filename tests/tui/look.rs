//! What the terminal tells of itself, and what it is told beside the screen.

use crate::project::TestEnv;
use crate::screen::Screen;
use crate::support::wait_until;

#[test]
fn a_light_terminal_gets_light_colours_and_its_answer_is_no_key() {
    let env = TestEnv::new();
    let screen = Screen::open(&env, 30, 110);
    screen.wait("There is no run here yet.");
    let dark = screen.colored();
    // In two pieces, and between keys that were really pressed.
    screen.keys("?\u{1b}]11;rgb:ff");
    screen.keys("ff/fafa/f0f0\u{1b}\\");
    screen.wait(" Keys ");
    screen.keys("?");
    screen.wait_for("the help is gone", |text| !text.contains(" Keys "));
    wait_until("its colours are for a light terminal", || screen.colored() != dark);
    assert!(screen.text().contains("There is no run here yet."), "{}", screen.text());
    screen.keys("q");
    assert_eq!(screen.ends().0, Some(0));
}
