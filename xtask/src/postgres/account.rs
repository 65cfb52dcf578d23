//! Who runs the server: PostgreSQL refuses to be run by root, so root runs it as `postgres`.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::plain;
use crate::debian::is_root;

/// The account that Debian's package makes.
const NAME: &str = "postgres";

/// Whose processes the server's are: our own, or those of the account that root uses.
pub(super) struct Account(Option<Ids>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ids {
    user: u32,
    group: u32,
}

impl Account {
    pub(super) fn for_server() -> Result<Self> {
        if !is_root() {
            return Ok(Self(None));
        }
        let accounts = std::fs::read_to_string("/etc/passwd").context("the accounts")?;
        let ids = find(&accounts, NAME).with_context(|| {
            format!("PostgreSQL does not run as root, and there is no account `{NAME}` to run it")
        })?;
        Ok(Self(Some(ids)))
    }

    /// Makes it the owner of a folder.
    pub(super) fn give(&self, folder: &Path) -> Result<()> {
        let Some(ids) = self.0 else { return Ok(()) };
        chown(folder, Some(ids.user), Some(ids.group))
            .with_context(|| format!("{} cannot be given to `{NAME}`", folder.display()))
    }

    /// Returns a call of a program by this account.
    pub(super) fn command(&self, program: PathBuf, folder: &Path) -> Command {
        let mut command = plain(program, folder);
        if let Some(ids) = self.0 {
            command.uid(ids.user).gid(ids.group);
        }
        command
    }
}

impl Account {
    /// Returns what a shell puts before a command so that this account runs it.
    pub(super) fn shell_prefix(&self) -> String {
        self.0.map_or_else(String::new, |ids| {
            let Ids { user, group } = ids;
            format!("setpriv --reuid={user} --regid={group} --clear-groups ")
        })
    }
}

/// Finds a name among lines of `name:password:user:group:...`.
fn find(accounts: &str, name: &str) -> Option<Ids> {
    let mut lines = accounts
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    let fields = lines.find(|fields| fields.len() >= 4 && fields[0] == name)?;
    Some(Ids {
        user: fields[2].parse().ok()?,
        group: fields[3].parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNTS: &str = "root:x:0:0:root:/root:/bin/sh\n\
                            postgresql:x:7:7::/:/bin/false\n\
                            postgres:x:101:104:PostgreSQL:/var/lib/postgresql:/bin/bash\n";

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        assert_eq!(
            find(ACCOUNTS, "postgres"),
            Some(Ids {
                user: 101,
                group: 104
            })
        );
    }

    #[test]
    fn an_account_that_is_not_there_is_not_found() {
        assert_eq!(find(ACCOUNTS, "post"), None);
    }
}
