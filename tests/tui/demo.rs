//! A person plays the demonstration: from the first frame to the merge, with nothing but keys.

use crew::base::RunNumber;
use crew::store::ProjectDir;

use crate::project::TestEnv;
use crate::screen::Screen;

/// The demonstration in a folder of its own, at a terminal.
pub fn demo(env: &TestEnv, speed: &str) -> (Screen, ProjectDir) {
    let folder = env.root.join("demo");
    let screen = Screen::start(
        &env.crew(&["demo", "--speed", speed, "--dir", folder.as_str()]),
        env,
        36,
        120,
    );
    (screen, ProjectDir::new(folder, None, None))
}

/// Presses a key until the screen is as it should be: approvals do not count in their first moment.
#[track_caller]
fn press_until(screen: &Screen, key: &str, what: &str, mut holds: impl FnMut(&str) -> bool) {
    screen.wait_for(what, |text| {
        let is_there = holds(text);
        if !is_there {
            screen.keys(key);
        }
        is_there
    });
}

#[test]
fn the_demonstration_is_approved_and_merged_with_keys_alone() {
    let env = TestEnv::new();
    let (screen, dir) = demo(&env, "0");
    screen.wait("approve plan-approval");
    screen.keys("w");
    screen.wait("let name default to world");
    press_until(&screen, "a", "the plan is approved", |text| {
        !text.contains("approve plan-approval")
    });
    screen.wait("merge #1");
    screen.keys("w");
    press_until(&screen, "a", "the work is merged", |text| !text.contains("needs you"));
    screen.keys("1");
    screen.wait("done (merged)");
    screen.keys("q");
    let (code, left) = screen.ends();
    assert_eq!(code, Some(0), "{left}");
    let state = crew::ledger::Ledger::open(dir.run(RunNumber(1))).expect("the run");
    assert_eq!(state.state().status.kind().as_str(), "done");
    let merged = std::process::Command::new("sh")
        .args(["-c", "sh test.sh && git log --oneline --merges | wc -l"])
        .current_dir(dir.root())
        .output()
        .expect("started");
    assert!(merged.status.success(), "{merged:?}");
    assert!(String::from_utf8_lossy(&merged.stdout).trim_end().ends_with('1'), "{merged:?}");
}
