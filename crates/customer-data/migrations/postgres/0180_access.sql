-- Who was shown what of whom: rows are added, never changed, and deleted by retention alone.
CREATE TABLE access (
    -- The lane of the customer.
    lane INTEGER NOT NULL,
    -- Empty where everybody was shown.
    customer_id TEXT COLLATE "C" NOT NULL,
    access_id TEXT COLLATE "C" NOT NULL,
    accessed_at BIGINT NOT NULL,
    principal TEXT NOT NULL,
    method TEXT NOT NULL,
    view INTEGER NOT NULL,
    purpose TEXT NOT NULL,
    PRIMARY KEY (lane, customer_id, access_id)
);

-- The same for people: instants as timestamps.
CREATE VIEW access_readable AS
SELECT lane, customer_id, access_id, TO_TIMESTAMP(accessed_at / 1e6) AS accessed_at, principal,
       method, view, purpose
FROM access;
