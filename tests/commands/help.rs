//! Help texts, reviewed as text.

use crate::env::TestEnv;

#[test]
fn help_says_what_each_command_does() {
    let env = TestEnv::new();
    let verbs: &[&[&str]] = &[
        &["agent"],
        &["answer"],
        &["archive"],
        &["completions"],
        &["config"],
        &["doctor"],
        &["init"],
        &["man"],
        &["pause"],
        &["recommend"],
        &["reopen"],
        &["resume"],
        &["retry"],
        &["runtime"],
        &["send"],
        &["stop"],
        &["trust"],
        &["workflow"],
        &["workflow", "graph"],
        &["workflow", "show"],
    ];
    let mut all = String::new();
    for verb in verbs {
        let told = env.crew(&[*verb, &["--help"]].concat()).code(0);
        // The flags of every command stand in the help of crew itself; here they would repeat.
        let own: Vec<&str> =
            told.stdout.lines().filter(|line| !line.trim().is_empty()).map(str::trim_end).collect();
        all.push_str(&format!("$ crew {} --help\n{}\n\n", verb.join(" "), own.join("\n")));
    }
    insta::assert_snapshot!(all);
}
