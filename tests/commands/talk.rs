//! answer, send, inbox, mailbox, deadletter.

use crew::base::limits::MESSAGE_BYTES_MAX;

use crew::event::attempt::{EndReason, Report};
use crew::event::message::{Delivery, MessageKind, MessagePriority};

use crate::env::{ASKING, ASKING_TWICE, CODING, GATED, TestEnv};

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

#[test]
fn send_says_how_urgent_a_message_is_and_what_it_answers() {
    let env = TestEnv::new();
    let mut run = env.run("fix-it", CODING).start();
    env.crew(&["send", "1/coding", "stop that", "--interrupt", "--priority", "urgent"]).code(0);
    run.status();
    let first = run.ledger.state().messages[0].message.clone();
    assert_eq!((first.kind, first.delivery), (MessageKind::Steer, Delivery::Interrupt));
    assert_eq!(first.priority, MessagePriority::Urgent);
    env.crew(&["send", "1/human", "because", "--reply-to", &first.id]).code(0);
    run.status();
    assert_eq!(run.ledger.state().messages[1].message.reply_to, Some(first.id));
    env.crew(&["send", "1", "x", "--reply-to", "nothing"]).code(6).says("has no message `nothing`");
    env.crew(&["send", "1", "x", "--priority", "soon"]).code(2);
}

#[test]
fn a_message_is_taken_back_until_somebody_has_it() {
    let env = TestEnv::new();
    let mut run = env.run("fix-it", CODING).start();
    env.crew(&["send", "1/review", "mind the tests"]).code(0);
    run.status();
    let id = run.ledger.state().messages[0].message.id.clone();
    env.crew(&["send", "1", "--retract", &id]).code(0).says("is taken back");
    env.crew(&["inbox", "1"]).code(0).prints("mind the tests").prints("dead:");
    env.crew(&["send", "1", "--retract", &id]).code(0);
    env.crew(&["send", "1", "--retract", "nothing"]).code(6).says("`crew inbox 1` lists them");
    env.crew(&["send", "1", "text", "--retract", &id]).code(2);
}

#[test]
fn a_broadcast_reaches_every_run_that_is_not_over() {
    let env = TestEnv::new();
    let (mut one, mut two) = (env.run("one", CODING).start(), env.run("two", CODING));
    let mut over = env.run("over", CODING);
    env.crew(&["stop", "3"]).code(0);
    env.crew(&["send", "--all", "the", "build", "is", "red"])
        .code(0)
        .says("sent to 2 runs (#1, #2)");
    let texts = |run: &mut crate::env::Run| {
        run.status();
        let messages = run.ledger.state().messages.iter();
        messages.map(|entry| entry.message.text.clone()).collect::<Vec<_>>()
    };
    assert_eq!(texts(&mut one), ["the build is red"]);
    assert_eq!(texts(&mut two), ["the build is red"]);
    assert_eq!(texts(&mut over), Vec::<String>::new());
    env.crew(&["send", "--all"]).code(2);
}

#[test]
fn the_inbox_has_mail_and_decisions_of_all_runs() {
    let env = TestEnv::new();
    env.crew(&["inbox"]).code(0).says("there are no messages");
    let mut one = env.run("one", GATED).start();
    one.end("coding", EndReason::Exited, Report { spoke: true, ..Report::default() });
    let _two = env.run("two", CODING).start();
    env.crew(&["send", "2/human", "look at this"]).code(0);
    env.crew(&["send", "2/coding", "not for people"]).code(0);
    let told = env.crew(&["inbox", "--json"]).code(0).json();
    assert_eq!(told["decisions"][0]["subject"], "approval", "{told:#}");
    let texts: Vec<&str> = told["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["text"].as_str().unwrap())
        .collect();
    assert_eq!(texts, ["look at this"]);
    env.crew(&["inbox"]).code(0).prints("crew approve 1 approval").prints("look at this");
    let told = env.crew(&["inbox", "2", "--json"]).code(0).json();
    assert_eq!(told["messages"].as_array().map(Vec::len), Some(2), "{told:#}");
    assert_eq!(told["messages"][1]["state"], "sent");
    env.crew(&["inbox", "2", "--to", "coding"]).code(0).prints("not for people");
}

#[test]
fn damaged_mailboxes_are_found_by_line_and_made_again() {
    let env = TestEnv::new();
    let run = env.run("fix-it", CODING).start();
    for text in ["first", "second", "third"] {
        env.crew(&["send", "1/coding", text]).code(0);
    }
    env.crew(&["mailbox", "verify", "1"]).code(0).prints("are whole: 3 messages");
    let path = run.ledger.dir().mailbox_of("coding");
    let whole = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    std::fs::write(&path, format!("{}\ngarbage\n{}\n", lines[0], lines[2])).unwrap();
    env.crew(&["mailbox", "verify", "1"])
        .code(8)
        .prints("line 2:")
        .prints("is in no file")
        .prints("`crew mailbox verify 1 --fix` makes them again");
    let told = env.crew(&["mailbox", "verify", "1", "--fix", "--json"]).code(0).json();
    assert_eq!((&told["fixed"], &told["messages"]), (&true.into(), &3.into()), "{told}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), whole);
    env.crew(&["mailbox", "verify", "1"]).code(0);
    std::fs::write(&path, whole.replace("second", "forged")).unwrap();
    env.crew(&["mailbox", "verify", "1"]).code(8).prints("is not the log's");
    env.crew(&["mailbox", "verify", "9"]).code(6);
}

#[test]
fn tasks_that_were_given_up_are_listed_and_tried_again() {
    let env = TestEnv::new();
    let mut run = env.run("fix-it", CODING).start();
    env.crew(&["deadletter", "list"]).code(0).says("no run has given up on a task");
    let blocked = Report { spoke: true, blocked: Some("no key".into()), ..Report::default() };
    run.end("coding", EndReason::Exited, blocked);
    assert_eq!(run.status(), "blocked");
    let told = env.crew(&["deadletter", "list", "--json"]).code(0).json();
    let [letter] = told["letters"].as_array().unwrap().as_slice() else { panic!("{told:#}") };
    assert_eq!((&letter["task"], &letter["attempts"]), (&"coding".into(), &1.into()));
    env.crew(&["deadletter", "list"]).code(0).prints("crew retry 1/coding").prints("no key");
    env.crew(&["deadletter", "requeue", "1/coding"]).code(0).says("task `coding` is tried again");
    assert!(matches!(run.task("coding"), "ready" | "running"), "{}", run.task("coding"));
    env.crew(&["deadletter", "list"]).code(0).says("no run has given up");
}
