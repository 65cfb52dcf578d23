//! The tasks of a developer: `cargo xtask test`, `check`, `crash`, `feed-crash`, `fuzz` and `model`. What CI runs, in one place.

mod check;
mod crash;
mod debian;
mod fuzz;
mod model;
mod nats;
mod postgres;
mod run;
mod test;
mod tools;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
Tasks of a developer:

  cargo xtask test [ARGUMENTS OF CARGO TEST]
      Runs all tests on SQLite and on a private PostgreSQL server that is started for them and
      gone afterwards. TENURE_TEST_POSTGRES=URL names a server to use instead.
  cargo xtask check [fmt] [clippy] [doc] [deny] [buf]
      Runs the checks that are not tests: all, or those that are named.
  cargo xtask crash [ARGUMENTS OF TENURE BENCH CRASH]
      Kills and starves a server under load on a private PostgreSQL server, which is restarted
      without a checkpoint in between, and looks whether anything was lost or doubled.
  cargo xtask feed-crash [ARGUMENTS OF TENURE BENCH FEED-CRASH]
      Kills the server, three consumers of its feed and the private PostgreSQL server, and looks
      whether any change was lost, doubled or out of order.
  cargo xtask fuzz [--minutes N] [--seed N] [--target START OF A NAME]
      Gives random inputs to every parser of customer-data that reads from outside, ten minutes
      unless asked otherwise.
  cargo xtask model [--commands N] [--seed N] [--postgres]
      Sends random commands of many clients to the points ledger and compares every answer and
      every state with a naive model: one service on SQLite, or two replicas on a private
      PostgreSQL server.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<ExitCode> {
    match arguments.split_first() {
        Some((task, rest)) if task == "test" => test::run(rest),
        Some((task, rest)) if task == "check" => check::run(rest),
        Some((task, rest)) if task == "crash" || task == "feed-crash" => crash::run(task, rest),
        Some((task, rest)) if task == "fuzz" => fuzz::run(rest),
        Some((task, rest)) if task == "model" => model::run(rest),
        Some((task, _)) if ["help", "--help", "-h"].contains(&task.as_str()) => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        Some((task, _)) => bail!("there is no task `{task}`\n\n{USAGE}"),
        None => bail!("which task?\n\n{USAGE}"),
    }
}
