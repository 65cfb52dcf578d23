//! The yardstick on PostgreSQL: the statements of one redemption, a transaction for each, by pgbench.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// Numbers the accounts, so that a script can choose one.
const SETUP: &str = "
CREATE TABLE bench_account (
    n BIGINT PRIMARY KEY, lane INTEGER NOT NULL, account_id TEXT COLLATE \"C\" NOT NULL,
    programme_id TEXT COLLATE \"C\" NOT NULL
);
INSERT INTO bench_account
SELECT ROW_NUMBER() OVER (ORDER BY account_id), lane, account_id, programme_id FROM account;
VACUUM ANALYZE;
";

/// What a committer does for a batch, for a batch of one: lock the lane, read the account, write lane,
/// account, total and entry. The state and the body have the length that they have in earnest.
const REDEEM: &str = "
\\set n random(1, {accounts})
BEGIN;
SELECT lane.lane AS lane, lane.seq AS seq, b.account_id AS account_id, b.programme_id AS programme_id
FROM bench_account AS b JOIN lane ON lane.lane = b.lane
WHERE b.n = :n
FOR NO KEY UPDATE OF lane \\gset
SELECT balance AS balance, state AS state FROM account WHERE lane = :lane AND account_id = :account_id \\gset
WITH head AS (
    UPDATE lane SET seq = seq + 1 WHERE lane = :lane
), changed AS (
    UPDATE account SET balance = balance - 1, updated_at = updated_at + 1, state = state || ''::BYTEA
    WHERE lane = :lane AND account_id = :account_id
), added AS (
    INSERT INTO total (lane, programme_id, day, kind, points, first_seq, last_seq)
    VALUES (:lane, :programme_id, 20000, 2, -1, :seq + 1, :seq + 1)
    ON CONFLICT (lane, programme_id, day, kind) DO UPDATE
    SET points = total.points + EXCLUDED.points, last_seq = GREATEST(total.last_seq, EXCLUDED.last_seq)
)
INSERT INTO entry (lane, seq, previous_seq, account_id, kind, points, decided_at, recorded_at,
                   request_id, earned_source, body)
VALUES (:lane, :seq + 1, 1, :account_id, 2, -1, 1, 1,
        decode(md5(:n::TEXT || clock_timestamp()::TEXT || random()::TEXT), 'hex'), NULL,
        decode(repeat('00', 96), 'hex'));
COMMIT;
";

/// Measures transactions a second on a database that a server under test has filled. Its books are
/// wrong afterwards.
pub(super) fn redeem(
    url: &str,
    accounts: usize,
    connections: usize,
    length: Duration,
) -> Result<f64> {
    let program = find().context("pgbench is not installed")?;
    // What the driver says of itself behind the question mark, libpq does not know.
    let url = url.split('?').next().unwrap_or(url);
    let folder = tempfile::tempdir().context("cannot create a temporary folder")?;
    let (setup, script) = (
        folder.path().join("setup.sql"),
        folder.path().join("redeem.sql"),
    );
    std::fs::write(&setup, SETUP)?;
    std::fs::write(&script, REDEEM.replace("{accounts}", &accounts.to_string()))?;
    run(&program, url, &setup, &["-t", "1"])?;
    let (connections, length) = (connections.to_string(), length.as_secs().max(1).to_string());
    let load = [
        "-M",
        "prepared",
        "-c",
        &connections,
        "-j",
        "2",
        "-T",
        &length,
    ];
    let said = run(&program, url, &script, &load)?;
    let tps = said.lines().find_map(|line| line.strip_prefix("tps = "));
    let tps = tps.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    tps.with_context(|| format!("pgbench did not say how fast it was:\n{said}"))
}

/// Returns the pgbench of the search path, or the newest that Debian's packages installed beside it.
fn find() -> Option<PathBuf> {
    let packages = std::fs::read_dir("/usr/lib/postgresql");
    let packages = packages.into_iter().flatten().flatten();
    let packages = packages.map(|entry| entry.path().join("bin/pgbench"));
    let mut found: Vec<PathBuf> = packages.collect();
    found.sort_unstable();
    found.push("pgbench".into());
    let works = |it: &PathBuf| Command::new(it).arg("--version").output().is_ok();
    found.into_iter().rev().find(works)
}

fn run(program: &Path, url: &str, script: &Path, further: &[&str]) -> Result<String> {
    let mut command = Command::new(program);
    command
        .arg("-n")
        .args(further)
        .arg("-f")
        .arg(script)
        .arg(url);
    let output = command.output()?;
    if !output.status.success() {
        bail!(
            "pgbench failed:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
