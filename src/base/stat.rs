//! What Linux tells of a process in `/proc/PID/stat`.

/// The fields of `/proc/PID/stat` that are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// One letter: `R` runs, `S` sleeps, `Z` has ended.
    pub state: u8,
    /// The process that started it, or who took it over.
    pub parent: u32,
    /// Processor time, in ticks.
    pub cpu_ticks: u64,
    /// Number of its threads.
    pub threads: u32,
    /// When it started, in ticks since the boot.
    pub start: u64,
    /// Pages of memory that are in use.
    pub rss_pages: u64,
}

impl Stat {
    /// Reads the line; the name of the program stands in brackets and may itself hold brackets and blanks.
    pub fn parse(text: &str) -> Option<Self> {
        let (_, after_name) = text.rsplit_once(')')?;
        let mut fields = after_name.split_ascii_whitespace();
        let state = *fields.next()?.as_bytes().first()?;
        let parent = fields.next()?.parse().ok()?;
        let user: u64 = fields.nth(9)?.parse().ok()?;
        let system: u64 = fields.next()?.parse().ok()?;
        let threads = fields.nth(4)?.parse().ok()?;
        let start = fields.nth(1)?.parse().ok()?;
        let rss_pages = fields.nth(1)?.parse().ok()?;
        Some(Self { state, parent, cpu_ticks: user + system, threads, start, rss_pages })
    }

    /// Ended, and perhaps not reaped yet. A process whose first thread is gone may go on in others.
    pub fn is_over(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x') && self.threads <= 1
    }

    /// Processor time in milliseconds.
    pub fn cpu_ms(&self) -> u64 {
        // The kernel shows 100 ticks a second on every architecture we build for.
        self.cpu_ticks * 10
    }
}
