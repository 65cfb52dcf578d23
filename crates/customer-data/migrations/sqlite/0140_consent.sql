-- What customers said about the use of their data. Rows are only ever added, each behind all that the
-- customer has; only erasure takes them away.
CREATE TABLE consent (
    lane INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    consent_id TEXT NOT NULL,
    purpose INTEGER NOT NULL,
    -- 0 for every channel.
    channel INTEGER NOT NULL,
    -- What a number or an address is found by; empty for every one.
    contact_point TEXT NOT NULL,
    status INTEGER NOT NULL,
    -- 0 where nobody said.
    legal_basis INTEGER NOT NULL,
    text_version TEXT NOT NULL,
    source TEXT NOT NULL,
    actor TEXT NOT NULL,
    valid_from INTEGER NOT NULL,
    valid_until INTEGER NOT NULL CHECK (valid_until > valid_from),
    -- The number or the address itself.
    sealed TEXT NOT NULL,
    PRIMARY KEY (lane, customer_id, recorded_at)
) STRICT, WITHOUT ROWID;
