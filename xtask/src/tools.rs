//! Programs that pip packages, pinned in `requirements.txt`, in a Python environment of our own under
//! `target/tools`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::debian;
use crate::run::{on_path, output, say, target, workspace};

/// Where the programs are.
pub(crate) struct Tools {
    programs: PathBuf,
}

impl Tools {
    /// Returns the pinned programs; installs them when they are missing or pinned otherwise now.
    pub(crate) fn install() -> Result<Self> {
        let wanted = fs::read_to_string(workspace().join("xtask/requirements.txt"))?;
        let folder = target()?.join("tools").join("checks");
        let installed = folder.join("requirements.txt");
        if fs::read_to_string(&installed).unwrap_or_default() != wanted {
            make(&folder, &wanted)?;
            // Written last: what is here is complete.
            fs::write(&installed, wanted)?;
        }
        Ok(Self {
            programs: folder.join("bin"),
        })
    }

    /// Returns a call of one of the programs, in the workspace.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(workspace());
        command
    }
}

fn make(folder: &Path, wanted: &str) -> Result<()> {
    let pins: Vec<&str> = pins(wanted).collect();
    say(&format!(
        "installing {} into {}",
        pins.join(", "),
        folder.display()
    ));
    let python = ensure_python()?;
    output(
        Command::new(python)
            .args(["-m", "venv", "--clear"])
            .arg(folder),
    )?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ])
    .args(pins);
    output(&mut pip)
        .map(drop)
        .context("the programs for the checks cannot be installed")
}

/// Returns a Python that can make environments; installs Debian's where there is none.
pub(crate) fn ensure_python() -> Result<PathBuf> {
    if let Some(python) = find_python() {
        return Ok(python);
    }
    if debian::can_install() {
        debian::install("python3-venv")?;
    }
    let Some(python) = find_python() else {
        bail!(
            "python3 with its modules venv and ensurepip is needed: on Debian `apt-get install python3-venv`"
        );
    };
    Ok(python)
}

fn find_python() -> Option<PathBuf> {
    let works = |python: &PathBuf| {
        output(Command::new(python).args(["-c", "import ensurepip, venv"])).is_ok()
    };
    on_path("python3").into_iter().find(works)
}

/// Returns the lines that name a package.
fn pins(requirements: &str) -> impl Iterator<Item = &str> {
    requirements
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_empty_lines_name_no_package() {
        assert_eq!(
            pins("# why\n\n  a==1\nb==2\n").collect::<Vec<_>>(),
            ["a==1", "b==2"]
        );
    }

    #[test]
    fn every_program_is_pinned() {
        for pin in pins(include_str!("../requirements.txt")) {
            assert!(pin.contains("=="), "{pin} names no version");
        }
    }
}
