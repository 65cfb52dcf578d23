-- Rules for the data of sources, and what they found: all of a source in its lane. No personal data.

-- Versions never change.
CREATE TABLE quality_policy (
    lane INTEGER NOT NULL,
    source TEXT NOT NULL,
    version INTEGER NOT NULL,
    -- The rules as JSON, as src/store/quality.rs writes them.
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    is_in_force INTEGER NOT NULL,
    PRIMARY KEY (lane, source, version)
) STRICT, WITHOUT ROWID;

-- Each batch of an import asks which of the policies in force is its own.
CREATE INDEX quality_policy_in_force ON quality_policy (source) WHERE is_in_force = 1;

-- Counts of one import on one day (of UTC, since the epoch).
CREATE TABLE quality_count (
    lane INTEGER NOT NULL,
    source TEXT NOT NULL,
    version INTEGER NOT NULL,
    day INTEGER NOT NULL,
    import_id TEXT NOT NULL,
    -- The place of the rule in the policy; -1 for what is counted of all rows.
    rule INTEGER NOT NULL,
    -- A bin from 0 on; what is counted otherwise has negative numbers.
    bin INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (lane, source, version, day, import_id, rule, bin)
) STRICT, WITHOUT ROWID;

-- Lines of files that break a rule, a few for each rule and batch.
CREATE TABLE quality_sample (
    lane INTEGER NOT NULL,
    source TEXT NOT NULL,
    version INTEGER NOT NULL,
    rule INTEGER NOT NULL,
    day INTEGER NOT NULL,
    import_id TEXT NOT NULL,
    line INTEGER NOT NULL,
    PRIMARY KEY (lane, source, version, rule, day, import_id, line)
) STRICT, WITHOUT ROWID;
