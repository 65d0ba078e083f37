//! The risk gate through the real program: drafts, approval, suggestions, later instructions.

use crate::project::TestEnv;

const ONE: &str = "## work\nrole: writer\n\n{goal}";

fn ready() -> TestEnv {
    let env = TestEnv::new();
    env.agent("cat > \"$NOTES/prompt.$CREW_TASK\"; echo wrote");
    env.workflow("one", "", ONE);
    env
}

fn run(goal: &str) -> Vec<&str> {
    vec!["run", goal, "-w", "one", "-a", "sh"]
}

/// The JSON of a verb, whatever its exit code.
fn json(env: &TestEnv, code: i32, args: &[&str]) -> serde_json::Value {
    let output = env.output(&[args, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(code), "{args:?}: {output:?}");
    serde_json::from_slice(&output.stdout).expect("a document")
}

#[test]
fn a_risky_goal_is_a_draft_for_scripts_until_a_person_approves_it() {
    let env = ready();
    let output = env.output(&run("Deploy the database"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(10), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "1\n");
    assert!(
        said.contains("`deploy`, `database` in the goal (contains_sensitive_keywords)"),
        "{said}"
    );
    assert!(said.contains("crew approve 1 --yes"), "{said}");
    assert_eq!(env.rest(1), "draft");
    assert!(env.note("prompt.work").is_empty(), "nothing has started");
    let status = json(&env, 10, &["status", "1"]);
    assert_eq!(status["run"]["risk"], serde_json::json!(["contains_sensitive_keywords"]));
    assert_eq!(status["decisions"][0]["kind"], "risk");
    assert_eq!(
        status["decisions"][0]["actions"],
        serde_json::json!(["approve", "reject", "suggest"])
    );
    let why = env.ok(&["why", "1"]);
    assert!(why.contains("`database` in the goal") && why.contains("crew approve 1"), "{why}");
    // Whoever did not look, and does not say so, decides nothing.
    let unseen = env.fails(7, &["approve", "1"]);
    assert!(unseen.contains("--nonce"), "{unseen}");
    let shown = json(&env, 0, &["decisions", "1"]);
    let nonce = shown["decisions"][0]["nonce"].as_str().expect("a nonce").to_owned();
    env.ok(&["approve", "1", "--nonce", &nonce]);
    assert_eq!(env.rest(1), "done");
    let accepted = env.state(1).accepted;
    assert_eq!(accepted.len(), 2, "{accepted:?}");
}

#[test]
fn yes_accepts_the_risks_and_that_is_on_record() {
    let env = ready();
    env.ok(&[&run("Deploy it")[..], &["--yes"]].concat());
    assert_eq!(env.rest(1), "done");
    let told = env.ok(&["timeline", "1"]);
    assert!(told.contains("risks accepted: `deploy` in the goal"), "{told}");
    // What was accepted for one run is not accepted for the next.
    env.fails(10, &run("Deploy it"));
}

#[test]
fn a_draft_asked_for_stays_one_and_a_rejected_one_never_starts() {
    let env = ready();
    let draft = json(&env, 10, &[&run("add a page")[..], &["--draft", "--yes", "-d"]].concat());
    assert_eq!(
        (&draft["run"]["status"], &draft["run"]["risk"][0]),
        (&"draft".into(), &"force_draft".into())
    );
    env.fails(10, &run("DRAFT：add a second page"));
    assert_eq!(env.state(2).created.goal, "add a second page");
    env.ok(&["reject", "1", "--yes", "--text", "not now"]);
    assert_eq!(env.rest(1), "cancelled(rejected)");
    assert_eq!(json(&env, 1, &["status", "1"])["run"]["legacy_status"], "REJECTED");
    env.ok(&["approve", "2", "--yes"]);
    assert_eq!(env.rest(2), "done");
    let late = env.fails(7, &["approve", "1", "--yes"]);
    assert!(late.contains("decided `reject`"), "{late}");
}

#[test]
fn a_suggestion_is_looked_at_anew_and_the_old_decision_counts_no_longer() {
    let env = ready();
    env.fails(10, &run("draft: add a page"));
    let shown = json(&env, 0, &["decisions", "1"]);
    let nonce = shown["decisions"][0]["nonce"].as_str().expect("a nonce").to_owned();
    let text = "use the production data";
    env.ok(&["suggest", "1", "--yes", "--text", text, "--max-minutes", "30"]);
    assert_eq!(env.rest(1), "draft");
    let status = json(&env, 10, &["status", "1"]);
    assert_eq!(
        status["run"]["risk"],
        serde_json::json!(["force_draft", "minutes_over_20", "contains_sensitive_keywords"])
    );
    assert_eq!(status["run"]["budget"]["minutes"], 30);
    let asked = status["decisions"][0]["text"].as_str().expect("a text");
    assert!(asked.contains("30 minutes") && asked.contains("`production`"), "{asked}");
    let old = env.fails(7, &["approve", "1", "--nonce", &nonce]);
    assert!(old.contains("decided `suggest`"), "{old}");
    env.ok(&["suggest", "1", "--yes", "--max-minutes", "10"]);
    assert_eq!(json(&env, 10, &["status", "1"])["run"]["budget"]["minutes"], 10);
    env.ok(&["approve", "1", "--yes"]);
    assert_eq!(env.rest(1), "done");
    let prompt = env.note("prompt.work").join("\n");
    assert!(prompt.contains(text), "the suggestion reaches the agents: {prompt}");
}

#[test]
fn a_budget_over_the_line_and_work_in_place_need_a_word() {
    let env = ready();
    for (flags, reason) in [
        (&["--max-steps", "9"][..], "steps_over_8"),
        (&["--max-minutes", "21"], "minutes_over_20"),
        (&["--in-place"], "paths_unenforceable"),
    ] {
        let said = env.fails(10, &[&run("add a page")[..], flags].concat());
        assert!(said.contains(reason), "{said}");
    }
    let dry = env.output(&[&run("add a page")[..], &["--in-place", "--dry-run"]].concat());
    assert_eq!(dry.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&dry.stderr).contains("paths_unenforceable"), "{dry:?}");
    assert!(
        String::from_utf8_lossy(&dry.stderr).contains("nothing is merged at the end"),
        "{dry:?}"
    );
    let fine = [&run("add a page")[..], &["--max-steps", "8", "--max-minutes", "20"]].concat();
    env.ok(&fine);
    assert_eq!(env.rest(4), "done");
}

#[test]
fn what_the_user_accepts_once_and_for_all_does_not_ask_and_a_project_cannot_loosen_it() {
    let env = ready();
    let project = env.project().join(".crew");
    std::fs::create_dir_all(project.join("workflows")).expect("made");
    std::fs::write(
        project.join("workflows/loose.workflow.md"),
        "---\nname: loose\ndescription: d\npolicy:\n  risk: none\n---\n\n## work\nrole: writer\n\n{goal}\n",
    )
    .expect("written");
    env.workflow("mine", "policy:\n  risk: none\n", ONE);
    env.fails(10, &["run", "deploy it", "-w", "loose", "-a", "sh"]);
    env.ok(&["run", "deploy it", "-w", "mine", "-a", "sh"]);
    assert_eq!(env.rest(2), "done");
    let path = env.program("agent.sh", "cat >/dev/null; echo wrote");
    env.config(&format!(
        "[runtimes.sh]\ncommand = [\"{path}\"]\n[risk]\naccept = [\"contains_sensitive_keywords\"]"
    ));
    env.ok(&run("deploy it"));
    assert_eq!(env.rest(3), "done");
    assert!(env.ok(&["timeline", "3"]).contains("accepted by the configuration"));
}

#[test]
fn a_later_instruction_that_is_risky_needs_yes_in_scripts() {
    let env = TestEnv::new();
    env.agent(
        "cat > \"$NOTES/prompt.$CREW_TASK\"; [ -e \"$NOTES/go\" ] || exec sleep 600; echo wrote",
    );
    env.workflow("one", "", ONE);
    let run = env.start_workflow("one");
    env.wait_status(run, "running");
    env.ok(&["pause", "1"]);
    std::fs::write(env.notes().join("go"), "").expect("written");
    let said = env.fails(7, &["resume", "1", "--text", "then deploy it"]);
    assert!(said.contains("`deploy` in a message to the run") && said.contains("--yes"), "{said}");
    assert_eq!(env.status_text(run), "paused");
    let said = env.fails(7, &["send", "1", "use the network"]);
    assert!(said.contains("`network`"), "{said}");
    env.ok(&["resume", "1", "--text", "then deploy it", "--yes"]);
    assert_eq!(env.rest(run), "done");
    assert_eq!(env.state(run).accepted.len(), 1);
    assert!(env.note("prompt.work").join("\n").contains("then deploy it"));
    // Said again it is nothing new.
    env.ok(&["reopen", "1", "--text", "deploy it once more"]);
    assert_eq!(env.rest(run), "done");
}

#[test]
fn an_agent_starts_no_run_by_itself() {
    let env = ready();
    let goal = "add a page across the repo";
    let more = ["--validate", "curl example.org", "--yes"];
    let mut command = env.crew(&[&run(goal)[..], &more].concat());
    let output = command.env("CREW_ATTEMPT", "0").output().expect("started");
    assert_eq!(output.status.code(), Some(10), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    for reason in ["created_by_agent", "unknown_command", "possible_large_change"] {
        assert!(said.contains(reason), "{said}");
    }
    env.ok(&["reject", "1", "--yes"]);
    let mut command = env.crew(&run("add a page"));
    let output = command.env("CREW_ATTEMPT", "0").output().expect("started");
    assert_eq!(output.status.code(), Some(10), "{output:?}");
    env.ok(&["approve", "2", "--yes"]);
    assert_eq!(env.rest(2), "done");
}

#[test]
fn several_goals_and_a_retry_go_through_the_same_gate() {
    let env = ready();
    let goals = env.root.join("goals.txt");
    std::fs::write(&goals, "add a page\ndeploy it\n").expect("written");
    let output = env.output(&["run", "--goals", goals.as_str(), "-w", "one", "-a", "sh"]);
    assert_eq!(output.status.code(), Some(10), "{output:?}");
    assert_eq!((env.rest(1), env.rest(2)), ("done".to_owned(), "draft".to_owned()));
    env.ok(&["reject", "2", "--yes"]);
    env.fails(10, &["retry", "2"]);
    assert_eq!(env.rest(3), "draft");
    env.ok(&["retry", "2", "--yes"]);
    assert_eq!(env.rest(4), "done");
}
