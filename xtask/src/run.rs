//! Running other programs: what is run is said, what fails is named.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};

/// Says one line about what happens next.
pub(crate) fn say(line: &str) {
    eprintln!("xtask: {line}");
}

/// Returns the folder of the workspace.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the workspace")
}

/// Returns the folder that cargo builds into, found by where this program was built.
pub(crate) fn target() -> Result<PathBuf> {
    let program = env::current_exe().context("where this program lies")?;
    // target/debug/xtask
    let folder = program
        .ancestors()
        .nth(2)
        .context("the target folder is above this program")?;
    Ok(folder.to_owned())
}

/// Returns a call of the cargo that called us, in the workspace.
pub(crate) fn cargo() -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.current_dir(workspace());
    command
}

/// Runs a program to its end; its output goes where ours goes.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus> {
    let name = name(command);
    command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("{name} cannot be run"))
}

/// Runs a program that must succeed; its output goes where ours goes.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let status = status(command)?;
    if !status.success() {
        bail!("{} failed: {status}", name(command));
    }
    Ok(())
}

/// Runs a program that must succeed and returns what it printed; shows all of it when it fails.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let name = name(command);
    let output = command.stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("{name} cannot be run"))?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!("{name} failed: {}\n{printed}{complaint}", output.status);
    }
    Ok(printed)
}

/// Returns the files named `program` in the folders of PATH, in its order.
pub(crate) fn on_path(program: &str) -> Vec<PathBuf> {
    let folders = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders)
        .map(|folder| folder.join(program))
        .filter(|p| p.is_file())
        .collect()
}

fn name(command: &Command) -> String {
    Path::new(command.get_program())
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_fails_is_named_with_what_it_printed() {
        let failed = output(Command::new("sh").args(["-c", "echo seen; echo why >&2; exit 3"]));

        let message = format!("{:#}", failed.expect_err("it exits with 3"));
        assert!(message.starts_with("sh failed"), "{message}");
        assert!(
            message.contains("seen") && message.contains("why"),
            "{message}"
        );
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let missing = succeed(&mut Command::new("no-such-program"));

        let message = format!("{:#}", missing.expect_err("there is none"));
        assert!(
            message.contains("no-such-program cannot be run"),
            "{message}"
        );
    }

    #[test]
    fn the_workspace_is_the_folder_that_holds_us() {
        assert!(workspace().join("xtask/src/run.rs").is_file());
    }
}
