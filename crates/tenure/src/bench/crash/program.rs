//! The server as a process: started on the same data again and again, with or without room to write.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};

use crate::bench::server::ready;

/// Writes beyond the limit fail then, as they do on a full disk, instead of ending the process.
const LIMITED: &str = r#"trap "" XFSZ; ulimit -f "$1"; shift; exec "$@""#;
/// What `ulimit -f` counts in.
const LIMIT_UNIT: u64 = 512;

/// How the server is started.
pub(in crate::bench) struct Program {
    program: PathBuf,
    settings: Vec<(String, String)>,
    data: PathBuf,
}

impl Program {
    pub(in crate::bench) fn of(program: &Path, settings: &[(String, String)], data: &Path) -> Self {
        Self {
            program: program.to_owned(),
            settings: settings.to_vec(),
            data: data.to_owned(),
        }
    }

    /// Starts it; no file may grow beyond `limit` bytes, if there is one.
    pub(in crate::bench) fn start(&self, limit: Option<u64>) -> Result<Running> {
        let program: OsString = self.program.clone().into();
        let mut command = match limit {
            None => Command::new(program),
            Some(limit) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", LIMITED, "limited"]);
                shell.arg((limit / LIMIT_UNIT).to_string()).arg(program);
                shell
            }
        };
        command.arg("serve").arg("--data-dir").arg(&self.data);
        command.env("TENURE_SERVER__LISTEN", "127.0.0.1:0");
        command.env("TENURE_ADMIN__LISTEN", "127.0.0.1:0");
        command.env("TENURE_TELEMETRY__FILTER", "error");
        // Blocks are sealed under load too.
        command.env("TENURE_LOYALTY_POINTS__SEAL_INTERVAL_MS", "200");
        command.envs(self.settings.iter().cloned());
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("the server cannot be started")?;
        let address = ready(&mut child)?;
        Ok(Running { child, address })
    }

    /// Returns the size of the largest file of the databases.
    pub(in crate::bench) fn largest_file(&self) -> Result<u64> {
        let mut largest = 0;
        for entry in std::fs::read_dir(&self.data).context("the folder of the databases")? {
            largest = largest.max(entry?.metadata()?.len());
        }
        Ok(largest)
    }
}

/// A running server. Dropping it kills it, with SIGKILL.
pub(in crate::bench) struct Running {
    child: Child,
    address: SocketAddr,
}

impl Running {
    pub(in crate::bench) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
