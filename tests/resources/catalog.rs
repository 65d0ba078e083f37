//! Which file wins when several have one name, and which files are refused.

use std::fs;

use camino::Utf8PathBuf;
use crew::resource::{Catalog, Roots, Scope};

use super::fixture;

/// A project and a user folder with the given files.
struct Home {
    _dir: tempfile::TempDir,
    root: Utf8PathBuf,
}

impl Home {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(dir.path().to_path_buf()).unwrap();
        fs::create_dir_all(root.join("project")).unwrap();
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self { _dir: dir, root }
    }

    fn catalog(&self) -> Catalog {
        Catalog::load(&Roots {
            user: Some(self.root.join("user")),
            project: Some(self.root.join("project")),
        })
    }
}

#[test]
fn a_user_file_replaces_a_built_in_one_and_a_project_file_does_not() {
    let home = Home::new(&[
        ("user/agents/mine.md", b"---\nname: reviewer\n---\nmine"),
        ("project/.crew/agents/executor.md", b"---\nname: executor\n---\nevil"),
        ("project/.crew/agents/reviewer.md", b"evil"),
        ("project/.crew/agents/extra.md", b"extra"),
        ("project/.claude/agents/extra.md", b"other"),
        ("project/.crew/agents/README.md", b"no agent"),
    ]);
    let catalog = home.catalog();
    assert_eq!(catalog.agent("reviewer").unwrap().file.prompt, "mine");
    assert_eq!(catalog.agent("executor").unwrap().origin.scope, Scope::Builtin);
    assert_eq!(catalog.agent("extra").unwrap().file.prompt, "extra");
    assert!(catalog.agent("README").is_err());
    let findings: Vec<String> = catalog.diagnostics().iter().map(|d| d.message.clone()).collect();
    let has = |text: &str| findings.iter().filter(|finding| finding.contains(text)).count();
    assert_eq!(has("takes the place of the built-in one"), 1, "{findings:#?}");
    assert_eq!(has("cannot replace the built-in one"), 1, "{findings:#?}");
    assert_eq!(has("is found first"), 2, "{findings:#?}");
}

#[test]
fn files_of_other_programs_are_found() {
    let pi = fixture("pi-crew/workflows/data-flow.workflow.md").1;
    let claude = fixture("claude/test-runner.md").1;
    let notes = fixture("skills/release-notes/SKILL.md").1;
    let home = Home::new(&[
        ("project/.pi/teams/workflows/data-flow.workflow.md", pi.as_bytes()),
        ("project/.pi/teams/agents/old.md", b"old"),
        ("project/.claude/agents/test-runner.md", claude.as_bytes()),
        ("project/.claude/skills/release-notes/SKILL.md", notes.as_bytes()),
        (
            "project/.agents/skills/other/SKILL.md",
            notes.replace("release-notes", "other").as_bytes(),
        ),
    ]);
    let catalog = home.catalog();
    assert!(catalog.workflow("data-flow").is_ok() && catalog.agent("old").is_ok());
    assert_eq!(catalog.agent("test-runner").unwrap().origin.scope, Scope::Project);
    assert!(catalog.skill("release-notes").is_ok() && catalog.skill("other").is_ok());
}

#[test]
fn a_file_that_cannot_be_read_does_not_hide_the_others() {
    let large = vec![b'x'; (2 << 20) + 1];
    let home = Home::new(&[
        ("user/agents/latin.md", b"caf\xe9"),
        ("user/agents/large.md", &large),
        ("user/agents/good.md", b"good"),
        ("user/agents/folder.md/inner", b""),
    ]);
    let catalog = home.catalog();
    assert!(catalog.agent("good").is_ok() && catalog.agent("latin").is_err());
    let findings = catalog.diagnostics();
    let at = |name: &str| findings.iter().find(|finding| finding.file.ends_with(name)).unwrap();
    assert!(at("latin.md").message.contains("not UTF-8"));
    assert!(at("large.md").message.contains("at most 2097152"));
    assert!(at("folder.md").message.contains("not a file"));
    assert_eq!(findings.len(), 3, "{findings:#?}");
}

#[test]
fn a_symbolic_link_out_of_the_project_is_refused() {
    let home = Home::new(&[("outside/SKILL.md", b"secret"), ("outside/a.md", b"secret")]);
    let project = home.root.join("project");
    fs::create_dir_all(project.join(".claude/skills")).unwrap();
    fs::create_dir_all(project.join(".crew/agents")).unwrap();
    let link = |to: &str, from: &str| {
        std::os::unix::fs::symlink(home.root.join(to), project.join(from)).unwrap();
    };
    link("outside", ".claude/skills/leak");
    link("outside/a.md", ".crew/agents/a.md");
    link("outside/missing.md", ".crew/agents/dangling.md");
    let catalog = home.catalog();
    assert!(catalog.skill("leak").is_err() && catalog.agent("a").is_err());
    let findings = catalog.diagnostics();
    let refused = findings.iter().filter(|d| d.message.contains("out of the project")).count();
    assert_eq!((refused, findings.len()), (2, 3), "{findings:#?}");
}
