//! The NATS server that tests of the bus start for themselves: Debian's, installed where it may be.

use std::path::Path;

use anyhow::{Result, bail};

use crate::debian;
use crate::run::on_path;

/// Where Debian's package puts it, which is not in everybody's PATH.
const DEBIAN: &str = "/usr/sbin/nats-server";

/// Installs the server where there is none.
pub(crate) fn ensure() -> Result<()> {
    if !is_there() && debian::can_install() {
        debian::install("nats-server")?;
    }
    if !is_there() {
        bail!("nats-server is needed: on Debian `apt-get install nats-server`");
    }
    Ok(())
}

fn is_there() -> bool {
    Path::new(DEBIAN).is_file() || !on_path("nats-server").is_empty()
}
