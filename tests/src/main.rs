//! The program under test: `tenure` itself, built where the tests of the whole system find it.

use std::process::ExitCode;

fn main() -> ExitCode {
    tenure::run()
}
