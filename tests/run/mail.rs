//! Much mail from many senders that are killed: nothing that was acknowledged is lost, nothing comes twice.
//!
//! The senders are this test program itself, each in a folder of its own that says whom it speaks for.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::process::{Child, Command, Stdio};

use camino::{Utf8Path, Utf8PathBuf};
use crew::client::tool::{Request, Tools};
use crew::config::Environment;
use crew::event::Body;
use crew::runtime::Clock;

use crate::project::TestEnv;
use crate::support::wait_until;

const SENDERS: usize = 8;
/// Messages of all senders together; `CREW_TEST_MESSAGES` says otherwise. Each is forced to the disk before it is
/// acknowledged, so that a disk which takes 5 ms for that sets the pace: 10,000 of them take almost a minute.
const MESSAGES: usize = 2_000;
const KILLS: usize = 24;

/// Sends its share, from the first message on that nobody has acknowledged, and notes each answer.
#[test]
fn part_sending() {
    let here = Utf8PathBuf::try_from(std::env::current_dir().expect("exists")).expect("UTF-8");
    let Ok(identity) = fs::read_to_string(here.join("identity")) else { return };
    let share: usize =
        fs::read_to_string(here.join("share")).expect("read").parse().expect("count");
    let env: Environment = identity.lines().filter_map(|line| line.split_once('=')).collect();
    let name = here.file_name().expect("a name");
    let clock = Clock::start();
    let mut tools = Tools::open(&env).expect("an agent");
    let mut said = OpenOptions::new().append(true).create(true).open("said").expect("file");
    for number in acknowledged(&here).len()..share {
        let id = format!("{name}-{number}");
        let request = Request::Send {
            id: Some(id.clone()),
            to: "human".to_owned(),
            text: format!("message {number}"),
            data: None,
            gates: BTreeMap::new(),
        };
        tools.perform(&request, &|| clock.now()).expect("sent");
        said.write_all(format!("{id}\n").as_bytes()).expect("said");
    }
}

/// What a sender was told is on disk; a line that its death cut is none.
fn acknowledged(sender: &Utf8Path) -> Vec<String> {
    let text = fs::read_to_string(sender.join("said")).unwrap_or_default();
    text.split_inclusive('\n')
        .filter_map(|line| line.strip_suffix('\n'))
        .map(str::to_owned)
        .collect()
}

fn start(folder: &Utf8Path) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "mail::part_sending"])
        .current_dir(folder)
        .stdout(Stdio::null())
        .spawn()
        .expect("started")
}

#[test]
fn no_acknowledged_message_is_lost_or_comes_twice_however_many_senders_are_killed() {
    let asked = Environment::capture();
    let asked = asked.get("CREW_TEST_MESSAGES").and_then(|count| count.parse().ok());
    let share = asked.unwrap_or(MESSAGES) / SENDERS;
    let env = TestEnv::new();
    env.workflow("one", "", "## work\nrole: writer\n\n{goal}");
    env.agent(
        "cat >/dev/null; env | grep '^CREW_' > $NOTES/identity.tmp; mv $NOTES/identity.tmp $NOTES/identity
while [ ! -e $NOTES/go ]; do sleep 0.05; done; echo done",
    );
    let run = env.start_workflow("one");
    let identity = env.notes().join("identity");
    wait_until("the agent lives", || identity.exists());
    let folders: Vec<Utf8PathBuf> =
        (0..SENDERS).map(|sender| env.root.join(format!("s{sender}"))).collect();
    for folder in &folders {
        fs::create_dir(folder).expect("created");
        fs::copy(&identity, folder.join("identity")).expect("copied");
        fs::write(folder.join("share"), share.to_string()).expect("written");
    }
    let mut senders: Vec<Child> = folders.iter().map(|folder| start(folder)).collect();
    let count = || folders.iter().map(|folder| acknowledged(folder).len()).sum::<usize>();
    for kill in 0..KILLS {
        let goal = (kill + 1) * share * SENDERS / (KILLS + 8);
        wait_until("messages are sent", || count() >= goal);
        let victim = kill % SENDERS;
        senders[victim].kill().expect("killed");
        senders[victim].wait().expect("reaped");
        senders[victim] = start(&folders[victim]);
    }
    for sender in &mut senders {
        assert!(sender.wait().expect("ended").success());
    }
    fs::write(env.notes().join("go"), "").expect("written");
    assert_eq!(env.rest(run), "done");
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for record in env.records(run) {
        if let Body::MessageSent(sent) = record.body {
            *times.entry(sent.message.id).or_default() += 1;
        }
    }
    let said: Vec<String> = folders.iter().flat_map(|folder| acknowledged(folder)).collect();
    assert_eq!(said.len(), share * SENDERS);
    let lost: Vec<&String> = said.iter().filter(|id| !times.contains_key(*id)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let twice: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "on record more than once: {twice:?}");
    assert_eq!(times.len(), said.len(), "nothing else");
    env.ok(&["verify", &run.to_string()]);
}
