//! File systems of their own: small ones that get full, and folders that cannot be written.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use camino::{Utf8Path, Utf8PathBuf};

/// A file system that is there as long as this value.
pub struct Mount {
    at: Utf8PathBuf,
}

impl Mount {
    fn new(at: &Utf8Path, args: &[&str]) -> Option<Self> {
        let status = Command::new("mount").args(args).arg(at).stderr(Stdio::null()).status();
        if status.is_ok_and(|status| status.success()) {
            return Some(Self { at: at.to_owned() });
        }
        #[expect(clippy::print_stderr, reason = "a skipped test must not look like a passed one")]
        {
            eprintln!("SKIPPED: this machine does not allow to mount {args:?}");
        }
        None
    }

    /// A small disk.
    pub fn small(at: &Utf8Path, size: &str) -> Option<Self> {
        fs::create_dir_all(at).expect("created");
        Self::new(at, &["-t", "tmpfs", "-o", &format!("size={size},mode=0755"), "none"])
    }

    /// The folder itself, which cannot be written any more.
    pub fn read_only(at: &Utf8Path) -> Option<Self> {
        let mount = Self::new(at, &["--bind", at.as_str()])?;
        Self::new(at, &["-o", "remount,ro,bind"]).map(|again| {
            // One mount, to be undone once.
            std::mem::forget(again);
            mount
        })
    }

    /// Fills the disk to the last page; the file gives the room back when it is deleted.
    pub fn fill(&self) -> Utf8PathBuf {
        let path = self.at.join("filler");
        let mut file = fs::File::create(&path).expect("created");
        while file.write_all(&[1; 4_096]).is_ok() {}
        path
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.at).status());
    }
}
