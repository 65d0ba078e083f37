//! Writers that are killed, and disks that are full: whole processes under real limits.
//!
//! The processes are this test program itself, told by a marker file in its working folder which
//! part to play; without the marker a part ends at once.

use std::fs::OpenOptions;
use std::io::Write;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use crew::store::{LogError, LogReader, RunDir, Watch, log};

use crate::support::{Run, append, read};

const DEADLINE: Duration = Duration::from_mins(1);

/// Path of this test program.
fn program() -> Utf8PathBuf {
    let path = std::env::current_exe().expect("this program");
    path.try_into().expect("UTF-8")
}

/// The folder to play the part `marker` in, when this process was started for it.
fn part(marker: &str) -> Option<RunDir> {
    let here = Utf8PathBuf::try_from(std::env::current_dir().expect("exists")).expect("UTF-8");
    here.join(marker).exists().then(|| RunDir::at(here))
}

fn start(part: &str, run: &RunDir) -> Child {
    Command::new(program())
        .args(["--exact", part])
        .current_dir(run.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("started")
}

/// Appends until it is killed, and notes in a file of its own what it was told is on disk.
#[test]
fn part_appending() {
    let Some(run) = part("appending") else { return };
    let path = run.path().join(format!("said-{}", std::process::id()));
    let mut said = OpenOptions::new().append(true).create(true).open(path).expect("file");
    let mut reader = LogReader::open(run.events());
    for number in 0_usize.. {
        let texts = vec![format!("{}:{number}", std::process::id()); 1 + number % 4];
        let records = append(&run, &mut reader, texts).expect("appended");
        let lines = records.iter().map(|record| format!("{} {}\n", record.seq, record.body.kind()));
        said.write_all(lines.collect::<String>().as_bytes()).expect("said");
    }
}

#[test]
fn what_a_writer_was_told_is_there_however_many_writers_are_killed() {
    let run = Run::with_batches(&[1]);
    std::fs::write(run.dir.path().join("appending"), "").expect("marker");
    let (sender, grown) = mpsc::channel();
    let _watch = Watch::files([run.dir.events()], move || {
        let _ = sender.send(());
    });
    let mut reader = LogReader::open(run.dir.events());
    let mut writers: Vec<Child> =
        (0..8).map(|_| start("processes::part_appending", &run.dir)).collect();
    for round in 0..16 {
        let goal = reader.cursor().chain.seq + 20;
        while reader.cursor().chain.seq < goal {
            reader.catch_up(drop).expect("never damaged");
            grown.recv_timeout(DEADLINE).expect("writers write");
        }
        let mut killed = std::mem::replace(
            &mut writers[round % 8],
            start("processes::part_appending", &run.dir),
        );
        killed.kill().expect("killed");
        killed.wait().expect("reaped");
    }
    for writer in &mut writers {
        writer.kill().expect("killed");
        writer.wait().expect("reaped");
    }
    append(&run.dir, &mut reader, vec!["the last".into()]).expect("goes on");
    let (records, found, _) = read(&run.dir.events());
    assert_eq!(found.expect("whole").torn, None);
    let mut said = 0;
    for entry in run.dir.path().read_dir_utf8().expect("listed") {
        let entry = entry.expect("listed");
        if !entry.file_name().starts_with("said-") {
            continue;
        }
        for line in std::fs::read_to_string(entry.path()).expect("read").split_inclusive('\n') {
            let Some((seq, kind)) = line.strip_suffix('\n').and_then(|line| line.split_once(' '))
            else {
                continue;
            };
            let seq: usize = seq.parse().expect("a number");
            assert_eq!(records[seq - 1].body.kind(), kind);
            said += 1;
        }
    }
    assert!(said >= 300, "{said}");
}

/// Appends until the disk is full; frees some space when there is a ballast and goes on.
#[test]
fn part_filling_the_disk() {
    let Some(run) = part("filling") else { return };
    let mut reader = LogReader::open(run.events());
    let mut appended = 0;
    let error = loop {
        match append(&run, &mut reader, vec!["x".repeat(400); 3]) {
            Ok(_) => appended += 3,
            Err(error) => break error,
        }
        assert!(appended < 10_000, "the disk never gets full");
    };
    let LogError::Io(error) = error else { panic!("{error}") };
    let full = [std::io::ErrorKind::StorageFull, std::io::ErrorKind::FileTooLarge];
    assert!(full.contains(&error.kind()), "{error}: {}", error.source);
    assert_eq!(error.path, run.events());
    let found = log::verify(run.events()).expect("readable");
    assert_eq!((found.lines, found.torn, found.damage), (appended, None, None));
    let ballast = run.path().join("ballast");
    if ballast.exists() {
        std::fs::remove_file(ballast).expect("freed");
        append(&run, &mut reader, vec!["goes on".into()]).expect("goes on by itself");
    }
    std::fs::write(run.path().join("played"), "").expect("said");
}

fn filled(folder: &Utf8Path, command: &str) -> Output {
    Command::new("sh")
        .args(["-c", command, program().as_str(), folder.as_str()])
        .output()
        .expect("a shell")
}

#[test]
fn a_write_that_fails_in_the_middle_is_taken_back() {
    let run = Run::new();
    std::fs::write(run.dir.path().join("filling"), "").expect("marker");
    // The limit ends a write after some of its bytes, like a full disk.
    let output = filled(
        run.dir.path(),
        r#"cd "$1" && trap "" XFSZ && ulimit -f 10 && exec "$0" --exact processes::part_filling_the_disk"#,
    );
    assert!(output.status.success(), "{output:?}");
    assert!(run.dir.path().join("played").exists(), "{output:?}");
    let mut reader = LogReader::open(run.dir.events());
    append(&run.dir, &mut reader, vec!["without the limit".into()]).expect("goes on");
    assert_eq!(read(&run.dir.events()).1.expect("whole").torn, None);
}

#[test]
fn a_full_disk_changes_nothing_and_writing_goes_on_when_there_is_space_again() {
    let run = Run::new();
    // A small file system of its own, in a mount namespace that ends with the process.
    let output = filled(
        run.dir.path(),
        r#"exec unshare -rm sh -c 'mount -t tmpfs -o size=96k tmpfs "$1" || exit 77
            cd "$1" && touch filling && head -c 32768 /dev/zero > ballast
            "$0" --exact processes::part_filling_the_disk && test -e played' "$0" "$1""#,
    );
    if matches!(output.status.code(), Some(77 | 127 | 1))
        && !String::from_utf8_lossy(&output.stdout).contains("running 1 test")
    {
        eprintln!("SKIPPED: this system lets nobody mount a small file system: {output:?}");
        return;
    }
    assert!(output.status.success(), "{output:?}");
}
