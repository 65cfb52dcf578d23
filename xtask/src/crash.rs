//! `cargo xtask crash`: `tenure bench crash` on a private PostgreSQL server that is restarted as well.

use std::process::ExitCode;

use anyhow::Result;

use crate::postgres::Server;
use crate::run::{cargo, say, succeed};

/// Runs the trial with the arguments given.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    // Dropped, and so stopped, at the end of this function, however the trial ends.
    let server = Server::start()?;
    let mut trial = cargo();
    trial.args(["run", "--release", "--package", "tenure", "--", "bench"]);
    trial.args(["crash", "--postgres", server.url()]);
    trial
        .arg("--restart-postgres")
        .arg(server.restart_command());
    trial.args(arguments);
    say("running tenure bench crash; the first time it is built");
    succeed(&mut trial)?;
    Ok(ExitCode::SUCCESS)
}
