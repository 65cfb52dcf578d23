//! A private PostgreSQL server for one run of the tests: in a temporary folder, on a free port of
//! the loopback address, gone when we are.

mod account;
mod binaries;
mod guardian;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::run::{output, say};
use account::Account;
use guardian::Guardian;

/// Written behind the settings of initdb, which it overrides.
///
/// Durability is on as in production, because tests ask for it; the rest makes room for many small
/// databases at once on a small machine. Nothing but the loopback address is listened on, because
/// whoever connects is trusted.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
shared_buffers = '64MB'
max_wal_senders = 0
wal_level = minimal
autovacuum_naptime = '10min'
";

/// A server that runs until this value is dropped, or this process ends in whatever way.
pub(crate) struct Server {
    url: String,
    restart: String,
    guardian: Option<Guardian>,
}

impl Server {
    /// Starts a server of the newest binaries installed; installs some first where there are none.
    pub(crate) fn start() -> Result<Self> {
        let binaries = binaries::find_or_install()?;
        let account = Account::for_server()?;
        let folder = tempfile::Builder::new()
            .prefix("tenure-postgres-")
            .tempdir()?;
        account.give(folder.path())?;
        // From here on the guardian removes the folder, which also outlives a kill of this process.
        let folder = folder.keep();
        let guardian = Guardian::start(&account, &binaries, &folder)?;

        let data = folder.join("data");
        say(&format!(
            "making a PostgreSQL cluster in {}",
            folder.display()
        ));
        initialise(&account, &binaries, &data)?;
        let port = free_port()?;
        say(&format!(
            "starting {} on port {port}",
            binaries.join("postgres").display()
        ));
        launch(&account, &binaries, &data, port)?;
        let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
        let restart = restart_command(&account, &binaries, &data, port);
        Ok(Self {
            url,
            restart,
            guardian: Some(guardian),
        })
    }

    /// Returns the URL of its first database, where further ones may be created.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns a shell command that ends the server as a power cut would and starts it again.
    pub(crate) fn restart_command(&self) -> &str {
        &self.restart
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        say("stopping PostgreSQL and removing its folder");
        drop(self.guardian.take());
    }
}

fn initialise(account: &Account, binaries: &Path, data: &Path) -> Result<()> {
    let mut initdb = account.command(binaries.join("initdb"), data.parent().unwrap_or(data));
    initdb.arg("--pgdata").arg(data).args([
        "--username=postgres",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "--no-instructions",
    ]);
    output(&mut initdb)?;
    let path = data.join("postgresql.conf");
    let settings = fs::read_to_string(&path).context("the settings that initdb wrote")?;
    fs::write(&path, settings + SETTINGS).context("our settings behind those of initdb")
}

fn launch(account: &Account, binaries: &Path, data: &Path, port: u16) -> Result<()> {
    let log = data.with_file_name("server.log");
    let mut start = account.command(binaries.join("pg_ctl"), data.parent().unwrap_or(data));
    start
        .arg("start")
        .arg("--wait")
        .arg("--pgdata")
        .arg(data)
        .arg("--log")
        .arg(&log);
    start.arg("--options").arg(format!("-p {port}"));
    output(&mut start).map(drop).with_context(|| {
        let log = fs::read_to_string(&log).unwrap_or_default();
        format!("the PostgreSQL server does not start; it says:\n{log}")
    })
}

fn restart_command(account: &Account, binaries: &Path, data: &Path, port: u16) -> String {
    let log = data.with_file_name("server.log");
    format!(
        "cd '{}' && {}'{}' restart --silent --wait --mode immediate --pgdata '{}' --log '{}' \
         --options '-p {port}'",
        data.parent().unwrap_or(data).display(),
        account.shell_prefix(),
        binaries.join("pg_ctl").display(),
        data.display(),
        log.display(),
    )
}

/// Returns a port that was free a moment ago.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("a free port")?;
    Ok(listener.local_addr()?.port())
}

/// A call of a program in a folder, with the messages of the C locale.
fn plain(program: PathBuf, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env("LC_ALL", "C");
    // Settings of a client would change what the server's own programs do.
    for name in ["PGDATA", "PGPORT", "PGHOST", "PGUSER", "PGOPTIONS"] {
        command.env_remove(name);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_can_be_listened_on() {
        let port = free_port().expect("there is one");

        assert!(TcpListener::bind(("127.0.0.1", port)).is_ok());
    }
}
