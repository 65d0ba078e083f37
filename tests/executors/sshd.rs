//! A ssh server of the test's own, on a free port of loopback, for the user who runs the test.

#![expect(clippy::unwrap_used, reason = "what a test stands on fails the test")]

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use camino::{Utf8Path, Utf8PathBuf};

use crate::find;
use crate::support::wait_until;

/// A server with keys of its own; it ends, with its connections, when this is dropped.
pub struct Sshd {
    folder: Utf8PathBuf,
    port: u16,
    child: Option<Child>,
}

impl Sshd {
    /// Starts one whose files are in this folder; nothing where there is none to start.
    pub fn start(folder: &Utf8Path) -> Option<Self> {
        let folder = folder.join("sshd");
        if find("sshd").is_none() || find("ssh").is_none() || find("ssh-keygen").is_none() {
            crate::skipped("there is no sshd on this machine; it comes with openssh-server");
            return None;
        }
        fs::create_dir_all(&folder).unwrap();
        for key in ["host", "user"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f", folder.join(key).as_str()])
                .stdin(Stdio::null())
                .status();
            assert!(made.unwrap().success());
        }
        fs::copy(folder.join("user.pub"), folder.join("authorized")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\n\
             AuthorizedKeysFile {folder}/authorized\nStrictModes no\nUsePAM no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nPidFile none\n\
             PermitRootLogin yes\nLogLevel ERROR\n"
        );
        fs::write(folder.join("config"), config).unwrap();
        // Only a server of root needs it, and a machine that never started one has none.
        if rustix::process::geteuid().is_root() {
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let mut server = Self { folder, port, child: None };
        server.begin();
        Some(server)
    }

    /// Starts the server, also after [`Self::end`].
    pub fn begin(&mut self) {
        let config = self.folder.join("config");
        let log = fs::File::create(self.folder.join("log")).unwrap();
        let child = Command::new(find("sshd").unwrap())
            .args(["-D", "-e", "-f", config.as_str()])
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        let port = self.port;
        wait_until("sshd listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    }

    /// Ends the server; connections that it has live on.
    pub fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// `[run]` of a configuration that starts attempts there.
    pub fn table(&self) -> String {
        let Self { folder, port, .. } = self;
        format!(
            "[run]\nexecutor = \"ssh:127.0.0.1\"\nssh = [\"ssh\", \"-F\", \"none\", \"-p\", \"{port}\", \"-i\", \
             \"{folder}/user\", \"-o\", \"IdentitiesOnly=yes\", \"-o\", \"BatchMode=yes\", \"-o\", \
             \"StrictHostKeyChecking=no\", \"-o\", \"UserKnownHostsFile={folder}/known\", \"-o\", \"LogLevel=ERROR\"]\n"
        )
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.end();
    }
}
