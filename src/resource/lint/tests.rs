//! Every finding of the parsers and of lint, with its line and column: one small file each.

use crate::resource::{Catalog, Roots, agent, lint, skill, team, workflow};

/// Checks a workflow: `expected` are `line:column message` of all findings, in order.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let catalog = Catalog::load(&Roots::default());
    let (file, mut findings) = workflow::parse("w.workflow.md".into(), text);
    findings.extend(lint::workflow(&file, None, &catalog));
    findings.sort();
    let found: Vec<String> = findings
        .iter()
        .map(|d| format!("{}:{} {}: {}", d.line, d.column, d.severity, d.message))
        .collect();
    assert_eq!(found, expected, "{findings:#?}");
}

/// A workflow with more front matter and the given sections.
fn with(front: &str, sections: &str) -> String {
    format!("---\nname: w\ndescription: d\n{front}---\n{sections}")
}

/// Two steps, and gate `g` with `fields` and `writers` between them, opened by `when`. The gate stands in line 5.
fn gated(fields: &str, writers: &str, when: &str) -> String {
    with(
        &format!(
            "gates:\n  g: {{ fields: {fields}, writers: {writers}, when: {when} }}\nchannels:\n  - {{ from: a, to: b, gate: g }}\n"
        ),
        "## a\nrole: coder\n\nGo.\n## b\nrole: reviewer\n\nGo.\n",
    )
}

const TWO: &str = "## a\nrole: coder\n\nGo.\n## b\nrole: reviewer\ndependsOn: a\n\nGo.\n";

#[test]
fn steps_that_are_named_must_exist() {
    check(
        &with(
            "start: x\nend: b\nrework: y\nchannels:\n  - { from: a, to: c }\n",
            "## a\nrole: coder\ndependsOn: [b, zzz, a]\nreads: no.md\n\nGo.\n## b\nrole: qa\n\nGo.\n",
        ),
        &[
            "4:8 error: unknown step `x`",
            "6:9 error: unknown step `y`",
            "8:20 error: unknown step `c`",
            "12:16 error: unknown step `zzz`",
            "12:21 error: step `a` depends on itself",
            "13:8 warning: no step has the output `no.md`",
        ],
    );
}

#[test]
fn what_a_person_answers_is_stored_as_no_output() {
    let text = with("", "## a\nkind: human\noutput: a.md\n\nGo?\n");
    check(&text, &["7:9 warning: `a` stores no output: only agents and commands do"]);
    let end = |prompt: &str| {
        with(
            "",
            &format!(
                "## a\nkind: command\ncommand: true\n\n## b\nrole: writer\nkind: end\ndependsOn: a\noutput: b.md\n\n{prompt}\n"
            ),
        )
    };
    check(&end("Sum it up."), &[]);
    check(&end(""), &["13:9 warning: `b` stores no output: only agents and commands do"]);
}

#[test]
fn who_verifies_reads_and_can_escalate() {
    let gate = |words: &str| {
        format!(
            "gates:\n  g: {{ fields: {{ verdict: [{words}] }}, writers: [reviewer], when: {{ check: verdict }} }}\nchannels:\n  - {{ from: a, to: b, gate: g }}\n"
        )
    };
    let step = |keys: &str| format!("## a\nrole: reviewer\n{keys}\n\nGo.\n## b\nrole: qa\n\nGo.\n");
    check(&with(&gate("ok, escalate"), &step("verifies: all")), &[]);
    check(
        &with(&gate("ok, escalate"), &step("access: write\nverifies: [all, lint]")),
        &[
            "12:12 error: step `a` has `verifies` and may write: no tree stands still for it",
            "12:12 error: step `a` verifies with `all` and with more",
        ],
    );
    check(
        &with(&gate("ok, no"), &step("verifies: lint")),
        &[
            "11:11 error: step `a` has `verifies` and the verdict of gate `g` cannot be `escalate`, which is all that counts after a check was red too often",
        ],
    );
    check(
        &with("", "## a\ncommand: make\nverifies: lint\n\n"),
        &["7:11 error: step `a` has `verifies`, which only agents can do"],
    );
}

#[test]
fn roles_must_be_played_by_somebody() {
    check(
        &with("", "## a\nrole: codr\n\nGo.\n## summary\n\nGo.\n"),
        &[
            "6:7 error: no agent is called `codr`",
            "9:4 error: nobody plays step `summary`: it names no role and there is no role of its name",
        ],
    );
    check(
        &with("roles: { a: codr }\n", "## a\n\nGo.\n"),
        &["4:10 error: no agent is called `codr`"],
    );
    check(
        &with("roles: [coder]\n", "## coder\nskills: nope\n\nGo.\n"),
        &["7:9 warning: no skill is called `nope`"],
    );
}

#[test]
fn steps_stand_once_and_do_not_wait_for_themselves() {
    check(
        &with("", "## a\nrole: coder\n\n## a\nrole: coder\n"),
        &["8:4 error: step `a` stands here twice"],
    );
    check(
        &with(
            "",
            "## a\nrole: qa\ndependsOn: b\n\n## b\nrole: qa\ndependsOn: c\n\n## c\nrole: qa\ndependsOn: b\n\n",
        ),
        &[
            "2:7 error: no step can begin: something leads to each of them",
            "11:12 error: `b`, `c` depend on each other in a cycle",
        ],
    );
    check("---\nname: w\ndescription: d\n---\n\ntext\n", &["2:7 error: the workflow has no steps"]);
    check("## a\nrole: coder\n", &["1:1 warning: the workflow has no description"]);
}

#[test]
fn keys_of_a_step_must_fit_its_kind() {
    check(
        &with("", "## a\nkind: command\n\n## human\nrole: qa\ncommand: make\nkind: agent\n\n"),
        &[
            "5:4 error: step `a` is of kind `command` and has none",
            "8:4 error: step `human` has a command and is not of kind `command`",
            "8:4 error: step `human` has a name that stands for somebody else",
        ],
    );
    check(
        &with(
            "",
            "## a\nkind: human\nloop: 3\nexpands: adaptive\n\n## b\nrole: qa\napprove: true\naccess: read\nloop: { steps: 2 }\n",
        ),
        &[
            "5:4 error: step `a` has `expands`, which only agents can do",
            "5:4 error: step `a` has a loop, which only agents can do",
            "10:4 error: step `b` has `approve` without `expands`",
            "10:4 error: step `b` has a loop and may not write",
        ],
    );
    check(
        &with(
            "",
            "## a\nrole: qa\noutput: x/y\n\n## b\nrole: qa\noutput: p.md\n\n## c\nrole: qa\noutput: p.md\n",
        ),
        &[
            "7:9 error: `x/y` holds `/`; names hold letters, digits, `-`, `_` and `.`",
            "15:9 warning: steps `b` and `c` have the same output",
        ],
    );
    check(
        &with("", "## a\nrole: qa\nslots: 20001\n"),
        &[
            "2:7 error: the workflow has 20001 tasks; at most 20000 can run",
            "7:8 error: step `a` has more than 20000 slots",
        ],
    );
}

#[test]
fn values_of_keys_are_checked_all_at_once() {
    check(
        &with(
            "maxConcurrency: 0\nmaxIteratoins: 3\n",
            "## a\nrole: qa\naccess: raed\ntimeout: soon\nslots: 0\nverify: maybe\nretries: -1\nroel: x\nloop: { steps: no, foo: 1 }\ncontract: { exactly: 1 }\nexpands: much\ndependsOn: { a: b }\n\nGo.\n",
        ),
        &[
            "4:17 error: `maxConcurrency` cannot be `0`",
            "5:1 warning: `maxIteratoins` is no key of a workflow",
            "9:9 error: `access` cannot be `raed`",
            "10:10 error: `timeout` cannot be `soon`",
            "11:8 error: `slots` cannot be `0`",
            "12:9 error: `verify` cannot be `maybe`",
            "13:10 error: `retries` cannot be `-1`",
            "14:1 warning: `roel` is no key of a step",
            "15:16 error: `steps` cannot be `no`",
            "15:20 warning: `foo` is no key of a loop",
            "16:11 error: the contract does not say what must be written",
            "17:10 error: `expands` cannot be `much`",
            "18:12 error: `dependsOn` cannot be a map",
        ],
    );
}

#[test]
fn front_matter_is_checked() {
    check(
        "---\nname: w\ndescription: d\n",
        &[
            "1:1 error: the front matter is not closed",
            "1:1 error: the workflow has no steps",
            "1:1 warning: the workflow has no description",
        ],
    );
    check(
        &with("gates: 3\nchannels: [x]\nroles: { a: [b] }\nparams: { p: [1] }\n", TWO),
        &[
            "4:8 error: `gates` is neither a map nor a list",
            "5:12 error: an entry of `channels` is a text",
            "6:10 error: no agent is called `a`",
            "6:13 error: role `a` names no agent",
            "7:14 error: parameter `p` cannot be a list",
        ],
    );
    check(
        &with("name: ..\ngates: { a: [ }\n", TWO),
        &[
            "4:1 warning: `name` is written twice; the last one counts",
            "4:7 error: `..` holds `.`; names hold letters, digits, `-`, `_` and `.`",
            "5:13 error: `gates` is not valid YAML: mismatched bracket '[' closed by '}'",
        ],
    );
    check(
        &with(
            "policy: { risk: { profile: lax }, budget: { step: 3, minutes: x }, completion: { mode: fly } }\n",
            TWO,
        ),
        &[
            "4:28 error: `profile` cannot be `lax`",
            "4:45 warning: `step` is no key of a budget",
            "4:63 error: `minutes` cannot be `x`",
            "4:88 error: `mode` cannot be `fly`",
        ],
    );
}

#[test]
fn gates_are_checked_where_they_stand() {
    check(&gated("{ x: bool }", "[]", "{ check: x }"), &["5:3 error: nobody can write gate `g`"]);
    check(
        &gated("{ x: bool }", "[codr]", "{ check: x }"),
        &["5:39 error: unknown role or step `codr`"],
    );
    check(
        &gated("{ x: [yes, no] }", "[coder]", "{ check: x, eq: maybe }"),
        &["5:58 error: field `x` can never be `\"maybe\"`"],
    );
    check(
        &gated("{ x: bool }", "[coder]", "{ check: y, eq: true }"),
        &["5:53 error: unknown field `y`"],
    );
    check(
        &gated("{ x: bool }", "[coder, human]", "{ check: x }"),
        &[
            "5:46 error: a person and an agent can both write field `x` of store `g` (gates `g` and `g`)",
        ],
    );
    check(
        &gated("{ x: { map: [y] } }", "[coder]", "{ count: x, eq: y, min: 2 }"),
        &["5:61 error: gate `g` waits for 2 entries and only 1 can be written"],
    );
    check(
        &gated("{ x: { map: [y] } }", "[coder]", "{ count: x, eq: z, min: 1 }"),
        &["5:61 error: field `x` can never be `\"z\"`"],
    );
    check(
        &gated("{ x: bool }", "[coder]", "{ count: x, eq: true, min: 1 }"),
        &["5:53 error: `count` needs a field with an entry per task; `x` is bool"],
    );
}

#[test]
fn conditions_are_checked_where_they_stand() {
    check(
        &gated("{ x: bool }", "[coder]", "{ count: x, eq: true, min: 0 }"),
        &["5:53 error: the count of `x` needs a `min` of at least 1"],
    );
    check(
        &gated("{ x: wool }", "[coder]", "{ any: [ { done: zz }, { check: x, lt: 3 } ] }"),
        &[
            "5:21 error: `x` has no type that a field can have",
            "5:53 error: unknown step `zz`",
            "5:88 error: `lt` is no key of a `check` condition",
        ],
    );
    check(
        &gated("{ x: bool }", "[coder]", "{ check: x, exec: y }"),
        &[
            "5:53 error: a condition needs exactly one of `check`, `count`, `all`, `any`, `done` and `exec`",
        ],
    );
    check(
        &gated("{}", "[coder]", "{ type: check, field: x, op: ~, value: 3 }"),
        &["5:44 error: the check of `x` has no clear operator"],
    );
}

#[test]
fn limits_of_conditions_hold() {
    let deep = format!("{}{{ check: x }}{}", "{ all: [ ".repeat(8), " ] }".repeat(8));
    check(
        &gated("{ x: bool }", "[coder]", &deep),
        &["5:125 error: the condition is nested deeper than 8"],
    );
    let wide = format!("{{ any: [ {} ] }}", vec!["{ check: x }"; 64].join(", "));
    check(
        &gated("{ x: bool }", "[coder]", &wide),
        &["5:944 error: the condition has more than 64 parts"],
    );
}

#[test]
fn gates_are_used_and_shared_in_one_way() {
    check(
        &with(
            "gates:\n  g: { store: s, fields: { x: bool }, writers: [coder], when: { check: x } }\n  h: { store: s, fields: { x: text }, writers: [human], show: [\"gate:no\"], when: { check: x } }\n  g2: {}\nchannels:\n  - { id: c, from: a, to: b, gate: g }\n  - { id: c, from: a, to: b, gates: [g, k] }\n  - { from: a }\n",
            "## a\nrole: coder\ncontract: nope\n\nGo.\n## b\nrole: reviewer\ncontract: s\n\nGo.\n",
        ),
        &[
            "6:3 error: field `x` of store `s` has two types",
            "6:3 warning: gate `h` shows `gate:no`, which does not exist",
            "6:3 warning: no channel uses gate `h`",
            "6:49 error: a person and an agent can both write field `x` of store `s` (gates `h` and `g`)",
            "7:3 error: gate `g2` has no condition",
            "7:3 warning: no channel uses gate `g2`",
            "10:11 error: channel `c` stands here twice",
            "10:41 error: unknown gate `k`",
            "11:5 error: the channel does not say where it goes",
            "15:11 error: unknown gate `nope`",
            "20:11 error: step `b` must write `s` and may not",
        ],
    );
}

#[test]
fn channels_form_a_way_from_start_to_end() {
    check(
        &with(
            "channels:\n  - { from: a, to: b, fire: settled, cyclic: true, maxCycles: 2 }\n",
            "## a\nrole: qa\n\nGo.\n## b\nrole: qa\n\nGo.\n",
        ),
        &[
            "5:5 warning: channel `ch-a-b` has `maxCycles` and closes no cycle",
            "5:5 warning: channel `ch-a-b` says `cyclic` and closes no cycle",
        ],
    );
    check(
        &with(
            "channels:\n  - { from: a, to: b, fire: settled }\n  - { from: b, to: a, fire: settled }\n",
            "## a\nrole: qa\n\nGo.\n## b\nrole: qa\n\nGo.\n",
        ),
        &[
            "2:7 error: no step can begin: something leads to each of them",
            "5:5 warning: the cycle through channel `ch-a-b` has no gate",
        ],
    );
    check(
        &with(
            "start: a\nend: b\nchannels:\n  - { from: a, to: b, fire: settled }\n  - { from: b, to: a, fire: settled }\n",
            "## a\nrole: qa\n\nGo.\n## b\nrole: qa\n\nGo.\n## c\nrole: qa\n\nGo.\n",
        ),
        &[
            "7:5 warning: the cycle through channel `ch-a-b` has no gate",
            "18:4 warning: step `c` is not reached from the start",
        ],
    );
}

#[test]
fn placeholders_name_what_is_there() {
    let body = "## a\nrole: qa\n\nGo {gola} {gate:g.y} {gate:k.x}\n  {output:zz} {param:p} `{code}`\n## b\nrole: coder\n\n{output:a}\n";
    check(
        &with(
            "gates: { g: { fields: { x: bool }, writers: [qa], when: { check: x } } }\nchannels: [ { from: a, to: b, gate: g } ]\n",
            body,
        ),
        &[
            "10:4 error: unknown placeholder `{gola}`",
            "10:11 error: gate `g` has no field `y`",
            "10:22 error: the placeholder names the unknown gate `k`",
            "11:3 error: the placeholder names the unknown step `zz`",
            "11:15 error: the placeholder names the unknown parameter `p`",
        ],
    );
    check(
        &with("", body),
        &[
            "8:11 warning: the placeholder names the unknown gate `g`",
            "8:22 warning: the placeholder names the unknown gate `k`",
            "9:3 warning: the placeholder names the unknown step `zz`",
            "9:15 warning: the placeholder names the unknown parameter `p`",
            "13:1 warning: the output of `a` need not be there when `b` starts",
        ],
    );
    check(
        &with(
            "params: { p: x, q: { required: true } }\n",
            "## a\nrole: qa\n\n{param:p} {param:q}\n",
        ),
        &[],
    );
}

/// Checks a file of another kind.
#[track_caller]
fn check_other(path: &str, text: &str, expected: &[&str]) {
    let catalog = Catalog::load(&Roots::default());
    let mut findings = match path {
        "t.team.md" => {
            let (file, mut findings) = team::parse(path.into(), text);
            findings.extend(lint::team(&file, &catalog));
            findings
        }
        "a.md" => {
            let (file, mut findings) = agent::parse(path.into(), text);
            findings.extend(lint::agent(&file, &catalog));
            findings
        }
        _ => {
            let (file, mut findings) = skill::parse(path.into(), text);
            findings.extend(lint::skill(&file));
            findings
        }
    };
    findings.sort();
    let found: Vec<String> = findings
        .iter()
        .map(|d| format!("{}:{} {}: {}", d.line, d.column, d.severity, d.message))
        .collect();
    assert_eq!(found, expected, "{findings:#?}");
}

#[test]
fn teams_agents_and_skills_are_checked() {
    check_other(
        "t.team.md",
        "---\nname: t\ndefaultWorkflow: defualt\nworkspaceMode: many\n---\n- a: agent=nobody\n- coder: agnet=coder maxConcurrency=x skills=nope\n- coder: agent=\n- no role\n",
        &[
            "1:1 warning: the team has no description",
            "3:18 error: no workflow is called `defualt`",
            "4:16 error: `workspaceMode` cannot be `many`",
            "6:3 error: no agent is called `nobody`",
            "7:3 error: `maxConcurrency` cannot be `x`",
            "7:3 warning: `agnet` is no key of a role",
            "7:3 warning: no skill is called `nope`",
            "8:3 error: `agent=` names no agent",
            "8:3 error: role `coder` stands here twice",
            "9:3 warning: `no role` is not a role",
        ],
    );
    check_other(
        "t.team.md",
        "---\nname: t\ndescription: d\n---\n",
        &["1:1 error: the team has no roles"],
    );
    check_other(
        "a.md",
        "---\nname: a b\ntools: { a: b }\nthinking: hard\nskills: nope\nmaxTurns: 3\nhooks: x\nmodell: y\n---\n",
        &[
            "1:1 warning: the agent has no description",
            "2:7 error: `a b` holds ` `; names hold letters, digits, `-`, `_` and `.`",
            "3:8 error: `tools` cannot be a map",
            "4:11 error: `thinking` cannot be `hard`",
            "5:9 warning: no skill is called `nope`",
            "6:1 info: no effect here: `maxTurns`, `hooks`",
            "8:1 warning: `modell` is no key of an agent",
            "10:1 warning: the agent has no system prompt",
        ],
    );
    check_other(
        "s/SKILL.md",
        "---\nname: other\n---\n",
        &[
            "1:1 error: the skill is empty",
            "1:1 warning: the skill has no description",
            "1:1 warning: the skill is called `other` and its folder `s`",
        ],
    );
}

#[test]
fn ways_into_a_step_are_such_that_somebody_can_take_them() {
    let front = "start: a\nend: d\nchannels:\n  - { from: b, to: c }\n  - { from: c, to: d, fire: settled }\n";
    let steps = "## a\nrole: coder\n\nGo.\n## b\nkind: human\ndependsOn: a\n\nWell?\n## c\nrole: qa\ndependsOn: a\n\nGo.\n## d\nkind: end\n";
    check(
        &with(front, steps),
        &[
            "7:5 error: channel `ch-b-c` fires when a message goes along it, and `b` can send none",
            "19:4 warning: step `c` starts by its dependencies or by a channel, whichever comes first",
        ],
    );
}
