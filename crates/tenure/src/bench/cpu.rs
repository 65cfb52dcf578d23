//! How much processor time processes have used, as Linux tells it.

use std::path::Path;

/// Clock ticks a second in `/proc`: 100 on every Linux that Rust runs on.
const TICKS_PER_SECOND: u64 = 100;

/// Processor time in microseconds, by whom.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Used {
    /// This process: the load generator.
    pub(super) client: u64,
    /// The server.
    pub(super) server: u64,
    /// All processes of PostgreSQL on this machine.
    pub(super) postgres: u64,
}

impl Used {
    /// Reads what was used up to now; `server` is a process id.
    pub(super) fn now(server: u32) -> Self {
        let postgres = processes().filter(|(_, name)| name == "postgres");
        Self {
            client: of(std::process::id()),
            server: of(server),
            postgres: postgres.map(|(id, _)| of(id)).sum(),
        }
    }

    /// Returns what was used since `earlier`. Processes that ended in between count as nothing.
    pub(super) fn since(self, earlier: Self) -> Self {
        Self {
            client: self.client.saturating_sub(earlier.client),
            server: self.server.saturating_sub(earlier.server),
            postgres: self.postgres.saturating_sub(earlier.postgres),
        }
    }

    /// Returns the sum of both.
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            client: self.client + other.client,
            server: self.server + other.server,
            postgres: self.postgres + other.postgres,
        }
    }
}

/// Returns the processor time of a process in microseconds; 0 when there is none, or no `/proc`.
fn of(id: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    ticks(&stat).unwrap_or(0) * (1_000_000 / TICKS_PER_SECOND)
}

/// Returns user and system ticks from a line of `/proc/*/stat`. The second field is the name in
/// parentheses and may hold anything, so counting begins behind the last parenthesis.
fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// Returns the most memory that a process ever occupied, in megabytes; 0 when there is none, or no
/// `/proc`.
pub(super) fn peak_memory_mb(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kilobytes.unwrap_or(0_u64) / 1_024
}

/// Returns every process with its name.
fn processes() -> impl Iterator<Item = (u32, String)> {
    let entries = Path::new("/proc")
        .read_dir()
        .into_iter()
        .flatten()
        .flatten();
    entries.filter_map(|entry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        let name = std::fs::read_to_string(entry.path().join("comm")).ok()?;
        Some((id, name.trim().to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_any_name() {
        let stat = "42 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 300 45 0 0 20 0";
        assert_eq!(ticks(stat), Some(345));
        assert_eq!(ticks("no stat"), None);
    }
}
