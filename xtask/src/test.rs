//! `cargo xtask test`: all tests, with the PostgreSQL server, the NATS server and the Python that they need.

use std::env;
use std::process::{Command, ExitCode, ExitStatus};

use anyhow::Result;

use crate::postgres::Server;
use crate::run::{cargo, say, status};
use crate::{nats, tools};

/// Names the server that the tests use.
const SERVER: &str = "TENURE_TEST_POSTGRES";

/// Runs the tests and answers with their exit code.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    tools::ensure_python()?;
    nats::ensure()?;
    // Dropped, and so stopped, at the end of this function, however the tests end.
    let server = match env::var_os(SERVER) {
        Some(_) => {
            say("using the PostgreSQL server that TENURE_TEST_POSTGRES names");
            None
        }
        None => Some(Server::start()?),
    };
    let mut test = cargo();
    test.arg("test").args(selection(arguments)).args(arguments);
    if let Some(server) = &server {
        test.env(SERVER, server.url());
    }
    say(&format!("running {}", spell(&test)));
    Ok(code(status(&mut test)?))
}

/// Everything, unless packages are named.
fn selection(arguments: &[String]) -> &'static [&'static str] {
    let mut for_cargo = arguments.iter().take_while(|argument| *argument != "--");
    if for_cargo.any(|argument| names_package(argument)) {
        &[]
    } else {
        &["--workspace"]
    }
}

/// Knows `-p NAME`, `-pNAME`, `--package NAME` and `--package=NAME`.
fn names_package(argument: &str) -> bool {
    argument.starts_with("-p") || argument == "--package" || argument.starts_with("--package=")
}

fn spell(command: &Command) -> String {
    let words = command.get_args().map(|word| word.to_string_lossy());
    words.fold(String::from("cargo"), |line, word| line + " " + &word)
}

/// Passes an exit code on; an end by a signal is a failure.
fn code(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_whole_workspace_is_tested_unless_packages_are_named() {
        assert_eq!(selection(&words("")), ["--workspace"]);
        assert_eq!(
            selection(&words("some_test -- --nocapture")),
            ["--workspace"]
        );
        assert_eq!(selection(&words("some_test -- -p")), ["--workspace"]);
        assert!(selection(&words("-p tenure-core some_test")).is_empty());
        assert!(selection(&words("--package=tenure-core")).is_empty());
    }
}
