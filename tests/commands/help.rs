//! Help texts, reviewed as text.

use crate::env::TestEnv;

#[test]
fn help_says_what_each_command_does() {
    let env = TestEnv::new();
    let verbs: &[&[&str]] = &[
        &["agent"],
        &["answer"],
        &["approve"],
        &["archive"],
        &["completions"],
        &["config"],
        &["deadletter"],
        &["decisions"],
        &["diff"],
        &["discard"],
        &["doctor"],
        &["gate"],
        &["gate", "write"],
        &["inbox"],
        &["init"],
        &["mailbox", "verify"],
        &["man"],
        &["merge"],
        &["pause"],
        &["prune"],
        &["recommend"],
        &["reject"],
        &["reopen"],
        &["request-changes"],
        &["resume"],
        &["retry"],
        &["runtime"],
        &["salvage"],
        &["salvage", "restore"],
        &["send"],
        &["stop"],
        &["suggest"],
        &["trust"],
        &["undo"],
        &["workflow"],
        &["workflow", "graph"],
        &["workflow", "show"],
    ];
    let mut all = Vec::new();
    for verb in verbs {
        let told = env.crew(&[*verb, &["--help"]].concat()).code(0);
        // The flags of every command stand below their own heading, and once in a snapshot is enough.
        let (own, every) = told.stdout.split_once("Options of every command:").unwrap();
        assert!(every.contains("--json") && every.contains("--project"));
        let own: Vec<&str> =
            own.lines().filter(|line| !line.trim().is_empty()).map(str::trim_end).collect();
        all.push(format!("$ crew {} --help\n{}\n", verb.join(" "), own.join("\n")));
    }
    insta::assert_snapshot!(all.join("\n"));
}
