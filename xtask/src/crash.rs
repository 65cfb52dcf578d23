//! `cargo xtask crash` and `feed-crash`: `tenure bench crash` and `feed-crash` on a private PostgreSQL
//! server that is restarted as well.

use std::process::ExitCode;

use anyhow::Result;

use crate::postgres::Server;
use crate::run::{cargo, say, succeed};

/// Runs a trial with the arguments given.
pub(crate) fn run(subject: &str, arguments: &[String]) -> Result<ExitCode> {
    // Dropped, and so stopped, at the end of this function, however the trial ends.
    let server = Server::start()?;
    let mut trial = cargo();
    trial.args(["run", "--release", "--package", "tenure", "--", "bench"]);
    trial.args([subject, "--postgres", server.url()]);
    trial
        .arg("--restart-postgres")
        .arg(server.restart_command());
    trial.args(arguments);
    say(&format!(
        "running tenure bench {subject}; the first time it is built"
    ));
    succeed(&mut trial)?;
    Ok(ExitCode::SUCCESS)
}
