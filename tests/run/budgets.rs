//! Budgets and usage through the real program, and a stop while a command checks the work.

use crate::project::TestEnv;

/// Prints what it used, then what the test wants.
fn ready(script: &str) -> TestEnv {
    let env = TestEnv::new();
    env.agent_with(
        &format!("cat >/dev/null\nused() {{ echo '{{\"type\":\"usage\",\"input_tokens\":'$1',\"output_tokens\":0}}'; }}\n\
         say() {{ echo '{{\"type\":\"text\",\"text\":\"'$1'\"}}'; }}\n{script}"),
        "output = \"crew\"\nmodel = [\"--model\", \"{model}\"]",
    );
    env.workflow(
        "two",
        "",
        "## one\nrole: writer\n\nx\n\n## two\nrole: writer\ndependsOn: one\n\nx",
    );
    env
}

const TWO: [&str; 6] = ["-w", "two", "-a", "sh", "--max-tokens", "100"];

#[test]
fn at_the_end_of_a_turn_a_budget_that_is_used_up_starts_nothing_more_until_it_is_raised() {
    let env = ready("used 110; say ok");
    let run = env.start("add a page", &TWO);
    assert_eq!(env.rest(run), "blocked(budget_tokens)");
    assert_eq!((env.task(run, "one"), env.attempts(run, "two")), ("done".to_owned(), 0));
    let why = env.ok(&["why", "1"]);
    assert!(why.contains("110 tokens of 100 tokens") && why.contains("--add-tokens"), "{why}");
    let refused = env.fails(7, &["resume", "1"]);
    assert!(
        refused.contains("used up its budget") && refused.contains("--add-tokens"),
        "{refused}"
    );
    let none = env.fails(7, &["resume", "1", "--add-minutes", "5"]);
    assert!(none.contains("no limit of minutes"), "{none}");
    env.ok(&["resume", "1", "--add-tokens", "1"]);
    assert_eq!(env.rest(run), "done");
    let warned = env.records(run).iter().filter(|r| r.body.kind() == "budget.warned").count();
    assert_eq!(warned, 2, "once for each budget");
    let status: serde_json::Value =
        serde_json::from_str(&env.ok(&["status", "1", "--json"])).expect("a document");
    assert_eq!(status["run"]["budget"]["tokens"], 111);
    assert_eq!(status["run"]["budget"]["used"]["tokens"], 220);
    assert_eq!(status["run"]["usage"]["cost_usd"], serde_json::Value::Null);
}

#[test]
fn far_over_its_budget_an_attempt_is_stopped_and_its_work_is_kept() {
    let env = ready(
        "[ $CREW_TASK = two ] && { cat kept.txt >&2; used 1; say ok; exit; }\n\
         [ -e \"$NOTES/go\" ] && { used 1; say ok; exit; }\n\
         echo precious > kept.txt; used 500; sleep 600",
    );
    let run = env.start("add a page", &TWO);
    assert_eq!(env.rest(run), "blocked(budget_tokens)");
    assert_eq!(env.git(&["show", "crew/add-a-page:kept.txt"]), "precious");
    assert_eq!(env.state(run).usage.input_tokens, 500);
    let task = &env.state(run).tasks[0];
    assert_eq!((task.timeouts, task.crashes, task.retries), (0, 0, 0), "nothing is charged");
    std::fs::write(env.notes().join("go"), "").expect("written");
    env.ok(&["resume", "1", "--add-tokens", "100"]);
    assert_eq!(env.rest(run), "done");
}

#[test]
fn what_was_used_survives_the_death_of_supervisor_and_agent() {
    let env = ready(
        "used 90; [ $CREW_TASK = two ] || touch \"$NOTES/printed\"; [ -e \"$NOTES/go\" ] || sleep 600; say ok",
    );
    let run = env.start("add a page", &["-w", "two", "-a", "sh", "--max-tokens", "170"]);
    crate::support::wait_until("it has printed", || env.notes().join("printed").exists());
    // What the agent starts while it is killed is killed as well.
    crate::support::wait_until("all is gone", || {
        let found = env.processes();
        for &process in &found {
            drop(crew::runtime::process::signal(process, crew::runtime::process::Signal::KILL));
        }
        found.is_empty()
    });
    // Only now: the first agent must not go on by itself.
    std::fs::write(env.notes().join("go"), "").expect("written");
    // 90 of the dead, 90 of its successor. Any command starts a supervisor that is missing.
    crate::support::wait_until("the budget is used up", || {
        drop(env.output(&["ls"]));
        env.status_text(run) == "blocked(budget_tokens)"
    });
    assert_eq!(env.state(run).usage.input_tokens, 180);
}

#[test]
fn usage_is_added_up_by_what_one_asks_for_and_an_unknown_cost_is_never_nothing() {
    let env = ready("used 1000; say ok");
    let text = std::fs::read_to_string(env.root.join("config/config.toml")).expect("there");
    env.whole_config(&format!(
        "{text}\n[prices.good]\ninput = 1500.0\noutput = 1.0\ncache = 0.0\n"
    ));
    let run = env.start("add a page", &["-w", "two", "-a", "sh"]);
    assert_eq!(env.rest(run), "done");
    let told = env.ok(&["usage"]);
    assert!(told.contains("unknown") && !told.contains("$0"), "{told}");
    let run = env.start("add a page", &["-w", "two", "-a", "sh", "-m", "good"]);
    assert_eq!(env.rest(run), "done");
    let told = env.ok(&["usage", "--by", "model"]);
    assert!(told.contains("~$3.00") && told.contains(">= ~$3.00 + unknown"), "{told}");
    for (by, keys) in [
        ("run", vec!["#1", "#2"]),
        ("task", vec!["1/one", "1/two", "2/one", "2/two"]),
        ("model", vec!["(not named)", "good"]),
        ("runtime", vec!["sh"]),
    ] {
        let text = env.ok(&["usage", "--by", by, "--since", "2d", "--json"]);
        let document: serde_json::Value = serde_json::from_str(&text).expect("a document");
        let rows = document["rows"].as_array().expect("rows");
        let found: Vec<&str> = rows.iter().filter_map(|row| row["key"].as_str()).collect();
        assert_eq!(found, keys, "by {by}");
        assert_eq!(document["total"]["usage"]["input_tokens"], 4_000);
        assert_eq!(document["total"]["usage"]["unpriced"], 2);
        assert_eq!(document["total"]["attempts"], 4);
    }
}

#[test]
fn a_stop_while_a_command_checks_the_work_wins_and_ends_the_command() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; echo work > work.txt; echo ok");
    env.workflow(
        "gated",
        "start: one\nend: two\n\
         gates:\n  green:\n    fields: { link: string }\n    writers: [writer]\n    when: { exec: check }\n\
         channels:\n  - { id: forward, from: one, to: two, gate: green }\n",
        "## one\nrole: writer\n\nx\n\n## two\nrole: reader\ndependsOn: one\n\nx",
    );
    let note = env.notes().join("checking");
    let slow = format!("touch {note}; sleep 600; exit 0");
    let run = env.start("add a page", &["-w", "gated", "-a", "sh", "--validate", &slow]);
    crate::support::wait_until("the command runs", || note.exists());
    env.ok(&["stop", "1"]);
    assert_eq!(env.rest(run), "cancelled(stopped)");
    let kinds: Vec<String> = env.records(run).iter().map(|r| r.body.kind().to_owned()).collect();
    assert!(!kinds.contains(&"evidence.recorded".to_owned()), "{kinds:?}");
    assert_eq!(env.git(&["show", "crew/add-a-page:work.txt"]), "work");
}
