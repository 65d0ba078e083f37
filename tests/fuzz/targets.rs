//! What is done with hostile bytes: one function for each place where crew reads what others wrote.
//!
//! The programs in `.fuzz` call them with bytes of their own, and `tests/fuzz.rs` with the corpus. A function
//! returns when all is well, whatever the bytes are, and panics when a promise is broken.

use std::fs;
use std::io::Write;
use std::sync::OnceLock;

use camino::{Utf8Path, Utf8PathBuf};
use crew::agent::{Decoder, OutputFormat, TurnReport};
use crew::base::redact::redact;
use crew::base::{Time, text};
use crew::client::bundle;
use crew::client::transcript::{Entry, Transcript};
use crew::client::workspace::Workspace;
use crew::config::{Config, Environment};
use crew::engine::{State, Vitals};
use crew::event::{Chain, Record};
use crew::ledger::Ledger;
use crew::plan::{BuildInput, Completion, build};
use crew::resource::{Catalog, Roots, agent, lint, skill, team, workflow};
use crew::store::{ProjectDir, RunDir, discover, mailbox};

use super::words;

/// A target by its name.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const ALL: [Target; 8] = [
    ("events", events),
    ("front_matter", front_matter),
    ("workflow", compile),
    ("stream", stream),
    ("mailbox", mailbox_file),
    ("bundle", import),
    ("redaction", redaction),
    ("printable", printable),
];

/// Lines of a log: as they come, and put in order so that their chain fits and they are folded.
pub fn events(data: &[u8]) {
    for line in data.split(|byte| *byte == b'\n') {
        drop(Record::read(line, Chain::default()));
    }
    let (mut chain, mut state) = (Chain::default(), None::<State>);
    let log = chained(data, |record| match &mut state {
        Some(state) => state.apply_record(record),
        None => state = State::begin(record),
    });
    if let Some(state) = &state {
        assert!(state.is_consistent(), "the index is not that of the state");
        drop(crew::engine::explain_run(state, &Vitals::default(), Time(0)));
    }
    for line in log.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n").expect("whole lines");
        chain = Record::read(line, chain).expect("a line reads back as it was written").1;
    }
}

/// The lines that are events, numbered and chained; each is shown to `each`.
fn chained(data: &[u8], mut each: impl FnMut(&Record)) -> Vec<u8> {
    let (mut chain, mut log) = (Chain::default(), Vec::new());
    for line in data.split(|byte| *byte == b'\n').take(200) {
        let Ok(mut value) = serde_json::from_slice::<serde_json::Value>(line) else { continue };
        let Some(object) = value.as_object_mut() else { continue };
        object.insert("seq".to_owned(), (chain.seq + 1).into());
        object.insert("prev".to_owned(), chain.hash.to_string().into());
        let Ok((record, _)) = Record::read(value.to_string().as_bytes(), chain) else { continue };
        let before = log.len();
        let after = record.write(chain, &mut log);
        // What is written anew must fit again: a number may not survive JSON as it was.
        let line = log[before..].strip_suffix(b"\n").expect("written with its newline");
        if Record::read(line, chain).is_ok_and(|(again, _)| again == record) {
            chain = after;
            each(&record);
        } else {
            log.truncate(before);
        }
    }
    log
}

/// A resource file of any kind but a workflow.
pub fn front_matter(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let path = Utf8Path::new("sample.md");
    let catalog = built_in();
    let lists = [agent::parse(path, &text).1, skill::parse(path, &text).1, {
        let (file, found) = team::parse(path, &text);
        drop(lint::team(&file, catalog));
        found
    }];
    let lines = text.split(['\n', '\r']).count() + 1;
    for found in lists.iter().flatten() {
        assert!(found.line as usize <= lines, "{found:?} stands behind the last line");
    }
}

fn built_in() -> &'static Catalog {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    CATALOG.get_or_init(|| Catalog::load(&Roots { user: None, project: None }))
}

/// A workflow, from its text to a plan.
pub fn compile(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (file, found) = workflow::parse(Utf8Path::new("sample.workflow.md"), &text);
    let catalog = built_in();
    let linted = lint::workflow(&file, None, catalog);
    if found.iter().chain(&linted).any(crew::resource::Diagnostic::is_error) {
        return;
    }
    let params = file.params.iter().map(|param| (param.name.clone(), "x".to_owned())).collect();
    let input = BuildInput {
        workflow: &file,
        team: None,
        catalog,
        runtime_flag: Some("rehearsal"),
        model_flag: None,
        default_runtime: "rehearsal",
        default_model: None,
        params: &params,
        completion: Completion::None,
        commands: std::collections::BTreeMap::default(),
    };
    if let Ok(plan) = build(&input) {
        let frozen = serde_json::to_string(&plan).expect("a plan is JSON");
        let again: crew::plan::Plan = serde_json::from_str(&frozen).expect("a plan reads back");
        assert_eq!(again, plan);
        for step in &plan.steps {
            assert!(plan.tasks_of(step).len() <= crew::base::limits::TASKS_MAX);
        }
    }
}

/// What an agent prints, in whatever pieces it arrives.
pub fn stream(data: &[u8]) {
    let [format, cut, output @ ..] = data else { return };
    let format = OutputFormat::ALL[usize::from(*format) % OutputFormat::ALL.len()];
    let mut decoder = Decoder::new(format);
    let mut seen = Vec::new();
    for line in output.split_inclusive(|byte| *byte == b'\n') {
        let (found, _) = decoder.decode_with_aside(line);
        seen.extend(found);
    }
    seen.extend(decoder.finish());
    let report = TurnReport::of(&seen);
    assert!(!is_moving(&text::printable(&report.final_text())));
    let place = folder();
    let path = place.1.join("stdout.jsonl");
    let at = output.len() * usize::from(*cut) / 256;
    let whole = shown(&path, format, &[output]);
    let pieces = shown(&path, format, &[&output[..at / 2], &output[at / 2..at], &output[at..]]);
    assert_eq!(whole, pieces, "it depends on the pieces in which it arrived");
    for entry in &whole {
        assert!(!is_moving(&entry.text) && !is_moving(&entry.title), "{entry:?}");
    }
}

fn shown(path: &Utf8Path, format: OutputFormat, pieces: &[&[u8]]) -> Vec<Entry> {
    let mut file = fs::File::create(path).expect("created");
    let mut transcript = Transcript::open(path.to_owned(), format);
    let mut entries = Vec::new();
    for piece in pieces {
        file.write_all(piece).expect("written");
        transcript.read(|entry| entries.push(entry)).expect("readable");
    }
    transcript.finish(|entry| entries.push(entry));
    entries
}

/// A mailbox file that somebody else wrote into.
pub fn mailbox_file(data: &[u8]) {
    let place = folder();
    let run = RunDir::at(place.1.clone());
    let path = run.mailbox_of("human");
    fs::create_dir(path.parent().expect("in a folder")).expect("created");
    fs::write(&path, data).expect("written");
    let before = mailbox::read(&run, "human").expect("readable");
    let lines = data.split_inclusive(|byte| *byte == b'\n').count();
    assert_eq!(before.messages.len() + before.damaged.len(), lines);
    assert_eq!(mailbox::verify(&run).expect("readable"), std::slice::from_ref(&before));
    // A message that comes later is there, whatever stood there before.
    let Some(mut message) = before.messages.first().cloned() else { return };
    "human".clone_into(&mut message.to);
    mailbox::append(&run, std::slice::from_ref(&message)).expect("written");
    let after = mailbox::read(&run, "human").expect("readable");
    assert_eq!(after.messages.last(), Some(&message));
}

/// A file that is given to `crew import`: the bytes themselves, a tar of theirs, or a bundle around them.
pub fn import(data: &[u8]) {
    let [kind, rest @ ..] = data else { return };
    let place = folder();
    let project = place.1.join("project");
    fs::create_dir(&project).expect("created");
    let file = place.1.join("bundle");
    let content = match kind % 4 {
        0 => rest.to_vec(),
        1 => gzipped(rest),
        2 => gzipped(&tar_around(&chained(rest, |_| {}))),
        _ => [&b"{\"schemaVersion\":1,"[..], rest].concat(),
    };
    fs::write(&file, &content).expect("written");
    let workspace = Workspace {
        env: Environment::default(),
        found: found(&project),
        config: Config::preset(),
        warnings: Vec::new(),
        dir: ProjectDir::new(project.clone(), None, None),
    };
    match bundle::import(&workspace, &file) {
        Ok(taken) => {
            let ledger = Ledger::open_whole(workspace.dir.run(taken.number)).expect("it opens");
            assert!(ledger.state().created.flags.imported.is_some(), "it is only looked at");
        }
        Err(error) => {
            let runs = workspace.dir.runs();
            let left = runs.read_dir_utf8().map_or(0, Iterator::count);
            assert_eq!(left, 0, "something is left behind after: {error}");
        }
    }
    let outside: Vec<_> = place.1.read_dir_utf8().expect("readable").flatten().collect();
    assert_eq!(outside.len(), 2, "something was written beside the project: {outside:?}");
    assert_eq!(fs::read(&file).expect("readable"), content);
    let inside = project.read_dir_utf8().expect("readable").count();
    assert_eq!(inside, 1, "something was written beside `.crew`");
}

fn found(project: &Utf8Path) -> discover::Found {
    discover::Found { root: project.to_owned(), git: None, from_linked_worktree: false }
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).expect("in memory");
    gzip.finish().expect("in memory")
}

/// A bundle that is in order, around a log that perhaps is not.
fn tar_around(log: &[u8]) -> Vec<u8> {
    let lines = log.split(|byte| *byte == b'\n').count() - 1;
    let row = serde_json::json!({
        "path": "events.jsonl", "bytes": log.len(), "hash": blake3::hash(log).to_hex().to_string(),
    });
    let manifest = serde_json::json!({
        "format": "crew-run", "version": 1, "crew": "0", "original_head": "", "head": "", "files": [row],
        "run": {"ref": "x#1", "slug": "x", "goal": "x", "status": "done", "events": lines},
    });
    let manifest = manifest.to_string();
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content) in [("crew-run.json", manifest.as_bytes()), ("events.jsonl", log)] {
        let mut header = tar::Header::new_ustar();
        header.set_path(name).expect("short");
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        header.set_cksum();
        tar.append(&header, content).expect("in memory");
    }
    tar.into_inner().expect("in memory")
}

/// A secret between other words: it is gone, and what was redacted once stays as it is.
pub fn redaction(data: &[u8]) {
    let [which, at, rest @ ..] = data else { return };
    let around = String::from_utf8_lossy(rest);
    let secrets = words::secrets();
    let secret = &secrets[usize::from(*which) % secrets.len()];
    if around.contains(&secret.hidden) {
        return;
    }
    let at = around.floor_char_boundary(around.len() * usize::from(*at) / 255);
    // A word of its own, as long as it is one: what is glued to it may be a part of it, or make another of it.
    let whole = format!("{}\n{}\n{}", &around[..at], secret.text, &around[at..]);
    let clean = redact(&whole);
    assert!(!clean.contains(&secret.hidden), "{} is still there: {clean}", secret.kind);
    assert!(!redact(&clean).contains(&secret.hidden), "{} came back", secret.kind);
}

/// Whatever is printed, nothing of it moves the cursor.
pub fn printable(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let shown = text::printable(&text);
    assert!(!is_moving(&shown), "{shown:?}");
    assert_eq!(text::printable(&shown), shown);
    assert!(!is_moving(&text::one_line(&text, 40)));
}

/// Whether something in it could move the cursor, colour the terminal or turn the direction of the text.
pub fn is_moving(text: &str) -> bool {
    text.chars().any(|c| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
    })
}

/// An empty folder, in memory where there is such a place.
fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
    let mut builder = tempfile::Builder::new();
    let in_memory = builder.prefix("crew-fuzz-").tempdir_in("/dev/shm");
    let guard = in_memory.or_else(|_| builder.tempdir()).expect("a folder");
    let path = Utf8PathBuf::try_from(guard.path().to_owned()).expect("text");
    (guard, path)
}
