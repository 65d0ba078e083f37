//! What is used is counted once, also when shims and supervisors are killed in the middle of a session.

use crew::event::EndReason;

use crate::accident::kill;
use crate::killed::kill_all;
use crate::project::TestEnv;

/// The sum of a session over three attempts, of which two hang after they have told it until they are killed.
fn told_and_killed(end: impl Fn(&TestEnv, u32, u32)) {
    let env = TestEnv::new();
    let sum = |input: u32| {
        format!(
            r#"echo '{{"type":"thread.started","thread_id":"s-1"}}'
echo '{{"type":"item.completed","item":{{"id":"1","type":"agent_message","text":"Done."}}}}'
echo '{{"type":"turn.completed","usage":{{"input_tokens":{input},"cached_input_tokens":0,"output_tokens":1}}}}'"#
        )
    };
    let script = format!(
        "cat >/dev/null; echo \"$CREW_ATTEMPT_NUMBER $*\" >> $NOTES/begun
case $CREW_ATTEMPT_NUMBER in
1) {} ;;
2) {} ;;
*) {}; exit ;;
esac
touch $NOTES/told-$CREW_ATTEMPT_NUMBER; sleep 600 & wait",
        sum(100),
        sum(130),
        sum(175)
    );
    let path = env.program("agent.sh", &script);
    env.config(&format!(
        "[runtimes.sh]\ncommand = [\"{path}\"]\noutput = \"codex\"
resume = [\"{path}\", \"resume\", \"{{session}}\"]"
    ));
    env.workflow("one", "", "## work\nrole: reader\n\n{goal}");
    let run = env.start_workflow("one");
    for attempt in 1..=2 {
        env.wait_note(&format!("told-{attempt}"));
        end(&env, run, attempt);
    }
    assert_eq!(env.rest(run), "done");
    let ends = env.ends(run);
    let reasons: Vec<EndReason> = ends.iter().map(|end| end.reason).collect();
    assert_eq!(reasons, [EndReason::Lost, EndReason::Lost, EndReason::Exited]);
    let used: Vec<u64> = ends.iter().map(|end| end.usage.input_tokens).collect();
    assert_eq!(used, [100, 30, 45]);
    assert_eq!(env.state(run).usage.input_tokens, 175);
    assert_eq!(env.note("begun"), ["1 ", "2 resume s-1", "3 resume s-1"]);
}

#[test]
fn a_session_whose_shims_are_killed_is_counted_once() {
    told_and_killed(|env, run, attempt| kill(env.shim(run, "work", attempt).shim));
}

#[test]
fn a_session_of_which_everything_is_killed_is_counted_once() {
    told_and_killed(|env, run, _| {
        kill_all(env, run);
        env.supervise(run);
    });
}
