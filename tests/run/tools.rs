//! What agents can do through `crew tool`: who may, what it changes, and what it is answered.

use crew::event::body::CommandRefused;
use crew::event::{Body, Record};

use crate::project::{LIMITS, TestEnv};
use crate::support::wait_until;

const GATES: &str = "start: review\nend: finish\n\
gates:\n  votes-gate:\n    fields: { votes: { map: [approve, reject] } }\n    writers: [reader]\n    \
resetOnCycle: true\n    when: { count: votes, eq: approve, min: 2 }\n  \
link-gate:\n    fields: { url: string, ready: bool }\n    writers: [human]\n    when: { check: url }\n\
channels:\n  - { id: forward, from: review, to: finish, gate: votes-gate }\n";

const REVIEWS: &str = "## review\nrole: reader\nslots: 2\n\
contract: { writes: votes-gate, exactly: 1, nudge: 1 }\n\nJudge: {goal}\n\n\
## finish\nrole: writer\n\nWrap it up.";

fn refusals(env: &TestEnv, run: u32) -> Vec<CommandRefused> {
    let records = env.records(run).into_iter();
    records
        .filter_map(|record| {
            if let Body::CommandRefused(refused) = record.body { Some(refused) } else { None }
        })
        .collect()
}

fn of_kind(env: &TestEnv, run: u32, kind: &str) -> Vec<Record> {
    env.records(run).into_iter().filter(|record| record.body.kind() == kind).collect()
}

#[test]
fn reviewers_vote_and_the_gate_between_the_steps_opens() {
    let env = TestEnv::new();
    env.workflow("votes", GATES, REVIEWS);
    env.agent(
        "cat > $NOTES/prompt.$CREW_TASK.$CREW_SLOT 2>/dev/null || cat > $NOTES/prompt.review.$CREW_SLOT
case $CREW_TASK in review/*)
  crew tool write-gate votes-gate votes=approve --json > $NOTES/said.$CREW_SLOT 2>&1
  echo code $? >> $NOTES/said.$CREW_SLOT;;
esac
echo done",
    );
    let run = env.start_workflow("votes");
    assert_eq!(env.rest(run), "done", "{:?}", env.status(run));
    let store = &env.state(run).stores["votes-gate"].data;
    assert_eq!(
        serde_json::Value::Object(store.clone()),
        serde_json::json!({"votes": {"review/1": "approve", "review/2": "approve"}})
    );
    for slot in ["1", "2"] {
        let said = env.note(&format!("said.{slot}"));
        assert_eq!(said.last().map(String::as_str), Some("code 0"), "{said:?}");
        let reply: serde_json::Value = serde_json::from_str(&said[0]).expect("JSON");
        assert_eq!(
            (&reply["written"], &reply["schema_version"]),
            (&"votes-gate".into(), &1.into())
        );
    }
    let prompt = env.note("prompt.review.1").join("\n");
    for part in ["crew tool write-gate votes-gate votes=approve", "approve, reject", "CREW: "] {
        assert!(prompt.contains(part), "{part} is missing in\n{prompt}");
    }
    assert!(!prompt.contains("link-gate"), "it cannot write it\n{prompt}");
    let last = env.note("prompt.finish.1").join("\n");
    assert!(!last.contains("votes-gate"), "nothing to write for it\n{last}");
}

#[test]
fn what_an_agent_may_not_do_is_refused_says_who_may_and_is_on_record() {
    let env = TestEnv::new();
    env.workflow("votes", GATES, REVIEWS);
    env.agent(
        r#"cat >/dev/null
say() { echo "== $*" >> $NOTES/said; "$@" >> $NOTES/said 2>&1; echo "code $?" >> $NOTES/said; }
if [ "$CREW_TASK" = review/1 ]; then
  say crew tool write-gate link-gate url=x
  say crew tool write-gate votes-gate votes=maybe
  say crew tool write-gate votes-gate vote=approve
  say crew tool write-gate vote-gate votes=approve
  say crew tool write-gate votes-gate --data '{"votes": {"review/2": "approve"}}'
  say crew tool write-gate votes-gate votes=approve
  say crew tool write-gate votes-gate votes=approve
  say crew tool write-gate votes-gate votes=reject
  say crew tool send finish 'along the channel' --gates '{"link-gate": {"url": "x"}}'
  say crew tool send finish 'along the channel' --data '{"n": 1}'
  say crew tool send review/2 'no channel leads there'
  say crew tool send finnish 'nobody'
  say crew tool propose - < /dev/null
  say crew stop 1
  say env -u CREW_ATTEMPT -u CREW_TOKEN_FILE crew answer 1 --text x
else
  [ "$CREW_TASK" = finish ] || crew tool write-gate votes-gate votes=approve
  crew tool inbox > $NOTES/inbox.$CREW_ROLE
fi
echo done"#,
    );
    let run = env.start_workflow("votes");
    assert_eq!(env.rest(run), "done", "{:?}", env.status(run));
    let said = env.note("said").join("\n");
    let parts: Vec<&str> = said.split("== ").skip(1).collect();
    let expected = [
        ("code 7", "`review/1` (role `reader`) may not write gate `link-gate`; human may"),
        ("code 7", "cannot be \"maybe\""),
        ("code 7", "did you mean `votes`?"),
        ("code 6", "did you mean `votes-gate`?"),
        ("code 7", "only its own entry"),
        ("code 0", "gate `votes-gate` is"),
        ("code 0", "gate `votes-gate` is"),
        ("code 7", "with another value"),
        ("code 7", "may not write gate `link-gate`"),
        ("code 0", "is sent to `finish`"),
        ("code 7", "`review` may write to run, human, finish"),
        ("code 6", "no task `finnish`"),
        ("code 7", "step `review` adds no tasks; no step may"),
        ("code 7", "is for people"),
        ("code 7", "is for people"),
    ];
    assert_eq!(parts.len(), expected.len(), "{said}");
    for (part, (code, words)) in parts.iter().zip(expected) {
        assert!(part.contains(code) && part.contains(words), "{code} {words}\n{part}");
    }
    assert_eq!(of_kind(&env, run, "message.sent").len(), 1, "all or nothing");
    let on_record: Vec<String> =
        refusals(&env, run).into_iter().map(|refused| refused.code).collect();
    let codes = ["forbidden", "not_found", "contract"];
    assert!(codes.iter().all(|code| on_record.iter().any(|found| found == code)), "{on_record:?}");
    let prompt = std::fs::read_to_string(env.attempt(run, "finish", 1).prompt()).expect("read");
    assert!(
        prompt.contains("] along the channel\n>\n> data: {\"n\":1}"),
        "quoted as data\n{prompt}"
    );
    assert!(prompt.contains("agent:review/1"), "with its sender\n{prompt}");
    assert!(env.note("inbox.writer").join("\n").contains("along the channel"));
}

#[test]
fn a_token_speaks_for_its_own_attempt_while_it_lives_and_for_no_other() {
    let env = TestEnv::new();
    env.workflow("votes", GATES, REVIEWS);
    env.agent(
        r#"cat >/dev/null
say() { echo "== $*" >> $NOTES/said; "$@" >> $NOTES/said 2>&1; echo "code $?" >> $NOTES/said; }
if [ "$CREW_TASK" = review/1 ]; then
  env | grep '^CREW_' > $NOTES/identity
  say env -u CREW_TOKEN_FILE crew tool status
  say env CREW_TOKEN_FILE=/nowhere crew tool status
  say env CREW_TASK=review/2 crew tool write-gate votes-gate votes=approve
  say env CREW_ATTEMPT_NUMBER=2 crew tool status
  echo $CREW_TOKEN_FILE > $NOTES/token.tmp; mv $NOTES/token.tmp $NOTES/token.1
fi
if [ "$CREW_TASK" = review/2 ]; then
  while [ ! -e $NOTES/token.1 ]; do sleep 0.02; done
  say env CREW_TOKEN_FILE=$(cat $NOTES/token.1) crew tool write-gate votes-gate votes=approve
fi
case $CREW_TASK in review/*) crew tool write-gate votes-gate votes=approve;; esac
ls -l $CREW_TOKEN_FILE
echo done"#,
    );
    let run = env.start_workflow("votes");
    assert_eq!(env.rest(run), "done", "{:?}", env.status(run));
    let said = env.note("said").join("\n");
    let parts: Vec<&str> = said.split("== ").skip(1).collect();
    let expected = [
        "`CREW_TOKEN_FILE` is not set",
        "there is no token",
        "is not that of attempt 1 of `review/2`",
        "is not that of attempt 2 of `review/1`",
        "is not that of attempt 1 of `review/2`",
    ];
    assert_eq!(parts.len(), expected.len(), "{said}");
    for (part, words) in parts.iter().zip(expected) {
        assert!(part.contains("code 7") && part.contains(words), "{words}\n{part}");
    }
    let tokens = refusals(&env, run).into_iter().filter(|refused| refused.code == "token");
    assert_eq!(tokens.count(), 4, "a process that is no agent has no run to tell");
    // The attempt is over: its token is worth nothing any more.
    let mut late = env.crew(&["tool", "write-gate", "votes-gate", "votes=reject"]);
    for line in env.note("identity") {
        let (name, value) = line.split_once('=').expect("a variable");
        late.env(name, value);
    }
    let output = late.output().expect("started");
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(7), "{words}");
    assert!(words.contains("the run is done") || words.contains("is over"), "{words}");
    // The token itself is in its file only.
    let token = std::fs::read_to_string(env.attempt(run, "review/1", 1).token());
    let token = token.expect("its file stays");
    let log = std::fs::read_to_string(env.run_dir(run).events()).expect("read");
    let command = env.attempt(run, "review/1", 1).command();
    let command = std::fs::read_to_string(command).expect("read");
    assert!(!log.contains(&token) && !command.contains(&token));
    assert!(env.stdout(run, "review/1", 1).contains("-rw-------"));
}

const ONE: &str = "## work\nrole: writer\n\nGoal: {goal}";

#[test]
fn a_question_is_answered_while_the_agent_holds_its_turn() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; crew tool ask 'red or blue?' --choice red --choice blue > $NOTES/answer; echo code $? >> $NOTES/answer; echo done");
    env.workflow("one", "", ONE);
    let run = env.start_workflow("one");
    wait_until("it asks", || !of_kind(&env, run, "question.asked").is_empty());
    env.ok(&["answer", &run.to_string(), "work", "--text", "blue", "--yes"]);
    assert_eq!(env.rest(run), "done");
    assert_eq!(env.note("answer"), ["blue", "code 0"]);
    assert_eq!(env.attempts(run, "work"), 1);
}

#[test]
fn a_question_that_nobody_answers_in_time_is_parked_and_its_answer_begins_the_next_turn() {
    let env = TestEnv::new();
    let path = env.program(
        "agent.sh",
        "cat > $NOTES/prompt$CREW_ATTEMPT_NUMBER
if [ $CREW_ATTEMPT_NUMBER = 1 ]; then crew tool ask 'red or blue?' > $NOTES/answer; echo code $? >> $NOTES/answer; fi
echo done",
    );
    let config = format!("{LIMITS}ask_hold = \"100ms\"\n[runtimes.sh]\ncommand = [\"{path}\"]\n");
    env.whole_config(&config);
    env.workflow("one", "", ONE);
    let run = env.start_workflow("one");
    env.wait_status(run, "waiting");
    assert_eq!(env.note("answer").last().map(String::as_str), Some("code 4"));
    assert!(env.note("answer")[0].contains("end your turn"));
    env.ok(&["answer", &run.to_string(), "work", "--text", "blue", "--yes"]);
    assert_eq!(env.rest(run), "done");
    assert_eq!(env.attempts(run, "work"), 2);
    let prompt = env.note("prompt2").join("\n");
    assert!(prompt.contains("red or blue?") && prompt.contains("blue"), "{prompt}");
}

#[test]
fn an_artifact_is_stored_with_its_hash_and_a_turn_can_say_how_it_ends() {
    let env = TestEnv::new();
    env.agent(
        "cat >/dev/null; echo deep > $NOTES/in; crew tool artifact deep.md $NOTES/in >&2
printf piped | crew tool artifact piped.md - >&2; crew tool artifact ../out $NOTES/in >&2; echo $? >> $NOTES/code
crew tool peers; crew tool channels; crew tool gates; crew tool status
crew tool block 'no key' >&2; crew tool done x >&2; echo $? >> $NOTES/code",
    );
    env.workflow("one", "", ONE);
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "blocked(agent_blocked)");
    assert_eq!(env.note("code"), ["2", "7"]);
    let state = env.state(run);
    let names: Vec<&str> = state.artifacts.keys().map(crew::base::ArtifactName::as_str).collect();
    assert_eq!(names, ["deep.md", "piped.md"]);
    let stored = &state.artifacts[&"piped.md".parse().expect("a name")];
    assert_eq!((stored.bytes, stored.hash.clone()), (5, blake3_of(b"piped")));
    let said = env.stdout(run, "work", 1);
    assert!(said.contains("you are attempt 1 of `work`, role writer"), "{said}");
}

fn blake3_of(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

#[test]
fn a_program_of_another_name_is_called_crew_by_its_agents() {
    let env = TestEnv::new();
    let renamed = env.root.join("crew-renamed");
    std::fs::copy(env!("CARGO_BIN_EXE_crew"), &renamed).expect("copied");
    env.agent("cat >/dev/null; crew tool status; echo $PATH");
    env.workflow("one", "", ONE);
    let command = env.crew(&["run", "do it", "-w", "one", "-a", "sh"]);
    let mut own = std::process::Command::new(&renamed);
    own.args(command.get_args()).current_dir(env.project()).env_clear();
    own.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = own.stdin(std::process::Stdio::null()).output().expect("started");
    assert!(output.status.success(), "{output:?}");
    let said = env.stdout(1, "work", 1);
    assert!(said.contains("you are attempt 1 of `work`"), "{said}");
    assert!(said.trim_end().ends_with("runs/0001/bin"), "what the person has comes first: {said}");
}

#[test]
fn a_message_to_a_step_reaches_all_its_slots_and_one_that_nobody_got_is_dead() {
    let env = TestEnv::new();
    let steps = "## ask\nrole: reader\n\n{goal}\n\n## look\nrole: reader\nslots: 2\ndependsOn: ask\n\n{goal}\n\n\
                 ## last\nrole: reader\ndependsOn: look\n\n{goal}";
    env.workflow("steps", "", steps);
    env.agent(
        "cat > $NOTES/prompt.$(echo $CREW_TASK | tr / .)
case $CREW_TASK in
  ask) crew tool send look 'mind the gap'; crew tool send human 'I have begun';;
  look/1) while [ ! -e $NOTES/prompt.look.2 ]; do sleep 0.02; done;;
  last) touch $NOTES/last; while [ ! -e $NOTES/sent ]; do sleep 0.02; done;;
esac
echo done",
    );
    let run = env.start_workflow("steps");
    wait_until("the last step works", || env.notes().join("last").exists());
    env.ok(&["send", &format!("{run}/ask"), "too late for you"]);
    std::fs::write(env.notes().join("sent"), "").expect("written");
    assert_eq!(env.rest(run), "done");
    for slot in ["1", "2"] {
        let prompt = env.note(&format!("prompt.look.{slot}")).join("\n");
        assert!(prompt.contains("mind the gap") && prompt.contains("agent:ask"), "{prompt}");
    }
    let state = env.state(run);
    let fate = |text: &str| {
        let mut found = state.messages.iter();
        let entry = found.find(|entry| entry.message.text.contains(text)).expect("sent");
        (entry.delivered.len(), entry.dead.clone())
    };
    assert_eq!(fate("mind the gap"), (2, None));
    assert_eq!(fate("I have begun"), (0, None), "people read theirs when they like");
    let (given, dead) = fate("too late");
    assert!(given == 0 && dead.is_some_and(|why| why.contains("done")));
    let count = of_kind(&env, run, "message.delivered").len();
    assert_eq!(count, 2, "once for each attempt");
}

#[test]
fn a_proposal_is_checked_at_once_and_added_when_the_turn_ends() {
    let env = TestEnv::new();
    let steps = "## plan\nrole: reader\nexpands: adaptive\n\n{goal}";
    env.workflow("grow", "", steps);
    std::fs::create_dir_all(env.root.join("config/teams")).expect("created");
    let team = "---\nname: small\ndescription: d\ndefaultWorkflow: grow\n---\n\n- reader: agent=reader reads\n";
    std::fs::write(env.root.join("config/teams/small.team.md"), team).expect("written");
    env.agent(
        r#"cat >/dev/null
say() { crew tool propose - >> $NOTES/said 2>&1; echo "code $?" >> $NOTES/said; }
case $CREW_TASK in
  plan) echo '{"tasks": [{"role": "nobody", "title": "a", "task": "look"}]}' | say
    echo '{"goal": "another run"}' | say
    echo '{"tasks": [{"role": "reader", "title": "a", "task": "look"}]}' | say;;
  *) echo '{"tasks": []}' | say;;
esac
echo done"#,
    );
    let run = env.start("do it", &["-t", "small", "-w", "grow", "-a", "sh"]);
    assert_eq!(env.rest(run), "done", "{:?}", env.status(run));
    let said = env.note("said").join("\n");
    for words in ["there is no role `nobody`", "proposes no runs; no step may", "1 task proposed"] {
        assert!(said.contains(words), "{words}\n{said}");
    }
    assert!(said.contains("adds no tasks; plan may"), "{said}");
    assert_eq!(said.matches("code 7").count(), 3, "{said}");
    assert_eq!(env.state(run).tasks.len(), 2);
    assert_eq!(env.attempts(run, "plan"), 1, "no repair was needed");
}

#[test]
fn what_went_into_an_attempt_that_broke_off_goes_into_the_next_one() {
    let env = TestEnv::new();
    env.agent(
        "cat > $NOTES/prompt.$CREW_TASK.$CREW_ATTEMPT_NUMBER
[ $CREW_TASK = first ] && { touch $NOTES/on; while [ ! -e $NOTES/sent ]; do sleep 0.02; done; }
[ $CREW_TASK.$CREW_ATTEMPT_NUMBER = second.1 ] && kill -KILL $$
echo done",
    );
    let steps =
        "## first\nrole: reader\n\n{goal}\n\n## second\nrole: reader\ndependsOn: first\n\n{goal}";
    env.workflow("two", "", steps);
    let run = env.start_workflow("two");
    wait_until("the first step works", || env.notes().join("on").exists());
    env.ok(&["send", &format!("{run}/second"), "use the blue one"]);
    std::fs::write(env.notes().join("sent"), "").expect("written");
    assert_eq!(env.rest(run), "done");
    for attempt in ["1", "2"] {
        let prompt = env.note(&format!("prompt.second.{attempt}")).join("\n");
        assert!(prompt.contains("] use the blue one"), "attempt {attempt}\n{prompt}");
    }
    assert_eq!(of_kind(&env, run, "message.delivered").len(), 2);
}
