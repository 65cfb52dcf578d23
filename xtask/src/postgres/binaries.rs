//! Finds the newest PostgreSQL server that is installed, or installs Debian's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::debian;
use crate::run::{on_path, output, say};

/// Where Debian puts the server's programs, one folder for each major version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// The first version where a database can be created with a locale of ICU, which the tests do.
const OLDEST: u32 = 15;
/// The programs that we call.
const PROGRAMS: [&str; 3] = ["postgres", "initdb", "pg_ctl"];

/// Returns the folder of the newest server's programs.
pub(super) fn find_or_install() -> Result<PathBuf> {
    if let Some(folder) = find() {
        return Ok(folder);
    }
    if !debian::can_install() {
        bail!(
            "the tests need a PostgreSQL server, version {OLDEST} or later: install one (on Debian \
             `apt-get install postgresql`), or set TENURE_TEST_POSTGRES to the URL of a running \
             one where databases may be created"
        );
    }
    say("no PostgreSQL server is installed");
    debian::install("postgresql")?;
    let Some(folder) = find() else {
        bail!("Debian's PostgreSQL is older than version {OLDEST}, which the tests need");
    };
    Ok(folder)
}

fn find() -> Option<PathBuf> {
    let programs = on_path("postgres");
    let mut folders: Vec<PathBuf> = programs
        .iter()
        .filter_map(|program| program.parent())
        .map(Path::to_owned)
        .collect();
    let versions = fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    folders.extend(versions.map(|entry| entry.path().join("bin")));
    let complete = folders
        .into_iter()
        .filter(|f| PROGRAMS.iter().all(|p| f.join(p).is_file()));
    newest(
        complete
            .filter_map(|folder| Some((version(&folder)?, folder)))
            .collect(),
    )
}

/// Of equal versions the last, which is Debian's.
fn newest(found: Vec<(u32, PathBuf)>) -> Option<PathBuf> {
    let usable = found.into_iter().filter(|(version, _)| *version >= OLDEST);
    usable
        .max_by_key(|(version, _)| *version)
        .map(|(_, folder)| folder)
}

fn version(folder: &Path) -> Option<u32> {
    let printed = output(Command::new(folder.join("postgres")).arg("--version")).ok()?;
    major(&printed)
}

/// Reads `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn major(printed: &str) -> Option<u32> {
    let number = printed.split_once("(PostgreSQL) ")?.1;
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_releases_and_from_previews() {
        assert_eq!(
            major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(major("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major("something else\n"), None);
    }

    #[test]
    fn the_newest_server_is_taken_and_one_too_old_is_not() {
        let folder = |name: &str| PathBuf::from(name);

        assert_eq!(
            newest(vec![(9, folder("a")), (17, folder("b")), (15, folder("c"))]),
            Some(folder("b"))
        );
        assert_eq!(newest(vec![(14, folder("a"))]), None);
    }
}
