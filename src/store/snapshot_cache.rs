//! `snapshot.json`: folded state with the place in the log that it stands for.
//!
//! Disposable: whatever is wrong with it, the answer is "there is none", and the log is folded
//! from its start. One header line is enough for a row of a table; the rest is the checkpoint,
//! which only the engine understands.

use std::io::Read;

use camino::Utf8Path;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::cursor::{Cursor, Standing};
use super::files::{self, Durability};
use crate::base::{PathError, limits};
use crate::event::Hash;

/// Bytes of the header line that one read fetches; a longer header is read with the whole file.
const HEADER_BYTES: usize = 4 << 10;
/// Bytes of a whole snapshot: a checkpoint is far smaller than its log, but has the plan.
const SNAPSHOT_BYTES_MAX: u64 = 256 << 20;

/// What stands before the checkpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Header {
    /// Version of header and checkpoint; another version is ignored.
    pub format: u32,
    /// The place in the log that the state stands for.
    pub cursor: Cursor,
    /// What tables show of the run.
    pub row: Box<RawValue>,
    /// Bytes of the checkpoint.
    pub bytes: u64,
    /// Hash of the checkpoint: the file is not synced, so a power cut may leave a hole in it.
    pub hash: Hash,
}

/// Replaces the snapshot; a power cut may lose it.
///
/// # Errors
/// The old snapshot stays.
pub fn write(
    path: impl AsRef<Utf8Path>,
    cursor: &Cursor,
    row: &RawValue,
    body: &[u8],
) -> Result<(), PathError> {
    let header = Header {
        format: limits::CHECKPOINT_FORMAT,
        cursor: *cursor,
        row: row.to_owned(),
        bytes: body.len() as u64,
        hash: Hash::of(body),
    };
    files::write_atomic_with(path.as_ref(), Durability::Quick, |file| {
        let mut bytes = serde_json::to_vec(&header)?;
        bytes.push(b'\n');
        bytes.extend_from_slice(body);
        std::io::Write::write_all(file, &bytes)
    })
}

/// Reads header and checkpoint; absent when anything is wrong with them.
pub fn read(path: impl AsRef<Utf8Path>) -> Option<(Header, Vec<u8>)> {
    let mut bytes = Vec::new();
    let file = files::open_read(path.as_ref()).ok()?;
    let size = file.metadata().ok()?.len();
    bytes.reserve_exact(usize::try_from(size.min(SNAPSHOT_BYTES_MAX)).ok()?);
    file.take(SNAPSHOT_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let header = parse(&bytes[..end], size)?;
    bytes.drain(..=end);
    (Hash::of(&bytes) == header.hash).then_some((header, bytes))
}

/// Reads the header alone, with one read; absent when anything is wrong with it.
pub fn read_header(path: impl AsRef<Utf8Path>) -> Option<Header> {
    let mut file = files::open_read(path.as_ref()).ok()?;
    let size = file.metadata().ok()?.len();
    let mut bytes = [0; HEADER_BYTES];
    let got = file.read(&mut bytes).ok()?;
    let end = bytes[..got].iter().position(|byte| *byte == b'\n')?;
    parse(&bytes[..end], size)
}

/// Whether the log at `log` holds, before the header's place, the line that the header names.
pub fn matches(header: &Header, log: impl AsRef<Utf8Path>) -> bool {
    header.cursor.standing(log.as_ref()) != Standing::Foreign
}

/// Believes a header only when the file has the length that it announces.
fn parse(line: &[u8], size: u64) -> Option<Header> {
    let header: Header = serde_json::from_slice(line).ok()?;
    let whole = (line.len() as u64 + 1).checked_add(header.bytes)?;
    (header.format == limits::CHECKPOINT_FORMAT && whole == size).then_some(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> (tempfile::TempDir, camino::Utf8PathBuf) {
        let guard = tempfile::tempdir().unwrap();
        let dir = camino::Utf8PathBuf::try_from(guard.path().to_path_buf()).unwrap();
        let path = dir.join("snapshot.json");
        let row = serde_json::value::to_raw_value(&["a", "row"]).unwrap();
        write(&path, &Cursor::default(), &row, b"check\npoint").unwrap();
        (guard, path)
    }

    #[test]
    fn a_snapshot_reads_back_whole_and_by_its_header() {
        let (_guard, path) = snapshot();
        let (header, body) = read(&path).unwrap();
        assert_eq!(body, b"check\npoint");
        assert_eq!(header.row.get(), r#"["a","row"]"#);
        assert_eq!(read_header(&path).unwrap().cursor, header.cursor);
    }

    #[test]
    fn a_snapshot_with_any_cut_is_no_snapshot() {
        let (_guard, path) = snapshot();
        let whole = std::fs::read(&path).unwrap();
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(read(&path).is_none(), "{length}");
            assert!(read_header(&path).is_none(), "{length}");
        }
    }

    #[test]
    fn a_snapshot_with_a_changed_body_or_version_is_no_snapshot() {
        let (_guard, path) = snapshot();
        let whole = std::fs::read_to_string(&path).unwrap();
        let version = format!(r#""format":{}"#, limits::CHECKPOINT_FORMAT);
        for (from, to) in [("point", "poinT"), (version.as_str(), r#""format":9"#)] {
            assert!(whole.contains(from));
            std::fs::write(&path, whole.replacen(from, to, 1)).unwrap();
            assert!(read(&path).is_none(), "{to}");
        }
    }

    #[test]
    fn a_snapshot_of_another_log_does_not_match() {
        let (_guard, path) = snapshot();
        let mut header = read_header(&path).unwrap();
        let log = path.with_file_name("events.jsonl");
        assert!(!matches(&header, &log), "no log");
        std::fs::write(&log, "{\"seq\":1}\n{\"seq\":2}\n").unwrap();
        assert!(matches(&header, &log), "the start is the start of every log");
        header.cursor.offset = 10;
        header.cursor.chain.hash = Hash::of(b"{\"seq\":1}");
        assert!(matches(&header, &log));
        for (offset, line) in [(11, 0), (10, 1), (20, 0), (30, 20), (10, 20), (10, 10)] {
            let cursor = Cursor { offset, line, ..header.cursor };
            assert_eq!(cursor.standing(&log), Standing::Foreign, "{cursor:?}");
        }
    }
}
