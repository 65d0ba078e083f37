//! Compares crew as whole programs with the best that others do, and writes `docs/performance.md`.
//!
//! `cargo bench --bench compare [-- PART… | --floor PATH]`.

mod life;
mod log;
mod measure;
mod output;
mod read;
mod report;
mod screen;
mod stage;
mod tasks;

#[path = "../support/plan.rs"]
mod plan;
#[path = "../support/mod.rs"]
mod support;

use std::io::Write;
use std::process::{Command, ExitCode};

use report::{Row, TABLE_HEAD};

/// One part: its name, and what measures it.
type Part = (&'static str, fn(&Given) -> Vec<Row>);

const PARTS: [Part; 6] = [
    ("log", log::rows),
    ("read", read::rows),
    ("tasks", tasks::rows),
    ("life", life::rows),
    ("output", output::rows),
    ("screen", screen::rows),
];

/// What the command line says.
pub struct Given {
    /// A bare job runner.
    floor: Option<String>,
    /// Parts to measure; empty for all.
    parts: Vec<String>,
    /// Where all stages are.
    folder: tempfile::TempDir,
}

fn main() -> ExitCode {
    // Supervisors and agents outlive the program that started them; their cost is ours to count.
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).expect("reaper");
    let given = given();
    let mut out = std::io::stdout();
    let mut say = |text: &str| {
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).expect("standard output");
    };
    say(TABLE_HEAD);
    let mut rows = Vec::new();
    for (name, measure) in PARTS {
        if !given.parts.is_empty() && !given.parts.iter().any(|part| part == name) {
            continue;
        }
        for row in measure(&given) {
            say(&format!("{}\n", row.line()));
            rows.push(row);
        }
    }
    if given.parts.is_empty() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/performance.md");
        std::fs::write(page, report::document(&machine(), &rows)).expect("page");
    }
    let is_missed = rows.iter().any(|row| row.theirs.is_some() && row.is_missed());
    ExitCode::from(u8::from(is_missed))
}

fn given() -> Given {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("folder");
    let mut given = Given { floor: None, parts: Vec::new(), folder };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--bench" => {}
            "--floor" => given.floor = args.next(),
            _ => given.parts.push(arg),
        }
    }
    given
}

/// What was measured on what.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let system = rustix::system::uname();
    let versions = ["git", "xargs", "parallel"].iter().filter_map(|program| {
        let output = Command::new(program).arg("--version").output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).lines().next()?.to_owned())
    });
    let mut words = vec![
        format!("crew {}", env!("CARGO_PKG_VERSION")),
        format!("{cores} cores"),
        format!("{} {}", system.sysname().to_string_lossy(), system.release().to_string_lossy()),
    ];
    words.extend(versions);
    words.join(", ")
}
