//! `cargo xtask check`: formatting, lints, documentation, dependencies, protos.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::run::{cargo, say, succeed, workspace};
use crate::tools::Tools;

/// A name and what it runs.
type Step = (&'static str, fn() -> Result<()>);

/// All checks; the quick ones that fail often first.
const STEPS: [Step; 5] = [
    ("fmt", fmt),
    ("buf", buf),
    ("deny", deny),
    ("clippy", clippy),
    ("doc", doc),
];

/// Runs the steps that are named, all when none is; stops at the first that fails.
pub(crate) fn run(names: &[String]) -> Result<ExitCode> {
    for (name, step) in select(names)? {
        say(&format!("check {name}"));
        step().with_context(|| format!("check {name}"))?;
    }
    say("all checks passed");
    Ok(ExitCode::SUCCESS)
}

fn select(names: &[String]) -> Result<Vec<Step>> {
    if let Some(name) = names
        .iter()
        .find(|name| STEPS.iter().all(|step| step.0 != *name))
    {
        let known = STEPS.map(|step| step.0).join(", ");
        bail!("there is no check `{name}`; there are {known}");
    }
    let is_wanted = |step: &Step| names.is_empty() || names.iter().any(|name| name == step.0);
    Ok(STEPS.into_iter().filter(is_wanted).collect())
}

fn fmt() -> Result<()> {
    succeed(cargo().args(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<()> {
    let arguments = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ];
    succeed(cargo().args(arguments))
}

fn doc() -> Result<()> {
    let arguments = ["doc", "--workspace", "--no-deps", "--quiet"];
    succeed(cargo().args(arguments).env("RUSTDOCFLAGS", "-Dwarnings"))
}

/// Licences, sources and banned crates. Advisories are left out: their database is elsewhere.
fn deny() -> Result<()> {
    let arguments = [
        "--locked",
        "check",
        "--hide-inclusion-graph",
        "bans",
        "licenses",
        "sources",
    ];
    succeed(Tools::install()?.command("cargo-deny").args(arguments))
}

fn buf() -> Result<()> {
    let tools = Tools::install()?;
    let protos = workspace().join("proto");
    succeed(tools.command("buf").current_dir(&protos).arg("lint"))?;
    succeed(
        tools
            .command("buf")
            .current_dir(&protos)
            .args(["format", "--diff", "--exit-code"]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(names: &[&str]) -> Result<Vec<&'static str>> {
        let names: Vec<String> = names.iter().copied().map(String::from).collect();
        Ok(select(&names)?.into_iter().map(|step| step.0).collect())
    }

    #[test]
    fn all_checks_run_when_none_is_named() {
        assert_eq!(chosen(&[]).expect("all").len(), STEPS.len());
    }

    #[test]
    fn named_checks_run_in_our_order() {
        assert_eq!(
            chosen(&["doc", "fmt"]).expect("both are known"),
            ["fmt", "doc"]
        );
    }

    #[test]
    fn an_unknown_check_is_refused_with_the_known_ones() {
        let refused = chosen(&["lint"]).expect_err("there is none");

        assert!(
            refused
                .to_string()
                .contains("no check `lint`; there are fmt"),
            "{refused}"
        );
    }
}
