//! `mailbox/<address>.jsonl`: the messages of the log, one file for each address.
//!
//! Projections for readers and other programs: written after the event is on disk, while the
//! run's lock is held so that their order is the log's, and made again from the log at any time.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom, Write};

use camino::{Utf8Path, Utf8PathBuf};

use super::files::{self, Durability};
use super::layout::RunDir;
use crate::base::PathError;
use crate::base::path::PathContext;
use crate::event::Message;

/// What one mailbox file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxFile {
    /// The file.
    pub path: Utf8PathBuf,
    /// The messages that can be read, in order.
    pub messages: Vec<Message>,
    /// The lines that cannot.
    pub damaged: Vec<DamagedLine>,
}

/// A line of a mailbox file that is no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedLine {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

/// Appends messages to the files of their addresses.
///
/// # Errors
/// Some messages may not have reached their file; the log has them all.
pub fn append(run: &RunDir, messages: &[Message]) -> Result<(), PathError> {
    if messages.is_empty() {
        return Ok(());
    }
    files::create_private_dir(run.mailbox())?;
    for (path, lines) in by_file(run, messages) {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        let mut file = files::open(&path, "cannot write", &mut options)?;
        let begun = ends_inside_a_line(&mut file).at("cannot read", &path)?;
        let text = [if begun { &b"\n"[..] } else { b"" }, &lines].concat();
        file.write_all(&text).at("cannot write", &path)?;
    }
    Ok(())
}

/// Makes all mailbox files again from all messages of the log.
///
/// # Errors
/// Some files may be old and some new; calling it again finishes the work.
pub fn rebuild(run: &RunDir, all: &[Message]) -> Result<(), PathError> {
    let wanted = by_file(run, all);
    if !wanted.is_empty() {
        files::create_private_dir(run.mailbox())?;
    }
    for path in paths(run)? {
        if !wanted.contains_key(&path) {
            std::fs::remove_file(&path).at("cannot remove", &path)?;
        }
    }
    for (path, lines) in wanted {
        files::write_atomic(&path, &lines, Durability::Quick)?;
    }
    Ok(())
}

/// Reads the file of one address; an address without messages has an empty one.
///
/// # Errors
/// The file cannot be read; damaged lines are part of the result.
pub fn read(run: &RunDir, address: &str) -> Result<MailboxFile, PathError> {
    let path = run.mailbox_of(address);
    match read_file(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok(MailboxFile { path, messages: Vec::new(), damaged: Vec::new() })
        }
        found => found,
    }
}

/// Reads every mailbox file of a run, sorted by path.
///
/// # Errors
/// A file cannot be read; damaged lines are part of the result.
pub fn verify(run: &RunDir) -> Result<Vec<MailboxFile>, PathError> {
    paths(run)?.iter().map(|path| read_file(path)).collect()
}

fn read_file(path: &Utf8Path) -> Result<MailboxFile, PathError> {
    let mut bytes = Vec::new();
    files::open_read(path)?.read_to_end(&mut bytes).at("cannot read", path)?;
    let mut found =
        MailboxFile { path: path.to_owned(), messages: Vec::new(), damaged: Vec::new() };
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let text = line.strip_suffix(b"\n");
        let text = text.ok_or_else(|| "the line is not finished".to_owned());
        match text.and_then(|text| serde_json::from_slice(text).map_err(|error| error.to_string()))
        {
            Ok(message) => found.messages.push(message),
            Err(why) => found.damaged.push(DamagedLine { line: index + 1, why }),
        }
    }
    Ok(found)
}

fn by_file(run: &RunDir, messages: &[Message]) -> BTreeMap<Utf8PathBuf, Vec<u8>> {
    let mut files: BTreeMap<_, Vec<u8>> = BTreeMap::new();
    for message in messages {
        let lines = files.entry(run.mailbox_of(&message.to)).or_default();
        serde_json::to_writer(&mut *lines, message).expect("messages have no maps");
        lines.push(b'\n');
    }
    files
}

fn paths(run: &RunDir) -> Result<Vec<Utf8PathBuf>, PathError> {
    let folder = run.mailbox();
    files::refuse_link(&folder)?;
    let entries = match folder.read_dir_utf8() {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).at("cannot read the folder", &folder),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.at("cannot read the folder", &folder)?.into_path();
        if path.extension() == Some("jsonl") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Whether somebody died in the middle of the last line.
fn ends_inside_a_line(file: &mut std::fs::File) -> std::io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Time;
    use crate::event::MessageKind;
    use crate::event::message::{Delivery, MessagePriority};

    fn run() -> (tempfile::TempDir, RunDir) {
        let guard = tempfile::tempdir().unwrap();
        let dir = Utf8PathBuf::try_from(guard.path().to_path_buf()).unwrap();
        (guard, RunDir::at(dir))
    }

    fn message(id: &str, to: &str) -> Message {
        Message {
            id: id.into(),
            at: Time(1),
            from: "human:ada".into(),
            to: to.into(),
            kind: MessageKind::Message,
            priority: MessagePriority::Normal,
            delivery: Delivery::NextTurn,
            text: "two\nlines".into(),
            data: None,
            reply_to: None,
        }
    }

    fn contents(run: &RunDir) -> Vec<(Utf8PathBuf, Vec<u8>)> {
        let paths = paths(run).unwrap().into_iter();
        paths.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
    }

    #[test]
    fn rebuilt_files_equal_the_appended_ones_byte_for_byte() {
        let (_guard, run) = run();
        let all = [message("a", "review/2"), message("b", "human"), message("c", "review/2")];
        append(&run, &all[..1]).unwrap();
        append(&run, &all[1..]).unwrap();
        let appended = contents(&run);
        assert_eq!(appended.len(), 2);
        std::fs::write(run.mailbox_of("human"), "broken").unwrap();
        std::fs::write(run.mailbox_of("nobody"), "left over").unwrap();
        rebuild(&run, &all).unwrap();
        assert_eq!(contents(&run), appended);
        let ids: Vec<_> = read(&run, "review/2").unwrap().messages;
        assert_eq!(ids, [all[0].clone(), all[2].clone()]);
    }

    #[test]
    fn a_damaged_line_is_reported_by_number_and_skipped() {
        let (_guard, run) = run();
        append(&run, &[message("a", "human")]).unwrap();
        let path = run.mailbox_of("human");
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&whole[..], b"{\"id\":\"torn"].concat()).unwrap();
        append(&run, &[message("b", "human")]).unwrap();
        let files = verify(&run).unwrap();
        assert_eq!(files[0].messages, [message("a", "human"), message("b", "human")]);
        let lines: Vec<_> = files[0].damaged.iter().map(|line| line.line).collect();
        assert_eq!(lines, [2]);
    }

    #[test]
    fn an_address_never_leaves_the_mailbox_folder() {
        let (_guard, run) = run();
        append(&run, &[message("a", "../../etc/x")]).unwrap();
        assert_eq!(contents(&run).len(), 1);
    }

    #[test]
    fn a_run_without_messages_has_no_mailbox() {
        let (_guard, run) = run();
        append(&run, &[]).unwrap();
        rebuild(&run, &[]).unwrap();
        assert_eq!(verify(&run).unwrap(), []);
        assert!(read(&run, "human").unwrap().messages.is_empty());
        assert!(!run.mailbox().exists());
    }
}
