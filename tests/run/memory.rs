//! Memory files: what an agent keeps for the next run, in the three places where it can lie.

use std::fs;
use std::os::unix::fs::symlink;

use crate::project::TestEnv;

const ONE: &str = "## work\nrole: keeper\n\n{goal}";
const LOCAL: &str = ".crew/agent-memory-local/keeper/MEMORY.md";
const PROJECT: &str = ".crew/agent-memory/keeper/MEMORY.md";

/// An agent `keeper` with a memory file of this scope, that leaves its prompt as a note.
fn keeper(scope: &str, script: &str) -> TestEnv {
    let env = TestEnv::new();
    let text = format!("---\nname: keeper\ndescription: d\nmemory: {scope}\n---\n\nYou keep.\n");
    fs::write(env.root.join("config/agents/keeper.md"), text).expect("written");
    env.agent(&format!("cat > $NOTES/prompt\n{script}\necho done"));
    env.workflow("one", "", ONE);
    env
}

/// The prompt of a new run that ends well.
fn prompt(env: &TestEnv) -> String {
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "done", "{:?}", env.status(run));
    env.note("prompt").join("\n")
}

fn put(path: &camino::Utf8Path, text: &str) {
    fs::create_dir_all(path.parent().expect("has a folder")).expect("made");
    fs::write(path, text).expect("written");
}

#[test]
fn an_agent_finds_again_what_it_kept_for_itself() {
    let file = "$(sed -n 's/^This is your memory file `\\(.*\\)`.*/\\1/p' $NOTES/prompt)";
    let script = format!("mkdir -p \"$(dirname \"{file}\")\"; echo 'tests are slow' >> \"{file}\"");
    for scope in ["user", "local"] {
        let env = keeper(scope, &script);
        let first = prompt(&env);
        assert!(first.contains("(nothing yet)") && !first.contains("tests are slow"), "{first}");
        let second = prompt(&env);
        assert!(second.contains("earlier runs\n\ntests are slow\n"), "{scope}: {second}");
        assert_eq!(env.git(&["status", "--porcelain"]), "", "{scope}: the checkout stays clean");
    }
}

#[test]
fn the_memory_of_a_project_is_the_committed_one_and_changes_on_the_branch() {
    let env = keeper("project", &format!("echo 'and new' >> {PROJECT}"));
    put(&env.project().join(PROJECT), "committed\n");
    env.git(&["add", "-A"]);
    env.git(&["commit", "-q", "-m", "memory"]);
    fs::write(env.project().join(PROJECT), "not committed\n").expect("written");
    let first = prompt(&env);
    assert!(first.contains("runs\n\ncommitted\n") && !first.contains("not committed"), "{first}");
    let branch = format!("crew/{}", env.state(1).created.slug);
    assert_eq!(env.git(&["show", &format!("{branch}:{PROJECT}")]), "committed\nand new");
}

#[test]
fn two_hundred_lines_of_it_are_shown_without_its_secrets() {
    let env = keeper("local", "");
    let mut lines: Vec<String> = (1..=250).map(|line| format!("memory {line}")).collect();
    lines[7] = "password=hunter2hunter2".to_owned();
    put(&env.project().join(LOCAL), &lines.join("\n"));
    let prompt = prompt(&env);
    assert!(prompt.contains("memory 200\n") && !prompt.contains("memory 201"), "{prompt}");
    assert!(prompt.contains("the file goes on") && !prompt.contains("hunter2"), "{prompt}");
}

#[test]
fn a_memory_that_a_link_leads_to_is_not_read_and_stops_nothing() {
    let env = keeper("local", "");
    put(&env.root.join("home/secret/MEMORY.md"), "the secret\n");
    let folder = env.project().join(".crew/agent-memory-local");
    fs::create_dir_all(&folder).expect("made");
    symlink(env.root.join("home/secret"), folder.join("keeper")).expect("linked");
    let prompt = prompt(&env);
    assert!(prompt.contains("could not be read") && !prompt.contains("the secret"), "{prompt}");
    let shown = env.output(&["agent", "show", "keeper"]);
    let shown = String::from_utf8(shown.stderr).expect("text");
    assert!(shown.contains("could not be read") && shown.contains(LOCAL), "{shown}");
}

#[test]
fn a_dry_run_and_show_say_what_an_agent_remembers() {
    let env = keeper("local", "");
    put(&env.project().join(LOCAL), "the port is 8080\n");
    let dry = env.ok(&["run", "do it", "--dry-run", "-w", "one", "-a", "sh"]);
    assert!(dry.contains("the port is 8080") && dry.contains(LOCAL), "{dry}");
    let shown = env.ok(&["agent", "show", "keeper", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    let memory = &shown["memory"];
    assert_eq!((&memory["scope"], &memory["text"]), (&"local".into(), &"the port is 8080".into()));
}
