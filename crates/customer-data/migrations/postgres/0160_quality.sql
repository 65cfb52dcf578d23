-- Rules for the data of sources, and what they found: all of a source in its lane. No personal data.

-- Versions never change.
CREATE TABLE quality_policy (
    lane INTEGER NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    -- The rules as JSON, as src/store/quality.rs writes them.
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    is_in_force INTEGER NOT NULL,
    PRIMARY KEY (lane, source, version)
);

-- Each batch of an import asks which of the policies in force is its own.
CREATE INDEX quality_policy_in_force ON quality_policy (source) WHERE is_in_force = 1;

-- Counts of one import on one day (of UTC, since the epoch).
CREATE TABLE quality_count (
    lane INTEGER NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    day BIGINT NOT NULL,
    import_id TEXT COLLATE "C" NOT NULL,
    -- The place of the rule in the policy; -1 for what is counted of all rows.
    rule BIGINT NOT NULL,
    -- A bin from 0 on; what is counted otherwise has negative numbers.
    bin BIGINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (lane, source, version, day, import_id, rule, bin)
);

-- Lines of files that break a rule, a few for each rule and batch.
CREATE TABLE quality_sample (
    lane INTEGER NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    rule BIGINT NOT NULL,
    day BIGINT NOT NULL,
    import_id TEXT COLLATE "C" NOT NULL,
    line BIGINT NOT NULL,
    PRIMARY KEY (lane, source, version, rule, day, import_id, line)
);
