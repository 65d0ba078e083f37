//! Agents of every kind: how they get their prompt, what counts as success, what they may see.

use crate::project::TestEnv;

const ONE: &str = "## work\nrole: writer\n\nGoal: {goal}";

/// Prints what was given in this way.
fn given(prompt: &str, command: &str, script: &str) -> String {
    let env = TestEnv::new();
    let path = env.program("agent.sh", script);
    let command = command.replace("AGENT", path.as_str());
    env.config(&format!("[runtimes.sh]\ncommand = {command}\n{prompt}"));
    env.workflow("one", "", ONE);
    let run = env.start("say \"hello\"\nto öäü $HOME `date`", &["-w", "one", "-a", "sh"]);
    assert_eq!(env.rest(run), "done", "{:?}", env.status(run));
    env.stdout(run, "work", 1)
}

#[test]
fn a_prompt_arrives_as_it_is_on_every_way() {
    let goal = "Goal: say \"hello\"\nto öäü $HOME `date`";
    let by_stdin = given("prompt = \"stdin\"\n", "[\"AGENT\"]", "cat");
    assert!(by_stdin.contains(goal), "{by_stdin}");
    let by_argument = given("", "[\"AGENT\", \"-x\", \"{prompt}\"]", "printf %s \"$2\"");
    assert!(by_argument.contains(goal), "{by_argument}");
    let last = given("prompt = \"arg\"\n", "[\"AGENT\"]", "printf %s \"$1\"");
    assert!(last.contains(goal), "{last}");
    let by_file = given("prompt = \"file\"\n", "[\"AGENT\", \"{prompt_file}\"]", "cat \"$1\"");
    assert!(by_file.contains(goal), "{by_file}");
}

#[test]
fn the_crew_format_gives_summary_usage_and_artifacts() {
    let env = TestEnv::new();
    env.agent_with(
        r#"cat >/dev/null
echo '{"type":"text","text":"thinking aloud"}'
echo 'not json at all'
echo '{"type":"usage","input_tokens":7,"output_tokens":3,"cost_usd":0.5}'
echo '{"type":"artifact","name":"notes.md","text":"deep"}'
echo '{"type":"result","text":"all is done"}'"#,
        "output = \"crew\"\n",
    );
    env.workflow("one", "", ONE);
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "done");
    let state = env.state(run);
    assert_eq!(state.tasks[0].summary, "all is done");
    assert_eq!((state.usage.input_tokens, state.usage.output_tokens), (7, 3));
    let artifact = std::fs::read_to_string(env.run_dir(run).artifacts().join("notes.md"));
    assert_eq!(artifact.ok().as_deref(), Some("deep"));
}

#[test]
fn a_failing_agent_is_tried_again_and_then_fails_the_run() {
    let env = TestEnv::new();
    env.agent("cat > $NOTES/prompt$CREW_ATTEMPT_NUMBER\necho broken >&2\nexit 3");
    env.workflow("one", "", "## work\nrole: writer\nretries: 1\n\n{goal}");
    let output = env.output(&["run", "do it", "-w", "one", "-a", "sh"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(env.rest(1), "failed(agent_failed)");
    assert_eq!(env.attempts(1, "work"), 2);
    let again = env.note("prompt2").join("\n");
    assert!(again.contains("code 3") && again.contains("broken"), "{again}");
}

#[test]
fn an_agent_that_says_nothing_has_not_succeeded() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; exit 0");
    env.workflow("one", "", ONE);
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "failed(agent_failed)");
    let why = env.state(run).tasks[0].status.why().unwrap_or_default().to_owned();
    assert!(why.contains("printed nothing"), "{why}");
}

#[test]
fn an_agent_killed_by_a_signal_is_tried_three_times_and_blocks_the_run() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; echo $$ >> $NOTES/tries; kill -SEGV $$");
    env.workflow("one", "", ONE);
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "blocked(agent_crash)");
    assert_eq!((env.note("tries").len(), env.ends(run).len()), (3, 3));
}

#[test]
fn a_missing_interpreter_is_an_agent_that_could_not_be_started() {
    let env = TestEnv::new();
    let path = env.program("agent.sh", "");
    std::fs::write(&path, "#!/no/such/interpreter\n").expect("written");
    env.config(&format!("[runtimes.sh]\ncommand = [\"{path}\"]\n"));
    env.workflow("one", "", ONE);
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "blocked(agent_crash)");
    let detail = env.status(run).detail().unwrap_or_default().to_owned();
    assert!(detail.contains("agent.sh"), "{detail}");
}

#[test]
fn a_verdict_decides_and_its_absence_is_asked_for_once() {
    let env = TestEnv::new();
    let steps = "## check\nrole: reader\nverify: true\n\n{goal}";
    env.workflow("check", "", steps);
    env.agent("cat >/dev/null; echo 'it is bad'; echo 'VERDICT: FAIL'");
    let failed = env.start_workflow("check");
    assert_eq!(env.rest(failed), "failed(agent_failed)");
    env.agent("cat > $NOTES/prompt$CREW_ATTEMPT_NUMBER; echo fine; [ $CREW_ATTEMPT_NUMBER = 1 ] || echo 'VERDICT: PASS'");
    let passed = env.start_workflow("check");
    assert_eq!(env.rest(passed), "done");
    assert_eq!(env.attempts(passed, "check"), 2);
    assert!(env.note("prompt2").join("\n").contains("no verdict"));
    env.agent("cat >/dev/null; echo fine");
    let mute = env.start_workflow("check");
    assert_eq!(env.rest(mute), "blocked(contract_violation)");
}

#[test]
fn an_agent_sees_the_allowed_and_the_declared_variables_only() {
    let env = TestEnv::new();
    env.agent_with("cat >/dev/null; env | sort", "env = [\"MYTOOL_KEY\", \"PART_*\"]\n");
    env.workflow("one", "", ONE);
    let output = env
        .crew(&["run", "do it", "-d", "-w", "one", "-a", "sh"])
        .envs([
            ("OPENAI_API_KEY", "sk-stray"),
            ("MYTOOL_KEY", "wanted"),
            ("PART_A", "a"),
            ("LC_TIME", "C"),
            ("CREW_LOG", "debug"),
            ("CREW_TASK", "forged"),
        ])
        .output()
        .expect("started");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(env.rest(1), "done");
    let seen = env.stdout(1, "work", 1);
    let has = |line: &str| seen.lines().any(|seen| seen == line);
    assert!(!seen.contains("sk-stray") && !seen.contains("CREW_LOG"), "{seen}");
    assert!(!seen.contains("CREW_CONFIG_DIR") && !seen.contains("forged"), "{seen}");
    for line in ["MYTOOL_KEY=wanted", "PART_A=a", "LC_TIME=C", "CREW_TASK=work", "CREW_DEPTH=1"] {
        assert!(has(line), "{line} is missing in\n{seen}");
    }
    let files = std::fs::read_to_string(env.attempt(1, "work", 1).command()).expect("read");
    assert!(!files.contains("wanted") && files.contains("MYTOOL_KEY"), "{files}");
}

#[test]
fn a_crew_inside_a_crew_is_refused_at_the_limit() {
    let env = TestEnv::new();
    let crew = env!("CARGO_BIN_EXE_crew");
    let config = env.root.join("config");
    env.agent(&format!(
        "cat >/dev/null; export CREW_CONFIG_DIR={config}; CREW_DEPTH=2 {crew} run again -d -w one -a sh 2>&1; echo code $?"
    ));
    env.workflow("one", "", ONE);
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "done");
    let said = env.stdout(run, "work", 1);
    assert!(said.contains("nested 2 deep") && said.contains("code 7"), "{said}");
}
