-- What policies make of the whole base. A run stands in the lane of its id, with all that it found.
CREATE TABLE matching_run (
    lane INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    policy_version INTEGER NOT NULL,
    state INTEGER NOT NULL,
    is_dry INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at INTEGER,
    customers INTEGER NOT NULL,
    merges INTEGER NOT NULL,
    proposals INTEGER NOT NULL,
    quarantines INTEGER NOT NULL,
    splits INTEGER NOT NULL,
    shared_values INTEGER NOT NULL,
    failure TEXT NOT NULL,
    PRIMARY KEY (lane, run_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE match_finding (
    lane INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    -- 0 in a dry run.
    state INTEGER NOT NULL,
    customers INTEGER NOT NULL,
    weight INTEGER NOT NULL,
    match_key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    merge_id TEXT NOT NULL,
    -- What a quarantine is about, so that a later run does not begin it anew; else empty.
    component TEXT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (lane, run_id, number)
) STRICT, WITHOUT ROWID;

-- Quarantine is listed over all runs.
CREATE INDEX match_finding_in_quarantine ON match_finding (run_id, number)
    WHERE kind = 3 AND state = 1;
CREATE INDEX match_finding_by_component ON match_finding (component)
    WHERE kind = 3 AND state > 0;

-- Whom a finding is about.
CREATE TABLE match_finding_customer (
    lane INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    PRIMARY KEY (lane, run_id, number, customer_id)
) STRICT, WITHOUT ROWID;
