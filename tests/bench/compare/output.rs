//! Much output of one agent.

use std::io::Write;

use crew::runtime::ExitFile;

use super::Given;
use super::measure::{Cost, Costs, in_turn};
use super::report::Row;
use super::stage::{Stage, attempt, must};

const BYTES: usize = 200_000_000;

pub fn rows(given: &Given) -> Vec<Row> {
    let stage = Stage::new(given);
    let source = stage.top.join("lines.txt");
    let line = [b"x".repeat(99), b"\n".to_vec()].concat();
    let mut file = std::fs::File::create(&source).expect("file");
    for _ in 0..BYTES / 1_000_000 {
        file.write_all(&line.repeat(10_000)).expect("written");
    }
    drop(file);
    stage.workflow("loud", &format!("exec cat {source}"), 1);
    let target = stage.top.join("plain.txt");
    let plain = format!("exec cat {source} > {target}");
    let mut attempts = Vec::new();
    let (whole, theirs) = in_turn(
        11,
        || {
            stage.run("loud");
            let dir = attempt(&stage.newest(), "work");
            let exit = ExitFile::read(&dir).ok().flatten().expect("ended");
            assert_eq!(exit.stdout_bytes, BYTES as u64);
            #[expect(clippy::cast_precision_loss, reason = "milliseconds of a bench")]
            attempts.push(Cost { wall: exit.duration_ms as f64, cpu: 0.0 });
            std::fs::remove_file(dir.stdout()).expect("removed");
        },
        || {
            must(stage.command("/bin/sh").args(["-c", &plain]));
            std::fs::remove_file(&target).expect("removed");
        },
    );
    let attempts = Costs(attempts);
    vec![
        Row::wall("an agent prints 200 MB", "`cat > file`", &attempts, &theirs, 1.11),
        Row::wall("… until the run is done, its output read", "`cat > file`", &whole, &theirs, 0.0)
            .told(),
    ]
}
