//! Short programs: a look at a run, at all runs, at the version.

use std::process::{Command, Stdio};

use super::Given;
use super::measure::in_turn;
use super::report::Row;
use super::stage::{Stage, must};

/// Starts of a program in one round.
const STARTS: u32 = 20;
const ROUNDS: usize = 15;

pub fn rows(given: &Given) -> Vec<Row> {
    let stage = Stage::new(given);
    stage.workflow("few", "exec /bin/true", 4);
    stage.run("few");
    super::measure::reap();
    let repository = stage.top.join("repository");
    make_repository(&stage, &repository);
    let mut git = stage.command("git");
    git.args(["status", "--porcelain"]).current_dir(&repository);
    let mut rows = vec![version(&stage)];
    rows.push(compare(
        "`crew status RUN --json`, 1 run",
        &mut stage.crew(&["status", "1", "--json"]),
        &mut git,
        1.5,
    ));
    stage.copy_runs(2_000);
    let mut ls = stage.crew(&["ls"]);
    // The first look makes the row of each run; whoever ends a run does that, too.
    must(&mut ls);
    rows.push(compare(
        "`crew status RUN --json`, 2,000 runs",
        &mut stage.crew(&["status", "1000", "--json"]),
        &mut git,
        1.5,
    ));
    let row = compare("`crew ls`, 2,000 runs", &mut ls, &mut git, 50.0);
    rows.push(Row::limit("`crew ls`, 2,000 runs", "ms", row.ours, 50.0));
    rows
}

fn compare(work: &str, crew: &mut Command, other: &mut Command, target: f64) -> Row {
    let again = |command: &mut Command| {
        for _ in 0..STARTS {
            // `crew status` tells the state of the run by its code.
            command.stderr(Stdio::null()).status().expect("started");
        }
    };
    let (ours, theirs) = in_turn(ROUNDS, || again(crew), || again(other));
    let per = f64::from(STARTS);
    let (ours, theirs) = (ours.wall().per(per), theirs.wall().per(per));
    Row::ratio(work, "`git status --porcelain`", "ms", ours, theirs, target)
}

/// The floor is the smallest program of the same language.
fn version(stage: &Stage) -> Row {
    let source = stage.top.join("hello.rs");
    std::fs::write(&source, "fn main() { println!(\"crew\"); }\n").expect("source");
    let hello = stage.top.join("hello");
    must(Command::new("rustc").args(["-O", "-o"]).arg(&hello).arg(&source));
    let mut crew = stage.crew(&["--version"]);
    let row = compare("`crew --version`", &mut crew, &mut stage.command(&hello), 2.0);
    Row { baseline: "a program that prints one line".to_owned(), ..row }
}

fn make_repository(stage: &Stage, folder: &camino::Utf8Path) {
    std::fs::create_dir_all(folder).expect("folder");
    for number in 0..200 {
        std::fs::write(folder.join(format!("file-{number}.txt")), "text\n").expect("file");
    }
    let git = |args: &[&str]| must(stage.command("git").args(args).current_dir(folder));
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["-c", "user.name=ada", "-c", "user.email=ada@example.com", "commit", "-qm", "first"]);
}
