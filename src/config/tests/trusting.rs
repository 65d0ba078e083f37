//! Rules of trust: what is listed, how long it lasts.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use camino::Utf8Path;

use super::*;

#[test]
fn what_a_project_would_execute_is_listed_with_its_place() {
    let project = "\
[validation.commands]
check = \"make check\"
[worktree]
setup = [\"npm ci\"]
[[hooks]]
on = \"run.done\"
command = \"rm x\"
[notify]
command = \"ping\"
bell = false
";
    let place = Place::new("[worktree]\nsetup = []\n", project);
    place.write("shop/.crew/schedules/nightly.toml", "goal = \"tidy\"\n");
    place.write("shop/.crew/schedules/notes.txt", "");
    let config = place.load(&[], &nothing()).config;
    let step = TrustItem {
        file: ".crew/workflows/x.workflow.md".into(),
        line: 9,
        what: "step build".into(),
        content: "make".into(),
    };
    let items = trust::executable_content(&config, vec![step]);
    let shown: Vec<String> = items
        .iter()
        .map(|item| {
            format!("{}:{} {}: {}", item.file, item.line, item.what, item.content.trim_end())
        })
        .collect();
    assert_eq!(
        shown,
        [
            ".crew/config.toml:2 validation.commands.check: \"make check\"",
            ".crew/config.toml:4 worktree.setup: [\"npm ci\"]",
            ".crew/config.toml:5 hook on run.done: rm x",
            ".crew/config.toml:9 notify.command: \"ping\"",
            ".crew/schedules/nightly.toml:1 schedule nightly: goal = \"tidy\"",
            ".crew/workflows/x.workflow.md:9 step build: make",
        ]
    );
}

#[test]
fn trust_lasts_until_what_is_executed_changes() {
    let place = Place::new("", "[worktree]\nsetup = \"make\"\n");
    let root = place.root();
    let store = TrustStore::new(&place.env(&[]));
    let items = || trust::executable_content(&place.load(&[], &nothing()).config, Vec::new());
    let is_changed = |trust: Trust| match trust {
        Trust::Trusted => None,
        Trust::Untrusted { changed, .. } => Some(changed),
    };
    let check = || is_changed(store.is_trusted(&root, items()).unwrap());
    assert_eq!(check(), Some(false), "never asked");
    store.trust(&root, &items()).unwrap();
    assert_eq!(check(), None);
    place.write(
        "shop/.crew/config.toml",
        "# a comment\n\n[ui]\nascii = true\n[worktree]\nsetup = [\"make\"]\n",
    );
    assert_eq!(check(), None, "the same command elsewhere in the file");
    place.write("shop/.crew/config.toml", "[worktree]\nsetup = \"make evil\"\n");
    assert_eq!(check(), Some(true), "another command");
    assert_eq!(
        is_changed(store.is_trusted(&place.path, items()).unwrap()),
        Some(false),
        "another project"
    );
    assert_eq!(
        is_changed(store.is_trusted(&root, Vec::new()).unwrap()),
        None,
        "nothing to execute"
    );
    store.revoke(&root).unwrap();
    assert_eq!(check(), Some(false));

    let folder = place.path.join("home/.local/state/crew");
    let mode = |path: &Utf8Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&folder.join("trusted.json"))), (0o700, 0o600));
    assert_eq!(mode(&folder.join("trusted.lock")), 0o600);
}

#[test]
fn a_damaged_or_newer_trust_file_is_an_error_and_stays() {
    let place = Place::new("", "[worktree]\nsetup = \"make\"\n");
    let store = TrustStore::new(&place.env(&[]));
    let items = place.load(&[], &nothing()).config.executable;
    let file = "home/.local/state/crew/trusted.json";
    for (text, expected) in [
        ("{", "`T/F` is damaged; remove it, and trust your projects again"),
        (
            "{\"format\":9,\"projects\":{}}",
            "`T/F` has format 9, this crew knows 1; use the newer crew",
        ),
    ] {
        place.write(file, text);
        let error = store.trust(&place.root(), &items).unwrap_err().to_string();
        assert_eq!(error.replace(place.path.as_str(), "T").replace(file, "F"), expected);
        assert!(store.is_trusted(&place.root(), items.clone()).is_err());
        assert_eq!(fs::read_to_string(place.path.join(file)).unwrap(), text);
    }
    let nowhere = TrustStore::new(&Environment::default());
    assert!(matches!(nowhere.trust(&place.root(), &items), Err(trust::TrustError::NoFolder)));
}
