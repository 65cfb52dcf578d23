-- Who was erased and what was done for it. The key of the customer is all that is left of the customer.
CREATE TABLE erasure (
    -- The lane of the erasure's id.
    lane INTEGER NOT NULL,
    erasure_id TEXT COLLATE "C" NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    reason TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    state INTEGER NOT NULL,
    -- The feed tells nothing of the customer behind this number of the customer's lane.
    feed_seq BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    completed_at BIGINT,
    PRIMARY KEY (lane, erasure_id)
);

-- Lists run over all lanes by id.
CREATE INDEX erasure_by_id ON erasure (erasure_id);

CREATE TABLE erasure_receipt (
    -- The lane of the erasure's id.
    lane INTEGER NOT NULL,
    erasure_id TEXT COLLATE "C" NOT NULL,
    service TEXT COLLATE "C" NOT NULL,
    step TEXT COLLATE "C" NOT NULL,
    row_count BIGINT NOT NULL,
    done_at BIGINT NOT NULL,
    PRIMARY KEY (lane, erasure_id, service, step)
);

-- By what an erased person is recognised: keyed fingerprints, of which nobody without the key can tell
-- whose they are.
CREATE TABLE suppression (
    -- The lane of the fingerprint.
    lane INTEGER NOT NULL,
    fingerprint TEXT COLLATE "C" NOT NULL,
    erasure_id TEXT COLLATE "C" NOT NULL,
    kind INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (lane, fingerprint, erasure_id)
);

-- The same for people: instants as timestamps.
CREATE VIEW erasure_readable AS
SELECT lane, erasure_id, customer_id, reason, requested_by, state,
       TO_TIMESTAMP(created_at / 1e6) AS created_at,
       TO_TIMESTAMP(completed_at / 1e6) AS completed_at
FROM erasure;

CREATE VIEW erasure_receipt_readable AS
SELECT lane, erasure_id, service, step, row_count, TO_TIMESTAMP(done_at / 1e6) AS done_at
FROM erasure_receipt;
