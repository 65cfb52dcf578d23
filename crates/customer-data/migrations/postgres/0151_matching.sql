-- What policies make of the whole base. A run stands in the lane of its id, with all that it found.
CREATE TABLE matching_run (
    lane INTEGER NOT NULL,
    run_id TEXT COLLATE "C" NOT NULL,
    policy_version BIGINT NOT NULL,
    state INTEGER NOT NULL,
    is_dry INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    ended_at BIGINT,
    customers BIGINT NOT NULL,
    merges BIGINT NOT NULL,
    proposals BIGINT NOT NULL,
    quarantines BIGINT NOT NULL,
    splits BIGINT NOT NULL,
    shared_values BIGINT NOT NULL,
    failure TEXT NOT NULL,
    PRIMARY KEY (lane, run_id)
);

CREATE TABLE match_finding (
    lane INTEGER NOT NULL,
    run_id TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    kind INTEGER NOT NULL,
    -- 0 in a dry run.
    state INTEGER NOT NULL,
    customers BIGINT NOT NULL,
    weight INTEGER NOT NULL,
    match_key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    merge_id TEXT COLLATE "C" NOT NULL,
    -- What a quarantine is about, so that a later run does not begin it anew; else empty.
    component TEXT COLLATE "C" NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (lane, run_id, number)
);

-- Quarantine is listed over all runs.
CREATE INDEX match_finding_in_quarantine ON match_finding (run_id, number)
    WHERE kind = 3 AND state = 1;
CREATE INDEX match_finding_by_component ON match_finding (component)
    WHERE kind = 3 AND state > 0;

-- Whom a finding is about.
CREATE TABLE match_finding_customer (
    lane INTEGER NOT NULL,
    run_id TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (lane, run_id, number, customer_id)
);

-- The same for people: instants as timestamps.
CREATE VIEW matching_run_readable AS
SELECT lane, run_id, policy_version, state, is_dry, TO_TIMESTAMP(created_at / 1e6) AS created_at,
       TO_TIMESTAMP(ended_at / 1e6) AS ended_at, customers, merges, proposals, quarantines, splits,
       shared_values, failure
FROM matching_run;
