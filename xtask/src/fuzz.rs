//! `cargo xtask fuzz`: random inputs for every parser that reads from outside, for as long as is asked.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::run::{cargo, say, succeed};

/// What is said to the targets; `tenure_testkit::fuzz` reads it.
const SECONDS: &str = "TENURE_TEST_FUZZ_SECONDS";
const SEED: &str = "TENURE_TEST_FUZZ_SEED";

/// More than there are targets.
const THREADS: usize = 64;

/// What is asked for.
struct Asked {
    minutes: u64,
    seed: u64,
    /// Part of the path of a test.
    target: String,
}

/// Runs the targets with the arguments given.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let asked = parse(arguments)?;
    let mut fuzz = cargo();
    fuzz.args([
        "test",
        "--package",
        "tenure-customer-data",
        "--lib",
        "--test",
        "it",
        "--",
    ]);
    // All at once, each for as long as was asked.
    let threads = format!("--test-threads={THREADS}");
    fuzz.args([&asked.target, "--nocapture", &threads]);
    fuzz.env(SECONDS, (asked.minutes * 60).to_string());
    fuzz.env(SEED, asked.seed.to_string());
    say("trying the parsers with random inputs; a finding prints its input and ends its target");
    succeed(&mut fuzz)?;
    Ok(ExitCode::SUCCESS)
}

fn parse(arguments: &[String]) -> Result<Asked> {
    let mut asked = Asked {
        minutes: 10,
        seed: 1,
        target: "fuzz_tests::".to_owned(),
    };
    for pair in arguments.chunks(2) {
        let [option, value] = pair else {
            bail!("`{}` wants a value", pair[0]);
        };
        let number = || {
            let number = value.parse();
            number.with_context(|| format!("`{option}` wants a whole number, not `{value}`"))
        };
        match option.as_str() {
            "--minutes" => asked.minutes = number()?,
            "--seed" => asked.seed = number()?,
            "--target" => asked.target = format!("fuzz_tests::{value}"),
            _ => bail!("there is no option `{option}`; there are --minutes, --seed and --target"),
        }
    }
    Ok(asked)
}
