//! Workflows of several steps: order, slots, failures beside independent work, command steps, limits of time.

use crew::event::Body;

use crate::project::TestEnv;
use crate::support::wait_until;

/// The most agents that noted to live at once, by `+` and `-` lines.
fn most_at_once(lines: &[String]) -> i32 {
    let mut live = 0;
    let mut most = 0;
    for line in lines {
        live += if line.starts_with('+') { 1 } else { -1 };
        most = most.max(live);
    }
    most
}

/// Notes its life; goes when all of the first `n` have come, or at once.
fn meeting(n: u32) -> String {
    format!(
        "cat >/dev/null; echo \"+$CREW_TASK\" >> $NOTES/life; touch $NOTES/in.$CREW_SLOT
while [ $(ls $NOTES | grep -c '^in\\.') -lt {n} ]; do sleep 0.02; done
echo \"-$CREW_TASK\" >> $NOTES/life; echo did it"
    )
}

#[test]
fn the_default_workflow_runs_in_order_and_hands_over_its_work() {
    let env = TestEnv::new();
    env.whole_config("");
    let output = env.output(&["run", "Add a greeting", "-a", "rehearsal", "--speed", "0"]);
    assert_eq!(output.status.code(), Some(4), "a person decides about the merge: {output:?}");
    assert_eq!(env.status_text(1), "waiting");
    let order: Vec<String> = env
        .records(1)
        .iter()
        .filter_map(|record| {
            let Body::AttemptStarted(started) = &record.body else { return None };
            Some(started.task.to_string())
        })
        .collect();
    assert_eq!(order, ["explore", "plan", "execute", "verify"]);
    assert!(env.run_dir(1).artifacts().join("plan.md").is_file());
    let prompt = std::fs::read_to_string(env.attempt(1, "execute", 1).prompt()).expect("read");
    let plan = env.state(1).tasks[1].summary.clone();
    assert!(!plan.is_empty() && prompt.contains("Add a greeting"), "{prompt}");
    env.ok(&["stop", "1"]);
    assert_eq!(env.rest(1), "cancelled(stopped)");
}

#[test]
fn three_slots_work_at_once() {
    let env = TestEnv::new();
    env.agent(&meeting(3));
    env.workflow("slots", "", "## look\nrole: reader\nslots: 3\n\n{goal}, slot {slot}");
    let run = env.start_workflow("slots");
    assert_eq!(env.rest(run), "done");
    assert_eq!(most_at_once(&env.note("life")), 3);
}

#[test]
fn a_workflow_for_one_at_a_time_runs_one_at_a_time() {
    let env = TestEnv::new();
    env.agent(&meeting(1));
    env.workflow("slots", "maxConcurrency: 1\n", "## look\nrole: reader\nslots: 3\n\n{goal}");
    let run = env.start_workflow("slots");
    assert_eq!(env.rest(run), "done");
    assert_eq!((most_at_once(&env.note("life")), env.note("life").len()), (1, 6));
}

#[test]
fn writers_never_work_beside_each_other() {
    let env = TestEnv::new();
    env.agent(&meeting(1));
    env.workflow("slots", "", "## edit\nrole: writer\nslots: 3\n\n{goal}");
    let run = env.start_workflow("slots");
    assert_eq!(env.rest(run), "done");
    assert_eq!(most_at_once(&env.note("life")), 1);
}

#[test]
fn independent_work_goes_on_when_a_branch_fails() {
    let env = TestEnv::new();
    env.agent(
        "cat >/dev/null; echo $CREW_TASK >> $NOTES/ran; [ $CREW_TASK = bad ] && exit 1; echo fine",
    );
    let steps = "## bad\nrole: reader\nretries: 0\n\nx\n\n## after-bad\nrole: reader\ndependsOn: bad\n\nx\n\n\
                 ## good\nrole: reader\n\nx\n\n## after-good\nrole: reader\ndependsOn: good\n\nx\n\n\
                 ## both\nrole: reader\ndependsOn: after-bad, after-good\n\nx";
    env.workflow("two", "", steps);
    let run = env.start_workflow("two");
    assert_eq!(env.rest(run), "failed(agent_failed)");
    let mut ran = env.note("ran");
    ran.sort();
    assert_eq!(ran, ["after-good", "bad", "good"]);
    assert_eq!(env.task(run, "after-bad"), "skipped");
    assert_eq!(env.task(run, "both"), "skipped");
}

#[test]
fn a_command_step_runs_in_the_worktree_and_its_code_decides() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; echo made > made.txt; echo done");
    let steps = "## make\nrole: writer\n\n{goal}\n\n\
                 ## test\nkind: command\ndependsOn: make\ncommand: cat made.txt && pwd && exit CODE\nretries: 0\n";
    env.workflow("cmd", "", &steps.replace("CODE", "0"));
    let run = env.start_workflow("cmd");
    assert_eq!(env.rest(run), "done");
    let worktree = env.state(run).worktree.expect("it has one").path;
    assert_eq!(env.stdout(run, "test", 1), format!("made\n{worktree}\n"));
    env.workflow("cmd", "", &steps.replace("CODE", "4"));
    let run = env.start_workflow("cmd");
    assert_eq!(env.rest(run), "failed(agent_failed)");
}

#[test]
fn a_step_over_its_time_is_restarted_once_and_then_blocks() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; echo $$ >> $NOTES/pids; exec sleep 600");
    env.workflow("slow", "", "## work\nrole: writer\ntimeout: 300ms\n\n{goal}");
    let run = env.start_workflow("slow");
    assert_eq!(env.rest(run), "blocked(task_timeout)");
    assert_eq!(env.note("pids").len(), 2);
}

#[test]
fn a_question_waits_for_its_answer_and_the_run_goes_on() {
    let env = TestEnv::new();
    env.agent_with(
        r#"cat > $NOTES/prompt$CREW_ATTEMPT_NUMBER
if [ $CREW_ATTEMPT_NUMBER = 1 ]; then echo '{"type":"question","text":"red or blue?"}'
else echo '{"type":"result","text":"painted"}'; fi"#,
        "output = \"crew\"\n",
    );
    env.workflow("one", "", "## paint\nrole: writer\n\n{goal}");
    let run = env.start_workflow("one");
    env.wait_status(run, "waiting");
    wait_until("the question can be answered", || {
        env.output(&["answer", "1", "--text", "blue", "--yes"]).status.success()
    });
    assert_eq!(env.rest(run), "done");
    let prompt = env.note("prompt2").join("\n");
    assert!(prompt.contains("red or blue?") && prompt.contains("blue"), "{prompt}");
}

#[test]
fn much_output_of_one_step_does_not_flood_the_prompt_of_the_next() {
    let env = TestEnv::new();
    env.agent("cat > $NOTES/prompt.$CREW_TASK; [ $CREW_TASK = first ] && yes line | head -c 3000000; echo end");
    env.workflow("two", "", "## first\nrole: reader\n\n{goal}\n\n## second\nrole: reader\ndependsOn: first\n\n{output:first}");
    let run = env.start_workflow("two");
    assert_eq!(env.rest(run), "done");
    let prompt = env.note("prompt.second").join("\n");
    assert!(prompt.len() > 5_000 && prompt.len() < 100_000, "{}", prompt.len());
}

#[test]
fn a_foreground_run_leaves_no_event_out_however_early_it_happens() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; echo done");
    env.workflow("one", "", "## only\nrole: reader\n\n{goal}");
    let runs: Vec<_> = (0..16)
        .map(|number| {
            let goal = format!("goal {number}");
            let args = ["run", &goal, "-w", "one", "-a", "sh"];
            env.crew(&args).stdout(std::process::Stdio::piped()).spawn().expect("started")
        })
        .collect();
    for run in runs {
        let output = run.wait_with_output().expect("ended");
        let text = String::from_utf8_lossy(&output.stdout);
        for line in ["created: goal", " running", "attempt 1 started (sh)", "done (unverified)"] {
            assert_eq!(text.matches(line).count(), 1, "{line}: {text}");
        }
    }
}

#[test]
fn a_run_that_delivers_asks_again_for_an_output_that_is_missing() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; echo ok");
    let log = format!("cat {}/report 2>/dev/null || true", env.notes());
    let step = format!("## report\nkind: command\ncommand: {log}\noutput: report.txt\n\nx");
    env.workflow("one", "policy:\n  completion: { mode: deliver }\n", &step);
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "blocked(contract_violation)");
    let status = String::from_utf8(env.output(&["status", "1"]).stdout).expect("text");
    assert!(status.contains("the run ends without `report.txt` of `report`"), "{status}");
    assert!(status.contains("`crew resume 1` sends the work back to `report`"), "{status}");
    env.ok(&["resume", "1"]);
    assert_eq!(env.rest(run), "blocked(contract_violation)");
    assert_eq!(env.attempts(run, "report"), 2);
    std::fs::write(env.notes().join("report"), "all is well\n").expect("written");
    env.ok(&["resume", "1"]);
    assert_eq!(env.rest(run), "done");
    assert_eq!(env.ok(&["artifacts", "1", "report.txt"]).trim(), "all is well");
}
