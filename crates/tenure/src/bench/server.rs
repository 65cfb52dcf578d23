//! A server under test: this binary as a process of its own, on databases of its own.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use tenure_rpc::{ClientOptions, Transport, connect};
use tenure_sql::scratch::ScratchDatabase;

use crate::service::ServiceName;
use crate::show;

/// Where a server keeps its data.
#[derive(Debug, Clone, Copy)]
pub(super) enum Backend<'a> {
    /// SQLite files in a temporary folder.
    Sqlite,
    /// Fresh databases on this PostgreSQL server.
    Postgres(&'a str),
}

impl Backend<'_> {
    /// Returns the name for tables.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        }
    }
}

/// Where a server has its files.
pub(super) enum Folder {
    /// They are deleted with it.
    Temporary(tempfile::TempDir),
    /// They stay.
    Kept(PathBuf),
}

impl Folder {
    /// Returns its path.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Kept(path) => path,
        }
    }
}

/// A running server; it is stopped when this is dropped.
pub(super) struct TestServer {
    child: Child,
    address: SocketAddr,
    folder: Folder,
    databases: Vec<ScratchDatabase>,
}

impl TestServer {
    /// Starts all services with further settings (`KEY`, value) in the environment.
    pub(super) async fn start(backend: Backend<'_>, settings: &[(&str, &str)]) -> Result<Self> {
        Self::start_on(backend, settings, &ServiceName::ALL, async |_| Ok(())).await
    }

    /// Starts some services once `prepare` has filled the database of
    /// customer-data, whose URL it gets.
    pub(super) async fn start_on(
        backend: Backend<'_>,
        settings: &[(&str, &str)],
        services: &[ServiceName],
        prepare: impl AsyncFnOnce(String) -> Result<()>,
    ) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot create a temporary folder")?;
        let mut settings: Vec<(String, String)> = settings
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let mut databases = Vec::new();
        if let Backend::Postgres(server) = backend {
            for service in ServiceName::ALL {
                let database = ScratchDatabase::create(server).await?;
                let key = service.as_str().replace('-', "_").to_uppercase();
                settings.push((format!("TENURE_DATABASES__{key}"), database.url()));
                databases.push(database);
            }
        }
        prepare(database(
            folder.path(),
            &databases,
            ServiceName::CustomerData,
        ))
        .await?;
        let mut started = Self::start_in(folder.path(), services, &settings)?;
        started.folder = Folder::Temporary(folder);
        started.databases = databases;
        Ok(started)
    }

    /// Starts some services with their SQLite files in a folder that stays.
    pub(super) fn start_in(
        folder: &Path,
        services: &[ServiceName],
        settings: &[(String, String)],
    ) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("serve").arg("--data-dir").arg(folder);
        command.args(services.iter().map(|service| service.as_str()));
        command.env("TENURE_SERVER__LISTEN", "127.0.0.1:0");
        command.env("TENURE_ADMIN__LISTEN", "127.0.0.1:0");
        command.env("TENURE_TELEMETRY__FILTER", "warn");
        command.envs(settings.iter().map(|(key, value)| (key, value)));
        let mut child = command
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        let address = ready(&mut child)?;
        Ok(Self {
            child,
            address,
            folder: Folder::Kept(folder.to_owned()),
            databases: Vec::new(),
        })
    }

    /// Returns the URL of the database of a service.
    pub(super) fn database(&self, service: ServiceName) -> String {
        database(self.folder.path(), &self.databases, service)
    }

    /// Returns its process id.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the memory that the process occupies, in megabytes; 0 without `/proc`.
    pub(super) fn memory_mb(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        kilobytes.unwrap_or(0_u64) / 1_024
    }

    /// Returns the most memory that the process ever occupied, in megabytes; 0 without `/proc`.
    pub(super) fn peak_memory_mb(&self) -> u64 {
        super::cpu::peak_memory_mb(self.id())
    }

    /// Returns a connection of its own.
    pub(super) fn connect(&self) -> Result<Transport> {
        Ok(connect(
            &format!("http://{}", self.address),
            &ClientOptions::default(),
        )?)
    }

    /// Stops the server and drops its databases.
    pub(super) async fn stop(mut self) -> Result<()> {
        let _ = self.child.kill();
        self.child.wait()?;
        for database in std::mem::take(&mut self.databases) {
            database.drop().await?;
        }
        Ok(())
    }
}

fn database(folder: &Path, databases: &[ScratchDatabase], service: ServiceName) -> String {
    let place = ServiceName::ALL.iter().position(|it| *it == service);
    match place.and_then(|place| databases.get(place)) {
        Some(database) => database.url(),
        None => {
            let file = format!("{}.db", service.as_str());
            format!("sqlite://{}", folder.join(file).display())
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads the server's first lines until it says that it is ready; of the rest, what callers are told
/// the number of only is passed on.
pub(super) fn ready(child: &mut Child) -> Result<SocketAddr> {
    let stderr = child
        .stderr
        .take()
        .context("the server has no standard error")?;
    let mut lines = BufReader::new(stderr).lines();
    let mut seen = String::new();
    for line in lines.by_ref() {
        let line = line?;
        if let Some(rest) = line.strip_prefix("tenure: ready, gRPC on ") {
            let address = rest.split(',').next().unwrap_or_default().parse()?;
            std::thread::spawn(move || {
                for line in lines.map_while(Result::ok) {
                    if line.contains("internal error") {
                        show::note(&line);
                    }
                }
            });
            return Ok(address);
        }
        seen.push_str(&line);
        seen.push('\n');
    }
    bail!("the server ended before it was ready:\n{seen}")
}
