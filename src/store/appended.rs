//! Reading on in a file to which lines are appended.

use std::io::{self, Read, Seek, SeekFrom};

use camino::Utf8Path;

/// How far a file was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Appended {
    offset: u64,
}

impl Appended {
    /// Hands over the whole lines that were added since the last look, without their newlines, at most `limit`
    /// bytes of them; returns whether there may be more. A line that is longer than that is left out.
    ///
    /// # Errors
    /// The file is not there, or cannot be read; then nothing was handed over.
    pub fn look(
        &mut self,
        path: &Utf8Path,
        limit: u64,
        mut line: impl FnMut(&[u8]),
    ) -> io::Result<bool> {
        let mut file = super::files::open_read(path).map_err(|error| error.source)?;
        if file.metadata()?.len() <= self.offset {
            return Ok(false);
        }
        file.seek(SeekFrom::Start(self.offset))?;
        let mut bytes = Vec::new();
        let is_full = file.take(limit).read_to_end(&mut bytes)? as u64 == limit;
        let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else {
            self.offset += if is_full { limit } else { 0 };
            return Ok(is_full);
        };
        bytes[..end].split(|byte| *byte == b'\n').for_each(&mut line);
        self.offset += end as u64 + 1;
        Ok(is_full)
    }
}
