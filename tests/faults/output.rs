//! Agents that write too much, too long lines, nonsense, or after their end.

use crate::project::TestEnv;

const ONE: &str = "## work\nrole: reader\nretries: 0\n\n{goal}";

fn with(script: &str) -> TestEnv {
    let env = TestEnv::new();
    env.agent(&format!("cat >/dev/null\n{script}"));
    env.workflow("one", "", ONE);
    env
}

/// Bytes of memory that are the process's own: without pages of its program, of which there are many without optimisation.
fn own_memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or(0) << 10
}

/// The most memory that the supervisor had in use until the run was at rest.
fn most_memory(env: &TestEnv, run: u32) -> u64 {
    let supervisor = env.wait_supervisor(run);
    let mut most = 0;
    crate::support::wait_until("the run is at rest", || {
        most = most.max(own_memory(supervisor.pid));
        env.state(run).is_at_rest()
    });
    assert_eq!(env.rest(run), "done");
    most
}

#[test]
fn a_flood_of_output_does_not_grow_the_supervisor() {
    let env = TestEnv::new();
    env.agent_with(
        "cat >/dev/null; yes \"$(head -c 64000 /dev/zero | tr '\\0' x)\" | head -c 300000000
echo; echo '{\"type\":\"result\",\"text\":\"the end of it\"}'",
        "output = \"crew\"\n",
    );
    env.workflow("one", "", ONE);
    let run = env.start_workflow("one");
    let most = most_memory(&env, run);
    assert!(most > 0 && most < 16 << 20, "the supervisor grew to {} MiB", most >> 20);
    let task = env.state(run).tasks[0].clone();
    assert!(task.last.is_some_and(|end| end.output_bytes > 300_000_000));
    assert_eq!(task.summary, "the end of it");
}

#[test]
fn a_flood_of_text_is_kept_at_both_ends_only() {
    let env = with(
        "echo the beginning; yes \"$(head -c 4000 /dev/zero | tr '\\0' x)\" | head -c 20000000; echo; echo the end",
    );
    let run = env.start_workflow("one");
    let most = most_memory(&env, run);
    assert!(most < 48 << 20, "the supervisor grew to {} MiB", most >> 20);
    let log = std::fs::metadata(env.run_dir(run).events()).expect("log").len();
    assert!(log < 20_000, "{log} bytes of log");
}

#[test]
fn a_line_of_twenty_megabytes_is_cut_and_what_follows_is_read() {
    let env = TestEnv::new();
    env.agent_with(
        "cat >/dev/null; head -c 20000000 /dev/zero | tr '\\0' x; echo; echo '{\"type\":\"result\",\"text\":\"after it\"}'",
        "output = \"crew\"\n",
    );
    env.workflow("one", "", ONE);
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "done");
    assert_eq!(env.state(run).tasks[0].summary, "after it");
}

#[test]
fn binary_garbage_breaks_neither_the_log_nor_the_next_prompt() {
    let env = TestEnv::new();
    env.agent("cat > $NOTES/prompt.$CREW_TASK; head -c 300000 /dev/urandom; printf '\\033]0;evil\\007\\000\\377'; echo");
    env.workflow(
        "two",
        "",
        "## a\nrole: reader\n\nx\n\n## b\nrole: reader\ndependsOn: a\n\n{output:a}",
    );
    let run = env.start_workflow("two");
    assert_eq!(env.rest(run), "done");
    let log = std::fs::read(env.run_dir(run).events()).expect("log");
    assert!(std::str::from_utf8(&log).is_ok() && !log.contains(&0x1b), "the log is plain text");
    let prompt = std::fs::read(env.notes().join("prompt.b")).expect("prompt");
    assert!(std::str::from_utf8(&prompt).is_ok());
    assert!(
        !prompt.contains(&0) && !prompt.contains(&0x1b),
        "the prompt has no control characters"
    );
}

#[test]
fn more_than_the_output_limit_blocks_the_run() {
    let env = TestEnv::new();
    let path = env
        .program("agent.sh", "cat >/dev/null; yes $(seq 2000) | head -c 3000000; exec sleep 600");
    env.whole_config(&format!(
        "[limits]\ngrace = \"400ms\"\nmax_output = \"1MiB\"\n[runtimes.sh]\ncommand = [\"{path}\"]\n"
    ));
    env.workflow("one", "", ONE);
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "blocked(output_limit)");
    assert_eq!(env.attempts(run, "work"), 1);
}

#[test]
fn a_descendant_that_writes_on_does_not_delay_the_end() {
    let env = with(
        "setsid sh -c 'trap \"\" TERM; while :; do echo more; sleep 0.05; done' &
echo done",
    );
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "done");
    assert!(env.ends(run)[0].leftovers > 0);
}

#[test]
fn an_agent_that_closes_its_streams_and_says_nothing_fails_plainly() {
    let env = with("exec >&- 2>&-; exit 0");
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "failed(agent_failed)");
}

#[test]
fn output_files_deleted_by_the_agent_are_an_empty_answer_and_no_stall() {
    let env = with("echo said; rm -f $CREW_RUN_DIR/tasks/$CREW_TASK/1/stdout.jsonl; exit 0");
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "failed(agent_failed)");
}
