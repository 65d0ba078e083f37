//! Names that lead somewhere else: each is refused where it is given, and nothing is made outside.

use camino::Utf8PathBuf;

use crate::bounded::bounded;
use crate::project::TestEnv;

/// Names that must never become a path.
const BAD: &[&str] = &[
    "..",
    ".",
    "../x",
    "../../../../tmp/crew-evil",
    "/tmp/crew-evil",
    "a/../../x",
    "./x",
    "x/",
    "~root",
    "-x",
    "a\nb",
    "a\u{1b}[31mb",
    "a\u{202e}b",
    "con\\..\\x",
    "%2e%2e%2f",
    "\u{ff0e}\u{ff0e}/x",
];

fn done() -> TestEnv {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; echo y | crew tool artifact a.md -; echo ok");
    env.workflow("one", "", "## work\nrole: reader\n\n{goal}");
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "done");
    env
}

/// Names of everything in the test's folder and the project, without what crew keeps.
fn outside(env: &TestEnv) -> Vec<Utf8PathBuf> {
    let folders = [env.root.clone(), env.project(), env.root.join("config"), env.notes()];
    let mut all: Vec<Utf8PathBuf> = folders
        .iter()
        .flat_map(|folder| folder.read_dir_utf8().expect("readable").flatten())
        .map(camino::Utf8DirEntry::into_path)
        .collect();
    all.push("/tmp/crew-evil".into());
    all.retain(|path| path.symlink_metadata().is_ok());
    all.sort();
    all
}

#[test]
fn a_name_that_leads_elsewhere_is_refused_by_every_verb() {
    let env = done();
    let before = outside(&env);
    let events = std::fs::read(env.run_dir(1).events()).expect("there");
    for bad in BAD {
        let task = format!("1/{bad}");
        let verbs: &[&[&str]] = &[
            &["status", bad],
            &["show", bad],
            &["logs", bad],
            &["events", bad],
            &["why", bad],
            &["why", &task],
            &["logs", "1", bad],
            &["diff", &task],
            &["artifacts", "1", bad],
            &["gate", "show", "1", bad],
            &["verify", bad],
            &["export", bad, "x.tar.gz"],
            &["doctor", "--secrets", bad],
            &["stop", bad],
            &["resume", bad],
            &["send", &task, "hello"],
            &["answer", "1", bad, "--text", "x"],
            &["retry", &task],
            &["replay", bad, "--at", "1"],
            &["team", "show", bad],
            &["team", "new", bad],
            &["workflow", "show", bad],
            &["workflow", "new", bad],
            &["workflow", "graph", bad],
            &["agent", "show", bad],
            &["agent", "new", bad],
            &["skill", "show", bad],
            &["skill", "new", bad],
            &["runtime", "show", bad],
            &["run", "x", "-w", bad, "-a", "sh"],
            &["run", "x", "-t", bad, "-a", "sh"],
            &["run", "x", "--role", bad, "-a", "sh"],
            &["run", "x", "--agent", bad, "-a", "sh"],
            &["run", "x", "-w", "one", "-a", bad],
            &["run", "x", "-w", "one", "-a", "sh", "--after", bad],
            &["salvage", "restore", bad],
            &["import", bad],
            &["attach", "1", bad],
        ];
        for verb in verbs {
            let said = bounded(&mut env.crew(verb), &format!("{verb:?}"));
            let is_refused = said.code.is_some_and(|code| (2..100).contains(&code));
            assert!(is_refused, "{verb:?}: {:?}\n{}", said.code, said.text);
            let moves =
                said.text.chars().find(|c| crew::base::text::is_moving(*c) && !"\n\t".contains(*c));
            assert_eq!(moves, None, "{verb:?}: {:?}", said.text);
            assert_eq!(outside(&env), before, "{verb:?}: {}", said.text);
        }
    }
    let after = std::fs::read(env.run_dir(1).events()).expect("there");
    let added = String::from_utf8_lossy(&after[events.len()..]).into_owned();
    assert!(added.lines().all(|line| line.contains("command.refused")), "{added}");
    assert_eq!(env.dir().runs().read_dir_utf8().expect("readable").count(), 1, "no run was made");
}

#[test]
fn an_agent_cannot_name_a_place_outside_of_its_run() {
    let env = TestEnv::new();
    let list: Vec<&str> = BAD.iter().copied().filter(|bad| !bad.contains('\n')).collect();
    let list = list.join("\n") + "\n";
    std::fs::write(env.notes().join("bad"), list).expect("written");
    env.agent(
        r#"cat >/dev/null
while IFS= read -r bad; do
  for try in "artifact $bad" "read-gate $bad" "write-gate $bad"; do
    set -- ${try%% *}
    case $1 in
      artifact) echo x | crew tool artifact -- "$bad" - ;;
      read-gate) crew tool read-gate -- "$bad" ;;
      write-gate) crew tool write-gate -- "$bad" a=b ;;
    esac >> $NOTES/said 2>&1 && echo "ACCEPTED $try" >> $NOTES/accepted
  done
  crew tool send -- "$bad" hello >> $NOTES/said 2>&1 && echo "ACCEPTED send $bad" >> $NOTES/accepted
done < $NOTES/bad
echo ok"#,
    );
    env.workflow("one", "", "## work\nrole: writer\n\n{goal}");
    let before = outside(&env);
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "done");
    let mut after = outside(&env);
    after.retain(|path| !path.starts_with(env.notes()) && path.file_name() != Some(".crew"));
    let mut before = before;
    before.retain(|path| !path.starts_with(env.notes()) && path.file_name() != Some(".crew"));
    assert_eq!(after, before);
    let said = env.note("said").join("\n");
    assert_eq!(env.note("accepted"), Vec::<String>::new(), "{said}");
}
