//! Everything at once: supervisors, shims and agents are killed in any order while commands are given.

use crew::event::Body;
use crew::runtime::process::{self, Signal};

use crate::accident::pause;
use crate::project::TestEnv;
use crate::support::wait_until;

const STEPS: &str = "## a\nrole: reader\n\nx\n\n## b\nrole: reader\n\nx\n\n## c\nrole: writer\ndependsOn: a, b\n\nx\n\n\
                     ## d\nrole: reader\ndependsOn: c\n\nx";

/// One run under fire; afterwards it is brought to its end without further accidents.
fn round(env: &TestEnv, random: &mut fastrand::Rng) {
    let run = env.start("chaos", &["-w", "four", "-a", "sh"]);
    let number = run.to_string();
    for _ in 0..random.u32(2..6) {
        pause(random.u64(0..120));
        match random.u32(0..6) {
            0 => drop(env.output(&["pause", &number, "--no-wait"])),
            1 => drop(env.output(&["resume", &number])),
            2 => drop(env.output(&["send", &number, "a word"])),
            _ => {
                let found = env.processes();
                if let Some(process) = random.choice(found) {
                    drop(process::signal(process, Signal::KILL));
                }
            }
        }
    }
    // Whatever came of it, a person can always bring it to its end.
    wait_until("a person has brought the run to its end", || {
        let state = env.state(run);
        if state.status.is_terminal() && state.is_at_rest() {
            return true;
        }
        if state.is_at_rest() {
            drop(env.output(&["resume", &number]));
        } else if env.supervisor(run).is_none() {
            env.supervise(run);
        }
        pause(20);
        false
    });
    let end = env.rest(run);
    assert!(end == "done" || end == "failed(agent_failed)", "{end}");
    check(env, run);
}

/// What must hold whatever happened.
fn check(env: &TestEnv, run: u32) {
    let whole = crew::store::log::verify(env.run_dir(run).events()).expect("read");
    assert!(whole.damage.is_none() && whole.torn.is_none(), "{whole:?}");
    let ledger = env.ledger(run);
    assert!(ledger.state().is_consistent());
    let mut live = std::collections::BTreeSet::new();
    for record in env.records(run) {
        if let Body::AttemptStarted(started) = &record.body {
            assert!(live.insert(started.task.clone()), "two at once");
        } else if let Body::AttemptEnded(end) = &record.body {
            assert!(live.remove(&end.task), "ended twice");
        }
    }
    assert!(live.is_empty(), "{live:?}");
}

fn rounds(seed: u64, rounds: u32) {
    let env = TestEnv::new();
    env.agent(
        "cat >/dev/null; sleep 0.1 & sleep 0.05; [ $CREW_TASK = c ] && echo $$ >> c.txt; sleep 0.05; echo ok",
    );
    env.workflow("four", "", STEPS);
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..rounds {
        round(&env, &mut random);
    }
}

#[test]
fn a_run_under_fire_can_always_be_brought_to_its_end_1() {
    rounds(11, 4);
}

#[test]
fn a_run_under_fire_can_always_be_brought_to_its_end_2() {
    rounds(12, 4);
}
