//! The one binary of Tenure.

use std::process::ExitCode;

fn main() -> ExitCode {
    tenure::run()
}
