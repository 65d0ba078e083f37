//! team, workflow, agent, skill.

use crate::env::TestEnv;

#[test]
fn every_kind_is_listed_shown_and_without_errors() {
    let env = TestEnv::new();
    for (kind, name) in [
        ("team", "default"),
        ("workflow", "coding-v2"),
        ("agent", "coder"),
        ("skill", "safe-shell"),
    ] {
        env.crew(&[kind, "list"]).code(0).prints(name).prints("built-in");
        env.crew(&[kind, "show", name]).code(0).prints(&format!("name: {name}"));
        env.crew(&[kind, "lint"]).code(0).says("0 errors");
        let told = env.crew(&[kind, "show", name, "--json"]).code(0).json();
        assert_eq!((&told["kind"], &told["scope"]), (&kind.into(), &"built-in".into()));
        env.crew(&[kind, "show", &name[1..]]).code(6).says(&format!("no {kind} is called"));
        env.crew(&[kind, "edit", name]).code(7).says(&format!("crew {kind} show {name} >"));
    }
}

#[test]
fn a_new_resource_has_no_finding_and_is_never_overwritten() {
    let env = TestEnv::new();
    for kind in ["team", "workflow", "agent", "skill"] {
        env.crew(&[kind, "new", "mine"]).code(0).says("created `");
        env.crew(&[kind, "new", "mine"]).code(7).says("exists already");
        env.crew(&[kind, "list"]).code(0).prints("mine").prints("project");
        let told = env.crew(&[kind, "lint", "mine", "--json"]).code(0).json();
        assert_eq!(told["findings"], serde_json::json!([]), "{kind}");
        let told = env.crew(&[kind, "new", "own", "--user", "--json"]).code(0).json();
        assert!(told["path"].as_str().unwrap().starts_with(env.home.as_str()));
        env.crew(&[kind, "new", "../evil"]).code(2);
    }
    env.crew(&["agent", "new", "coder"]).code(7).says("built-in agent `coder`");
}

#[test]
fn lint_names_file_line_and_fix_of_every_fault() {
    let env = TestEnv::new();
    env.write(
        ".crew/workflows/bad.workflow.md",
        "---\nname: bad\ndescription: d\n---\n\n## build\nrole: codr\ndependsOn: plann\n\nDo it.\n\n## plan\nrole: planner\n\nPlan it.\n",
    );
    let found = env
        .crew(&["workflow", "lint", "bad"])
        .code(5)
        .prints("bad.workflow.md:7:")
        .prints("bad.workflow.md:8:")
        .prints(": error: ")
        .prints("hint: did you mean");
    let by_path = env.crew(&["workflow", "lint", ".crew/workflows/bad.workflow.md"]).code(5);
    assert_eq!(found.stdout.lines().count(), by_path.stdout.lines().count());
    let told = env.crew(&["workflow", "lint", "--json"]).code(5).json();
    assert_eq!(told["findings"][0]["severity"], "error");
    env.crew(&["workflow", "show", "bad", "--expand"]).code(5).says("cannot be compiled");
}

#[test]
fn edit_opens_the_file_and_checks_it() {
    let env = TestEnv::new();
    env.crew(&["workflow", "new", "mine"]).code(0);
    env.crew(&["workflow", "edit", "mine"]).code(5).says("hint: set EDITOR, or open");
    let edit = |editor: &str| {
        TestEnv::output(env.command().args(["workflow", "edit", "mine"]).env("EDITOR", editor))
    };
    edit("true").code(0).says("0 errors");
    edit("sed -i s/role:/rolle:/").code(5).prints("rolle");
    edit("false").code(8).says("`false` ended with");
}

#[test]
fn a_workflow_is_expanded_and_drawn() {
    let env = TestEnv::new();
    env.crew(&["workflow", "show", "coding-v2", "--expand"])
        .code(0)
        .prints("tasks (8)")
        .prints("  review/3  ")
        .prints("review ↩ coding");
    env.crew(&["workflow", "graph", "coding-v2"]).code(0).prints("review ×3");
    env.crew(&["workflow", "graph", "coding-v2", "--format", "mermaid"])
        .code(0)
        .prints("flowchart TD");
    env.crew(&["workflow", "graph", "default", "--format", "dot"])
        .code(0)
        .prints("digraph \"default\"");
    let told = env.crew(&["workflow", "graph", "default", "--json"]).code(0).json();
    assert_eq!(told["plan"]["workflow"], "default");
    env.crew(&["workflow", "graph", "default", "-t", "nobody"]).code(6).says("no team is called");
}
