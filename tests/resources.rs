//! Resource files of ours and of other programs load, and every finding stands at its line.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its files has failed")]

#[path = "resources/catalog.rs"]
mod catalog;

use std::collections::BTreeSet;
use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use crew::base::flow::MemoryScope;
use crew::base::flow::{Condition, FieldType, Fire};
use crew::resource::{
    Catalog, Diagnostic, Kind, Roots, Scope, Severity, Skills, SystemPromptMode, Thinking, agent,
    builtin, lint, skill, team, workflow,
};

fn repository() -> &'static Utf8Path {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn fixture(name: &str) -> (Utf8PathBuf, String) {
    let path = repository().join("tests/fixtures/resources").join(name);
    let text = fs::read_to_string(&path).unwrap();
    (path, text)
}

fn builtin_catalog() -> Catalog {
    Catalog::load(&Roots::default())
}

/// Files below a folder of the repository that a test of names accepts.
fn files(folder: &str, is_wanted: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut todo = vec![repository().join(folder)];
    while let Some(folder) = todo.pop() {
        for entry in folder.read_dir_utf8().unwrap() {
            let path = entry.unwrap().into_path();
            if path.is_dir() {
                todo.push(path);
            } else if is_wanted(path.as_str()) {
                found.insert(path.strip_prefix(repository()).unwrap().to_string());
            }
        }
    }
    found
}

#[test]
fn every_file_of_the_repository_is_compiled_in() {
    let compiled = [builtin::AGENTS, builtin::TEAMS, builtin::WORKFLOWS, builtin::SKILLS].concat();
    let compiled: BTreeSet<String> = compiled.iter().map(|file| file.path.to_owned()).collect();
    let mut on_disk = files("teams", |_| true);
    on_disk.extend(files("workflows", |_| true));
    on_disk.extend(files("skills", |_| true));
    assert_eq!(compiled, on_disk);
}

#[test]
fn built_in_files_have_no_findings() {
    let catalog = builtin_catalog();
    let mut findings = catalog.diagnostics();
    for agent in catalog.agents() {
        findings.extend(lint::agent(&agent.file, &catalog));
        let lines = agent.file.prompt.lines().count();
        assert!((10..=60).contains(&lines), "{}: {lines} lines", agent.file.name);
        assert!(agent.file.skills.is_some(), "{} names no skills", agent.file.name);
    }
    for team in catalog.teams() {
        findings.extend(lint::team(&team.file, &catalog));
        let name = team.file.default_workflow.as_ref().unwrap();
        let workflow = catalog.workflow(name).unwrap();
        findings.extend(lint::workflow(&workflow.file, Some(&team.file), &catalog));
    }
    for workflow in catalog.workflows() {
        findings.extend(lint::workflow(&workflow.file, None, &catalog));
    }
    for skill in catalog.skills() {
        findings.extend(lint::skill(&skill.file));
    }
    assert_eq!(findings, []);
}

#[test]
fn built_in_names_are_those_of_their_files() {
    let catalog = builtin_catalog();
    for (file, name) in catalog.agents().iter().map(|a| (&a.origin, &a.file.name)) {
        assert!(file.path.as_str().ends_with(&format!("/{name}.md")), "{name}");
        assert_eq!(file.scope, Scope::Builtin);
    }
    for workflow in catalog.workflows() {
        let end = format!("/{}.workflow.md", workflow.file.name);
        assert!(workflow.origin.path.as_str().ends_with(&end), "{end}");
    }
    assert_eq!(catalog.names(Kind::Agent).len(), 14);
    assert_eq!(catalog.names(Kind::Team).len(), 8);
}

#[test]
fn verifying_steps_ask_for_the_verdict_line() {
    let catalog = builtin_catalog();
    for workflow in catalog.workflows() {
        for step in workflow.file.steps.iter().filter(|step| step.verify) {
            let has_both =
                ["VERDICT: PASS", "VERDICT: FAIL"].iter().all(|line| step.prompt.contains(line));
            assert!(has_both, "{}/{}", workflow.file.name, step.id);
        }
    }
}

#[test]
fn shards_of_parallel_research_wait_for_the_cut() {
    let catalog = builtin_catalog();
    let file = &catalog.workflow("parallel-research").unwrap().file;
    let shards = file.steps.iter().filter(|step| step.id.as_str().starts_with("explore-"));
    let shards: Vec<_> = shards.collect();
    assert_eq!(shards.len(), 4);
    for shard in shards {
        assert_eq!(shard.depends_on[0].as_str(), "discover");
        assert!(shard.prompt.contains("{output:discover}"));
    }
}

#[test]
fn coding_v2_has_eight_tasks_and_no_way_back_to_planning() {
    let catalog = builtin_catalog();
    let file = &catalog.workflow("coding-v2").unwrap().file;
    let ids: Vec<&str> = file.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids, ["planning", "plan-review", "coding", "review", "qa", "done"]);
    let tasks: u32 = file.steps.iter().map(crew::resource::StepDecl::slot_count).sum();
    assert_eq!(tasks, 8);
    assert!(file.channels.iter().all(|channel| channel.to.as_str() != "planning"));
    assert!(file.step("coding").unwrap().looped.is_none());
    assert_eq!((file.start_steps(), file.end_steps()), (vec!["planning"], vec!["done"]));
}

#[test]
fn the_full_pipeline_example_parses_without_a_finding() {
    let (path, text) = fixture("full-pipeline.workflow.md");
    let (file, findings) = workflow::parse(&path, &text);
    assert_eq!(findings, []);
    let catalog = builtin_catalog();
    let team = &catalog.team("coding").unwrap().file;
    assert_eq!(lint::workflow(&file, Some(team), &catalog), []);
    assert_eq!((file.gates.len(), file.channels.len()), (7, 8));
    let votes = file.gate("review-votes-gate").unwrap();
    assert!(matches!(votes.field("votes"), Some(FieldType::MapOf(words)) if words.len() == 2));
    assert!(matches!(&votes.when.value, Condition::Count { min: 3, .. }));
    assert_eq!(file.channels[1].fire, Fire::Message);
    assert_eq!(file.channels[0].fire, Fire::Settled);
    assert_eq!(file.gate("qa-fail-gate").unwrap().store, "qa");
    let coding = file.step("coding").unwrap();
    assert_eq!(coding.looped.as_ref().map(|looped| looped.steps), Some(8));
    assert_eq!(coding.timeout_ms, Some(1_800_000));
}

#[test]
fn a_pi_crew_agent_loads_unchanged() {
    let (path, text) = fixture("pi-crew/agents/db-expert.md");
    let (file, findings) = agent::parse(&path, &text);
    assert_eq!(
        file.description,
        "Knows the schema: tables, *indexes* & migrations # read this first"
    );
    assert_eq!(file.model, None);
    assert_eq!(file.fallback_models, ["openai/gpt-5", "anthropic/claude, sonnet"]);
    assert_eq!(file.thinking, Some(Thinking::Medium));
    assert_eq!(file.skills, Some(Skills::Names(vec!["safe-shell".into(), "git-hygiene".into()])));
    assert_eq!(file.system_prompt_mode, SystemPromptMode::Replace);
    assert_eq!(file.memory, Some(MemoryScope::Project));
    assert_eq!(file.routing.triggers, ["sql", "slow query, index", "n+1"]);
    assert_eq!(file.routing.use_when, ["it's about the database"]);
    assert_eq!(file.routing.avoid_when, ["[frontend only"]);
    assert!(file.can_write() && file.prompt.contains("## Output"));
    assert!(!file.prompt.contains('\r'));
    let severities: Vec<Severity> = findings.iter().map(|finding| finding.severity).collect();
    assert_eq!(severities, [Severity::Info], "{findings:#?}");
}

#[test]
fn a_pi_crew_team_loads_unchanged() {
    let (path, text) = fixture("pi-crew/teams/data.team.md");
    let (file, findings) = team::parse(&path, &text);
    assert_eq!(file.default_workflow.as_ref().unwrap().as_str(), "data-flow");
    assert_eq!(file.roles.len(), 3);
    let expert = file.role("expert").unwrap();
    assert_eq!((expert.agent.as_str(), expert.model.as_deref()), ("db-expert", None));
    assert_eq!((expert.max_concurrency, expert.pos.line), (Some(2), 16));
    assert_eq!(expert.description, "Knows a=b and the rest");
    assert_eq!(file.role("verifier").unwrap().skills, Some(Skills::Off));
    assert!(findings.iter().all(|finding| finding.severity == Severity::Info), "{findings:#?}");
}

#[test]
fn a_pi_crew_workflow_loads_unchanged() {
    let (path, text) = fixture("pi-crew/workflows/data-flow.workflow.md");
    let (file, findings) = workflow::parse(&path, &text);
    assert_eq!(findings, []);
    let ids: Vec<&str> = file.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids, ["explore", "change", "verifier"]);
    let change = file.step("change").unwrap();
    assert_eq!(change.reads[1].as_str(), "more tables.md");
    assert_eq!(change.model.as_deref(), Some("anthropic/claude-sonnet: high"));
    assert_eq!(change.skills, Some(Skills::Off));
    assert!(change.prompt.contains("## Output Format") && change.prompt.contains("## not-a-step"));
    assert_eq!(file.step("explore").unwrap().output, None);
    assert_eq!(file.step("verifier").unwrap().role_name(), "verifier");
    assert_eq!(file.end_steps(), ["verifier"]);
}

#[test]
fn a_claude_subagent_and_a_skill_load_unchanged() {
    let (path, text) = fixture("claude/test-runner.md");
    let (file, findings) = agent::parse(&path, &text);
    assert!(file.description.ends_with("</example>"), "{}", file.description);
    assert_eq!(file.tools.as_ref().unwrap()[0], "Bash(npm test:*)");
    assert_eq!((file.model.as_ref(), file.can_write()), (None, true));
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(findings[0].message, "no effect here: `color`, `permissionMode`");

    let (path, text) = fixture("skills/release-notes/SKILL.md");
    let (file, findings) = skill::parse(&path, &text);
    assert_eq!(file.name, "release-notes");
    assert!(findings.iter().all(|finding| finding.severity == Severity::Info), "{findings:#?}");
    assert_eq!(lint::skill(&file), []);
}

#[test]
fn an_unknown_name_gets_a_proposal() {
    let catalog = builtin_catalog();
    let error = catalog.workflow("codng-v2").unwrap_err();
    assert_eq!(error.to_string(), "no workflow is called `codng-v2`");
    assert_eq!(error.hint(), "did you mean `coding-v2`?");
    let error = catalog.team("zzz").unwrap_err();
    assert!(error.hint().contains("fast-fix"), "{}", error.hint());
}

#[test]
fn a_finding_is_shown_with_its_place_and_its_fix() {
    let finding = Diagnostic {
        file: "w.md".into(),
        line: 3,
        column: 7,
        severity: Severity::Error,
        message: "unknown step `x`".into(),
        fix: "did you mean `y`?".into(),
    };
    assert_eq!(finding.to_string(), "w.md:3:7: error: unknown step `x`\n  hint: did you mean `y`?");
}

#[test]
fn a_large_workflow_is_checked_in_one_pass() {
    let section = |number: u32| {
        let before = number.checked_sub(1).map(|n| format!("dependsOn: s{n}\n"));
        let before = before.unwrap_or_default();
        format!("## s{number}\nrole: executor\n{before}\nDo {{goal}}\n\n")
    };
    let sections: String = (0..5_000).map(section).collect();
    let text = format!("---\nname: large\ndescription: d\n---\n{sections}");
    let (file, findings) = workflow::parse("large.workflow.md".into(), &text);
    assert_eq!((file.steps.len(), findings), (5_000, Vec::new()));
    assert_eq!(lint::workflow(&file, None, &builtin_catalog()), []);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_a_parser_panic(
        bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400),
        pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..40),
    ) {
        for text in [String::from_utf8_lossy(&bytes).into_owned(), pieces.concat()] {
            let catalog = builtin_catalog();
            let path = Utf8Path::new("x.md");
            let (file, _) = workflow::parse(path, &text);
            lint::workflow(&file, None, &catalog);
            let (file, _) = team::parse(path, &text);
            lint::team(&file, &catalog);
            let (file, _) = agent::parse(path, &text);
            lint::agent(&file, &catalog);
            lint::skill(&skill::parse(path, &text).0);
        }
    }
}

/// Pieces of files that mean something to a parser.
const PIECES: &[&str] = &[
    "---\n",
    "\n",
    "\r\n",
    " ",
    "  ",
    "- ",
    ": ",
    ":",
    "#",
    "## a\n",
    "## b\n",
    "## Big\n",
    "### c\n",
    "```\n",
    "~~~\n",
    "role: coder\n",
    "dependsOn: a, b\n",
    "dependsOn: [a\n",
    "gates:\n",
    "  g: { when: { check: x } }\n",
    "  g:\n",
    "channels:\n",
    "  - { from: a, to: b, gate: g }\n",
    "when: { all: [ ] }\n",
    "loop: { steps: 0 }\n",
    "slots: 99999999999\n",
    "policy: { budget: 3 }\n",
    "params: [a]\n",
    "roles: { a: [b] }\n",
    "start: a\n",
    "end: b\n",
    "{goal}",
    "{gate:g.x}",
    "{output:a}",
    "{param:",
    "}",
    "{",
    "[",
    "]",
    "\"",
    "'",
    "*a",
    "&a ",
    "!t ",
    "|\n",
    "ä",
    "\u{feff}",
    "\u{0}",
    "<<: *a\n",
    "- r: agent=a model=\"x\n",
    "- r\n",
    "timeout: 99999999999999999999d\n",
    "name: ..\n",
    "? x\n",
    "%YAML 1.1\n",
    "...\n",
];
