//! What is played: workflows with scripted agents, each with another part of what a run can do.

use camino::Utf8Path;

/// A project's workflows and who plays them.
#[derive(Debug)]
pub struct Scene {
    pub name: &'static str,
    /// Name, front matter and steps.
    pub workflows: &'static [(&'static str, &'static str, &'static str)],
    /// The workflows that are started, one run each.
    pub runs: &'static [&'static str],
    /// `none`, or `merge`: then a person merges at the end.
    pub completion: &'static str,
    /// What the agents do, after the prompt was read; `$TASK` and `$N` name task and attempt.
    pub script: &'static str,
    /// What the work of each run consists of when it is done.
    pub files: &'static [(&'static str, &'static str)],
}

const APPROVAL: &str = "start: write\nend: ship\n\
gates:\n  approval:\n    fields: { approved: bool, note: text }\n    writers: [human]\n    \
when: { check: approved, eq: true }\n\
channels:\n  - { id: forward, from: write, to: ship, gate: approval }\n";

const VOTES: &str = "start: build\nend: ship\nmaxIterations: 8\n\
gates:\n  votes-gate:\n    fields: { votes: { map: [approve, reject] } }\n    writers: [reader]\n    \
resetOnCycle: true\n    when: { count: votes, eq: approve, min: 2 }\n  \
reject-gate:\n    fields: { result: [rejected, fine] }\n    writers: [reader]\n    resetOnCycle: true\n    \
when: { check: result, eq: rejected }\n\
channels:\n  - { id: forward, from: review, to: ship, gate: votes-gate }\n  \
- { id: back, from: review, to: build, gate: reject-gate }\n";

/// All of them.
pub const SCENES: &[Scene] = &[
    Scene {
        name: "readers",
        workflows: &[(
            "flow",
            "",
            "## a\nrole: reader\n\nx\n\n## b\nrole: reader\n\nx\n\n## c\nrole: writer\ndependsOn: a, b\n\nx",
        )],
        runs: &["flow"],
        completion: "none",
        script: "[ $TASK = c ] && { echo c > c.txt || exit 1; }; sleep 0.2 & sleep 0.02",
        files: &[("c.txt", "c")],
    },
    Scene {
        name: "writers",
        workflows: &[(
            "flow",
            "",
            "## one\nrole: writer\n\nx\n\n## two\nrole: writer\ndependsOn: one\n\nx",
        )],
        runs: &["flow"],
        completion: "merge",
        script: "echo begun > $TASK.txt || exit 1; sleep 0.02; echo $TASK > $TASK.txt || exit 1",
        files: &[("one.txt", "one"), ("two.txt", "two")],
    },
    Scene {
        name: "approval",
        workflows: &[(
            "flow",
            APPROVAL,
            "## write\nrole: writer\n\nx\n\n## ship\nrole: writer\n\nShip it. {gate:approval.note}",
        )],
        runs: &["flow"],
        completion: "merge",
        script: "echo $TASK > $TASK.txt || exit 1",
        files: &[("write.txt", "write"), ("ship.txt", "ship")],
    },
    Scene {
        name: "votes",
        workflows: &[(
            "flow",
            VOTES,
            "## build\nrole: writer\n\nx\n\n## review\nrole: reader\nslots: 2\ndependsOn: build\n\nx\n\n## ship\nrole: writer\n\nx",
        )],
        runs: &["flow"],
        completion: "none",
        script: "case $TASK in
build) echo $CREW_EPOCH > build.txt || exit 1;;
ship) echo ship > ship.txt || exit 1;;
review/1) if [ $CREW_EPOCH = 1 ]; then say write-gate reject-gate result=rejected; else say write-gate votes-gate votes=approve; fi;;
review/2) say write-gate votes-gate votes=approve;;
esac",
        files: &[("ship.txt", "ship")],
    },
    Scene {
        name: "mail",
        workflows: &[(
            "flow",
            "",
            "## ping\nrole: reader\n\nx\n\n## pong\nrole: writer\ndependsOn: ping\n\nx\n\n## last\nrole: reader\ndependsOn: pong\n\nx",
        )],
        runs: &["flow"],
        completion: "none",
        script: "case $TASK in
ping) mail pong; mail pong; mail human;;
pong) echo pong > pong.txt || exit 1; mail last; say artifact note.txt pong.txt;;
last) say inbox >/dev/null;;
esac",
        files: &[("pong.txt", "pong")],
    },
    Scene {
        name: "slots",
        workflows: &[(
            "flow",
            "",
            "## build\nrole: writer\nslots: 3\nisolation: snapshot\n\nx\n\n## look\nrole: reader\ndependsOn: build\n\nx",
        )],
        runs: &["flow"],
        completion: "merge",
        script: "case $TASK in build/*) echo made > slot$CREW_SLOT.txt || exit 1; sleep 0.02;; esac",
        files: &[("slot1.txt", "made"), ("slot2.txt", "made"), ("slot3.txt", "made")],
    },
    Scene {
        name: "questions",
        workflows: &[(
            "flow",
            "",
            "## who\nkind: human\n\nWho is it for?\n\n## a\nrole: writer\ndependsOn: who\n\nx\n\n## b\nkind: command\ndependsOn: a\ncommand: test -f a.txt\n\nx",
        )],
        runs: &["flow"],
        completion: "none",
        script: "if ! grep -q all-is-well $PROMPT; then crew tool ask 'well?' >/dev/null || exit 0; fi; echo a > a.txt || exit 1",
        files: &[("a.txt", "a")],
    },
    Scene {
        name: "several",
        workflows: &[
            ("flow", "", "## one\nrole: writer\n\nx"),
            ("look", "", "## a\nrole: reader\n\nx"),
        ],
        runs: &["flow", "look", "flow"],
        completion: "none",
        script: "case $TASK in one) echo $TASK > $TASK.txt || exit 1;; esac",
        files: &[],
    },
];

/// The program that plays all agents of a scene.
///
/// It says when it began and holds a lock for as long as anything of it lives: a second one of the same task
/// finds it held.
pub fn agent(root: &Utf8Path, scene: &Scene) -> String {
    format!(
        "#!/bin/sh
NOTES={root}/notes
RUN=${{CREW_RUN##*#}} TASK=$CREW_TASK N=$CREW_ATTEMPT_NUMBER
exec 9>>$NOTES/held.$RUN.${{TASK%%/*}}.$CREW_SLOT
# One that is killed knows nothing.
flock -n 9; [ $? = 1 ] && echo $RUN $TASK $N >> $NOTES/two
echo $RUN $TASK $N $$ >> $NOTES/ran
PROMPT=$NOTES/prompt.$$; cat > $PROMPT
say() {{ crew tool \"$@\" 2>/dev/null || exit 1; echo $RUN $TASK $N $1 $2 >> $NOTES/accepted; }}
mails=0
sleep 0.04
mail() {{ mails=$((mails+1)); text=$TASK-$N-$mails; crew tool send $1 $text >/dev/null 2>&1 && echo $RUN $text >> $NOTES/mailed; }}
{}
echo ok
",
        scene.script
    )
}
