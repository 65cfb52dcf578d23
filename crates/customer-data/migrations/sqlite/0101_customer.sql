-- The one record of every customer. Everything of a customer stands in the customer's lane; what
-- must be unique by its value (an external id, a phone number, the operator's keys) stands in the
-- lane of the value.

CREATE TABLE customer (
    lane INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    kind INTEGER NOT NULL,
    display_name TEXT NOT NULL,
    joined_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    -- Raised with every change; the etag shows it.
    version INTEGER NOT NULL,
    -- The import that took the customer in last, and the line of its file: a file has a customer once.
    import_id TEXT,
    import_line INTEGER,
    -- Attributes and external ids, as src/store/facts.rs encodes them.
    facts BLOB NOT NULL,
    PRIMARY KEY (lane, customer_id)
) STRICT, WITHOUT ROWID;

-- Lists run over all lanes by id.
CREATE INDEX customer_by_id ON customer (customer_id);

CREATE TABLE external_id (
    -- The lane of the value.
    lane INTEGER NOT NULL,
    system TEXT NOT NULL,
    -- What the id is found by: nobody reads the id from it.
    id TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    PRIMARY KEY (lane, system, id)
) STRICT, WITHOUT ROWID;

-- Whose a subscription, a bill or an interaction is: their keys are the operator's and unique among
-- all customers.
CREATE TABLE owner (
    -- The lane of the key.
    lane INTEGER NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    PRIMARY KEY (lane, kind, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE subscription (
    lane INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    subscription_id TEXT NOT NULL,
    service INTEGER NOT NULL,
    product_code TEXT NOT NULL,
    msisdn TEXT,
    -- From when the subscription holds its present number.
    msisdn_from INTEGER,
    started_at INTEGER NOT NULL,
    contract_ends_at INTEGER,
    fee_currency TEXT,
    fee_minor INTEGER,
    terminated_at INTEGER,
    churn_kind INTEGER,
    churn_reason TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (lane, customer_id, subscription_id)
) STRICT, WITHOUT ROWID;

-- Who held a number when. Intervals of one number never overlap.
CREATE TABLE msisdn (
    -- The lane of the number.
    lane INTEGER NOT NULL,
    -- What the number is found by: nobody reads the number from it.
    msisdn TEXT NOT NULL,
    held_from INTEGER NOT NULL,
    held_until INTEGER NOT NULL CHECK (held_until > held_from),
    customer_id TEXT NOT NULL,
    subscription_id TEXT NOT NULL,
    -- The number itself.
    sealed TEXT NOT NULL,
    PRIMARY KEY (lane, msisdn, held_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE bill (
    lane INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    bill_id TEXT NOT NULL,
    issued_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    currency TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    state INTEGER NOT NULL,
    settled_at INTEGER,
    paid_minor INTEGER,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (lane, customer_id, bill_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE usage_summary (
    lane INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    period INTEGER NOT NULL,
    -- Empty for all subscriptions of the customer together.
    subscription_id TEXT NOT NULL,
    voice_seconds INTEGER NOT NULL,
    in_group_voice_seconds INTEGER NOT NULL,
    data_megabytes INTEGER NOT NULL,
    sms_count INTEGER NOT NULL,
    PRIMARY KEY (lane, customer_id, started_at, period, subscription_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE interaction (
    lane INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    interaction_id TEXT NOT NULL,
    happened_at INTEGER NOT NULL,
    channel INTEGER NOT NULL,
    direction INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    reason TEXT NOT NULL,
    resolution TEXT NOT NULL,
    PRIMARY KEY (lane, customer_id, interaction_id)
) STRICT, WITHOUT ROWID;

-- Files that were or are being taken in. The id follows from both digests, so that the same file
-- with the same mapping is found again.
CREATE TABLE import (
    -- The lane of the import's id.
    lane INTEGER NOT NULL,
    import_id TEXT NOT NULL,
    source_name TEXT NOT NULL,
    content_digest TEXT NOT NULL,
    mapping_digest TEXT NOT NULL,
    state INTEGER NOT NULL,
    next_batch_number INTEGER NOT NULL,
    done_bytes INTEGER NOT NULL,
    done_lines INTEGER NOT NULL,
    accepted_rows INTEGER NOT NULL,
    rejected_rows INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (lane, import_id)
) STRICT, WITHOUT ROWID;
