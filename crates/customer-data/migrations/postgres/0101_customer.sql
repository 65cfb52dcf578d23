-- The one record of every customer. Everything of a customer stands in the customer's lane; what
-- must be unique by its value (an external id, a phone number, the operator's keys) stands in the
-- lane of the value.

CREATE TABLE customer (
    lane INTEGER NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    kind INTEGER NOT NULL,
    display_name TEXT NOT NULL,
    joined_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    -- Raised with every change; the etag shows it.
    version BIGINT NOT NULL,
    -- The import that took the customer in last, and the line of its file: a file has a customer once.
    import_id TEXT COLLATE "C",
    import_line BIGINT,
    -- Attributes and external ids, as src/store/facts.rs encodes them.
    facts BYTEA NOT NULL,
    PRIMARY KEY (lane, customer_id)
);

-- Lists run over all lanes by id.
CREATE INDEX customer_by_id ON customer (customer_id);

CREATE TABLE external_id (
    -- The lane of the value.
    lane INTEGER NOT NULL,
    system TEXT COLLATE "C" NOT NULL,
    -- What the id is found by: nobody reads the id from it.
    id TEXT COLLATE "C" NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (lane, system, id)
);

-- Whose a subscription, a bill or an interaction is: their keys are the operator's and unique among
-- all customers.
CREATE TABLE owner (
    -- The lane of the key.
    lane INTEGER NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (lane, kind, id)
);

CREATE TABLE subscription (
    lane INTEGER NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    subscription_id TEXT COLLATE "C" NOT NULL,
    service INTEGER NOT NULL,
    product_code TEXT NOT NULL,
    msisdn TEXT COLLATE "C",
    -- From when the subscription holds its present number.
    msisdn_from BIGINT,
    started_at BIGINT NOT NULL,
    contract_ends_at BIGINT,
    fee_currency TEXT,
    fee_minor BIGINT,
    terminated_at BIGINT,
    churn_kind INTEGER,
    churn_reason TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (lane, customer_id, subscription_id)
);

-- Who held a number when. Intervals of one number never overlap.
CREATE TABLE msisdn (
    -- The lane of the number.
    lane INTEGER NOT NULL,
    -- What the number is found by: nobody reads the number from it.
    msisdn TEXT COLLATE "C" NOT NULL,
    held_from BIGINT NOT NULL,
    held_until BIGINT NOT NULL CHECK (held_until > held_from),
    customer_id TEXT COLLATE "C" NOT NULL,
    subscription_id TEXT COLLATE "C" NOT NULL,
    -- The number itself.
    sealed TEXT NOT NULL,
    PRIMARY KEY (lane, msisdn, held_from)
);

CREATE TABLE bill (
    lane INTEGER NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    bill_id TEXT COLLATE "C" NOT NULL,
    issued_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    currency TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    state INTEGER NOT NULL,
    settled_at BIGINT,
    paid_minor BIGINT,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (lane, customer_id, bill_id)
);

CREATE TABLE usage_summary (
    lane INTEGER NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    started_at BIGINT NOT NULL,
    period INTEGER NOT NULL,
    -- Empty for all subscriptions of the customer together.
    subscription_id TEXT COLLATE "C" NOT NULL,
    voice_seconds BIGINT NOT NULL,
    in_group_voice_seconds BIGINT NOT NULL,
    data_megabytes BIGINT NOT NULL,
    sms_count BIGINT NOT NULL,
    PRIMARY KEY (lane, customer_id, started_at, period, subscription_id)
);

CREATE TABLE interaction (
    lane INTEGER NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    interaction_id TEXT COLLATE "C" NOT NULL,
    happened_at BIGINT NOT NULL,
    channel INTEGER NOT NULL,
    direction INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    reason TEXT NOT NULL,
    resolution TEXT NOT NULL,
    PRIMARY KEY (lane, customer_id, interaction_id)
);

-- Files that were or are being taken in. The id follows from both digests, so that the same file
-- with the same mapping is found again.
CREATE TABLE import (
    -- The lane of the import's id.
    lane INTEGER NOT NULL,
    import_id TEXT COLLATE "C" NOT NULL,
    source_name TEXT NOT NULL,
    content_digest TEXT COLLATE "C" NOT NULL,
    mapping_digest TEXT COLLATE "C" NOT NULL,
    state INTEGER NOT NULL,
    next_batch_number BIGINT NOT NULL,
    done_bytes BIGINT NOT NULL,
    done_lines BIGINT NOT NULL,
    accepted_rows BIGINT NOT NULL,
    rejected_rows BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (lane, import_id)
);

-- The same for people: instants as timestamps, and no personal data.
CREATE VIEW customer_readable AS
SELECT lane, customer_id, kind, TO_TIMESTAMP(joined_at / 1e6) AS joined_at,
       TO_TIMESTAMP(created_at / 1e6) AS created_at, TO_TIMESTAMP(updated_at / 1e6) AS updated_at,
       version, import_id, import_line, OCTET_LENGTH(facts) AS facts_bytes
FROM customer;

CREATE VIEW subscription_readable AS
SELECT lane, customer_id, subscription_id, service, product_code,
       TO_TIMESTAMP(started_at / 1e6) AS started_at,
       TO_TIMESTAMP(contract_ends_at / 1e6) AS contract_ends_at, fee_currency, fee_minor,
       TO_TIMESTAMP(terminated_at / 1e6) AS terminated_at, churn_kind, churn_reason,
       TO_TIMESTAMP(updated_at / 1e6) AS updated_at
FROM subscription;

CREATE VIEW bill_readable AS
SELECT lane, customer_id, bill_id, TO_TIMESTAMP(issued_at / 1e6) AS issued_at,
       TO_TIMESTAMP(due_at / 1e6) AS due_at, currency, amount_minor, state,
       TO_TIMESTAMP(settled_at / 1e6) AS settled_at, paid_minor,
       TO_TIMESTAMP(updated_at / 1e6) AS updated_at
FROM bill;

CREATE VIEW usage_summary_readable AS
SELECT lane, customer_id, TO_TIMESTAMP(started_at / 1e6) AS started_at, period, subscription_id,
       voice_seconds, in_group_voice_seconds, data_megabytes, sms_count
FROM usage_summary;

CREATE VIEW interaction_readable AS
SELECT lane, customer_id, interaction_id, TO_TIMESTAMP(happened_at / 1e6) AS happened_at, channel,
       direction, kind, reason, resolution
FROM interaction;

CREATE VIEW import_readable AS
SELECT lane, import_id, source_name, state, next_batch_number, done_bytes, done_lines,
       accepted_rows, rejected_rows, TO_TIMESTAMP(created_at / 1e6) AS created_at,
       TO_TIMESTAMP(updated_at / 1e6) AS updated_at
FROM import;
