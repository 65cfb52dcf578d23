//! Ends the server when we end, however that happens: after failed tests, on Ctrl-C, by a kill.
//!
//! A small shell waits for the end of its input, which is a pipe that only this process holds. It is
//! in a process group of its own, so that Ctrl-C in the terminal does not reach it.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};

use anyhow::{Context, Result};

use super::account::Account;
use crate::run::say;

/// Takes the program that stops servers, and the folder that holds `data`.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
cat > /dev/null
"$1" stop --silent --mode immediate --wait --pgdata "$2/data" > /dev/null 2>&1
cd /
rm -rf "$2"
"#;

/// The waiting shell; dropping it lets it do its work and waits for its end.
pub(super) struct Guardian {
    shell: Child,
    input: Option<ChildStdin>,
}

impl Guardian {
    pub(super) fn start(account: &Account, binaries: &Path, folder: &Path) -> Result<Self> {
        let mut shell = account.command("/bin/sh".into(), folder);
        shell
            .args(["-c", SCRIPT, "guardian"])
            .arg(binaries.join("pg_ctl"))
            .arg(folder);
        shell
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        let mut shell = shell
            .spawn()
            .context("a shell that stops the server in the end")?;
        let input = shell.stdin.take();
        Ok(Self { shell, input })
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        drop(self.input.take());
        match self.shell.wait() {
            Ok(status) if status.success() => {}
            Ok(status) => say(&format!(
                "something of PostgreSQL may be left behind: {status}"
            )),
            Err(error) => say(&format!(
                "something of PostgreSQL may be left behind: {error}"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_gone_when_the_guardian_is_dropped() {
        let folder = tempfile::tempdir().expect("a folder").keep();
        let account = Account::for_server().expect("somebody runs the server");
        account.give(&folder).expect("it is ours");
        let guardian = Guardian::start(&account, Path::new("/nowhere"), &folder).expect("a shell");

        drop(guardian);

        assert!(!folder.exists());
    }
}
