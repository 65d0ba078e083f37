//! Few descriptors, processes that are stopped for a while, output and input that nobody looks after.

use std::fs;
use std::process::Command;

use crew::runtime::process::{self, Signal};

use crate::accident::{kill, pause};
use crate::project::TestEnv;

#[test]
fn many_agents_beside_each_other_do_with_few_descriptors() {
    let env = TestEnv::new();
    let path = env.program("agent.sh", "cat >/dev/null; sleep 0.1; echo ok");
    env.whole_config(&format!(
        "[limits]\nagents = 24\nmachine = 24\n[completion]\nmode = \"none\"\n[runtimes.sh]\ncommand = [\"{path}\"]\n"
    ));
    env.workflow("many", "maxConcurrency: 24\n", "## look\nrole: reader\nslots: 24\n\nx");
    let crew = env.crew(&["run", "do it", "-d", "-w", "many", "-a", "sh"]);
    let mut few = Command::new("sh");
    few.args(["-c", "ulimit -n 64; exec \"$0\" \"$@\""]).arg(crew.get_program());
    few.args(crew.get_args()).current_dir(env.project()).env_clear();
    few.envs(crew.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = few.output().expect("started");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(env.rest(1), "done");
    let ends = env.ends(1);
    assert!(ends.len() == 24 && ends.iter().all(|end| end.code == Some(0)), "{ends:?}");
}

#[test]
fn a_supervisor_or_an_agent_that_was_stopped_for_a_while_goes_on_as_if_nothing_had_been() {
    let env = TestEnv::new();
    let path = env.program("agent.sh", "cat >/dev/null; touch $NOTES/begun.$CREW_TASK; while [ ! -e $NOTES/go.$CREW_TASK ]; do sleep 0.02; done; echo ok");
    env.whole_config(&format!(
        "[heartbeat]\nwarn = \"10s\"\nstale = \"20s\"\ndead = \"40s\"\n[completion]\nmode = \"none\"\n[runtimes.sh]\ncommand = [\"{path}\"]\n"
    ));
    env.workflow("two", "", "## a\nrole: reader\n\nx\n\n## b\nrole: reader\ndependsOn: a\n\nx");
    let run = env.start_workflow("two");
    env.wait_note("begun.a");
    let supervisor = env.wait_supervisor(run);
    process::signal(supervisor, Signal::STOP).expect("signalled");
    fs::write(env.notes().join("go.a"), "").expect("written");
    pause(1_500);
    process::signal(supervisor, Signal::CONT).expect("signalled");
    env.wait_note("begun.b");
    let shim = env.shim(run, "b", 1);
    let both = [shim.shim, shim.agent.expect("started")];
    for one in both {
        process::signal(one, Signal::STOP).expect("signalled");
    }
    fs::write(env.notes().join("go.b"), "").expect("written");
    pause(1_500);
    assert_eq!(env.status_text(run), "running");
    for one in both {
        process::signal(one, Signal::CONT).expect("signalled");
    }
    assert_eq!(env.rest(run), "done");
    assert_eq!([env.attempts(run, "a"), env.attempts(run, "b")], [1, 1]);
    assert_eq!(env.wait_supervisors(run), 1);
}

impl TestEnv {
    /// Supervisors that the run had.
    fn wait_supervisors(&self, run: u32) -> usize {
        let records = self.records(run);
        records.iter().filter(|record| record.body.kind() == "supervisor.started").count()
    }
}

#[test]
fn what_an_agent_writes_while_no_supervisor_lives_is_there_to_the_last_byte() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; touch $NOTES/begun; seq 1 20000; while [ ! -e $NOTES/go ]; do sleep 0.02; done; seq 20001 40000; echo last");
    env.workflow("one", "", "## work\nrole: reader\n\nx");
    let run = env.start_workflow("one");
    env.wait_note("begun");
    for _ in 0..2 {
        kill(env.wait_supervisor(run));
        env.supervise(run);
    }
    kill(env.wait_supervisor(run));
    fs::write(env.notes().join("go"), "").expect("written");
    env.assert_nothing_lives();
    env.ok(&["ls"]);
    env.wait_status(run, "done");
    let numbers: Vec<String> = (1..=40_000).map(|number| number.to_string()).collect();
    let expected = format!("{}\nlast\n", numbers.join("\n"));
    assert!(env.stdout(run, "work", 1) == expected, "the output is not what the agent wrote");
    assert_eq!(env.ends(run)[0].output_bytes, expected.len() as u64);
}

#[test]
fn the_last_line_before_the_end_is_always_there() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; seq 1 $((RUNS + 300))");
    env.workflow("many", "", "## look\nrole: reader\nslots: 30\n\nx");
    let run = env.start_workflow("many");
    assert_eq!(env.rest(run), "done");
    for slot in 1..=30 {
        let said = env.stdout(run, &format!("look/{slot}"), 1);
        assert!(said.ends_with("\n299\n300\n"), "slot {slot}: {:?}", &said[said.len() - 20..]);
    }
}

#[test]
fn an_agent_that_never_reads_a_long_prompt_holds_nothing_up() {
    let env = TestEnv::new();
    env.agent("echo ok");
    let long = "A line of a long prompt.\n".repeat(8_000);
    env.workflow("long", "", &format!("## work\nrole: reader\n\n{long}"));
    let run = env.start_workflow("long");
    assert_eq!(env.rest(run), "done");
    assert_eq!(env.attempts(run, "work"), 1);
}
