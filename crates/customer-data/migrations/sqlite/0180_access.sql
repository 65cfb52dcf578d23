-- Who was shown what of whom: rows are added, never changed, and deleted by retention alone.
CREATE TABLE access (
    -- The lane of the customer.
    lane INTEGER NOT NULL,
    -- Empty where everybody was shown.
    customer_id TEXT NOT NULL,
    access_id TEXT NOT NULL,
    accessed_at INTEGER NOT NULL,
    principal TEXT NOT NULL,
    method TEXT NOT NULL,
    view INTEGER NOT NULL,
    purpose TEXT NOT NULL,
    PRIMARY KEY (lane, customer_id, access_id)
) STRICT, WITHOUT ROWID;
