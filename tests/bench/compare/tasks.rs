//! Many trivial tasks in one run against job runners, and the share of crew in a small run.

use std::io::Write;
use std::process::{Command, Stdio};

use super::Given;
use super::measure::{Costs, Spread, cost, in_turn};
use super::report::Row;
use super::stage::{Stage, installed, must, numbers};

/// What every runner starts for one task.
const TASK: &str = "exec /bin/true";
const FLOOR: &str = "bare runner with files, events, syncs";

pub fn rows(given: &Given) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut at_8 = Spread::default();
    for (tasks, parallel, rounds) in [(500, 2, 5), (500, 8, 5), (2_000, 2, 3), (2_000, 8, 3)] {
        let (more, ours) = compare(given, tasks, parallel, rounds);
        rows.extend(more);
        at_8 = ours.wall();
    }
    let per_task = at_8.per(2_000.0);
    rows.push(Row::limit("a task of 2,000, 8 at a time", "ms", per_task, 3.0));
    rows.push(scale(given, at_8));
    rows.push(four_tasks(given));
    rows
}

fn stage(given: &Given, tasks: u32, parallel: u32) -> Stage {
    let mut stage = Stage::new(given);
    stage.agents = parallel;
    stage.workflow("many", TASK, tasks);
    stage
}

/// crew against `xargs`, and against what else is there.
fn compare(given: &Given, tasks: u32, parallel: u32, rounds: usize) -> (Vec<Row>, Costs) {
    let stage = stage(given, tasks, parallel);
    let work = format!("{tasks} trivial tasks, {parallel} at a time");
    let (ours, theirs) = in_turn(rounds, || stage.run("many"), || xargs(&stage, tasks, parallel));
    let mut rows = vec![
        // `xargs` keeps no files and no log: only what crew uses of the processor has a target.
        Row::wall(&work, "`xargs -P`", &ours, &theirs, 0.0).told(),
        Row::cpu(&work, "`xargs -P`", &ours, &theirs, 2.0),
    ];
    if let Some(floor) = &given.floor {
        let mut round = 0;
        let bare = || {
            round += 1;
            rawrun(&stage, floor, tasks, parallel, round);
        };
        let (ours, theirs) = in_turn(rounds, || stage.run("many"), bare);
        rows.push(Row::wall(&work, FLOOR, &ours, &theirs, 2.5));
        rows.push(Row::cpu(&work, FLOOR, &ours, &theirs, 2.5));
    }
    if let Some(program) = installed("parallel") {
        let (ours, theirs) = in_turn(
            rounds,
            || stage.run("many"),
            || {
                let mut command = stage.command(&program);
                command.args(["--will-cite", &format!("-j{parallel}"), "/bin/sh", "-c", TASK]);
                feed(&mut command, &numbers(tasks));
            },
        );
        rows.push(Row::wall(&work, "GNU parallel", &ours, &theirs, 1.0));
    }
    (rows, ours)
}

fn xargs(stage: &Stage, tasks: u32, parallel: u32) {
    let mut command = stage.command("xargs");
    command.args(["-n1", &format!("-P{parallel}"), "/bin/sh", "-c", TASK]);
    feed(&mut command, &numbers(tasks));
}

fn rawrun(stage: &Stage, program: &str, tasks: u32, parallel: u32, round: u32) {
    let (files, events) =
        (stage.top.join(format!("f{round}")), stage.top.join(format!("e{round}")));
    let mut command = stage.command(program);
    command.args([tasks.to_string(), parallel.to_string()]);
    command.args(["--files", files.as_str(), "--events", events.as_str(), "--durable"]);
    must(command.args(["--", "/bin/sh", "-c", TASK]));
}

fn feed(command: &mut Command, text: &str) {
    let mut child = command.stdin(Stdio::piped()).spawn().expect("started");
    child.stdin.take().expect("piped").write_all(text.as_bytes()).expect("read");
    assert!(child.wait().expect("ended").success());
}

/// Time per task must not grow with their number.
fn scale(given: &Given, at_2_000: Spread) -> Row {
    let stage = stage(given, 10_000, 8);
    let large = Costs(vec![cost(|| stage.run("many"))]);
    let work = "10,000 trivial tasks, 8 at a time, per task";
    let (ours, theirs) = (large.wall().per(10_000.0), at_2_000.per(2_000.0));
    Row::ratio(work, "2,000 tasks, per task", "ms", ours, theirs, 1.2)
}

/// Three layers of agents that end at once.
fn four_tasks(given: &Given) -> Row {
    let stage = Stage::new(given);
    let config = "[runtimes.quick]\ncommand = [\"/bin/echo\", \"done\"]\nprompt = \"stdin\"\n";
    std::fs::write(stage.top.join("config/config.toml"), config).expect("configuration");
    let step = |name: &str, after: &str| {
        format!("## {name}\nrole: explorer\nruntime: quick\naccess: read\n{after}\n{{goal}}\n\n")
    };
    let steps = [
        step("a", ""),
        step("b", "dependsOn: a\n"),
        step("c", "dependsOn: a\n"),
        step("d", "dependsOn: [b, c]\n"),
    ];
    stage.workflow_text("layers", &steps.concat());
    let agents = || {
        for _ in 0..4 {
            must(stage.command("/bin/echo").arg("done"));
        }
    };
    let (ours, theirs) = in_turn(21, || stage.run("layers"), agents);
    let beyond = ours.0.iter().zip(&theirs.0).map(|(ours, theirs)| ours.wall - theirs.wall);
    Row::limit("four-task run, three layers, beyond its agents", "ms", Spread::of(beyond), 60.0)
}
