//! A person takes a task over in a real terminal: the program, the keys, the size, and how it goes on.

use crew::runtime::Pid;
use crew::runtime::process::{self, Signal};

use crate::project::TestEnv;
use crate::support::wait_until;
use crate::terminal::Terminal;

/// Prints like claude; the first turn goes on until it is stopped, a resumed one ends at once.
const HEADLESS: &str = "cat >$NOTES/prompt.$$; cat $NOTES/prompt.$$ >>$NOTES/prompts; echo \"$*\" >>$NOTES/turns
echo '{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"sess-1\",\"model\":\"m\",\"tools\":[]}'
case \"$*\" in *--resume*)
  echo '{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"session_id\":\"sess-1\",\"result\":\"I see it.\"}'; exit 0;;
esac
echo begun >>$NOTES/begun
exec sleep 1000";
/// Its own session: reads lines, and says how large its terminal is.
const SESSION: &str = "echo \"session $* token=${CREW_TOKEN_FILE-none} mark=${CREW_ATTEMPT:+set}\"; echo $$ >$NOTES/session
printf '\\033[?1049h\\033[?25l'
while IFS= read -r line; do case $line in
  size) stty size;;
  quit) exit 3;;
  approve) crew approve 1 --yes; echo \"approve $?\";;
  attach) crew attach 1 work; echo \"attach $?\";;
  *) echo \"$line\" >>person.txt; echo \"wrote $line\";;
esac; done";

/// A run whose only task runs until somebody takes it over.
fn running() -> TestEnv {
    let env = TestEnv::new();
    let headless = env.program("headless", HEADLESS);
    let session = env.program("session", SESSION);
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_crew"), env.root.join("bin/crew"))
        .expect("a link");
    env.config(&format!(
        "[runtimes.cl]\ncommand = [\"{headless}\"]\nresume = [\"{headless}\", \"--resume\", \"{{session}}\"]\n\
         attach = [\"{session}\", \"{{session}}\"]\noutput = \"claude\"\n"
    ));
    env.workflow("one", "", "## work\nrole: writer\n\n{goal}");
    env.ok(&["run", "do the thing", "-w", "one", "-a", "cl", "-d"]);
    wait_until("its agent is at work", || !env.note("begun").is_empty());
    env
}

#[test]
fn a_person_works_in_the_session_and_the_agent_goes_on_with_it() {
    let env = running();
    let terminal = Terminal::open(&env, &["attach", "1", "work"]);
    terminal.wait("session sess-1 token=none mark=set");
    assert_eq!(env.status_text(1), "running");
    assert!(env.ok(&["why", "1/work"]).contains("tester took it over"));
    terminal.type_line("hello");
    terminal.wait("wrote hello");
    assert!(env.state(1).worktree.unwrap().path.join("person.txt").exists(), "in the worktree");
    terminal.type_line("size");
    terminal.wait("24 80");
    terminal.resize(30, 99);
    wait_until("the program sees the new size", || {
        terminal.type_line("size");
        terminal.shown().contains("30 99")
    });
    terminal.type_line("quit");
    terminal.wait("How does `work` go on?");
    let (_, after) = terminal
        .shown()
        .rsplit_once("\u{1b}[?1049h")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    assert!(after.contains("\u{1b}[?25h") && after.contains("\u{1b}[?1049l"), "{after:?}");
    terminal.type_line("");
    let (code, shown) = terminal.ends();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("1 file changed"), "{shown}");
    assert_eq!(env.rest(1), "done");
    assert_eq!(env.note("turns"), ["", "--resume sess-1"]);
    let prompts = env.note("prompts").join("\n");
    assert_eq!(prompts.matches("do the thing").count(), 1, "not a second time: {prompts}");
    assert!(prompts.contains("exit code 3; changed: person.txt"), "{prompts}");
    let tree = env.state(1).worktree.unwrap();
    assert!(env.git(&["show", &format!("{}:person.txt", tree.branch)]).contains("hello"));
    let logs = env.ok(&["logs", "1", "work"]);
    assert!(logs.contains("wrote hello"), "what the terminal showed is kept: {logs}");
    assert_eq!(env.state(1).tasks[0].usage.input_tokens, 0);
    env.ok(&["verify", "1"]);
}

#[test]
fn nobody_in_the_session_decides_or_takes_over_and_a_second_person_is_told_who_has_it() {
    let env = running();
    let first = Terminal::open(&env, &["attach", "1/work", "--hand-back"]);
    first.wait("session sess-1");
    let second = Terminal::open(&env, &["attach", "1", "work"]);
    let pid = first.child.id();
    let (code, shown) = second.ends();
    assert_eq!(code, Some(7), "{shown}");
    assert!(shown.contains(&format!("tester has it (process {pid}")), "{shown}");
    for verb in ["approve", "attach"] {
        first.type_line(verb);
        first.wait(&format!("`crew {verb}` is for people"));
        first.wait(&format!("{verb} 7"));
    }
    first.type_line("quit");
    assert_eq!(first.ends().0, Some(0));
    assert_eq!(env.rest(1), "done");
}

#[test]
fn a_killed_or_hung_up_terminal_gives_the_task_back() {
    for signal in [Some(Signal::KILL), Some(Signal::TERM), None] {
        let env = running();
        let terminal = Terminal::open(&env, &["attach", "1", "work"]);
        terminal.wait("session sess-1");
        terminal.type_line("hello");
        terminal.wait("wrote hello");
        let session: u32 = env.note("session")[0].parse().expect("a number");
        let session = Pid::of(session).expect("it lives");
        let mut child = terminal.child;
        match signal {
            Some(signal) => {
                process::signal(Pid::of(child.id()).expect("it lives"), signal).expect("sent");
            }
            // The window is closed.
            None => drop(process::signal(Pid::of(child.id()).expect("it lives"), Signal::HUP)),
        }
        child.wait().expect("ended");
        assert_eq!(env.rest(1), "done", "{signal:?}");
        assert!(!process::is_alive(session), "{signal:?}");
        assert_eq!(env.note("turns"), ["", "--resume sess-1"], "{signal:?}");
        let tree = env.state(1).worktree.unwrap();
        assert!(env.git(&["show", &format!("{}:person.txt", tree.branch)]).contains("hello"));
        assert!(env.ok(&["timeline", "1"]).contains("changed: person.txt"));
    }
}

#[test]
fn a_session_whose_terminal_was_killed_in_a_paused_run_is_ended_by_the_next_command() {
    let env = running();
    let session = env.root.join("session");
    let text = std::fs::read_to_string(&session).expect("a script");
    let text = text.replacen("NOTES=", "trap '' HUP; NOTES=", 1);
    std::fs::write(&session, format!("{text}sleep 600\n")).expect("written");
    let terminal = Terminal::open(&env, &["attach", "1", "work"]);
    terminal.wait("session sess-1");
    env.ok(&["pause", "1"]);
    env.wait_status(1, "paused");
    wait_until("nobody drives it", || env.supervisor(1).is_none());
    let session: u32 = env.note("session")[0].parse().expect("a number");
    let session = Pid::of(session).expect("it lives");
    env.ok(&["status"]);
    assert!(process::is_alive(session), "its terminal is there");
    let mut child = terminal.child;
    process::signal(Pid::of(child.id()).expect("it lives"), Signal::KILL).expect("sent");
    child.wait().expect("ended");
    assert!(process::is_alive(session), "it does not care that its terminal is gone");
    env.ok(&["status"]);
    assert!(!process::is_alive(session), "it is ended");
    assert_eq!(env.status_text(1), "paused");
}

#[test]
fn a_task_can_be_done_by_hand() {
    let env = running();
    let terminal = Terminal::open(&env, &["attach", "1", "work", "--done"]);
    terminal.wait("session sess-1");
    terminal.type_line("hello");
    terminal.wait("wrote hello");
    terminal.type_line("quit");
    assert_eq!(terminal.ends().0, Some(0));
    assert_eq!(env.rest(1), "done");
    assert_eq!((env.attempts(1, "work"), env.note("turns").len()), (1, 1));
}

#[test]
fn what_becomes_of_the_run_meanwhile_is_told_afterwards() {
    let env = running();
    let terminal = Terminal::open(&env, &["attach", "1", "work"]);
    terminal.wait("session sess-1");
    env.ok(&["stop", "1", "--yes"]);
    terminal.type_line("hello");
    terminal.wait("wrote hello");
    terminal.type_line("quit");
    let (code, shown) = terminal.ends();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("run #1 is cancelled meanwhile"), "{shown}");
    assert!(env.state(1).worktree.unwrap().path.join("person.txt").exists());
    assert_eq!(env.attempts(1, "work"), 1);
    env.assert_nothing_lives();
}

#[test]
fn without_a_terminal_nothing_is_touched() {
    let env = running();
    let told = env.fails(7, &["attach", "1", "work"]);
    assert!(told.contains("opens a session in a terminal, and this is none"), "{told}");
    env.fails(6, &["attach", "1", "nope"]);
    env.fails(2, &["attach", "1"]);
    assert_eq!(env.task(1, "work"), "running");
    env.ok(&["stop", "1", "--yes"]);
}

#[test]
fn a_program_without_a_session_of_its_own_gets_a_shell_in_its_tree() {
    let env = TestEnv::new();
    env.agent("cat >$NOTES/told; echo x >>$NOTES/turns; [ -e person.txt ] && echo ok && exit; echo >$NOTES/begun; exec sleep 1000");
    env.workflow("one", "", "## work\nrole: writer\nisolation: snapshot\n\n{goal}\n\n## more\nrole: writer\nisolation: snapshot\n\nx");
    env.ok(&["run", "do the thing", "-w", "one", "-a", "sh", "-d"]);
    wait_until("its agent is at work", || !env.note("begun").is_empty());
    wait_until("both are at work", || env.note("turns").len() == 2);
    let terminal = Terminal::open(&env, &["attach", "1", "more", "--hand-back"]);
    terminal.wait("(project#1 more) $");
    terminal.type_line("pwd; echo by hand >person.txt; exit");
    assert_eq!(terminal.ends().0, Some(0));
    wait_until("its agent is done", || env.task(1, "more") == "done");
    assert_eq!(env.task(1, "work"), "running", "the other was left alone");
    let told = env.note("told").join("\n");
    assert!(told.contains("A person took this task over") && told.contains("person.txt"), "{told}");
    env.ok(&["stop", "1", "--yes"]);
}
