//! What the driver prints: the program's lines as they came, and notes between them.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Mutex, PoisonError};

use camino::Utf8Path;

use crate::agent::live::Note;
use crate::base::limits;
use crate::base::path::{PathContext, PathError};

/// The output of the attempt, and the notes beside it.
#[derive(Debug)]
pub(super) struct Output<W> {
    out: Mutex<W>,
    notes: Mutex<File>,
}

impl<W: Write> Output<W> {
    /// Prints to `out`, and notes also to the file at `notes`.
    pub(super) fn new(out: W, notes: &Utf8Path) -> Result<Self, PathError> {
        let mut options = OpenOptions::new();
        let file = options.append(true).create(true).mode(0o600).open(notes);
        let file = file.at("cannot open", notes)?;
        Ok(Self { out: Mutex::new(out), notes: Mutex::new(file) })
    }

    /// Passes lines on until there are no more; each whole one that is not too long is also given to `seen`.
    ///
    /// A program whose output cannot be written goes on all the same: nobody may hang on a full disk.
    pub(super) fn pass_on(&self, from: impl Read, mut seen: impl FnMut(Vec<u8>)) {
        let mut from = BufReader::with_capacity(64 << 10, from);
        let limit = limits::OUTPUT_LINE_BYTES_MAX as u64;
        let mut line = Vec::new();
        loop {
            line.clear();
            match (&mut from).take(limit).read_until(b'\n', &mut line) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(_) => return,
            }
            // No note may come into the middle of a line.
            let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
            let mut written = out.write_all(&line);
            let is_long = line.len() as u64 == limit && line.last() != Some(&b'\n');
            while line.len() as u64 == limit && line.last() != Some(&b'\n') {
                line.clear();
                if !matches!((&mut from).take(limit).read_until(b'\n', &mut line), Ok(1..)) {
                    break;
                }
                written = written.and_then(|()| out.write_all(&line));
            }
            if line.last() != Some(&b'\n') {
                written = written.and_then(|()| out.write_all(b"\n"));
            }
            drop(written.and_then(|()| out.flush()));
            drop(out);
            if !is_long {
                seen(std::mem::take(&mut line));
            }
        }
    }

    /// Prints a note, and writes it down for who follows.
    pub(super) fn note(&self, note: &Note) {
        let line = format!("{}\n", note.line());
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        // The output is what counts: whoever reads the other file looks there in the end.
        drop(out.write_all(line.as_bytes()).and_then(|()| out.flush()));
        drop(out);
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        drop(notes.write_all(line.as_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use camino::Utf8PathBuf;

    fn output() -> (tempfile::TempDir, Utf8PathBuf, Output<Vec<u8>>) {
        let guard = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::try_from(guard.path().join("notes.jsonl")).unwrap();
        let output = Output::new(Vec::new(), &path).unwrap();
        (guard, path, output)
    }

    #[test]
    fn lines_are_passed_on_as_they_came_and_the_last_one_gets_its_end() {
        let (_guard, path, output) = output();
        let mut seen = Vec::new();
        output.pass_on(&b"one\r\n\n{\"a\":1}\nhalf"[..], |line| seen.push(line));
        let note = Note::Delivered { id: "m".into(), text: String::new() };
        output.note(&note);
        assert_eq!(seen, [&b"one\r\n"[..], b"\n", b"{\"a\":1}\n", b"half"]);
        let out = output.out.into_inner().unwrap();
        let wanted = format!("one\r\n\n{{\"a\":1}}\nhalf\n{}\n", note.line());
        assert_eq!(String::from_utf8(out).unwrap(), wanted);
        assert_eq!(std::fs::read_to_string(path).unwrap(), format!("{}\n", note.line()));
    }

    #[test]
    fn a_line_beyond_the_limit_is_passed_on_and_not_looked_at() {
        let (_guard, _path, output) = output();
        let long = vec![b'x'; limits::OUTPUT_LINE_BYTES_MAX + 5];
        let mut seen = Vec::new();
        output.pass_on(&[&long[..], b"\nshort\n"].concat()[..], |line| seen.push(line));
        assert_eq!(seen, [b"short\n"]);
        assert_eq!(output.out.into_inner().unwrap().len(), long.len() + 7);
    }
}
