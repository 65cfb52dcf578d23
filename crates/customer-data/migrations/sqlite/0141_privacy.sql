-- Who was erased and what was done for it. The key of the customer is all that is left of the customer.
CREATE TABLE erasure (
    -- The lane of the erasure's id.
    lane INTEGER NOT NULL,
    erasure_id TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    state INTEGER NOT NULL,
    -- The feed tells nothing of the customer behind this number of the customer's lane.
    feed_seq INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    completed_at INTEGER,
    PRIMARY KEY (lane, erasure_id)
) STRICT, WITHOUT ROWID;

-- Lists run over all lanes by id.
CREATE INDEX erasure_by_id ON erasure (erasure_id);

CREATE TABLE erasure_receipt (
    -- The lane of the erasure's id.
    lane INTEGER NOT NULL,
    erasure_id TEXT NOT NULL,
    service TEXT NOT NULL,
    step TEXT NOT NULL,
    row_count INTEGER NOT NULL,
    done_at INTEGER NOT NULL,
    PRIMARY KEY (lane, erasure_id, service, step)
) STRICT, WITHOUT ROWID;

-- By what an erased person is recognised: keyed fingerprints, of which nobody without the key can tell
-- whose they are.
CREATE TABLE suppression (
    -- The lane of the fingerprint.
    lane INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    erasure_id TEXT NOT NULL,
    kind INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (lane, fingerprint, erasure_id)
) STRICT, WITHOUT ROWID;
