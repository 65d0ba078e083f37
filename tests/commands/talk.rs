//! answer and send.

use crew::base::limits::MESSAGE_BYTES_MAX;

use crate::env::{ASKING, ASKING_TWICE, CODING, TestEnv};

#[test]
fn answer_settles_the_question_of_a_task() {
    let env = TestEnv::new();
    let mut run = env.run("ship-it", ASKING).start();
    assert_eq!((run.status(), run.task("approve")), ("waiting", "waiting_input"));
    env.crew(&["answer", "1", "approve"]).code(2).says("hint: give it with `--text TEXT`");
    env.crew(&["answer", "1", "approve", "--text", " "]).code(2).says("the text is empty");
    env.crew(&["answer", "1", "aprove", "--text", "x"]).code(6).says("did you mean `approve`?");
    env.crew(&["answer", "1", "approve", "--text", "yes"])
        .code(7)
        .says("nobody can be asked about `approve` here")
        .says("`crew decisions 1` shows it with a nonce");
    env.crew(&["answer", "1", "approve", "--text", "yes", "--yes"])
        .code(0)
        .says("answered `approve`: run #1 is");
    assert_eq!(run.task("approve"), "done");
    assert!(run.events().contains(r#""text":"yes""#));
    // The same answer again is the first one; another one is too late.
    env.crew(&["answer", "1", "approve", "--text", "yes"])
        .code(0)
        .says("human:ada answered `approve`")
        .says("already");
    env.crew(&["answer", "1", "approve", "--text", "no"]).code(7).says("decided `answer`");
}

#[test]
fn answer_finds_the_only_question() {
    let env = TestEnv::new();
    let mut one = env.run("one", ASKING).start();
    let _two = env.run("two", ASKING_TWICE).start();
    let _none = env.run("none", CODING);
    env.crew_with_input(&["answer", "1", "--text", "-", "--yes"], "from a file\n").code(0);
    assert_eq!(one.task("approve"), "done");
    env.crew(&["answer", "2", "--text", "x", "--yes"])
        .code(7)
        .says("2 decisions fit: approve/1, approve/2")
        .says("`crew answer 2 approve/1`");
    env.crew(&["answer", "2/approve/2", "--text", "x", "--yes"])
        .code(0)
        .says("answered `approve/2`");
    env.crew(&["answer", "3", "--text", "x"]).code(7).says("run #3 asks nothing");
}

#[test]
fn send_writes_to_a_run_a_task_or_a_person() {
    let env = TestEnv::new();
    let mut run = env.run("fix-it", CODING).start();
    env.crew(&["send", "1", "mind", "the", "tests"]).code(0).says("is sent to run #1");
    env.crew(&["send", "1/coding", "stop that"]).code(0);
    env.crew_with_input(&["send", "1/human", "-"], "a note\n").code(0);
    run.status();
    let sent: Vec<_> = run
        .ledger
        .state()
        .messages
        .iter()
        .map(|entry| (entry.message.to.as_str(), entry.message.text.as_str()))
        .collect();
    assert_eq!(sent, [("run", "mind the tests"), ("coding", "stop that"), ("human", "a note")]);
}

#[test]
fn send_refuses_what_cannot_arrive() {
    let env = TestEnv::new();
    let mut run = env.run("fix-it", CODING);
    env.crew(&["send", "1/codng", "hello"]).code(6).says("did you mean `coding`?");
    env.crew(&["send", "1/a b", "hello"]).code(6);
    env.crew(&["send", "1", ""]).code(2).says("the text is empty");
    env.crew(&["send", "1"]).code(2);
    let long = "x".repeat(MESSAGE_BYTES_MAX + 1);
    env.crew_with_input(&["send", "1", "-"], &long).code(7).says("a message may have 65536");
    env.crew(&["send", "1", "the key is", &format!("ghp_{}", "a1".repeat(18))]).code(0);
    run.status();
    assert_eq!(run.ledger.state().messages[0].message.text, "the key is [redacted]");
}
