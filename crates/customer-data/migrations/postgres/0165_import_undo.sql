-- What imports changed, so that a whole import can be taken back. Of a customer whom an import makes nothing
-- is kept here but what no other table tells.

-- Whether what was there before the import is kept, from its first row on.
ALTER TABLE import ADD COLUMN is_undo_kept INTEGER NOT NULL DEFAULT 0;

CREATE TABLE import_undo (
    -- The lane of the customer.
    lane INTEGER NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    import_id TEXT COLLATE "C" NOT NULL,
    -- Which kind of fact, as src/store/import_undo.rs numbers them.
    kind INTEGER NOT NULL,
    fact_key TEXT COLLATE "C" NOT NULL,
    -- A digest of the fact as the import left it: another one tells that somebody changed it since.
    left_as BIGINT NOT NULL,
    -- The fact before, as src/store/image.rs encodes it; nothing when the import made it.
    before BYTEA,
    -- Of a customer's own record: the import that had taken it in before.
    previous_import_id TEXT COLLATE "C",
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (lane, customer_id, import_id, kind, fact_key)
);

-- How far the taking back of an import is.
CREATE TABLE import_reversal (
    -- The lane of the import's id.
    lane INTEGER NOT NULL,
    import_id TEXT COLLATE "C" NOT NULL,
    -- What is done, and behind which customer it goes on.
    phase INTEGER NOT NULL,
    at_lane INTEGER NOT NULL,
    at_customer_key TEXT COLLATE "C" NOT NULL,
    -- What this walk through all lanes did, and how many customers it left to the next one.
    walk_done BIGINT NOT NULL,
    walk_left BIGINT NOT NULL,
    removed_customers BIGINT NOT NULL,
    restored_customers BIGINT NOT NULL,
    removed_facts BIGINT NOT NULL,
    restored_facts BIGINT NOT NULL,
    conflicts BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    completed_at BIGINT,
    PRIMARY KEY (lane, import_id)
);

-- Facts that a reversal left as they are.
CREATE TABLE import_conflict (
    -- The lane of the customer.
    lane INTEGER NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    import_id TEXT COLLATE "C" NOT NULL,
    kind INTEGER NOT NULL,
    fact_key TEXT COLLATE "C" NOT NULL,
    reason INTEGER NOT NULL,
    PRIMARY KEY (lane, customer_id, import_id, kind, fact_key)
);
