//! Gates that approve themselves by configuration: at which level, and only when nothing else is missing.

use crew::engine::Command;
use crew::event::Actor;
use crew::event::decision::Action;

use super::support::{Play, plan};

fn text(level: &str, when: &str) -> String {
    format!(
        "---\nname: t\nstart: a\nend: b\ngates:\n  ok: {{ fields: {{ yes: bool }}, writers: [human], {level}when: {when} }}\n\
         channels:\n  - {{ from: a, to: b, gate: ok }}\n---\n\n## a\nrole: coder\n\nx\n\n## b\nrole: qa\n\nx\n"
    )
}

fn play(autonomy: u32, text: &str) -> Play {
    let mut play = Play::new(plan(text));
    let mut created = (*play.state.created).clone();
    created.limits.autonomy = autonomy;
    play.adopt(created);
    play
}

const YES: &str = "{ check: yes, eq: true }";

#[test]
fn a_gate_approves_itself_up_to_the_configured_level() {
    for (autonomy, level, is_approved) in [
        (0, "requiredLevel: 0, ", false),
        (0, "requiredLevel: 1, ", false),
        (1, "", false),
        (1, "requiredLevel: 2, ", false),
        (2, "requiredLevel: 2, ", true),
        (5, "requiredLevel: 1, ", true),
    ] {
        let mut play = play(autonomy, &text(level, YES));
        play.end("a");
        let status = play.status();
        assert_eq!(status == "running", is_approved, "{autonomy} {level} {status}");
        if is_approved {
            let made = play.state.decisions[0].verdict.as_ref().unwrap();
            assert_eq!((made.action, &made.by), (Action::Approve, &Actor::Supervisor));
            assert!(made.text.starts_with("configured autonomy"), "{}", made.text);
        }
    }
}

#[test]
fn it_approves_only_what_nothing_else_keeps_closed() {
    let when = "{ all: [{ check: yes, eq: true }, { exec: check }] }";
    for (code, expected) in [(1, "blocked(validation_exhausted)"), (0, "running")] {
        let mut play = play(3, &text("requiredLevel: 3, ", when));
        play.exec = Some(code);
        for _ in 0..2 {
            if play.live() == ["a"] {
                play.end("a");
            }
        }
        assert_eq!(play.status(), expected);
        let approved = play.state.decisions.iter().any(|entry| entry.verdict.is_some());
        assert_eq!(approved, code == 0);
    }
}

#[test]
fn a_person_s_no_stands() {
    let mut play = play(0, &text("requiredLevel: 1, ", YES));
    play.end("a");
    play.decide(Some("ok"), Action::Reject, "not yet").unwrap();
    assert_eq!(play.status(), "blocked(human_rejected)");
    let mut created = (*play.state.created).clone();
    created.limits.autonomy = 5;
    play.adopt(created);
    play.person(Command::Resume { message: None, add_steps: 0 }).unwrap();
    assert_eq!(play.status(), "blocked(human_rejected)");
}
