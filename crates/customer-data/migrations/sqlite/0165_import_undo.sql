-- What imports changed, so that a whole import can be taken back. Of a customer whom an import makes nothing
-- is kept here but what no other table tells.

-- Whether what was there before the import is kept, from its first row on.
ALTER TABLE import ADD COLUMN is_undo_kept INTEGER NOT NULL DEFAULT 0;

CREATE TABLE import_undo (
    -- The lane of the customer.
    lane INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    import_id TEXT NOT NULL,
    -- Which kind of fact, as src/store/import_undo.rs numbers them.
    kind INTEGER NOT NULL,
    fact_key TEXT NOT NULL,
    -- A digest of the fact as the import left it: another one tells that somebody changed it since.
    left_as INTEGER NOT NULL,
    -- The fact before, as src/store/image.rs encodes it; nothing when the import made it.
    before BLOB,
    -- Of a customer's own record: the import that had taken it in before.
    previous_import_id TEXT,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (lane, customer_id, import_id, kind, fact_key)
) STRICT, WITHOUT ROWID;

-- How far the taking back of an import is.
CREATE TABLE import_reversal (
    -- The lane of the import's id.
    lane INTEGER NOT NULL,
    import_id TEXT NOT NULL,
    -- What is done, and behind which customer it goes on.
    phase INTEGER NOT NULL,
    at_lane INTEGER NOT NULL,
    at_customer_key TEXT NOT NULL,
    -- What this walk through all lanes did, and how many customers it left to the next one.
    walk_done INTEGER NOT NULL,
    walk_left INTEGER NOT NULL,
    removed_customers INTEGER NOT NULL,
    restored_customers INTEGER NOT NULL,
    removed_facts INTEGER NOT NULL,
    restored_facts INTEGER NOT NULL,
    conflicts INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    completed_at INTEGER,
    PRIMARY KEY (lane, import_id)
) STRICT, WITHOUT ROWID;

-- Facts that a reversal left as they are.
CREATE TABLE import_conflict (
    -- The lane of the customer.
    lane INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    import_id TEXT NOT NULL,
    kind INTEGER NOT NULL,
    fact_key TEXT NOT NULL,
    reason INTEGER NOT NULL,
    PRIMARY KEY (lane, customer_id, import_id, kind, fact_key)
) STRICT, WITHOUT ROWID;
