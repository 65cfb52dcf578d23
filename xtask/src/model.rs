//! `cargo xtask model`: random commands against the naive model of the points ledger.

use std::process::ExitCode;

use anyhow::Result;

use crate::postgres::Server;
use crate::run::{cargo, say, succeed};

/// Runs the comparison with the arguments given.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    // Dropped, and so stopped, at the end of this function, however the comparison ends.
    let server = match arguments.iter().any(|argument| argument == "--postgres") {
        true => Some(Server::start()?),
        false => None,
    };
    let mut model = cargo();
    model.args(["run", "--release", "--package", "tenure-loyalty-points"]);
    model.args(["--example", "model", "--"]).args(arguments);
    if let Some(server) = &server {
        model.env("TENURE_TEST_POSTGRES", server.url());
    }
    say("comparing the points ledger with its model; the first time it is built");
    succeed(&mut model)?;
    Ok(ExitCode::SUCCESS)
}
