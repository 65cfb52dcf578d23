//! Installing packages of Debian, where we may: as root, with apt-get there.

use std::os::unix::fs::MetadataExt;
use std::process::Command;

use anyhow::{Context, Result};

use crate::run::{on_path, output, say, succeed};

/// Tells whether packages can be installed without asking anybody.
pub(crate) fn can_install() -> bool {
    is_root() && !on_path("apt-get").is_empty()
}

/// Tells whether this process may do everything.
pub(crate) fn is_root() -> bool {
    // The owner of our own entry in /proc; the standard library does not know user ids otherwise.
    std::fs::metadata("/proc/self").is_ok_and(|entry| entry.uid() == 0)
}

/// Installs one package.
pub(crate) fn install(package: &str) -> Result<()> {
    say(&format!("installing Debian's package {package}"));
    let mut update = Command::new("apt-get");
    output(
        update
            .arg("update")
            .env("DEBIAN_FRONTEND", "noninteractive"),
    )?;
    let mut install = Command::new("apt-get");
    install.args(["install", "-y", "--no-install-recommends", package]);
    succeed(install.env("DEBIAN_FRONTEND", "noninteractive"))
        .with_context(|| format!("Debian's package {package} cannot be installed"))
}
