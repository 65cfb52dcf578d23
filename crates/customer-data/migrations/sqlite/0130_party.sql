-- Customers as parties. Each row stands in the lane of its customer; a relationship in the lane of each
-- of its two customers.

CREATE TABLE party_name (
    lane INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    title TEXT NOT NULL,
    given_name TEXT NOT NULL,
    middle_name TEXT NOT NULL,
    family_name TEXT NOT NULL,
    legal_name TEXT NOT NULL,
    PRIMARY KEY (lane, customer_id)
) STRICT, WITHOUT ROWID;

-- Intervals of one customer follow each other without gaps.
CREATE TABLE party_status (
    lane INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    valid_from INTEGER NOT NULL,
    valid_until INTEGER NOT NULL CHECK (valid_until > valid_from),
    status INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (lane, customer_id, valid_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE contact_medium (
    lane INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    medium_id TEXT NOT NULL,
    kind INTEGER NOT NULL,
    -- A number, an e-mail address, or the parts of a postal address as a JSON array.
    reach TEXT NOT NULL,
    preferred INTEGER NOT NULL,
    valid_from INTEGER NOT NULL,
    valid_until INTEGER NOT NULL CHECK (valid_until > valid_from),
    PRIMARY KEY (lane, customer_id, medium_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE relationship (
    lane INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    relationship_id TEXT NOT NULL,
    kind INTEGER NOT NULL,
    -- 1 where the customer is the first of the two, 2 where it is the second.
    side INTEGER NOT NULL,
    other_customer_id TEXT NOT NULL,
    role TEXT NOT NULL,
    valid_from INTEGER NOT NULL,
    valid_until INTEGER NOT NULL CHECK (valid_until > valid_from),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (lane, customer_id, relationship_id)
) STRICT, WITHOUT ROWID;

-- For two customers what they are to each other; for one the way up a hierarchy.
CREATE INDEX relationship_by_kind
    ON relationship (lane, customer_id, kind, side, other_customer_id);
