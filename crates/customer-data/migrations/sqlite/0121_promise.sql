-- What was promised to customers.
CREATE TABLE promise (
    lane INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    promise_id TEXT NOT NULL,
    complaint_id TEXT,
    -- Who promised.
    department TEXT NOT NULL,
    person TEXT NOT NULL,
    state INTEGER NOT NULL,
    promised_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    -- due_at while it is neither kept, broken nor withdrawn.
    owed_at INTEGER,
    -- due_at while nobody noted that it has passed.
    unnoted_at INTEGER,
    -- The rest, as src/store/promise.rs writes it. Personal data.
    record TEXT NOT NULL,
    PRIMARY KEY (lane, customer_id, promise_id)
) STRICT, WITHOUT ROWID;

-- What is owed, over all lanes.
CREATE INDEX promise_by_debt ON promise (owed_at, promise_id) WHERE owed_at IS NOT NULL;

-- What passes next, over all lanes.
CREATE INDEX promise_by_due ON promise (unnoted_at) WHERE unnoted_at IS NOT NULL;
